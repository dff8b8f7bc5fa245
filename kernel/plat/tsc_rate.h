/* SPDX-License-Identifier: MIT */
/*
 * plat/tsc_rate.h - how fast the time-stamp counter runs
 *
 * Order:   CPUID 15h where no hypervisor is; the hypervisor's own leaf; ACPI PM timer; HPET;
 *          CPUID 16h; PIT. A timer that does not move is passed over. The caller logs the choice;
 *          the disagreement is logged here, where a second source costs nothing.
 * Cost:    nothing, or one busy wait of at most 0.7 ms for each timer that has to be tried.
 * Context: start-up, one processor, interrupts off, after acpi_init.
 * Tests:   tests/host/plat_tsc_test.c
 */
#pragma once

#include "kernel/plat/tsc_measure.h"

/* Ticks a second, never 0. *source is a constant string for the log; "guess" when no source
 * gives one. */
uint64_t tsc_calibrate(const struct acpi_info *info, const char **source);

/* Timers to compare with; false: there is none. They are mapped for good, so once. */
bool tsc_reference_pm_timer(const struct acpi_info *info, struct tsc_reference *timer);
bool tsc_reference_hpet(const struct acpi_info *info, struct tsc_reference *timer);
