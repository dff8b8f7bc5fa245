/* SPDX-License-Identifier: MIT */
/*
 * Clock, timers, the watchdog, and logging under locks and in bulk.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/backtrace.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/output.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/core/watchdog.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/klog.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/ktest.h"
#include "shared/addrmap.h"

#define US 1000ULL
#define MS 1000000ULL

static struct timer timers[4];
/* Written by the timer interrupt, read by the check. */
static volatile unsigned order[3];
static volatile unsigned fired;

static void timer_note_order(struct timer *timer)
{
    order[fired % ARRAY_SIZE(order)] = (unsigned)(timer - timers);
    fired = fired + 1;
}

/* None may fire before the last has started, however slow the machine is. */
static void start_all(void)
{
    uint64_t flags = irq_save(), now = clock_monotonic_ns();

    timer_start(&timers[2], now + 3 * MS);
    timer_start(&timers[0], now + 1 * MS);
    timer_start(&timers[1], now + 2 * MS);
    timer_start(&timers[3], now + 2 * MS);
    timer_stop(&timers[3]);
    irq_restore(flags);
}

/* Three timers started out of order, one stopped before its time: three must fire, in the order of
 * their times. */
KTEST(timers, "core-timers")
{
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        timer_init(&timers[i], timer_note_order);
    fired = 0;
    start_all();
    KTEST_EXPECT(ktest_await(&fired, 3), "%u of 3 timers fired", fired);
    KTEST_EXPECT(order[0] == 0 && order[1] == 1 && order[2] == 2, "wrong order: %u %u %u", order[0],
                 order[1], order[2]);
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        KTEST_EXPECT(!timer_pending(&timers[i]), "timer %u is still pending", i);
    return true;
}

/* A frame pointer that ring 3 has left behind: no trace may begin with it. */
KTEST(backtrace_of_garbage, "core-backtrace-of-garbage")
{
    static uint64_t stack[8];
    uint64_t low = (uint64_t)stack, high = low + sizeof(stack);
    const uint64_t wild[] = {-8ULL, -16ULL, 0, low - 8, low + 1, high - 8, high, USER_END};
    struct backtrace trace = {0};

    for (unsigned i = 0; i < ARRAY_SIZE(wild); i++)
        backtrace_follow(&trace, wild[i], low, high);
    KTEST_EXPECT(trace.count == 0, "%u callers found", trace.count);
    stack[0] = -16ULL; /* a frame that leads there */
    stack[1] = IMAGE_BASE;
    backtrace_follow(&trace, low, low, high);
    KTEST_EXPECT(trace.count == 1, "%u callers instead of one", trace.count);
    return true;
}

static struct slow {
    struct timer timer;
    volatile unsigned begun, ended;
} slow;

static void timer_takes_long(struct timer *timer)
{
    uint64_t end = clock_monotonic_ns() + 5 * MS;

    (void)timer;
    slow.begun = slow.begun + 1;
    while (clock_monotonic_ns() < end)
        cpu_pause();
    slow.ended = slow.ended + 1;
}

static void slow_start(void *argument)
{
    (void)argument;
    timer_start(&slow.timer, clock_monotonic_ns());
}

/* A timer that is stopped is not running any more, on whichever processor that was, and interrupts
 * are as before. The thread may be moved to the timer's processor meanwhile: then there is nothing
 * to wait for, and the next round waits. */
KTEST(timer_stop_waits, "core-timer-stop-waits")
{
    slow.begun = slow.ended = 0;
    timer_init(&slow.timer, timer_takes_long);
    for (unsigned round = 1; round <= 4 && sched_cpus_online() > 1; round++) {
        struct cpumask other;
        unsigned begun, ended;

        other = cpumask_of(!cpu_self()->index);
        ipi_call(&other, slow_start, NULL);
        KTEST_EXPECT(ktest_await(&slow.begun, round), "the timer did not fire");
        timer_stop(&slow.timer);
        begun = slow.begun;
        ended = slow.ended;
        KTEST_EXPECT(ended == begun, "stopped while it ran: begun %u times, ended %u", begun,
                     ended);
        KTEST_EXPECT(irq_enabled(), "interrupts are off afterwards");
    }
    return true;
}

/* Each processor takes part, or its silence would not be noticed. It begins before it is counted
 * as online. On a machine with a single processor there is no other to notice. */
KTEST(watchdogs, "core-watchdogs")
{
    unsigned count = sched_cpus_online();

    for (unsigned cpu = 0; cpu < count; cpu++)
        KTEST_EXPECT(watchdog_has_beat(cpu) == (count > 1), "processor %u is otherwise", cpu);
    return true;
}

/* Also that ticks and nanoseconds convert into each other without drift. */
KTEST(clock, "core-clock-monotonic")
{
    uint64_t last = clock_monotonic_ns();

    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now = clock_monotonic_ns();

        KTEST_EXPECT(now >= last, "the clock went back by %llu ns",
                     (unsigned long long)(last - now));
        last = now;
    }
    KTEST_EXPECT(clock_ticks_to_ns(clock_ns_to_ticks(10 * MS)) + US > 10 * MS &&
                     clock_ticks_to_ns(clock_ns_to_ticks(10 * MS)) < 10 * MS + US,
                 "ticks and nanoseconds do not convert back");
    return true;
}

/* A line may be added under any lock; what prints it is woken once that is possible. */
KTEST(log_under_locks, "core-log-under-locks")
{
    uint64_t dropped = output_dropped(), start = clock_monotonic_ns();

    for (unsigned rank = 0; rank < SPIN_KLOG; rank++) {
        struct spinlock lock = SPINLOCK_INIT(rank);
        uint64_t flags = spin_lock_irqsave(&lock);

        klog("a line from under a lock of rank %s", spin_rank_name(rank));
        spin_unlock_irqrestore(&lock, flags);
        output_flush();
    }
    KTEST_EXPECT(output_dropped() == dropped, "%llu lines were dropped",
                 (unsigned long long)(output_dropped() - dropped));
    KTEST_EXPECT(clock_monotonic_ns() - start < 10000 * MS, "printing takes too long");
    return true;
}

#define BULK_LINES 60

/* Printing takes its time: a flush lasts until all is out, and leaves the processor to others until
 * then: it looks a hundred times a second at most. A copy of the next byte shows that there is
 * none; it would stay in the ring. */
KTEST(flush_waits, "core-flush-waits")
{
    uint64_t dropped = output_dropped(), start = clock_monotonic_ns();
    uint64_t sleeps = thread_current()->switches[1];
    char byte;

    for (unsigned i = 0; i < BULK_LINES; i++)
        klog("line %2u of %u, and filled up %*s so that all of them together take a while", i + 1,
             BULK_LINES, 100, "");
    output_flush();
    sleeps = thread_current()->switches[1] - sleeps;
    KTEST_EXPECT(output_next(&byte, 1) == 0, "not all is printed");
    KTEST_EXPECT(sleeps <= 4 + (clock_monotonic_ns() - start) / (10 * MS), "it woke up %llu times",
                 (unsigned long long)sleeps);
    KTEST_EXPECT(output_dropped() == dropped, "%llu lines were dropped",
                 (unsigned long long)(output_dropped() - dropped));
    return true;
}
