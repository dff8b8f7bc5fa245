/* SPDX-License-Identifier: MIT */
/*
 * core_fake/arch/x86_64/irq.h - interrupts that are off or on, and never come
 *
 * Found instead of the kernel's own by -iquote: see tests/host/core.mk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

extern bool fake_irqs_off; /* the test's */

static inline bool irq_enabled(void)
{
    return !fake_irqs_off;
}

static inline void irq_disable(void)
{
    fake_irqs_off = true;
}

static inline uint64_t irq_save(void)
{
    bool were_off = fake_irqs_off;

    fake_irqs_off = true;
    return were_off;
}

static inline void irq_restore(uint64_t flags)
{
    fake_irqs_off = flags != 0;
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}
