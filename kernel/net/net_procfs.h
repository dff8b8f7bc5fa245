/* SPDX-License-Identifier: MIT */
/*
 * net/net_procfs.h - /proc/PID/net: what there is of sockets and interfaces
 *
 * Owns:    the directory, the same for every process.
 * Used by: proc/procfs, which has it in a process's directory.
 * Context: thread.
 * Tests:   tests/user/net/interface.c, unix_proc.c
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"

extern const struct procfs_dir net_procfs_dir;
