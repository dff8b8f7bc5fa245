/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/idt.h - all 256 vectors
 *
 * Owns:    the interrupt descriptor table. NMI, #DF and #MC use IST stacks; #BP and #OF may be
 *          raised by ring 3; every other gate is the kernel's.
 */
#pragma once

#include "kernel/lib/util.h"

void idt_init(void);
void idt_load(void);

/* Opens or shuts `int 0x80` for ring 3: for the kernel's own checks, before anything else runs. */
void idt_gate80_set(bool open);

uint64_t idt_address(void); /* for checks: 4,096 bytes from here */

/* Takes the table away and faults: the processor shuts down, which resets a PC. */
void idt_break(void);
