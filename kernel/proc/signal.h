/* SPDX-License-Identifier: MIT */
/*
 * proc/signal.h - signals: sending, masks, default actions
 *
 * Owns:    which signals are pending for a task and what becomes of them.
 * Rule:    actions are taken only on the way back to ring 3 (hook_return_work). Handlers that a
 *          program installs are remembered but not called yet: such a signal takes its default
 *          action.
 * Context: signal_send: threads and interrupts; the rest the task itself.
 * Tests:   tests/user/signal*.c
 */
#pragma once

#include "kernel/lib/util.h"

struct process;
struct task;

#define SIGNAL_BIT(number) (1ULL << ((number)-1))

static inline bool signal_valid(int number)
{
    return number >= 1 && number <= 64;
}

/* To the process (any of its tasks) or to one task. Ignored signals vanish at once. */
void signal_send_process(struct process *process, int number);
void signal_send_task(struct task *task, int number);

/* For a fault of the task itself: cannot be blocked or ignored. */
void signal_force(struct task *self, int number);

/* Pending, whether blocked or not. */
uint64_t signal_pending(const struct task *self);

/* After a change of mask or actions: sees whether something is deliverable now. */
void signal_recheck(struct task *self);

/* After a change of its action: a pending signal that is ignored now is dropped. */
void signal_drop_ignored(struct task *self, int number);

/* A new mask; SIGKILL and SIGSTOP are never in it. */
void signal_set_mask(struct task *self, uint64_t mask);
