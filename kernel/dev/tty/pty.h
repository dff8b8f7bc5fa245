/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/pty.h - pseudo-terminals: /dev/ptmx and /dev/pts
 *
 * Owns:    pairs of a terminal and the file that plays its keyboard and screen, the master.
 * Rule:    opening /dev/ptmx makes a pair; its node in /dev/pts is there until the master closes,
 *          which hangs the terminal up.
 * Locks:   pty_lock, a mutex, rank PIPE: which numbers are in use, how many files each terminal has
 *          open.
 * Context: threads; what a terminal does to its master may come from any context.
 * Fails:   -ENOSPC (no number left), -ENOMEM, -EIO (locked, or the other end is gone).
 * Tests:   tests/user/tty/pty_*.c
 */
#pragma once

#include "kernel/lib/util.h"

#define PTY_PAIRS_MAX 64

/* After devfs is mounted. */
MUST_CHECK int pty_devices_init(void);
