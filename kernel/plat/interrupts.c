/* SPDX-License-Identifier: MIT */
/*
 * Interrupt vectors of the local APIC, joined to the timers and interrupts of core.
 */
#include "kernel/plat/interrupts.h"

#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/irq.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"
#include "kernel/plat/lapic.h"

/* Acknowledged first: a timer's function may switch threads on its way out. */
static void timer_handler(void)
{
    lapic_eoi();
    timer_interrupt();
}

/* The processor took an interrupt back: nothing to acknowledge (Intel SDM vol. 3, 10.9). */
static void spurious_handler(void)
{
}

static void error_handler(void)
{
    klog("local APIC: error status 0x%x", lapic_error_clear());
    lapic_eoi();
}

COLD void interrupts_init(void)
{
    static const struct timer_ops ops = {
        .oneshot = lapic_timer_oneshot_ns,
        .stop = lapic_timer_stop,
    };

    irq_set_handler(ARCH_VECTOR_TIMER, timer_handler);
    irq_set_handler(ARCH_VECTOR_SPURIOUS, spurious_handler);
    irq_set_handler(ARCH_VECTOR_ERROR, error_handler);
    /* An interrupt that nothing handles is acknowledged all the same: unacknowledged it would block
     * every lower vector. */
    irq_set_fallback(lapic_eoi);
    timer_set_ops(&ops);
}
