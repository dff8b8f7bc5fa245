/* SPDX-License-Identifier: MIT */
/*
 * proc/futex/rseq.h - restartable sequences: work on data of a processor, cut off when it is left
 *
 * Owns:    a task's registered area: on which processor it runs, and which sequence it is in.
 * Rule:    a sequence that the task leaves other than by its own steps, for another thread or a
 *          signal handler, is aborted before ring 3 goes on: RIP becomes the one it names.
 * Context: the task itself, on its way back to ring 3 or in a system call.
 * Tests:   tests/user/sched/rseq.c
 */
#pragma once

#include "kernel/lib/util.h"

struct task;
struct trap_frame;

/* The system call. 0, -EINVAL, -EFAULT, -EPERM, -EBUSY. */
int64_t rseq_register(struct task *self, struct uptr area, unsigned nbytes, int flags,
                      unsigned signature);

/* TIF_RSEQ: the thread has been off the processor. */
void rseq_resume(struct task *self, struct trap_frame *frame);
/* A handler is about to run. Fails where a sequence is none: the task must not go on. */
MUST_CHECK int rseq_signal(struct task *self, struct trap_frame *frame);

/* exec, and a child that shares the memory, have none; a child with a copy has the same. */
void rseq_drop(struct task *task);
void rseq_inherit(struct task *child, const struct task *parent);
