/* SPDX-License-Identifier: MIT */
/*
 * proc/ptrace/ptrace_internal.h - what the files of ptrace share among themselves
 *
 * Used by: the files of proc/ptrace only.
 * Locks:   the tree lock is held where a name says _locked.
 */
#pragma once

#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal_internal.h"

/* ---- ptrace.c ---- */

/* CAP_SYS_PTRACE: may trace any. */
bool ptrace_is_capable_locked(struct process *tracer);
/* All IDs of the task's process are the tracer's, and it has no capability that the tracer has not.
 */
bool ptrace_is_same_user_locked(struct process *tracer, struct task *task);
/* Let go without a word from its tracer, which may be waiting for it. */
void ptrace_lose_locked(struct tracee *tracee);
/* Out of all lists, and off its task. */
void ptrace_unlink_locked(struct tracee *tracee);

/* ---- ptrace_end.c ---- */

/* wait(2) has something to tell: the tracer is woken, and gets SIGCHLD with that code. */
void ptrace_tell_locked(struct tracee *tracee, int code, int status);

/* ---- requests ---- */

/* A call with its arguments: what the handlers of requests get. */
struct ptrace_request {
    struct task *self;
    struct tracee *tracee;
    struct task *task;
    uint64_t address, data;
};

/* ptrace_signal.c */
int64_t ptrace_signal_info_read(struct ptrace_request *r);
int64_t ptrace_signal_info_write(struct ptrace_request *r);
int64_t ptrace_signals_peek(struct ptrace_request *r);
int64_t ptrace_mask_read(struct ptrace_request *r);
int64_t ptrace_mask_write(struct ptrace_request *r);
