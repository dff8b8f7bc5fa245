/* SPDX-License-Identifier: MIT */
/*
 * sched/rcu.h - memory that is read without locks, and freed when no reader can have it any more
 *
 * Owns:    the objects that wait to be freed, on each processor; grace periods.
 * Used by: fs (names, inodes, file systems), for lookups without locks.
 * Rule:    a reader finds an object by a pointer, between rcu_read_lock and rcu_read_unlock. There
 *          it does not sleep, touches no user memory and takes no mutex (the lock counts as a
 *          spinlock of the first rank; spinlocks may be taken inside). A writer takes the pointer
 *          away, under its own lock, and then gives the object to rcu_call: `free` is called after
 *          every reader that may have found it is done. A reader that is to keep an object
 *          takes a reference before it leaves, if the count is not 0 yet.
 * Locks:   own processor's list: interrupts off. gp.lock, a spinlock, rank RCU.
 * Context: rcu_call: any but NMI, no lock of rank RCU or later held. `free` runs likewise, with
 *          interrupts off or on, and only frees memory.
 * Tests:   kernel/selftest/rcu_checks.c, tests/user/stress
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/util.h"

/* Part of an object that is freed so. Readers may still look at the object: the head must not lie
 * over anything that they read. */
struct rcu_head {
    struct rcu_head *next;
    void (*free)(struct rcu_head *head);
};

/* The kernel is not preempted, so a reader needs nothing but not to block: the lock is a mark for
 * the assertions. Readers do not nest. */
void rcu_read_lock(void);
void rcu_read_unlock(void);

void rcu_call(struct rcu_head *head, void (*free)(struct rcu_head *head));

/* Waits for a grace period, then frees all that had been given to rcu_call before: for a caller
 * that counts memory or has none left. Threads only, no spinlock held, not a reader. */
void rcu_barrier(void);

/* Objects that wait, on all processors: a hint. */
unsigned rcu_pending(void);

/* The scheduler's: this processor has no reader now. Interrupts off. */
extern unsigned rcu_waiting; /* [a] processors whose report the grace period waits for */
void rcu_report(void);
/* In the interrupt of a kick: if a report is waited for, the running thread looks at the scheduler
 * before it goes on in ring 3. */
void rcu_ask_here(void);
static inline void rcu_quiescent(void)
{
    if (unlikely(__atomic_load_n(&rcu_waiting, __ATOMIC_RELAXED)))
        rcu_report();
}
