/* SPDX-License-Identifier: MIT */
/*
 * proc/signal_queue.h - signals that wait to be let in
 *
 * Owns:    the set of pending signals of a process or a task, and what is known of each. A standard
 *          signal waits once; a real-time signal as often as it was sent.
 * Locks:   the caller's process.lock guards all of it.
 * Context: any but NMI.
 * Fails:   -EAGAIN: over the limit, or no memory.
 * Rule:    all zero is an empty queue.
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/signal.h"

struct signal_entry {
    struct signal_entry *next;
    struct lx_siginfo info;
};

struct signal_queue {
    uint64_t set; /* bit n-1: signal n waits */
    struct signal_entry *first, *last;
    uint32_t count;          /* entries */
    bool own_used;           /* the first of them costs no memory: */
    struct signal_entry own; /* most signals find the queue empty */
};

/* limit: entries that may wait (RLIMIT_SIGPENDING). A standard signal that finds no room is noted
 * without its info, unless must_queue. */
MUST_CHECK int signal_queue_add(struct signal_queue *queue, const struct lx_siginfo *info,
                                uint64_t limit, bool must_queue);

/* Takes the oldest signal of that number out; it is in the set. */
void signal_queue_take(struct signal_queue *queue, int number, struct lx_siginfo *info);

void signal_queue_drop(struct signal_queue *queue, uint64_t set);
