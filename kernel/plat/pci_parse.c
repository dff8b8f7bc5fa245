/* SPDX-License-Identifier: MIT */
/*
 * The MCFG table, base address registers, windows of bridges.
 *
 * The size of what a base address register decodes is found by writing all ones: the bits that stay
 * zero are below the size. The caller has done that; here are the values before and after.
 */
#include "kernel/plat/pci_parse.h"

#include "kernel/plat/acpi_bytes.h"
#include "shared/linux/errno.h"

#define MCFG_FIRST  44u /* offset of the first entry */
#define MCFG_ENTRY  16u
#define ECAM_PLACES 0xfffffu /* below the size of a bus's configuration space */

COLD int pci_parse_mcfg(const void *table, size_t nbytes, struct pci_ecam *out, unsigned max)
{
    const uint8_t *bytes = table;
    uint32_t length;
    unsigned count = 0;

    if (!acpi_table_valid(table, nbytes, "MCFG"))
        return -EINVAL;
    length = acpi_table_length(table);
    for (uint32_t at = MCFG_FIRST; at + MCFG_ENTRY <= length && count < max; at += MCFG_ENTRY) {
        struct pci_ecam found = {
            .base = acpi_get64(bytes + at),
            .segment = acpi_get16(bytes + at + 8),
            .first_bus = bytes[at + 10],
            .last_bus = bytes[at + 11],
        };

        /* An entry that cannot be is left out, as firmware fills unused ones with zeroes. */
        if (found.base && !(found.base & ECAM_PLACES) && found.first_bus <= found.last_bus)
            out[count++] = found;
    }
    return (int)count;
}

/* start and the bits that can be written make a resource; none where no bit can. */
static void resource_make(struct pci_resource *out, uint64_t start, uint64_t writable,
                          uint32_t flags)
{
    uint64_t size = writable & (~writable + 1); /* its lowest bit */

    if (!size)
        return;
    *out = (struct pci_resource){start, start + size - 1, flags | PCI_RES_SIZEALIGN};
}

COLD void pci_decode_bars(const uint32_t *values, const uint32_t *sizes, unsigned count,
                          struct pci_resource *out)
{
    for (unsigned i = 0; i < count; i++)
        out[i] = (struct pci_resource){0};
    for (unsigned i = 0; i < count; i++) {
        uint32_t value = values[i], low = value & 15;

        /* Nothing that can be written, or nothing behind it. */
        if (!sizes[i] || sizes[i] == ~0u)
            continue;
        if (value & 1) {
            /* Bits 16 to 31 may be zero where there are no such ports. */
            uint32_t writable = sizes[i] & ~3u;

            resource_make(&out[i], value & ~3u, writable | (writable ? 0xffff0000u : 0),
                          (value & 3) | PCI_RES_IO);
        } else {
            uint32_t flags = low | PCI_RES_MEMORY | (value & 8 ? PCI_RES_PREFETCH : 0);
            uint64_t start = value & ~15u, writable = sizes[i] & ~15u;
            bool wide = (value & 6) == 4 && i + 1 < count;

            if (wide) {
                start |= (uint64_t)values[i + 1] << 32;
                writable |= (uint64_t)sizes[i + 1] << 32;
                flags |= PCI_RES_64;
            }
            resource_make(&out[i], start, writable, flags);
            i += wide;
        }
    }
}

void pci_decode_rom(uint32_t value, uint32_t size, struct pci_resource *out)
{
    *out = (struct pci_resource){0};
    if (size == ~0u)
        return;
    resource_make(out, value & ~0x7ffu, size & ~0x7ffu,
                  (value & 1) | PCI_RES_MEMORY | PCI_RES_PREFETCH | PCI_RES_READONLY);
}

/* Base and limit are the upper bits; a limit below the base closes the window. */
static void window_make(struct pci_resource *out, uint64_t base, uint64_t limit, uint32_t flags)
{
    *out = (struct pci_resource){0};
    if (base <= limit)
        *out = (struct pci_resource){base, limit, flags};
}

COLD void pci_decode_windows(const uint32_t config[16], struct pci_resource out[PCI_WINDOWS])
{
    uint32_t io = config[7], memory = config[8], prefetch = config[9], io_high = config[12];
    uint64_t base = (uint64_t)(io & 0xf0) << 8, limit = (io & 0xf000) | 0xfff;

    /* The low bits of each half say whether there are upper ones: 32 bits of I/O, 64 of memory. */
    if ((io & 15) == 1) {
        base |= (uint64_t)(io_high & 0xffff) << 16;
        limit |= io_high & 0xffff0000u;
    }
    window_make(&out[PCI_WINDOW_IO], base, limit, (io & 15) | PCI_RES_IO);
    window_make(&out[PCI_WINDOW_MEMORY], (uint64_t)(memory & 0xfff0) << 16,
                (memory & 0xfff00000u) | 0xfffff, PCI_RES_MEMORY);
    base = (uint64_t)(prefetch & 0xfff0) << 16;
    limit = (prefetch & 0xfff00000u) | 0xfffff;
    if ((prefetch & 15) == 1) {
        base |= (uint64_t)config[10] << 32;
        limit |= (uint64_t)config[11] << 32;
    }
    window_make(&out[PCI_WINDOW_PREFETCH], base, limit,
                (prefetch & 15) | PCI_RES_MEMORY | PCI_RES_PREFETCH |
                    ((prefetch & 15) == 1 ? PCI_RES_64 : 0));
}
