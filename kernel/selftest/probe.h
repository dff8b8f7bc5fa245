/* SPDX-License-Identifier: MIT */
/*
 * selftest/probe.h - looks at registers that C cannot see
 *
 * Context: the checks.
 */
#pragma once

#include "kernel/lib/util.h"

struct probe_selectors {
    uint16_t cs, ds, es, fs, gs, ss;
};

void probe_selectors_read(struct probe_selectors *out);

/* Calls function(argument) with known values in the callee-saved registers. The result has a bit
 * for each that came back changed: rbx 1, rbp 2, r12 4, r13 8, r14 16, r15 32. */
uint64_t probe_call(void (*function)(void *argument), void *argument);

/* An invalid opcode with a frame pointer that leads nowhere, as a broken stack leaves it. */
void probe_break_frame(void);

/* Whether ring 3 may use a selector so: the answers of LAR, VERR and VERW. */
bool probe_lar(uint16_t selector, uint32_t *rights);
bool probe_verr(uint16_t selector);
bool probe_verw(uint16_t selector);
