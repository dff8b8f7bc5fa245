/* SPDX-License-Identifier: MIT */
/*
 * plat/lapic.h - this processor's interrupt controller and its timer
 *
 * Owns:    the local APIC, as xAPIC or x2APIC, whichever the firmware left on; the 8259s (masked).
 * Used by: main (init), the interrupt path (eoi), core/timer (one-shot).
 * Locks:   none: everything here is per processor.
 * Context: interrupts off; lapic_eoi in the interrupt handler.
 * Vectors: ARCH_VECTOR_TIMER, ARCH_VECTOR_SPURIOUS, ARCH_VECTOR_ERROR of arch/x86_64/vectors.h.
 *          A spurious interrupt is not acknowledged; an error one calls lapic_error_clear.
 * Tests:   tests/host/plat_lapic_test.c
 */
#pragma once

#include "kernel/arch/x86_64/msr.h"
#include "kernel/plat/acpi_parse.h"

/* Once, on the first processor. -ENODEV: no local APIC, or its registers cannot be mapped.
 * Masks the 8259s and every local source but the error vector and the NMI pins that ACPI names. */
MUST_CHECK int lapic_init(const struct acpi_info *info, uint64_t tsc_hz);

/* The same on every other processor; its timer runs at the rate found on the first. */
MUST_CHECK int lapic_init_cpu(const struct acpi_info *info);

uint32_t lapic_id(void);

/* All ids can be addressed; else those below 255 alone. Constant after lapic_init. */
bool lapic_is_x2apic(void);

/* Interrupts between processors, by the receiver's local APIC number. Waits a bounded time until
 * the one before has gone out. */
void lapic_send(uint32_t apic_id, unsigned vector);
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint8_t page); /* begins at page * 4096 */
void lapic_send_nmi(uint32_t apic_id);

/* "x2APIC, TSC deadline" and the like, for the log. */
const char *lapic_description(void);

/* One interrupt on ARCH_VECTOR_TIMER, ns nanoseconds from now: early by at most the error of the
 * measurement, or by more if that is beyond what the counter holds (seconds), so the
 * timer interrupt compares with the clock and asks again. Replaces an earlier request; 0 fires at
 * once. */
void lapic_timer_oneshot_ns(uint64_t ns);
void lapic_timer_stop(void);

/* Measures the timer's counter against the TSC once more, for a check: ticks a second now, and at
 * start. 0: no counter, as the timer is the TSC's own deadline. On the first processor. */
uint64_t lapic_timer_measure(uint64_t tsc_hz, uint64_t *start_hz);

/* Clears and returns the error status. */
uint32_t lapic_error_clear(void);

#define LAPIC_REGISTER_ID  0x020
#define LAPIC_REGISTER_EOI 0x0b0

extern volatile uint32_t *lapic_registers; /* NULL in x2APIC mode; constant after lapic_init */

static inline void lapic_eoi(void)
{
    if (lapic_registers)
        lapic_registers[LAPIC_REGISTER_EOI / sizeof(uint32_t)] = 0;
    else
        msr_write(MSR_X2APIC_BASE + LAPIC_REGISTER_EOI / 16, 0);
}
