/* SPDX-License-Identifier: MIT */
/*
 * core/irq.h - interrupt vectors and their handlers
 *
 * Context: irq_set_handler at start-up. Handlers run with interrupts off and acknowledge the
 *          interrupt themselves.
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/util.h"

void irq_set_handler(unsigned vector, void (*handler)(void));

/* Acknowledges interrupts without a handler (the firmware may have left one pending). They
 * are counted and otherwise ignored. */
void irq_set_fallback(void (*handler)(void));
uint64_t irq_unhandled(void);

/* Of devices' vectors and those of the local APIC: how often on that processor. */
uint64_t irq_count(unsigned cpu, unsigned vector);

/* Whether this processor is in an interrupt handler. */
static inline bool irq_in_handler(void)
{
    return CPU_OWN->irq_depth != 0;
}
