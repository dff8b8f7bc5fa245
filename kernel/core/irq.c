/* SPDX-License-Identifier: MIT */
/*
 * Interrupt vectors and their handlers.
 *
 * Handlers are set during start-up or by a driver before it enables its interrupt, so the table
 * needs no lock: a vector that fires has its handler already.
 */
#include "kernel/core/irq.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/lib/assert.h"

static void (*handlers[256])(void);
static void (*fallback)(void);
/* [a] Leftovers of the firmware; for the report. */
static uint64_t unhandled;

void irq_set_handler(unsigned vector, void (*handler)(void))
{
    ASSERT(vector >= VECTOR_FIRST_INTERRUPT && vector < ARRAY_SIZE(handlers));
    handlers[vector] = handler;
}

void irq_set_fallback(void (*handler)(void))
{
    fallback = handler;
}

uint64_t irq_unhandled(void)
{
    return __atomic_load_n(&unhandled, __ATOMIC_RELAXED);
}

/* Devices' and the local APIC's own: each has sixteen vectors, told apart by bit 7. Only the
 * processor itself writes its row. */
#define COUNTED 32u
static uint64_t counts[CPU_MAX][COUNTED];

static unsigned count_index(unsigned vector)
{
    return (vector >> 7) * 16 + (vector & 15);
}

uint64_t irq_count(unsigned cpu, unsigned vector)
{
    return __atomic_load_n(&counts[cpu][count_index(vector)], __ATOMIC_RELAXED);
}

/* Called with interrupts off. irq_depth makes irq_in_handler true: what sleeps asserts that it is
 * not. */
void hook_irq(unsigned vector)
{
    struct cpu *cpu = cpu_self();

    cpu->irq_depth++;
    counts[cpu->index][count_index(vector)]++;
    if (handlers[vector]) {
        handlers[vector]();
    } else {
        __atomic_fetch_add(&unhandled, 1, __ATOMIC_RELAXED);
        if (fallback)
            fallback();
    }
    cpu->irq_depth--;
}
