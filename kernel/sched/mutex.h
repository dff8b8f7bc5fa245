/* SPDX-License-Identifier: MIT */
/*
 * sched/mutex.h - sleeping locks, with ranks
 *
 * Rule:    taken in the order of the ranks, EXEC first; two of one rank in address order, by
 *          mutex_lock_pair. Spinlocks come after every mutex. A mutex that is given up while others
 *          wait passes to the one that waited longest.
 * Context: threads only, interrupts on or off alike; never under a spinlock. Waiting cannot be
 *          interrupted by signals.
 * Tests:   kernel/selftest/sched_checks.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct thread;

enum mutex_rank {
    MUTEX_EXEC = 1,
    MUTEX_VM,
    MUTEX_INODE,
    MUTEX_PIPE,
    MUTEX_RANKS,
};

struct mutex {
    uint64_t owner;       /* atomic: the thread; bit 0: others wait. 0: free */
    struct spinlock lock; /* rank WAITQ */
    uint32_t unit;        /* I: MUTEX_UNIT of its rank */
    struct list waiters;  /* [lock] valid while bit 0 is set */
};

/* What a mutex of that rank adds to its holder's count: a byte a rank, so that one comparison tells
 * whether any of a later rank is held. */
#define MUTEX_UNIT(rank) (1u << (8 * ((rank)-1)))

#define MUTEX_INIT(mutex_rank)                                                                     \
    {                                                                                              \
        .lock = SPINLOCK_INIT(SPIN_WAITQ), .unit = MUTEX_UNIT(mutex_rank)                          \
    }

void mutex_init(struct mutex *mutex, enum mutex_rank rank);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
void mutex_lock_pair(struct mutex *one, struct mutex *other); /* may be the same mutex */
void mutex_unlock_pair(struct mutex *one, struct mutex *other);
bool mutex_is_held(const struct mutex *mutex); /* by the caller: for ASSERT in _locked functions */
