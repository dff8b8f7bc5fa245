/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/sigframe_fpu.h - the FPU state in a signal frame
 *
 * Rule:    the area is what XSAVE writes in its standard format, with words that tell its size in
 *          the bytes that the processor leaves to software; without XSAVE, what FXSAVE writes.
 *          XRSTOR never sees a header or an MXCSR that it would refuse.
 * Context: the task itself, no lock held.
 * Fails:   -EFAULT.
 */
#pragma once

#include "kernel/lib/util.h"

struct task;

/* Start-up, one processor, after features_enable. */
void sigframe_fpu_init(void);

size_t sigframe_fpu_nbytes(void);

/* The running program's state to user address `at`; the handler starts with a fresh one. */
MUST_CHECK int sigframe_fpu_push(struct task *self, uint64_t at);

/* The state of a task that is off its processor, from the kernel's memory: an area of XSAVE, or of
 * FXSAVE alone (512 bytes). -EINVAL: the processor would refuse it. */
MUST_CHECK int sigframe_fpu_set(struct task *task, const char *from, size_t nbytes);
/* The other way round; at 0: a fresh state. After a failure the state is fresh, too. */
MUST_CHECK int sigframe_fpu_pop(struct task *self, uint64_t at);
