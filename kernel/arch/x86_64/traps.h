/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/traps.h - from the entry code to the hooks
 *
 * Context: called by entry.S alone, interrupts off.
 */
#pragma once

#include "kernel/lib/util.h"

struct trap_frame;

struct fixup {
    uint64_t instruction;
    uint64_t target;
};

extern const struct fixup arch_fixups_begin[]; /* kernel.ld */
extern const struct fixup arch_fixups_end[];

extern const char arch_msr_read_try[], arch_msr_write_try[], arch_msr_failed[]; /* msr_safe.S */

void arch_trap(struct trap_frame *frame);
/* #DB of ring 3, on the thread's own stack. */
void arch_trap_debug(struct trap_frame *frame);
void arch_trap_paranoid(struct trap_frame *frame);
