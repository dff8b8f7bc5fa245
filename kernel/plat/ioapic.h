/* SPDX-License-Identifier: MIT */
/*
 * plat/ioapic.h - interrupts of devices: which pin, and to whom
 *
 * Owns:    the I/O APICs that ACPI names; every pin is masked until a driver asks for it.
 * Locks:   none: start-up only.
 * Context: boot processor, after lapic_init.
 * Fails:   -ENODEV: no I/O APIC has that pin, or it cannot be mapped or reached.
 * Source:  82093AA data sheet; ACPI 6.5, 5.2.12.3 and 5.2.12.5.
 * Tests:   tests/host/plat_ioapic_test.c
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

#define IOAPIC_VECTOR_BASE 0x40 /* of ISA interrupt 0 */

/* Where an ISA interrupt arrives. Pure; without an override it is pin for pin, edge, active high.
 */
struct ioapic_route {
    uint32_t index; /* which I/O APIC of acpi_info */
    uint32_t gsi;
    bool active_low;
    bool level;
};
MUST_CHECK int ioapic_find_route(const struct acpi_info *info, uint8_t irq,
                                 struct ioapic_route *route);

/* The two words of a pin's entry: fixed delivery to one processor. */
uint64_t ioapic_entry(const struct ioapic_route *route, uint8_t vector, uint32_t apic_id);

/* Maps them all, and masks what the firmware may have left open. */
void ioapic_init(const struct acpi_info *info);

/* From now on that ISA interrupt comes to this processor, as vector *out_vector. */
MUST_CHECK int ioapic_enable(uint8_t irq, unsigned *out_vector);
