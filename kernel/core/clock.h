/* SPDX-License-Identifier: MIT */
/*
 * core/clock.h - time, from the TSC
 *
 * Owns:    the conversion of ticks to nanoseconds; the real-time offset.
 * Units:   nanoseconds. Monotonic time starts near zero at kernel entry.
 * Context: any. No lock: the conversion is constant after clock_init.
 */
#pragma once

#include "kernel/lib/util.h"

struct vdso_data;

/* tsc_hz: ticks a second; epoch_s: seconds since 1970-01-01 UTC now, or 0 when unknown.
 * Before this call the clock reads zero. */
void clock_init(uint64_t tsc_hz, uint64_t tsc_start, uint64_t epoch_s);

uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);
void clock_set_realtime_ns(uint64_t now_ns);
/* The monotonic time when it is that real time; 0: before there was any. For deadlines: two clocks
 * read one after the other differ by whatever came in between. */
uint64_t clock_monotonic_of_realtime(uint64_t realtime_ns);

/* The TSC differs between processors, or changes its pace: from now on the clock is held back where
 * it would go backwards, and programs have to ask. Before programs run. */
void clock_distrust(void);
/* From now on the page holds what programs need to read the clock by themselves. */
void clock_publish(struct vdso_data *page);

uint64_t clock_tsc_hz(void);
uint64_t clock_ticks_to_ns(uint64_t ticks);
uint64_t clock_ns_to_ticks(uint64_t ns);
