/* SPDX-License-Identifier: MIT */
/* Clock and timers. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/fmt.h"
#include "kernel/selftest/ktest.h"

#define US 1000ULL
#define MS 1000000ULL

static struct timer timers[4];
static volatile unsigned order[3];
static volatile unsigned fired;

static void note(struct timer *timer)
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

KTEST(timers, "core-timers")
{
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        timer_init(&timers[i], note);
    fired = 0;
    start_all();
    KTEST_EXPECT(ktest_await(&fired, 3), "%u of 3 timers fired", fired);
    KTEST_EXPECT(order[0] == 0 && order[1] == 1 && order[2] == 2, "wrong order: %u %u %u", order[0],
                 order[1], order[2]);
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        KTEST_EXPECT(!timer_pending(&timers[i]), "timer %u is still pending", i);
    return true;
}

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
