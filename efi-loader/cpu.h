/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/cpu.h - the processor: what it can do, what state firmware left it in, and the jump
 *
 * Used by: main.c, log.c and keys.c (ports), seed.c.
 * Rule:    no inline assembly longer than one instruction; the jump itself is jump.S.
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

#define CPU_CR4_LA57 (1ULL << 12)
#define CPU_CR4_CET  (1ULL << 23)

struct cpu_features {
    bool nx;
    bool gib_pages;
    bool rdrand;
};

/* Read by jump.S: keep in step with the offsets there (asserted in cpu.c). */
struct cpu_jump {
    uint64_t entry;      /* virtual address of the kernel's first instruction */
    uint64_t argument;   /* goes to RDI */
    uint64_t table_root; /* physical */
};

extern const char jump_start[], jump_end[]; /* jump.S */

void cpu_read_features(struct cpu_features *features);
void cpu_read_state(struct bootinfo_cpu_state *state);

uint64_t cpu_read_tsc(void);
bool cpu_read_random(uint64_t *value); /* only where features.rdrand; bounded tries */

/* Whether the processor says that it is a virtual machine's. */
bool cpu_under_hypervisor(void);

uint8_t cpu_inb(uint16_t port);
uint32_t cpu_inl(uint16_t port);
void cpu_outb(uint16_t port, uint8_t value);

/* Maskable interrupts off: firmware's handlers are of no use once boot services are gone. */
void cpu_disable_interrupts(void);

/* The last resort where ResetSystem does not: reset control register, then a triple fault. */
NORETURN void cpu_reset(void);

NORETURN void cpu_triple_fault(void); /* jump.S */

/* Extent of the code that runs while page tables are changed. */
struct bootinfo_extent cpu_jump_extent(void);

/* Leaves firmware for good. Everything is as the entry contract of shared/bootinfo.h says. */
NORETURN void cpu_jump_to_kernel(const struct cpu_jump *jump);
