/* SPDX-License-Identifier: MIT */
/*
 * selftest/hardware.h - results of the baseline about the machine itself
 *
 * Owns:    the results `processors` and `machine-checks`. A machine that runs every program and
 *          lacks a processor that its firmware lists, or that had to correct an error of its own,
 *          is no PASS.
 * Used by: selftest/run.c, which announces HARDWARE_RESULTS results.
 * Context: the boot thread.
 * Tests:   tests/system/test_processors.py, tests/system/test_machine_checks.py
 */
#pragma once

#include "kernel/plat/cpu_census.h"

#define HARDWARE_RESULTS 2

/* One result: ok, not ok with the APIC ids of those that are missing, or skipped where an option
 * leaves some off or nothing lists them. */
void hardware_report_processors(const struct cpu_census *census);

/* One result, after the plan, so that what happened meanwhile counts. */
void hardware_report_machine_checks(void);
