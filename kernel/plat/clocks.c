/* SPDX-License-Identifier: MIT */
/*
 * Clocks against each other, from start-up to the end of the plan.
 *
 * The longer the time, the more is seen: a rate that is slightly wrong, a TSC that stands still
 * while its processor sleeps, time that firmware takes away. So nothing is waited for here.
 */
#include "kernel/plat/clocks.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/core/clock.h"
#include "kernel/lib/string.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/rtc.h"
#include "kernel/plat/tsc_measure.h"

#define TRIES     4  /* the quickest read of so many counts */
#define PART      50 /* the tolerance is one part in so many, ... */
#define APIC_PART 20 /* ... for the APIC's timer in so many */
#define WRAP_PART 16 /* ... and at most this part of a counter's range: else it says nothing */
#define NS_MAX    (1ULL << 41) /* half an hour: products stay below 2^64 */
#define SECOND_NS 1000000000LL
#define DATE_MIN  (2 * SECOND_NS) /* before, a date that stands still would not be noticed */
#define SKEW_PART 8

enum { PM_TIMER, HPET, COUNTERS };

static const char *const names[CLOCKS_OTHER] = {"pm-timer", "hpet", "rtc", "apic-timer"};

static struct tsc_reference timers[COUNTERS];
static struct clock_reading begun[COUNTERS];
static uint64_t begun_date, begun_ns;

static struct clock_reading counter_read(const struct tsc_reference *timer)
{
    struct clock_reading best = {.width = UINT64_MAX};

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t before = clock_monotonic_ns(), count = timer->read(timer);
        uint64_t width = clock_monotonic_ns() - before;

        if (width < best.width)
            best = (struct clock_reading){before + width / 2, width, count};
    }
    return best;
}

COLD void clocks_begin(const struct acpi_info *info, uint64_t date)
{
    begun_date = date;
    begun_ns = clock_monotonic_ns();
    if (!tsc_reference_pm_timer(info, &timers[PM_TIMER]))
        timers[PM_TIMER].read = NULL;
    if (!tsc_reference_hpet(info, &timers[HPET]))
        timers[HPET].read = NULL;
    for (unsigned i = 0; i < COUNTERS; i++)
        if (timers[i].read)
            begun[i] = counter_read(&timers[i]);
}

/* Ticks in that time; rates are below 2^32 and times below NS_MAX. */
static uint64_t ticks_in(const struct tsc_reference *timer, uint64_t ns)
{
    return ns / 1000 * timer->hz / 1000000;
}

COLD enum clock_verdict clocks_compare_counts(const struct tsc_reference *timer,
                                              const struct clock_reading *from,
                                              const struct clock_reading *to, int64_t *off_us)
{
    uint64_t ns = to->ns - from->ns, range = 1ULL << timer->nbits, expected, slack;
    int64_t off;

    if (ns >= NS_MAX || from->width + to->width >= NS_MAX)
        return CLOCK_NOT_COMPARED;
    expected = ticks_in(timer, ns);
    slack = expected / PART + ticks_in(timer, from->width + to->width) + 2;
    if (slack >= range / WRAP_PART)
        return CLOCK_NOT_COMPARED;
    off = (int64_t)((to->count - from->count - expected) & (range - 1));
    if ((uint64_t)off >= range / 2)
        off -= (int64_t)range;
    *off_us = off * 1000000 / (int64_t)timer->hz;
    return (uint64_t)(off < 0 ? -off : off) <= slack ? CLOCK_AGREES : CLOCK_DIFFERS;
}

COLD enum clock_verdict clocks_compare_dates(uint64_t from, uint64_t to, uint64_t ns,
                                             bool is_virtual, int64_t *off_us)
{
    int64_t off = (int64_t)(to - from) * SECOND_NS - (int64_t)ns;
    int64_t slack = SECOND_NS + (int64_t)(ns / PART);

    if (!from || !to)
        return CLOCK_NOT_COMPARED;
    *off_us = off / 1000;
    if (off > slack || off < -slack)
        return is_virtual ? CLOCK_NOT_COMPARED : CLOCK_DIFFERS;
    return ns < DATE_MIN ? CLOCK_NOT_COMPARED : CLOCK_AGREES;
}

/* A host may stop the machine within the measurement: one that agrees is enough. */
static enum clock_verdict apic_compare(bool skewed, int64_t *off_us)
{
    enum clock_verdict verdict = CLOCK_NOT_COMPARED;

    for (unsigned i = 0; i < TRIES && verdict != CLOCK_AGREES; i++) {
        uint64_t start, hz = lapic_timer_measure(clock_tsc_hz(), &start);
        int64_t off;

        if (!start)
            break;
        off = (int64_t)(skewed ? hz + hz / SKEW_PART : hz) - (int64_t)start;
        *off_us = off * 1000000 / (int64_t)start;
        verdict =
            (uint64_t)(off < 0 ? -off : off) <= start / APIC_PART ? CLOCK_AGREES : CLOCK_DIFFERS;
    }
    return verdict;
}

/* A virtual machine may have been stopped, or moved to where the TSC is another one: then a counter
 * and the TSC are apart since, and still go at the rates of before. A wrong rate shows again. */
static bool rate_agrees(const struct tsc_reference *timer, bool skewed)
{
    uint64_t rate = clock_tsc_hz();

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t hz = tsc_measure(timer);

        if (skewed)
            hz -= hz / SKEW_PART;
        if ((hz > rate ? hz - rate : rate - hz) <= rate / PART)
            return true;
    }
    return false;
}

static void counter_compare(unsigned i, uint64_t ns, bool skewed, struct clock_result *result)
{
    struct clock_reading now = counter_read(&timers[i]);

    if (skewed)
        now.count += ticks_in(&timers[i], ns / SKEW_PART);
    result->verdict = clocks_compare_counts(&timers[i], &begun[i], &now, &result->off_us);
    if (result->verdict == CLOCK_DIFFERS && features.hypervisor && rate_agrees(&timers[i], skewed))
        result->verdict = CLOCK_JUMPED;
}

COLD uint64_t clocks_end(const struct acpi_info *info, const char *skew,
                         struct clock_result results[CLOCKS_OTHER])
{
    uint64_t date = rtc_read(info), ns = clock_monotonic_ns() - begun_ns;

    for (unsigned i = 0; i < CLOCKS_OTHER; i++) {
        struct clock_result *result = &results[i];
        bool skewed = !strcmp(skew, names[i]);

        *result = (struct clock_result){.name = names[i]};
        if (i < COUNTERS && timers[i].read) {
            counter_compare(i, ns, skewed, result);
        } else if (i == COUNTERS) {
            result->verdict = clocks_compare_dates(begun_date, skewed ? begun_date - 1 : date, ns,
                                                   features.hypervisor && !skewed, &result->off_us);
        } else if (i > COUNTERS) {
            result->verdict = apic_compare(skewed, &result->off_us);
        }
    }
    return ns;
}
