/* SPDX-License-Identifier: MIT */
/*
 * mm/fail_nth.h - the n-th allocation of a thread fails, in builds for tests
 *
 * Owns:    the decision whether an allocation fails on purpose.
 * Used by: mm/pmm.c, mm/slab.c, before they allocate anything.
 * Why:     memory is scarce for a moment only, and never at the same place twice. Counted
 *          allocations make every path of -ENOMEM a test that always runs the same way. A program
 *          sets the count of its own thread by /proc/self/fail-nth, as on a Linux with fault
 *          injection (Documentation/fault-injection, "fail-nth").
 * Context: any; allocations of interrupt handlers are neither counted nor refused.
 * Build:   CONFIG_POISON alone; without it the function is false and costs nothing.
 * Tests:   tests/user/stress/fail_nth.c, by tests/system/test_memory_gone.py
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/thread.h"
#include "kernel/mm/config.h"

static inline bool fail_nth_now(void)
{
    struct arch_thread *thread;

    if (!CONFIG_POISON)
        return false;
    thread = CPU_OWN->thread;
    if (!thread || !thread->fail_nth || CPU_OWN->irq_depth)
        return false;
    return --thread->fail_nth == 0;
}
