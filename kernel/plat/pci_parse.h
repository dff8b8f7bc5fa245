/* SPDX-License-Identifier: MIT */
/*
 * plat/pci_parse.h - what the MCFG and the registers of a PCI function say, as plain values
 *
 * Owns:    the decoding. No mapping, no I/O.
 * Source:  PCI Firmware Specification 3.3, section 4.1.2; PCI Local Bus 3.0, section 6.2.5;
 *          PCI-to-PCI Bridge 1.2, section 3.2.5.
 * Context: any; pure.
 * Fails:   -EINVAL for a table that is not what it should be.
 * Tests:   tests/host/plat_pci_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Where the configuration space of some buses lies in memory: a page a function. */
struct pci_ecam {
    uint64_t base; /* of bus 0, even if first_bus is another */
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

/* At most `max` of them are stored; the result is their number, or -EINVAL. */
MUST_CHECK int pci_parse_mcfg(const void *table, size_t nbytes, struct pci_ecam *out, unsigned max);

/* Linux's IORESOURCE_ flags, as /sys shows them. */
#define PCI_RES_IO        0x00000100u
#define PCI_RES_MEMORY    0x00000200u
#define PCI_RES_PREFETCH  0x00002000u
#define PCI_RES_READONLY  0x00004000u
#define PCI_RES_SIZEALIGN 0x00040000u
#define PCI_RES_64        0x00100000u
#define PCI_RES_SHADOW    0x00000012u /* the ROM is in low memory, and does not move */

/* All zero: there is none. */
struct pci_resource {
    uint64_t start, end; /* inclusive */
    uint32_t flags;
};

#define PCI_BARS 6

/* values: the registers; sizes: what they read after all ones were written. count: 6, or 2 in a
 * bridge. A 64-bit register takes two, and the second resource stays empty. */
void pci_decode_bars(const uint32_t *values, const uint32_t *sizes, unsigned count,
                     struct pci_resource *out);
void pci_decode_rom(uint32_t value, uint32_t size, struct pci_resource *out);

/* What a bridge passes on: I/O, memory, prefetchable memory. config: its registers, from 0 on. */
enum { PCI_WINDOW_IO, PCI_WINDOW_MEMORY, PCI_WINDOW_PREFETCH, PCI_WINDOWS };
void pci_decode_windows(const uint32_t config[16], struct pci_resource out[PCI_WINDOWS]);
