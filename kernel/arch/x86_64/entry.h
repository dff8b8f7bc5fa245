/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/entry.h - labels and helpers that live in assembly
 *
 * Owns:    declarations only; the code is in boot.S, entry.S, switch.S.
 */
#pragma once

#include "kernel/lib/util.h"

struct arch_thread;
struct trap_frame;

/* Bytes from one vector's stub to the next. */
#define ENTRY_STUB_SIZE           16
#define ENTRY_INTERRUPT_STUB_SIZE 8

extern const char arch_trap_stubs[];      /* of the 32 exceptions */
extern const char arch_interrupt_stubs[]; /* of the 224 vectors behind them */
extern const char arch_boot_stack_top[];  /* until there is memory for another */
extern const char arch_entry_begin[];     /* all code that runs between ring 3 and C */
extern const char arch_entry_end[];
void arch_syscall_entry(void);

/* Loads the table, CS and TR, and null selectors into the rest. */
void arch_gdt_load(const uint64_t *gdt, uint64_t limit);

void arch_stack_switch(uint64_t *save_rsp, uint64_t load_rsp); /* switch.S */
void arch_thread_first(void);                                  /* switch.S */

/* Runs function(argument) on another stack; it never returns. */
NORETURN void arch_run_on_stack(uint64_t top, void (*function)(void *argument), void *argument);

/* Segment selectors of ring 3. Setting GS keeps both GS bases of the kernel. Interrupts off. */
void arch_selectors_save(struct arch_thread *thread);
void arch_selectors_load(const struct arch_thread *thread);
