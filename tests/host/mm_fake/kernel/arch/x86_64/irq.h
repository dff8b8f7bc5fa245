/* SPDX-License-Identifier: MIT */
/*
 * mm_fake/arch/x86_64/irq.h - a program has no interrupts to turn off
 *
 * Found instead of the kernel's own by -iquote: see tests/host/mm.mk.
 */
#pragma once

#include <stdint.h>

static inline uint64_t irq_save(void)
{
    return 0;
}

static inline void irq_restore(uint64_t flags)
{
    (void)flags;
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}
