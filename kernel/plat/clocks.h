/* SPDX-License-Identifier: MIT */
/*
 * plat/clocks.h - the other clocks of the machine against the one that is used
 *
 * Owns:    a reading of each at start-up, which the one at the end is compared with.
 * Used by: main (the first reading), the self-test, whose result `clocks-agree` comes from here.
 * Rule:    the PM timer and the HPET may differ from the TSC by 2 % of the time between the two
 *          readings, and by what the reads took; the date by 2 % and a second; the counter of the
 *          local APIC's timer by 5 % from its rate at start, which is measured in half a
 *          millisecond only. A counter that has wrapped around too often for that is not compared;
 *          nor is a date that differs under a hypervisor, which may have stopped the machine. For
 *          the same reason a counter that differs there is measured once more: one that has jumped,
 *          and goes at its rate, is no fault of the machine.
 * Cost:    a few reads at start, and at the end half a millisecond; what differs under a hypervisor
 *          takes up to 80 ms more.
 * Context: clocks_begin at start-up, interrupts off; clocks_end once, on the first processor.
 * Tests:   tests/host/plat_clocks_test.c, tests/system/test_clocks.py
 */
#pragma once

#include "kernel/plat/tsc_rate.h"

enum clock_verdict {
    CLOCK_NOT_COMPARED = 0,
    CLOCK_AGREES,
    CLOCK_DIFFERS,
    CLOCK_JUMPED, /* apart, at equal rates: a hypervisor's doing */
};

struct clock_result {
    const char *name;
    enum clock_verdict verdict;
    int64_t off_us; /* how far it is ahead; for the APIC's timer, in a second */
};

#define CLOCKS_OTHER 4

/* date: as read just before, 0: none. */
void clocks_begin(const struct acpi_info *info, uint64_t date);
/* The time between the readings, in ns. skew: the clock of that name is read as if it ran fast, to
 * show that it is noticed. */
uint64_t clocks_end(const struct acpi_info *info, const char *skew,
                    struct clock_result results[CLOCKS_OTHER]);

/* The pure half. */
struct clock_reading {
    uint64_t ns;    /* by the TSC */
    uint64_t width; /* how long the read took */
    uint64_t count;
};

enum clock_verdict clocks_compare_counts(const struct tsc_reference *timer,
                                         const struct clock_reading *from,
                                         const struct clock_reading *to, int64_t *off_us);
enum clock_verdict clocks_compare_dates(uint64_t from, uint64_t to, uint64_t ns, bool is_virtual,
                                        int64_t *off_us);
