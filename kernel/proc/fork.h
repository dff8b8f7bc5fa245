/* SPDX-License-Identifier: MIT */
/*
 * proc/fork.h - fork, vfork, clone: a second process, or task, out of one
 *
 * Context: the task's own thread, no lock held.
 * Fails:   -EAGAIN, -ENOMEM, -EINVAL.
 * Tests:   tests/user/proc/fork*.c, thread_*.c
 */
#pragma once

#include "kernel/lib/util.h"

struct task;

struct fork_request {
    bool share_memory;   /* CLONE_VM */
    bool share_files;    /* CLONE_FILES */
    bool share_undo;     /* CLONE_SYSVSEM */
    bool share_fs;       /* CLONE_FS */
    bool wait_release;   /* CLONE_VFORK: until the child has executed or ended */
    bool clear_handlers; /* CLONE_CLEAR_SIGHAND */
    bool share_handlers; /* CLONE_SIGHAND */
    bool same_parent;    /* CLONE_PARENT */
    int exit_signal;
    unsigned trace_event; /* LX_PTRACE_EVENT_* that it is for a tracer */
    bool trace_always;    /* CLONE_PTRACE */
    bool trace_never;     /* CLONE_UNTRACED */
    uint64_t stack;       /* of the child; 0: the parent's */
    bool set_tls;
    uint64_t tls;
    uint64_t new_spaces;         /* CLONE_NEW*, checked */
    struct uptr parent_tid;      /* 0: none */
    bool make_pidfd;             /* CLONE_PIDFD: its number goes to */
    struct uptr pidfd;           /* this */
    struct uptr child_tid_set;   /* CLONE_CHILD_SETTID */
    struct uptr child_tid_clear; /* CLONE_CHILD_CLEARTID */
};

/* CLONE_THREAD: another task of the caller's process, which shares its memory. Its number, or a
 * negative errno. */
MUST_CHECK int64_t fork_task(struct task *self, const struct fork_request *request);
/* The child's number, or a negative errno. */
MUST_CHECK int64_t fork_process(struct task *self, const struct fork_request *request);
