/* SPDX-License-Identifier: MIT */
/*
 * proc/procfs.h - /proc as programs know it
 *
 * Owns:    the files of processes and of the system in fs/procfs.h's file system.
 * Context: start-up.
 * Fails:   -ENOMEM; -ENOENT without a directory /proc.
 * Tests:   tests/user/proc_*.c
 */
#pragma once

#include "kernel/lib/util.h"

/* After devfs_mount. */
MUST_CHECK int procfs_start(void);
