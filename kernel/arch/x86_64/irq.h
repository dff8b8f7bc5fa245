/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/irq.h - this processor's interrupt flag
 *
 * Context: any.
 */
#pragma once

#include "kernel/lib/util.h"

uint64_t irq_flags_read(void); /* entry.S: RFLAGS */

static inline void irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

/* Sleeps until an interrupt. Interrupts go on with the HLT itself, so none is missed between
 * (Intel SDM vol. 2, STI: inhibited for one instruction); they are off again afterwards. */
void irq_wait(void); /* entry.S */

static inline bool irq_enabled(void)
{
    return (irq_flags_read() & 0x200) != 0;
}

static inline uint64_t irq_save(void)
{
    /* No call on the way to a lock. Into a register: gcc 12 makes `pop 16(%rsp)` of it where it
     * means 8(%rsp), the address of POP being that behind it (Intel SDM vol. 2, POP). */
    register uint64_t flags __asm__("rax") = __builtin_ia32_readeflags_u64();

    __asm__ volatile("" : "+r"(flags));
    irq_disable();
    return flags;
}

static inline void irq_restore(uint64_t flags)
{
    if (flags & 0x200)
        irq_enable();
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline void cpu_halt(void)
{
    __asm__ volatile("hlt" : : : "memory");
}
