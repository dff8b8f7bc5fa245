/* SPDX-License-Identifier: MIT */
/*
 * sched/deferred.h - work that is done later, by a thread
 *
 * Owns:    the queue of deferred work and the one kernel thread that does it.
 * Used by: fs (detached mounts), vm (the end of an address space that another looked into), proc
 *          (the time limit of a process).
 * Rule:    for what is found out where it cannot be done: in an interrupt, under a spinlock, in a
 *          task that it does not concern. A queue allocates nothing, so it cannot fail. An item is
 *          in the queue once, however often it is queued; from the moment that its function begins
 *          it may be queued again, also by the function, which may as well free it.
 * Order:   as queued, one at a time: a function that takes long delays those behind it. It may
 *          sleep, takes no time that a program chooses without preemption points, and waits for
 *          nothing that a program does.
 * Locks:   none: the queue is atomic.
 * Context: deferred_queue: any but NMI, whatever locks are held. Functions: the thread, none held.
 * Fails:   never, but for the start.
 * Tests:   kernel/selftest/deferred_checks.c
 */
#pragma once

#include "kernel/lib/util.h"

struct deferred {
    struct deferred *next;                   /* [a] in the queue, newest first */
    void (*function)(struct deferred *item); /* I */
    bool queued;                             /* [a] */
};

#define DEFERRED_INIT(name)                                                                        \
    {                                                                                              \
        .function = (name)                                                                         \
    }

/* Once, when threads can run. What was queued before is done then. */
MUST_CHECK int deferred_start(void);

void deferred_init(struct deferred *item, void (*function)(struct deferred *item));
/* False: it is in the queue already. What the caller has stored before, the function sees in either
 * case. */
bool deferred_queue(struct deferred *item);

/* Waits until all that was queued before has been done. Not by a deferred function. */
void deferred_flush(void);
