/* SPDX-License-Identifier: MIT */
/*
 * selftest/run.h - the baseline, the plan, the verdict
 *
 * Context: the boot thread, once.
 */
#pragma once

#include "kernel/plat/cpu_census.h"

struct selftest_input {
    const char *plan; /* text of plan.txt; NULL: /etc/firstlight/plan of the root filesystem */
    size_t plan_nbytes;
    const char *firmware;
    uint64_t memory_bytes; /* that the kernel has to give */
    uint64_t map_bytes;    /* all RAM of the memory map */
    const struct cpu_census *processors;
    uint64_t loader_entry_tsc, kernel_entry_tsc;
    uint64_t clock_wait_tsc; /* ticks in which the kernel waited for the clocks of the machine */
};

/* True for PASS. */
bool selftest_run(const struct selftest_input *input);
