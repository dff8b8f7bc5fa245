/* SPDX-License-Identifier: MIT */
/*
 * plat/tsc_measure.h - the arithmetic behind tsc_rate: measuring against a timer, choosing a source
 *
 * Owns:    no state, no hardware: timers are reached through their operation, TSC through tsc.h.
 * Context: as tsc_rate.h.
 * Tests:   tests/host/plat_tsc_test.c
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

/* A timer that counts up at a known rate and wraps at so many bits. */
struct tsc_reference {
    uint64_t hz;
    unsigned nbits; /* 1..63 */
    uint64_t (*read)(const struct tsc_reference *reference);
    uint64_t where; /* port or address, for read */
};

#define TSC_MEASURE_NS 600000u /* the busy wait of one measurement, but for its two edges */

/* How far the timer came, if it wrapped at most once. */
uint64_t tsc_elapsed(uint64_t from, uint64_t to, unsigned nbits);

/* TSC ticks a second as measured by that timer; 0 if it stands still or behaves oddly, or no few
 * rounds one after the other agree. */
uint64_t tsc_measure(const struct tsc_reference *reference);

/* CPUID leaves as read; all zero where the processor has no such leaf. */
struct tsc_leaves {
    uint32_t denominator, numerator, crystal_hz; /* 15h: EAX, EBX, ECX */
    uint32_t base_mhz;                           /* 16h: EAX */
};

/* By leaf 15h. Processors that do not say how fast the crystal swings say the base rate in 16h;
 * the crystal is then the usual one nearest to what follows from it. 0 if the leaves do not tell.
 */
uint64_t tsc_from_leaf15(const struct tsc_leaves *leaves);

enum tsc_source {
    TSC_BY_CPUID15,
    TSC_BY_HYPERVISOR,
    TSC_BY_PM_TIMER,
    TSC_BY_HPET,
    TSC_BY_CPUID16,
    TSC_BY_PIT,
    TSC_NSOURCES
};

/* Each gives ticks a second, or 0. */
struct tsc_probe {
    uint64_t (*hz)(const struct acpi_info *info);
    bool free; /* costs no busy wait */
};

struct tsc_choice {
    int source; /* enum tsc_source, or TSC_NSOURCES if none gave a rate */
    uint64_t hz;
    int other;         /* a second source that was free to ask, or TSC_NSOURCES */
    int64_t other_ppm; /* how much faster it says the TSC is */
};

/* The first probe, in the order above, with a plausible answer; a measured one is measured once
 * more with another timer if a source that is free reports something else. */
struct tsc_choice tsc_choose(const struct tsc_probe probes[TSC_NSOURCES],
                             const struct acpi_info *info);
