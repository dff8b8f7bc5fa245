/* SPDX-License-Identifier: MIT */
/*
 * proc/process.h - the calls on files want no more of a process than its number and its limits
 *
 * Used by: the system calls on files, compiled for the host; found by -iquote before the kernel's.
 */
#pragma once

#include "kernel/proc/task.h"
#include "shared/linux/resource.h"

struct process {
    int pid;
    struct lx_rlimit limits[LX_RLIM_NLIMITS];
};

static inline bool process_exists(int pid)
{
    return pid == 1;
}
