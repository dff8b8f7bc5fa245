/* SPDX-License-Identifier: MIT */
/*
 * core/watchdog.h - a processor that does not answer is noticed by another one
 *
 * Owns:    a timer on each processor that says "I am here" and looks after the next one.
 * Rule:    silence of WATCHDOG_NS is reported once, with what that processor does and did last; so
 *          is a program that has been in the kernel all that time, though interrupts are on. A
 *          machine that was stopped as a whole (by its hypervisor, say) is no silence: it takes two
 *          checks.
 * Context: the timer interrupt.
 * Tests:   kernel/selftest/core_checks.c, tests/system/test_inject.py
 */
/*
 * core/watchdog.h - a processor that does not answer is noticed by another one
 *
 * Owns:    a timer on each processor that says "I am here" and looks after the next one.
 * Rule:    silence of WATCHDOG_NS is reported once, with what that processor does and did last; so
 *          is a program that has been in the kernel all that time, though interrupts are on. A
 *          machine
 * that was stopped as a whole (by its hypervisor, say) is no silence: it takes two looks. Context:
 * the timer interrupt. Tests:   tests/system/test_inject.py
 */
#pragma once

#include "kernel/lib/util.h"

#define WATCHDOG_NS 10000000000ULL

/* On each processor, interrupts off or a thread that stays. */
void watchdog_start(void);

/* Whether the processor takes part: since it started its own. */
bool watchdog_has_beat(unsigned cpu);
