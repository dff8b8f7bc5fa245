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

/* Called with interrupts off. irq_depth makes irq_in_handler true: what sleeps asserts that it is
 * not. */
void hook_irq(unsigned vector)
{
    struct cpu *cpu = cpu_self();

    cpu->irq_depth++;
    if (handlers[vector]) {
        handlers[vector]();
    } else {
        __atomic_fetch_add(&unhandled, 1, __ATOMIC_RELAXED);
        if (fallback)
            fallback();
    }
    cpu->irq_depth--;
}
