/* SPDX-License-Identifier: MIT */
/*
 * proc/task.h - as much of a task as the calls on files look at
 *
 * Used by: the system calls on files, compiled for the host; found by -iquote before the kernel's.
 */
#pragma once

#include "kernel/lib/util.h"

struct fd_table;
struct fs_context;
struct process;

struct task {
    struct process *process;
    struct fd_table *files;
    struct fs_context *fs;
    uint64_t sig_mask;
    uint64_t sig_wait; /* none: no file of signals is among those that are polled */
    uint64_t restart_deadline_ns;
};

static inline uint64_t restart_deadline_take(struct task *self)
{
    uint64_t deadline_ns = self->restart_deadline_ns;

    self->restart_deadline_ns = 0;
    return deadline_ns;
}
