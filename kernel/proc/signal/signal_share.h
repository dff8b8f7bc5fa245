/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal_share.h - actions that several processes have in common (CLONE_SIGHAND)
 *
 * Owns:    process.sharers: the ring of processes with the same actions; alone in it, nearly
 *          always.
 * Used by: fork, exit, exec, sigaction, delivery.
 * Locks:   process_tree_lock; process.lock of one at a time inside.
 * Context: threads.
 * Fails:   -EAGAIN: more processes than SIGNAL_SHARERS_MAX.
 * Tests:   tests/user/proc/clone_flags.c
 */
#pragma once

#include "kernel/proc/process.h"

#define SIGNAL_SHARERS_MAX 64 /* that an action is copied to with interrupts off */

static inline bool signal_is_shared(const struct process *process)
{
    return !list_empty(&process->sharers);
}

/* A new process, unknown to others, gets the actions of that one, whose lock is held. It has its
 * defaults, or some of them already. */
void signal_copy_actions_locked(struct process *process, struct process *child);
/* Likewise, and every later change. */
MUST_CHECK int signal_share_locked(struct process *process, struct process *child);
/* It keeps what it has for itself. */
void signal_unshare_locked(struct process *process);
void signal_unshare(struct process *process);
/* Its action for that signal has changed: it is that of the others, too. No lock held. */
void signal_share_action(struct process *process, int number);
