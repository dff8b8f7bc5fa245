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

/* ---- what the life of a process asks for ---- */

/* SIGCHLD (or what clone asked for) to the parent about a change of the child. Tree locked. */
void signal_send_child_locked(struct process *parent, const struct process *child);

/* Whether children of this process are not waited for (SIGCHLD ignored, or SA_NOCLDWAIT). */
bool signal_children_unwanted(struct process *parent);

/* exec: handlers go back to their default, ignored signals stay ignored. */
void signal_clear_handlers(struct process *process);

/* exit: what signals still hold for this task goes. */
void signal_exit(struct task *self);

/* exit: writes 0 to clear_tid and wakes whoever waits there. */
void signal_clear_tid(struct task *self);

/* Sleeps on an entered waiter until it is woken (0) or the task has to die (-EINTR): other signals
 * wait. */
struct waiter;
MUST_CHECK int signal_wait_killable(const struct waiter *waiter);
