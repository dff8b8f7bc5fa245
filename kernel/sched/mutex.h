/* SPDX-License-Identifier: MIT */
/*
 * sched/mutex.h - sleeping locks, with ranks
 *
 * Rule:    taken in the order of the ranks, EXEC first; two of one rank in address order, by
 *          mutex_lock_pair. Spinlocks come after every mutex.
 * Fair:    a free mutex goes to the first thread that asks; a thread that has waited 1 ms, or has
 *          been woken and lost it a few times, gets it next. Protocol: sched/mutex.c.
 * Context: threads only, interrupts on or off alike; never under a spinlock. Waiting cannot be
 *          interrupted by signals. After mutex_unlock the mutex may be gone: another owner may
 *          have freed what it lies in.
 * Tests:   kernel/selftest/sched_checks.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct thread;

/* At most MUTEX_RANKS_MAX of them: four bits a rank in struct thread. The names are those of
 * /proc/lock_stat. */
#define MUTEX_RANK_LIST(X)                                                                         \
    X(EXEC)                                                                                        \
    X(VM)                                                                                          \
    X(INODE)                                                                                       \
    X(FUTEX_PI)                                                                                    \
    X(PIPE)                                                                                        \
    X(SIGNAL_TIMER)                                                                                \
    X(EPOLL) /* of an epoll before those of the epolls that it watches */                          \
    X(EPOLL_GRAPH)                                                                                 \
    X(FILE_OWNER) /* whom signals about files go to */                                             \
    X(SECCOMP)

enum mutex_rank {
#define MUTEX_RANK_ENUM(name) MUTEX_##name,
    MUTEX_RANK_LIST(MUTEX_RANK_ENUM)
#undef MUTEX_RANK_ENUM
        MUTEX_RANKS,
};

#define MUTEX_RANKS_MAX 16
_Static_assert(MUTEX_RANKS <= MUTEX_RANKS_MAX, "four bits a rank in 64");

#define MUTEX_WAITERS 1ULL
#define MUTEX_HANDOFF 2ULL
#define MUTEX_FLAGS   (MUTEX_WAITERS | MUTEX_HANDOFF)

struct mutex {
    uint64_t owner;       /* atomic: the thread, and MUTEX_WAITERS, MUTEX_HANDOFF. 0: free */
    struct spinlock lock; /* rank MUTEX */
    uint64_t unit;        /* I: MUTEX_UNIT of its rank */
    struct list waiters;  /* [lock] valid while MUTEX_WAITERS is set */
};

/* What a mutex of that rank adds to struct thread.mutexes, which counts in four bits a rank: one
 * test shows whether any of a later rank is held. */
#define MUTEX_UNIT(rank) (1ULL << (4 * (rank)))

#define MUTEX_INIT(mutex_rank)                                                                     \
    {                                                                                              \
        .lock = SPINLOCK_INIT(SPIN_MUTEX), .unit = MUTEX_UNIT(mutex_rank)                          \
    }

void mutex_init(struct mutex *mutex, enum mutex_rank rank);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
void mutex_lock_pair(struct mutex *one, struct mutex *other); /* may be the same mutex */
void mutex_unlock_pair(struct mutex *one, struct mutex *other);

/* Whether the caller holds the mutex: for ASSERT in _locked functions. The owner's word differs
 * from the thread's address by flags at most, and a processor's thread is the first field of its
 * struct thread. */
static inline bool mutex_is_held(const struct mutex *mutex)
{
    uint64_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);

    return (owner ^ (uint64_t)CPU_OWN->thread) <= MUTEX_FLAGS;
}

/* For /proc/lock_stat: NULL behind the last rank. */
const char *mutex_rank_name(unsigned rank);
