/* SPDX-License-Identifier: MIT */
/*
 * check clocks - CLOCK_MONOTONIC, CLOCK_REALTIME and the time stamp counter against each other
 *
 * On every processor in turn: none of the three goes backwards from one processor to the next, and
 * over the whole time the clocks advance at one rate. The counter's frequency is not known to a
 * program; it has to be the same in each part of the time. A sleep is at least as long as asked.
 *
 * --fault=backwards|realtime|counter|sleep: that one is wrong.
 */
#include <cpuid.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "rootfs/usr/src/check/check.h"

#define LEAF_INVARIANT 0x80000007 /* EDX[8]: the counter's rate never changes */
#define TOLERANCE_PPM  5000       /* a clock that is steered, or emulated, is not exact */
#define YEAR_2020      1577836800 /* seconds: an earlier date is one that no one has set */
#define PARTS          4

struct sample {
    uint64_t mono, real, tsc;
};

static uint64_t realtime_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The monotonic clock is read twice, and the reading with the least time between counts: an
 * interruption in between must not look like a wrong clock. */
static struct sample sample_take(void)
{
    struct sample best = {0};
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = now_ns(), real = realtime_ns(), tsc = __rdtsc(), after = now_ns();

        if (after - before < least) {
            least = after - before;
            best = (struct sample){before + (after - before) / 2, real, tsc};
        }
    }
    return best;
}

/* A counter whose rate changes with the processor's is only shown, unless its fault is asked for.
 */
static bool has_invariant_counter(const char *fault)
{
    unsigned a, b, c, d;

    if (fault && strcmp(fault, "counter") == 0)
        return true;
    return __get_cpuid(LEAF_INVARIANT, &a, &b, &c, &d) && d >> 8 & 1;
}

/* Parts in a million by which a differs from b. */
static uint64_t difference_ppm(double a, double b)
{
    double part = a > b ? (a - b) / b : (b - a) / b;

    return (uint64_t)(part * 1e6);
}

static bool no_step_back(const struct cpus *cpus, const char *fault)
{
    struct sample last = {0};
    bool invariant = has_invariant_counter(NULL);

    for (unsigned turn = 0; turn < 3; turn++)
        for (unsigned i = 0; i < cpus->count; i++) {
            struct sample now;

            if (!cpu_pin(cpus->number[i]))
                continue; /* check cpu tells */
            now = (struct sample){now_ns(), realtime_ns(), __rdtsc()};
            if (fault && strcmp(fault, "backwards") == 0 && turn == 2)
                now.mono -= 1000000000;
            if (now.mono < last.mono || (invariant && now.tsc < last.tsc)) {
                say("%s: the %s is behind that of the processor before by %llu",
                    cpu_text(cpus->number[i]), now.mono < last.mono ? "clock" : "counter",
                    (unsigned long long)(now.mono < last.mono ? last.mono - now.mono
                                                              : last.tsc - now.tsc));
                return false;
            }
            last = now;
        }
    return true;
}

static bool same_rates(uint64_t part_ns, const char *fault)
{
    struct sample at[PARTS + 1];
    double rate[PARTS];
    uint64_t ppm, worst = 0;

    at[0] = sample_take();
    for (unsigned i = 1; i <= PARTS; i++) {
        while (now_ns() < at[0].mono + i * part_ns)
            _mm_pause();
        at[i] = sample_take();
        if (fault && strcmp(fault, "counter") == 0 && i == PARTS)
            at[i].tsc += (at[i].tsc - at[i - 1].tsc) / 50;
        if (fault && strcmp(fault, "realtime") == 0 && i == PARTS)
            at[i].real += part_ns / 10;
        rate[i - 1] = (double)(at[i].tsc - at[i - 1].tsc) / (double)(at[i].mono - at[i - 1].mono);
    }
    for (unsigned i = 1; i < PARTS; i++) {
        ppm = difference_ppm(rate[i], rate[0]);
        worst = ppm > worst ? ppm : worst;
    }
    ppm = difference_ppm((double)(at[PARTS].real - at[0].real),
                         (double)(at[PARTS].mono - at[0].mono));
    say("the counter runs at %llu kHz, its rate changed by %llu ppm; the two clocks differ by %llu",
        (unsigned long long)(rate[0] * 1e6), (unsigned long long)worst, (unsigned long long)ppm);
    if (worst > TOLERANCE_PPM && has_invariant_counter(fault))
        say("the time stamp counter does not run evenly");
    if (ppm > TOLERANCE_PPM)
        say("the date runs at another rate than the clock");
    return ppm <= TOLERANCE_PPM && (worst <= TOLERANCE_PPM || !has_invariant_counter(fault));
}

static bool sleep_long_enough(const char *fault)
{
    struct timespec time = {0, 50000000};
    uint64_t began = now_ns(), slept;

    if (nanosleep(&time, NULL) < 0)
        return false;
    slept = now_ns() - began;
    if (fault && strcmp(fault, "sleep") == 0)
        slept /= 2;
    if (slept >= 50000000)
        return true;
    say("a sleep of 50 ms took %llu us", (unsigned long long)slept / 1000);
    return false;
}

int check_clocks(const struct options *options)
{
    const char *fault = option_find(options, "fault");
    uint64_t part_ns = option_number(options, "ms", 1000) * 1000000 / PARTS;
    static struct cpus cpus;
    time_t now = time(NULL);
    struct tm date;
    bool passed;

    cpus_find(&cpus);
    gmtime_r(&now, &date);
    say("it is %d-%02d-%02d %02d:%02d:%02d UTC%s", date.tm_year + 1900, date.tm_mon + 1,
        date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec,
        now < YEAR_2020 ? ": the date is not set, or the clock's battery is empty" : "");
    passed = no_step_back(&cpus, fault);
    passed = sleep_long_enough(fault) && passed;
    passed = same_rates(part_ns, fault) && passed;
    return passed ? CHECK_PASSED : CHECK_FAILED;
}
