/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks: spin while the owner runs, then sleep.
 *
 * States of mutex.owner: 0, free; a thread, held; with WAITERS set, threads are in .waiters, and
 * .lock guards the list. WAITERS without a thread is free, too: a waiter has been woken and any
 * thread may take the mutex before it runs (barging), since handing it to a sleeping thread would
 * make every acquisition behind it a context switch (a lock convoy). HANDOFF is set by a waiter
 * that has lost LOSSES_MAX times or has waited WAIT_MAX_NS: the owner then makes the first waiter
 * the owner. A free mutex never has HANDOFF.
 *
 * Acquiring: one compare-and-exchange; then optimistic spinning while the owner runs on another
 * processor, at most SPIN_MAX_NS; then the list. Whether the owner runs is read from the run
 * queues: the owner's own structure may be freed while it is looked for.
 *
 * Waking: the owner that finds WAITERS takes .lock, releases the mutex and wakes the first waiter,
 * which stays in the list until it owns the mutex. A waiter sets its state before it drops .lock,
 * so no wake-up is lost. WAITERS is cleared only under .lock, by the new owner. So the next owner
 * passes through .lock before it can end and free the mutex, and the thread that releases it is
 * out of it by then: its last access is the unlock of .lock.
 */
#include "kernel/sched/mutex.h"

#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/core/irq.h"
#include "kernel/core/lock_stat.h"
#include "kernel/sched/sched.h"

#define WAITERS MUTEX_WAITERS
#define HANDOFF MUTEX_HANDOFF
#define FLAGS   MUTEX_FLAGS

_Static_assert(offsetof(struct thread, arch) == 0, "mutex_is_held compares the addresses");

#define SPIN_READS  16    /* of the owner between two of the clock, which costs more than they do */
#define SPIN_MAX_NS 50000 /* longer than most sections last, shorter than sleeping for nothing */
#define WAIT_MAX_NS 1000000 /* then the first waiter is next ... */
#define LOSSES_MAX  4       /* ... or when it was woken that often in vain */

void mutex_init(struct mutex *mutex, enum mutex_rank rank)
{
    *mutex = (struct mutex)MUTEX_INIT(rank);
}

const char *mutex_rank_name(unsigned rank)
{
#define MUTEX_RANK_NAME(name) #name,
    static const char *const names[] = {MUTEX_RANK_LIST(MUTEX_RANK_NAME)};
#undef MUTEX_RANK_NAME

    return rank < MUTEX_RANKS ? names[rank] : NULL;
}

static unsigned mutex_rank(const struct mutex *mutex)
{
    return (unsigned)__builtin_ctzll(mutex->unit) / 4;
}

static uint64_t owner_of(const struct mutex *mutex)
{
    return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) & ~FLAGS;
}

