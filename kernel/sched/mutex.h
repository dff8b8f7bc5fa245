/* SPDX-License-Identifier: MIT */
/*
 * sched/mutex.h - sleeping locks, with ranks
 *
 * Rule:    taken in the order of the ranks, EXEC first; two of one rank in address order, by
 *          mutex_lock_pair. Spinlocks come after every mutex.
 * Context: threads only, interrupts on or off alike; never under a spinlock.
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/util.h"

enum mutex_rank {
    MUTEX_EXEC = 1,
    MUTEX_VM,
    MUTEX_INODE,
    MUTEX_PIPE,
    MUTEX_RANKS,
};

struct mutex {
    uint8_t rank; /* enum mutex_rank */
    bool held;
};

#define MUTEX_INIT(mutex_rank)                                                                     \
    {                                                                                              \
        .rank = (mutex_rank), .held = false                                                        \
    }

void mutex_init(struct mutex *mutex, enum mutex_rank rank);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
void mutex_lock_pair(struct mutex *one, struct mutex *other); /* may be the same mutex */
void mutex_unlock_pair(struct mutex *one, struct mutex *other);
bool mutex_is_held(const struct mutex *mutex); /* for ASSERT in _locked functions */
