/* SPDX-License-Identifier: MIT */
/*
 * plat/lapic_math.h - nanoseconds to timer ticks, without a division each time
 *
 * Context: any; pure.
 * Tests:   tests/host/plat_lapic_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* ticks = ns * factor / 2^32, rounded up. */
struct lapic_scale {
    uint64_t factor;
    uint64_t ticks_max;
};

#define LAPIC_NS_MAX (3600ULL * 1000000000ULL) /* no timer is asked for more than an hour */

/* hz below 2^39. Rounded up at 24 bits, as a 128-bit division would need the compiler's library. */
static inline struct lapic_scale lapic_scale_make(uint64_t hz, uint64_t ticks_max)
{
    return (struct lapic_scale){
        .factor = (hz << 24) / 1000000000u * 256 + 256,
        .ticks_max = ticks_max,
    };
}

/* At least 1: a count of 0 would stop the timer. */
static inline uint64_t lapic_scale_ticks(const struct lapic_scale *scale, uint64_t ns)
{
    unsigned __int128 product = (unsigned __int128)MIN(ns, LAPIC_NS_MAX) * scale->factor;
    uint64_t ticks = (uint64_t)(product >> 32) + 1;

    return MIN(ticks, scale->ticks_max);
}
