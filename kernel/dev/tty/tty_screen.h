/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/tty_screen.h - the terminal of the screen and the keyboard
 *
 * Owns:    the one terminal that is drawn by dev/fb and typed on by dev/input: /dev/tty1.
 * Rule:    until it is put to use the screen shows the log and the report alone, and keys go
 *          nowhere. Log lines still come between its text, as on Linux's console.
 * Context: threads.
 * Tests:   tests/system/test_keys.py
 */
#pragma once

#include "kernel/fs/devfs/devfs.h"
#include "kernel/lib/util.h"

#define TTY_SCREEN_DEVICE DEVICE(4, 1)

/* Whether there are a screen to draw on and a keyboard to type with. */
bool tty_screen_possible(void);

/* /dev/console and /dev/tty1 are the terminal from now on. -ENODEV: not possible; -ENOMEM. */
MUST_CHECK int tty_screen_use(void);
