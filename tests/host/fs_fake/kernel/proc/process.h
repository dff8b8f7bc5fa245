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

/* For what the calls ask of the one that waits. */
static inline struct task *task_current(void)
{
    static struct task nobody;

    return &nobody;
}

void process_replace_files(struct task *self, struct fd_table *files);

static inline bool process_exists(int pid)
{
    return pid == 1;
}
