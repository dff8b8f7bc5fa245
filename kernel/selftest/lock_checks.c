/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks against timer interrupts.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/fmt.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/selftest/ktest.h"

#define US 1000ULL

/* Has no waiter: waking it takes the lock and nothing else. */
static struct waitq unused;
static volatile unsigned fired;

/* What timers do: wake (WAITQ, RUNQ) and start the next (TIMER). */
static void rank_timer_fires(struct timer *timer)
{
    waitq_wake_all(&unused);
    sched_wake(thread_current());
    timer_start(timer, clock_monotonic_ns() + 3600000000000ULL);
    fired = fired + 1;
}

/* Holds a lock of that rank until the timer is overdue, and says how often it has fired by then; -1
 * if it could do so before the lock was taken, which proves nothing. Where it may fire under the
 * lock, it is given the time to. */
static int fires_under(struct timer *timer, uint8_t rank, bool shut)
{
    struct spinlock lock = SPINLOCK_INIT(rank);
    uint64_t flags = 0, due = clock_monotonic_ns() + 2000 * US;
    int under = -1;

    fired = 0;
    timer_start(timer, due);
    if (shut)
        flags = spin_lock_irqsave(&lock);
    else
        spin_lock(&lock);
    /* Otherwise the timer was due before the lock was held, and the round is repeated. */
    if (clock_monotonic_ns() < due) {
        while (clock_monotonic_ns() < due + 500 * US)
            cpu_pause();
        if (!shut)
            ktest_await(&fired, 1);
        under = (int)fired;
    }
    if (shut)
        spin_unlock_irqrestore(&lock, flags);
    else
        spin_unlock(&lock);
    return under;
}

/* A timer is due while a lock of each rank is held: as interrupt handlers may want the lock, or one
 * before it, they have to wait until it is free. Locks of files alone leave interrupts on, which
 * their rank has to allow. */
KTEST(locks, "sched-timer-under-locks")
{
    struct timer timer;

    waitq_init(&unused);
    timer_init(&timer, rank_timer_fires);
    for (unsigned rank = 0; rank < SPIN_RANKS;) {
        bool shut = spin_rank_is_irqs_off(rank);
        int under = fires_under(&timer, (uint8_t)rank, shut);
        bool after = ktest_await(&fired, 1);

        timer_stop(&timer);
        KTEST_EXPECT(under < 0 || under == !shut,
                     "rank %u: the timer fired %d times under the lock", rank, under);
        KTEST_EXPECT(after, "rank %u: the timer fired %u times", rank, fired);
        if (under >= 0)
            rank++;
    }
    return true;
}
