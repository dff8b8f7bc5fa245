/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal_internal.h - what the files of signals share among themselves
 *
 * Used by: proc/signal_*.c only.
 */
#pragma once

#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"

#define SIGNAL_DEFAULT_IGNORE                                                                      \
    (SIGNAL_BIT(LX_SIGCHLD) | SIGNAL_BIT(LX_SIGCONT) | SIGNAL_BIT(LX_SIGURG) |                     \
     SIGNAL_BIT(LX_SIGWINCH))
#define SIGNAL_DEFAULT_STOP                                                                        \
    (SIGNAL_BIT(LX_SIGSTOP) | SIGNAL_BIT(LX_SIGTSTP) | SIGNAL_BIT(LX_SIGTTIN) |                    \
     SIGNAL_BIT(LX_SIGTTOU))
#define SIGNAL_DEFAULT_CORE                                                                        \
    (SIGNAL_BIT(LX_SIGQUIT) | SIGNAL_BIT(LX_SIGILL) | SIGNAL_BIT(LX_SIGTRAP) |                     \
     SIGNAL_BIT(LX_SIGABRT) | SIGNAL_BIT(LX_SIGBUS) | SIGNAL_BIT(LX_SIGFPE) |                      \
     SIGNAL_BIT(LX_SIGSEGV) | SIGNAL_BIT(LX_SIGSYS) | SIGNAL_BIT(LX_SIGXCPU) |                     \
     SIGNAL_BIT(LX_SIGXFSZ))
/* Those that stop a process or continue it. */
#define SIGNAL_JOB_CONTROL (SIGNAL_DEFAULT_STOP | SIGNAL_BIT(LX_SIGCONT))

/* process.lock held: whether the action of the signal is to do nothing. */
bool signal_is_ignored(const struct process *process, int number);

/* process.lock held: what a signal to the process is charged to. */
struct signal_charge signal_charge_of(const struct process *process);

/* process.lock held: signals of the set that wait for the process and that the caller does not take
 * go to tasks that do. */
void signal_retarget_locked(struct process *process, uint64_t set);

/* process.lock held: sees whether the task has a signal to act on now. */
void signal_recheck(struct task *task);

/* process.lock held, by the task itself: the next signal to act on, 0 if there is none. */
int signal_take(struct task *self, struct lx_siginfo *info);

/* Acts on the signals that the task has not blocked. */
void signal_deliver(struct task *self, struct trap_frame *frame);

/* ---- stop and continue (signal_stop.c) ---- */

/* process.lock held: what sending this signal does to pending ones of the other kind, and to a
 * stopped process. */
void signal_stop_change(struct process *process, int number);
static inline void signal_stop_prepare(struct process *process, int number)
{
    if (unlikely(SIGNAL_BIT(number) & SIGNAL_JOB_CONTROL))
        signal_stop_change(process, number);
}

/* Tree locked: a process that SIGCONT woke is shown as running, its parent is told. */
void signal_continue_report_locked(struct process *process);

/* Acts on a stop signal that was taken: sleeps until SIGCONT or death. */
void signal_stop(struct task *self, int number);
/* The process is stopped, or about to be: so is the caller. */
void signal_stop_join(struct task *self);