/* Takes the mutex if it is free; else sets `flags` in it and returns false. */
static inline bool take_or_flag(struct mutex *mutex, const struct thread *self, uint64_t flags)
{
    uint64_t seen = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED), wanted;

    do {
        wanted = seen & ~FLAGS ? seen | flags : seen | (uint64_t)self;
        if (wanted == seen)
            return false;
    } while (!__atomic_compare_exchange_n(&mutex->owner, &seen, wanted, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return !(seen & ~FLAGS);
}

/* Optimistic spinning: true when it got the mutex. Not with interrupts off: the owner may wait for
 * this processor's answer. Not when another thread is due here, nor against a hand-over. */
static bool mutex_spin(struct mutex *mutex, const struct thread *self)
{
    uint64_t begin = tsc_read(), bound = clock_ns_to_ticks(SPIN_MAX_NS);
    const struct thread *owner = NULL;
    unsigned cpu = CPU_MAX, reads = 0;

    if (!irq_enabled())
        return false;
    lock_stat_mutex(mutex_rank(mutex))->spins++;
    do {
        uint64_t seen = __atomic_load_n(&mutex->owner, __ATOMIC_ACQUIRE);

        if (seen & HANDOFF)
            return false;
        if (!(seen & ~FLAGS) && take_or_flag(mutex, self, 0))
            return true;
        if (owner != (const struct thread *)(seen & ~FLAGS)) {
            owner = (const struct thread *)(seen & ~FLAGS);
            cpu = sched_find_running(owner);
        } else if (owner && !sched_runs_on(owner, cpu)) {
            return false;
        }
        cpu_pause();
    } while ((++reads % SPIN_READS || tsc_read() - begin < bound) && !sched_must_yield());
    return false;
}

/* The caller's turn to try: true when it owns the mutex. The first waiter that has lost too often
 * has it handed over at the next unlock. */
static bool mutex_retry_locked(struct mutex *mutex, const struct thread *self, unsigned losses,
                               uint64_t begin_ns)
{
    bool hand_over = losses >= LOSSES_MAX || clock_monotonic_ns() - begin_ns >= WAIT_MAX_NS;

    ASSERT(spin_is_held(&mutex->lock));
    if (owner_of(mutex) == (uint64_t)self)
        return true;
    if (mutex->waiters.next != &self->mutex_link)
        return false;
    return take_or_flag(mutex, self, hand_over ? HANDOFF : 0);
}

/* In the list, until the caller is the owner. */
static void mutex_sleep(struct mutex *mutex, struct thread *self, uint64_t begin_ns)
{
    uint64_t flags = spin_lock_irqsave(&mutex->lock);
    unsigned losses = 0;

    if (!(__atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) & WAITERS))
        list_init(&mutex->waiters);
    if (take_or_flag(mutex, self, WAITERS)) {
        spin_unlock_irqrestore(&mutex->lock, flags);
        return;
    }
    list_push_back(&mutex->waiters, &self->mutex_link);
    do {
        sched_prepare(SCHED_UNINTERRUPTIBLE);
        spin_unlock_irqrestore(&mutex->lock, flags);
        lock_stat_mutex(mutex_rank(mutex))->sleeps++;
        sched_block();
        if (owner_of(mutex) != (uint64_t)self)
            mutex_spin(mutex, self);
        flags = spin_lock_irqsave(&mutex->lock);
    } while (!mutex_retry_locked(mutex, self, ++losses, begin_ns));
    list_remove(&self->mutex_link);
    if (list_empty(&mutex->waiters))
        __atomic_fetch_and(&mutex->owner, ~WAITERS, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&mutex->lock, flags);
}

static NOINLINE void mutex_lock_slow(struct mutex *mutex, struct thread *self)
{
    unsigned rank = mutex_rank(mutex);
    uint64_t begin_ns = clock_monotonic_ns();

    ASSERT(owner_of(mutex) != (uint64_t)self);
    lock_stat_mutex(rank)->contended++;
    if (!mutex_spin(mutex, self))
        mutex_sleep(mutex, self, begin_ns);
    lock_stat_waited(lock_stat_mutex(rank), clock_monotonic_ns() - begin_ns);
}

void mutex_lock(struct mutex *mutex)
{
    struct thread *self = thread_current();
    uint64_t free = 0;

    sched_assert_may_sleep();
    /* None of a later rank may be held: that order could deadlock. */
    ASSERT(!(self->mutexes & -(mutex->unit << 4)));
    self->mutexes += mutex->unit;
    if (unlikely(!__atomic_compare_exchange_n(&mutex->owner, &free, (uint64_t)self, false,
                                              __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
        mutex_lock_slow(mutex, self);
}

static NOINLINE void mutex_unlock_slow(struct mutex *mutex, const struct thread *self)
{
    uint64_t flags = spin_lock_irqsave(&mutex->lock);
    uint32_t kicks = 0;
    uint64_t seen = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);
    struct thread *first;

    ASSERT((seen & ~FLAGS) == (uint64_t)self && (seen & WAITERS) && !list_empty(&mutex->waiters));
    first = list_entry(mutex->waiters.next, struct thread, mutex_link);
    __atomic_store_n(&mutex->owner, (seen & HANDOFF ? (uint64_t)first : 0) | WAITERS,
                     __ATOMIC_RELEASE);
    /* A waiter that runs already looks again, under .lock, before it sleeps. */
    if (__atomic_load_n(&first->state, __ATOMIC_RELAXED) == THREAD_BLOCKED)
        kicks = sched_wake_quietly(first);
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
        mutex_unlock_slow(mutex, self);
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
