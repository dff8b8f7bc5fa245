/* SPDX-License-Identifier: MIT */
#include "kernel/sched/mutex.h"

#include "kernel/core/irq.h"
#include "kernel/core/spinlock.h"
#include "kernel/sched/thread.h"

void mutex_init(struct mutex *mutex, enum mutex_rank rank)
{
    mutex->rank = (uint8_t)rank;
    mutex->held = false;
}

/* No mutex of a later rank may be held: that order could deadlock. */
static void rank_check(const struct thread *self, unsigned rank)
{
    for (unsigned later = rank + 1; later < MUTEX_RANKS; later++)
        ASSERT(self->mutexes[later] == 0);
}

static void take(struct thread *self, struct mutex *mutex)
{
    rank_check(self, mutex->rank);
    /* One thread runs until it ends or waits, and nobody waits with a mutex: a held mutex here is
     * one that this thread holds. */
    ASSERT(!mutex->held);
    mutex->held = true;
    self->mutexes[mutex->rank]++;
}

void mutex_lock(struct mutex *mutex)
{
    ASSERT(!spin_any_held() && !irq_in_handler());
    take(thread_current(), mutex);
}

void mutex_unlock(struct mutex *mutex)
{
    struct thread *self = thread_current();

    ASSERT(mutex->held && self->mutexes[mutex->rank] > 0);
    self->mutexes[mutex->rank]--;
    mutex->held = false;
}

void mutex_lock_pair(struct mutex *one, struct mutex *other)
{
    struct mutex *first = one < other ? one : other;
    struct mutex *second = one < other ? other : one;

    mutex_lock(first);
    if (first != second)
        mutex_lock(second);
}

void mutex_unlock_pair(struct mutex *one, struct mutex *other)
{
    mutex_unlock(one);
    if (one != other)
        mutex_unlock(other);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return mutex->held;
}
