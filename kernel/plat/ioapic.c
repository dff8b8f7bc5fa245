/* SPDX-License-Identifier: MIT */
/*
 * I/O APICs: from the pins of devices to vectors.
 *
 * Intel 82093AA data sheet; the wiring is ACPI's.
 *
 * Every pin is masked at start; ioapic_enable routes one interrupt to the calling processor.
 * Registers are reached through an index and a data word, so a reader needs both accesses
 * undisturbed: all of them are made during start-up, on one processor.
 */
#include "kernel/plat/ioapic.h"

#include "kernel/lib/klog.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/lapic.h"
#include "shared/linux/errno.h"

#define REG_VERSION  1u
#define REG_PINS     0x10u /* two registers a pin */
#define WINDOW_BYTES 0x20

#define ENTRY_ACTIVE_LOW (1u << 13)
#define ENTRY_LEVEL      (1u << 15)
#define ENTRY_MASKED     (1u << 16)

/* Flags of an override: 0 means "as the bus has it", for ISA edge and active high. */
#define POLARITY(flags) ((flags)&3u)
#define POLARITY_LOW    3u
#define TRIGGER(flags)  (((flags) >> 2) & 3u)
#define TRIGGER_LEVEL   3u
#define APIC_ID_MAX     254u /* eight bits; the last one addresses all */

static const struct acpi_info *the_info;
static volatile uint32_t *windows[ACPI_MAX_IOAPICS]; /* NULL: cannot be used */
static uint32_t npins[ACPI_MAX_IOAPICS];

/* Interrupt source overrides first, then the I/O APIC whose range of global interrupts holds the
 * pin. */
COLD int ioapic_find_route(const struct acpi_info *info, uint8_t irq, struct ioapic_route *route)
{
    uint32_t best = ACPI_MAX_IOAPICS;

    *route = (struct ioapic_route){.gsi = irq};
    for (uint32_t i = 0; i < info->noverrides; i++) {
        const struct acpi_override *override = &info->overrides[i];

        if (override->irq != irq)
            continue;
        route->gsi = override->gsi;
        route->active_low = POLARITY(override->flags) == POLARITY_LOW;
        route->level = TRIGGER(override->flags) == TRIGGER_LEVEL;
    }
    /* The one that begins closest below. */
    for (uint32_t i = 0; i < info->nioapics; i++)
        if (info->ioapics[i].gsi_base <= route->gsi &&
            (best == ACPI_MAX_IOAPICS || info->ioapics[i].gsi_base > info->ioapics[best].gsi_base))
            best = i;
    if (best == ACPI_MAX_IOAPICS)
        return -ENODEV;
    route->index = best;
    return 0;
}

uint64_t ioapic_entry(const struct ioapic_route *route, uint8_t vector, uint32_t apic_id)
{
    return ((uint64_t)apic_id << 56) | vector | (route->active_low ? ENTRY_ACTIVE_LOW : 0) |
           (route->level ? ENTRY_LEVEL : 0);
}

static uint32_t ioapic_read(uint32_t index, uint32_t reg)
{
    windows[index][0] = reg;
    return windows[index][4];
}

static void ioapic_write(uint32_t index, uint32_t reg, uint32_t value)
{
    windows[index][0] = reg;
    windows[index][4] = value;
}

/* Firmware may have left pins enabled for its own drivers. */
COLD void ioapic_init(const struct acpi_info *info)
{
    the_info = info;
    for (uint32_t i = 0; i < info->nioapics; i++) {
        windows[i] =
            (volatile uint32_t *)ioremap(info->ioapics[i].address, WINDOW_BYTES, WINDOW_UNCACHED);
        if (!windows[i])
            continue;
        npins[i] = ((ioapic_read(i, REG_VERSION) >> 16) & 0xff) + 1;
        for (uint32_t pin = 0; pin < npins[i]; pin++)
            ioapic_write(i, REG_PINS + 2 * pin, ENTRY_MASKED);
    }
}

/* The entry has eight bits for the destination: an APIC id beyond that cannot be reached without
 * interrupt remapping. */
COLD int ioapic_enable(uint8_t irq, unsigned *out_vector)
{
    struct ioapic_route route;
    uint32_t pin, id = lapic_id();
    uint64_t entry;
    int err = the_info ? ioapic_find_route(the_info, irq, &route) : -ENODEV;

    if (err)
        return err;
    pin = route.gsi - the_info->ioapics[route.index].gsi_base;
    if (!windows[route.index] || pin >= npins[route.index] || id > APIC_ID_MAX)
        return -ENODEV;
    entry = ioapic_entry(&route, (uint8_t)(IOAPIC_VECTOR_BASE + irq), id);
    /* The second half first: the first one has the mask. */
    ioapic_write(route.index, REG_PINS + 2 * pin + 1, (uint32_t)(entry >> 32));
    ioapic_write(route.index, REG_PINS + 2 * pin, (uint32_t)entry);
    *out_vector = IOAPIC_VECTOR_BASE + irq;
    klog("interrupt %u: pin %u of I/O APIC %u, %s, active %s", irq, pin, route.index,
         route.level ? "level" : "edge", route.active_low ? "low" : "high");
    return 0;
}
