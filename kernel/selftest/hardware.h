/* SPDX-License-Identifier: MIT */
/*
 * selftest/hardware.h - results of the baseline about the machine itself
 *
 * Owns:    the results `processors`, `memory-installed`, `clocks-agree`, `memory-untouched` and
 *          `machine-checks`. A machine that runs every program and lacks a processor or a module
 *          that its firmware lists, or that had to correct an error of its own, is no PASS.
 *          Skipped: where the answer is not known, or an option has left something off; that is no
 *          fault of the machine, and no proof of its health either.
 * Used by: selftest/run.c, which announces HARDWARE_RESULTS results.
 * Context: the boot thread.
 * Tests:   tests/system/test_processors.py, test_memory_installed.py, test_clocks.py,
 *          test_untouched.py, test_machine_checks.py
 */
#pragma once

#include "kernel/plat/cpu_census.h"

#define HARDWARE_RESULTS 5

/* Before the plan: what was found at start. map_bytes: RAM in the memory map. */
void hardware_report_start(const struct cpu_census *census, uint64_t map_bytes);

/* After the plan, so that what happened meanwhile counts. */
void hardware_report_end(void);
