/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/sigframe.h - the frame of a signal handler on the program's stack
 *
 * Owns:    building it (registers, FPU, mask, alternate stack) and undoing it.
 * Rule:    what comes back from the program is checked before any of it reaches a register whose
 *          wrong value could fault the kernel.
 * Context: the task itself, on its way to ring 3 or in rt_sigreturn; no lock held.
 * Fails:   -EFAULT: the stack cannot hold the frame, or the frame makes no sense: SIGSEGV.
 * Tests:   tests/user/signal/sig_frame.c, sig_return.c, sig_stack.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/signal.h"

struct task;
struct trap_frame;

/* The frame's registers become those of the handler's first instruction. mask: what the handler's
 * return restores. */
MUST_CHECK int sigframe_push(struct task *self, struct trap_frame *frame,
                             const struct lx_sigaction *action, const struct lx_siginfo *info,
                             uint64_t mask);

/* rt_sigreturn: the registers become those that the frame at RSP holds. */
MUST_CHECK int sigframe_pop(struct task *self, struct trap_frame *frame);

/* sigaltstack: whether a stack pointer is on the alternate stack, as SS_ONSTACK reports. */
bool sigframe_on_stack(const struct lx_stack *stack, uint64_t rsp);
/* -EPERM: in use; -EINVAL; -ENOMEM: too small. */
MUST_CHECK int sigframe_set_stack(struct task *self, const struct lx_stack *wanted, uint64_t rsp);
