/* SPDX-License-Identifier: MIT */
/* Clock and timers. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/fmt.h"
#include "kernel/selftest/ktest.h"

#define US 1000ULL
#define MS 1000000ULL

static volatile unsigned order[3];
static volatile unsigned fired;

static void note(unsigned which)
{
    order[fired % ARRAY_SIZE(order)] = which;
    fired = fired + 1;
}

static void first_fires(struct timer *timer)
{
    (void)timer;
    note(1);
}

static void second_fires(struct timer *timer)
{
    (void)timer;
    note(2);
}

static void third_fires(struct timer *timer)
{
    (void)timer;
    note(3);
}

static void wait_until(uint64_t deadline)
{
    while (clock_monotonic_ns() < deadline)
        cpu_pause();
}

KTEST(timers, "core-timers")
{
    struct timer one, two, three, never;
    uint64_t now = clock_monotonic_ns();

    timer_init(&one, first_fires);
    timer_init(&two, second_fires);
    timer_init(&three, third_fires);
    timer_init(&never, third_fires);
    fired = 0;
    timer_start(&three, now + 3 * MS);
    timer_start(&one, now + 1 * MS);
    timer_start(&two, now + 2 * MS);
    timer_start(&never, now + 2 * MS);
    timer_stop(&never);
    wait_until(now + 50 * MS);
    KTEST_EXPECT(fired == 3, "%u of 3 timers fired", fired);
    KTEST_EXPECT(order[0] == 1 && order[1] == 2 && order[2] == 3, "wrong order: %u %u %u", order[0],
                 order[1], order[2]);
    KTEST_EXPECT(!timer_pending(&one) && !timer_pending(&never), "a timer is still pending");
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
