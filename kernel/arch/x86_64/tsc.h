/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/tsc.h - the time-stamp counter
 *
 * Units:   ticks; core/clock.h turns them into nanoseconds.
 */
#pragma once

#include <stdint.h>

static inline uint64_t tsc_read(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return ((uint64_t)high << 32) | low;
}

/* Not before what has been read so far: what another processor has seen lies in the past. */
static inline uint64_t tsc_read_ordered(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return tsc_read();
}
