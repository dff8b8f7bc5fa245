/* SPDX-License-Identifier: MIT */
#include "kernel/core/clock.h"

#include "kernel/arch/x86_64/tsc.h"

#define NS_PER_S 1000000000ULL

/* ns = ticks * mult >> 32. Constant after clock_init but for the real-time offset. */
static struct {
    uint64_t hz;
    uint64_t start;
    uint64_t mult;
    uint64_t realtime_offset_ns; /* atomic: real time minus monotonic time */
} clock;

static uint64_t mul_shift(uint64_t a, uint64_t b)
{
    return (uint64_t)(((unsigned __int128)a * b) >> 32);
}

void clock_init(uint64_t tsc_hz, uint64_t tsc_start, uint64_t epoch_s)
{
    clock.hz = tsc_hz;
    clock.start = tsc_start;
    clock.mult = (NS_PER_S << 32) / tsc_hz;
    clock_set_realtime_ns(epoch_s * NS_PER_S);
}

uint64_t clock_monotonic_ns(void)
{
    return mul_shift(tsc_read() - clock.start, clock.mult);
}

uint64_t clock_realtime_ns(void)
{
    return clock_monotonic_ns() + __atomic_load_n(&clock.realtime_offset_ns, __ATOMIC_RELAXED);
}

void clock_set_realtime_ns(uint64_t now_ns)
{
    __atomic_store_n(&clock.realtime_offset_ns, now_ns - clock_monotonic_ns(), __ATOMIC_RELAXED);
}

uint64_t clock_tsc_hz(void)
{
    return clock.hz;
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
    return mul_shift(ticks, clock.mult);
}

uint64_t clock_ns_to_ticks(uint64_t ns)
{
    /* In two parts, so that 64 bits are enough for any frequency below 18 GHz. */
    return ns / NS_PER_S * clock.hz + ns % NS_PER_S * clock.hz / NS_PER_S;
}
