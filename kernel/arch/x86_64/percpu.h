/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/percpu.h - variables of which each processor has one of its own
 *
 * Owns:    the section .bss.percpu. The first processor has the variables themselves, every other
 *          one a zeroed copy of the section that is allocated when it is started (plat/smp.c), so
 *          memory is spent on processors that are there.
 * Rule:    a variable begins as zeros; what else it needs it gets when its processor joins. Copies
 *          below cpu_count exist, whether or not their processor has answered.
 * Context: percpu_own with interrupts off, or where the thread stays on its processor.
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"

#define PERCPU SECTION(".bss.percpu")

/* Addresses as numbers: the copy is no part of the variable that the compiler knows. */
#define PERCPU_AT(variable, offset)                                                                \
    ((__typeof__(&(variable)))(uintptr_t)((uintptr_t) & (variable) + (offset)))

#define percpu_own(variable)     PERCPU_AT(variable, CPU_OWN->percpu_offset)
#define percpu_of(variable, cpu) PERCPU_AT(variable, cpu_percpu_offset[cpu])

extern char percpu_begin[]; /* kernel.ld */
extern char percpu_end[];
