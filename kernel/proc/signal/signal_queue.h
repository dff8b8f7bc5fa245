/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal_queue.h - signals that wait to be let in
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

struct identity;

struct signal_entry {
    struct signal_entry *next; /* of the same number, in the order of arrival */
    struct signal_entry *last; /* of these; in the first of them alone, as is: */
    struct signal_entry *next_number;
    struct identity *charged; /* counted: for whose user it counts; NULL: for none's */
    bool queued;
    bool held; /* a timer's own: not freed when it is taken */
    struct lx_siginfo info;
};

struct signal_queue {
    uint64_t set;                 /* bit n-1: signal n waits */
    struct signal_entry *numbers; /* the first entry of each number, in no order */
    bool own_used;                /* the first of them costs no memory: */
    struct signal_entry own;      /* most signals find the queue empty */
};

/* For whom it counts, and how many that user may have queued (RLIMIT_SIGPENDING). */
struct signal_charge {
    struct identity *identity;
    uint64_t limit;
};

void signal_queue_init_cache(void);

/* charge NULL: the receiver takes it before anything else can happen, so it counts for none.
 * A standard signal that finds no room is noted without its info, unless must_queue; one from the
 * kernel or from kill always finds room. */
MUST_CHECK int signal_queue_add(struct signal_queue *queue, const struct lx_siginfo *info,
                                const struct signal_charge *charge, bool must_queue);

/* An entry that is made beforehand, so that sending it needs no room: a timer's. NULL: over the
 * limit, or no memory. */
MUST_CHECK struct signal_entry *signal_entry_create(const struct signal_charge *charge);
/* Its timer goes: it is freed, or if it waits, when it is taken. */
void signal_entry_release(struct signal_entry *entry);
/* Nothing happens if it waits already. */
void signal_queue_add_entry(struct signal_queue *queue, struct signal_entry *entry);

/* Takes the oldest signal of that number out; it is in the set. */
void signal_queue_take(struct signal_queue *queue, int number, struct lx_siginfo *info);

/* The signal with that place among those whose info is known; false: there are fewer. In the order
 * of arrival as far as they are of one number. */
MUST_CHECK bool signal_queue_peek(const struct signal_queue *queue, uint64_t place,
                                  struct lx_siginfo *info);

/* Takes all of the set out. What is to be freed is put before `dead` (NULL at first): the caller's,
 * which frees it when it holds no lock, or else later. There may be thousands. */
MUST_CHECK struct signal_entry *signal_queue_cut(struct signal_queue *queue, uint64_t set,
                                                 struct signal_entry *dead);
void signal_entries_free(struct signal_entry *dead);       /* no lock held */
void signal_entries_free_later(struct signal_entry *dead); /* whatever is held */
