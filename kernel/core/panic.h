/* SPDX-License-Identifier: MIT */
/*
 * core/panic.h - the end, with everything that helps to find out why
 *
 * Prints registers, a backtrace with symbols and the flight recorder, on serial and screen, by
 * ways that need no lock and no allocation; then ends the machine with the verdict PANIC.
 * Context: any, also NMI and inside itself: a fault while panicking cuts the report short.
 * Tests:   tests/system (panic=… on the command line)
 */
#pragma once

#include "kernel/lib/util.h"

struct cpu;

NORETURN PRINTF_LIKE(1, 2) void panic(const char *format, ...);

/* The last crossings of a processor, as log lines: nothing ends. */
void panic_show_flight(const struct cpu *cpu);

/* What ends the machine, from a room to the right. Never returns. */
void panic_set_end(void (*end)(void));

/* What is being panicked about, a line without its end; "" before that. */
const char *panic_reason(void);
