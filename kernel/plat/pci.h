/* SPDX-License-Identifier: MIT */
/*
 * plat/pci.h - the PCI functions of the machine, and their configuration space, read
 *
 * Owns:    the list of functions, made once at start-up; the ways to read configuration space: by
 *          memory (MCFG), else by ports.
 * Rule:    after pci_init nothing is ever written.
 * Locks:   a spinlock for the ports, rank PCI.
 * Context: pci_init at start-up, one processor; the others any but interrupts and NMI.
 * Fails:   never: what cannot be found is not in the list.
 * Tests:   tests/host/plat_pci_test.c, tests/hardware/
 */
#pragma once

#include "kernel/plat/pci_parse.h"

#define PCI_NO_PARENT   0xffffu
#define PCI_ROM         6 /* index in resources */
#define PCI_RESOURCES   (PCI_ROM + 1 + PCI_WINDOWS)
#define PCI_CONFIG_OLD  256u /* bytes of configuration space */
#define PCI_CONFIG_FULL 4096u

struct pci_function {
    uint16_t segment;
    uint8_t bus, devfn; /* devfn: number of the device << 3 | function */
    uint16_t parent;    /* index of the bridge it is behind; PCI_NO_PARENT: on a root bus */
    uint16_t config_nbytes;
    bool is_bridge;
    const volatile uint32_t *config; /* its page in memory; NULL: by ports */
    struct pci_resource resources[PCI_RESOURCES];
};

void pci_init(void);

/* By index, from 0 on; a bridge comes before what is behind it. NULL: no more. */
const struct pci_function *pci_function(unsigned index);

#define PCI_CAPABILITY_SUBSYSTEM 0x0du
#define PCI_CAPABILITY_EXPRESS   0x10u
/* The offset of the first capability of that kind; 0: none. */
unsigned pci_find_capability(const struct pci_function *function, uint8_t id);

/* The four bytes at an offset, which is cut to a multiple of four. All ones beyond what there is.
 */
uint32_t pci_config_read(const struct pci_function *function, unsigned offset);
