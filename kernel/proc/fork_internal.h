/* SPDX-License-Identifier: MIT */
/*
 * proc/fork_internal.h - what the copies of a task have in common, be they processes or not
 *
 * Used by: proc/fork.c, proc/fork_task.c.
 * Context: the thread of the task that is copied, no lock held.
 */
#pragma once

#include "kernel/proc/fork.h"
#include "kernel/proc/process.h"

/* Descriptors and directories as CLONE_FILES and CLONE_FS have it, the credentials of now. */
MUST_CHECK int fork_context_copy(struct task *self, struct task *child,
                                 const struct fork_request *request);
/* What a tracer of the caller needs for the child; NULL: nothing. */
MUST_CHECK int fork_tracee_prepare(const struct task *self, const struct fork_request *request,
                                   struct tracee **out_tracee);
/* Its thread: all but memory and registers. */
MUST_CHECK int fork_thread_create(struct task *self, struct task *child,
                                  const struct fork_request *request);
/* Registers, FPU and segment bases as the caller has them now. */
void fork_registers_copy(const struct task *self, struct task *child,
                         const struct fork_request *request);
/* Process or tree locked: the caller has something to act on, or its process ends: it makes no
 * copies. */
bool fork_must_wait_locked(const struct task *self);
