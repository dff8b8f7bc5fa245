/* SPDX-License-Identifier: MIT */
/*
 * proc/procfs/procfs.h - /proc as programs know it
 *
 * Owns:    the files of processes and of the system in fs/procfs/procfs.h's file system.
 * Context: start-up.
 * Fails:   -ENOMEM; -ENOENT without a directory /proc.
 * Tests:   tests/user/proc/proc_*.c
 */
#pragma once

#include "kernel/lib/util.h"

#define PROCFS_LOADS 3 /* over 1, 5 and 15 minutes */

/* The load average, as sysinfo(2) has it: 65536 is one runnable thread. */
uint64_t procfs_load(unsigned which);

/* Types of file systems, in the order of /proc/filesystems; NULL behind the last. */
const char *procfs_filesystem(unsigned which);

/* After devfs_mount. */
struct bootinfo;
struct file;
struct process;
MUST_CHECK int procfs_start(const struct bootinfo *info);

/* Whether it is a directory /proc/PID; of which process, NULL: that is gone. */
bool procfs_is_process(const struct file *file);
struct process *procfs_process_of_locked(const struct file *file);
