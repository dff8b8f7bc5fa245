/* SPDX-License-Identifier: MIT */
#include "kernel/sched/mutex.h"

#include "kernel/core/irq.h"
#include "kernel/sched/sched.h"

#define OTHERS_WAIT 1ULL

void mutex_init(struct mutex *mutex, enum mutex_rank rank)
{
    *mutex = (struct mutex)MUTEX_INIT(rank);
}

static uint64_t owner_of(const struct mutex *mutex)
{
    return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) & ~OTHERS_WAIT;
}

/* Puts the caller in line; false if the mutex became free meanwhile and is the caller's now. */
static bool must_wait(struct mutex *mutex, struct thread *self)
{
    uint64_t flags = spin_lock_irqsave(&mutex->lock);
    uint64_t seen = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);

    for (;;) {
        uint64_t wanted = seen ? seen | OTHERS_WAIT : (uint64_t)self;

        if (__atomic_compare_exchange_n(&mutex->owner, &seen, wanted, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            break;
    }
    if (seen) {
        if (!(seen & OTHERS_WAIT))
            list_init(&mutex->waiters);
        sched_prepare(false);
        list_push_back(&mutex->waiters, &self->mutex_link);
    }
    spin_unlock_irqrestore(&mutex->lock, flags);
    return seen != 0;
}

static NOINLINE void lock_slow(struct mutex *mutex, struct thread *self)
{
    ASSERT(owner_of(mutex) != (uint64_t)self);
    if (!must_wait(mutex, self))
        return;
    /* unlock_slow makes this thread the owner before it wakes it. */
    while (owner_of(mutex) != (uint64_t)self) {
        sched_block();
        if (owner_of(mutex) != (uint64_t)self)
            sched_prepare(false);
    }
    sched_cancel();
    /* The one that gave it up may still be about to wake this thread, which could end meanwhile. */
    spin_unlock_irqrestore(&mutex->lock, spin_lock_irqsave(&mutex->lock));
}

void mutex_lock(struct mutex *mutex)
{
    struct thread *self = thread_current();
    uint64_t free = 0;

    ASSERT(!spin_any_held() && !irq_in_handler());
    /* None of a later rank may be held: that order could deadlock. */
    ASSERT(self->mutexes < (uint64_t)mutex->unit << 8);
    self->mutexes += mutex->unit;
    if (unlikely(!__atomic_compare_exchange_n(&mutex->owner, &free, (uint64_t)self, false,
                                              __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
        lock_slow(mutex, self);
}

static NOINLINE void unlock_slow(struct mutex *mutex, const struct thread *self)
{
    uint64_t flags = spin_lock_irqsave(&mutex->lock);
    struct list *node = list_pop_front(&mutex->waiters);
    struct thread *next = list_entry(node, struct thread, mutex_link);
    uint64_t others = list_empty(&mutex->waiters) ? 0 : OTHERS_WAIT, kicks;

    ASSERT(owner_of(mutex) == (uint64_t)self && node);
    __atomic_store_n(&mutex->owner, (uint64_t)next | others, __ATOMIC_RELEASE);
    kicks = sched_wake_quietly(next);
    spin_unlock_irqrestore(&mutex->lock, flags);
    sched_kick(kicks);
}

void mutex_unlock(struct mutex *mutex)
{
    struct thread *self = thread_current();
    uint64_t expected = (uint64_t)self;

    self->mutexes -= mutex->unit;
    if (unlikely(!__atomic_compare_exchange_n(&mutex->owner, &expected, 0, false, __ATOMIC_RELEASE,
                                              __ATOMIC_RELAXED)))
        unlock_slow(mutex, self);
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
    return owner_of(mutex) == (uint64_t)thread_current();
}
