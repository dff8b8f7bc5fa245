/* SPDX-License-Identifier: MIT */
/*
 * proc/task.h - one thread of a program, as Linux's ABI sees it
 *
 * Owns:    what a thread of a program has to itself: its kernel thread, number, signal mask.
 * Used by: every system call handler, which gets it as its first argument.
 * Context: a task reads and writes its own fields without a lock; others only as marked.
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/sched/thread.h"

struct fd_table;
struct fs_context;
struct process;

/* I constant after creation   o only the owning thread   a atomic */
struct task {
    struct thread thread;    /* first: the running thread leads to its task */
    struct process *process; /* [I] */
    struct fd_table *files;  /* [o] shared by the tasks of a process */
    struct fs_context *fs;   /* [o] root, working directory, umask, credentials */
    int tid;                 /* [I] */
    void *fpu_object;        /* [I] what holds thread.arch.fpu */
    uint64_t sig_mask;       /* [o] bit n-1: signal n is blocked */
    uint64_t sig_pending;    /* [a] sent to this thread */
    struct uptr clear_tid;   /* [o] set_tid_address */
    struct uptr robust_list; /* [o] */
};
