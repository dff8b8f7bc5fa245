/* SPDX-License-Identifier: MIT */
/* Locks against interrupts, and memory that other processors must forget. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/window.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/selftest/ktest.h"

#define US 1000ULL

static struct waitq nobody;
static volatile unsigned fired;

/* What timers do: wake (WAITQ, RUNQ) and start the next (TIMER). */
static void rings(struct timer *timer)
{
    waitq_wake_all(&nobody);
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

    waitq_init(&nobody);
    timer_init(&timer, rings);
    for (unsigned rank = SPIN_PROC_TREE; rank <= SPIN_SERIAL;) {
        bool shut = rank != SPIN_FDTABLE;
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

struct look {
    const uint64_t *at;
    uint64_t expected;
    uint32_t wrong; /* [a] processors that saw something else */
};

static void look_at(void *argument)
{
    struct look *look = argument;

    if (__atomic_load_n(look->at, __ATOMIC_RELAXED) != look->expected)
        __atomic_fetch_add(&look->wrong, 1, __ATOMIC_RELAXED);
}

#define STACKS 12 /* more than are kept mapped */

/* The same addresses are a stack again and again, on other frames: all processors see those. Only
 * one of them is looked at, so that nothing else makes the processors forget it. */
KTEST(stacks_seen, "sched-stacks-everywhere")
{
    uint64_t *tops[STACKS], *first = NULL;
    struct look look = {0};
    unsigned looks = 0;

    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < STACKS; i++) {
            tops[i] = window_stack_create();
            KTEST_EXPECT(tops[i], "not enough memory");
        }
        if (!first)
            first = tops[STACKS - 1];
        for (unsigned i = 0; i < STACKS; i++) {
            look.at = tops[i] - 1;
            look.expected = round * STACKS + i;
            tops[i][-1] = look.expected;
            if (tops[i] == first) {
                ipi_call_all(look_at, &look);
                looks++;
            }
        }
        for (unsigned i = 0; i < STACKS; i++)
            window_stack_destroy(tops[i]);
    }
    KTEST_EXPECT(looks > 1, "the addresses were not used again");
    KTEST_EXPECT(!look.wrong, "%u times a processor saw an old frame", look.wrong);
    return true;
}
