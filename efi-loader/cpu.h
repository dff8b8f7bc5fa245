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
    uint64_t bridge;     /* struct cpu_bridge, where the firmware uses 5-level paging; else 0 */
};

/* Below 4 GiB and mapped there: how jump.S gets to 4-level paging, which takes paging off. */
struct cpu_bridge {
    uint64_t upper_root; /* of 5 levels, over lower_root */
    uint64_t lower_root; /* of 4 levels: code, jump code and this structure at their addresses */
    uint64_t code;       /* where bridge_start to bridge_end has been copied */
    uint64_t data;       /* address of this structure */
};

extern const char jump_start[], jump_end[], bridge_start[], bridge_end[]; /* jump.S */

void cpu_read_features(struct cpu_features *features);
void cpu_read_state(struct bootinfo_cpu_state *state);

/* Makes usable what firmware may have left off: SSE, execute-disable. Before cpu_read_features,
 * and before anything that has vector instructions. True: execute-disable was off. */
bool cpu_enable_features(void);
/* EAX, EBX, ECX, EDX of a leaf; zeroes for one that the processor does not have. */
void cpu_id(uint32_t leaf, uint32_t regs[4]);

/* Whether an emulator is there that the kernel will tell the verdict by its debug-exit device. */
bool cpu_has_debug_exit(void);

uint64_t cpu_read_tsc(void);
bool cpu_read_random(uint64_t *value); /* only where features.rdrand; bounded tries */

uint8_t cpu_inb(uint16_t port);
uint32_t cpu_inl(uint16_t port);
void cpu_outl(uint16_t port, uint32_t value);
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
