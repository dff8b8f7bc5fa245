/* SPDX-License-Identifier: MIT */
/*
 * lib/pci_config.h - PCI configuration space: ports, registers, the way through a bus
 *
 * Owns:    what kernel and loader both know of it. The accesses are theirs.
 * Used by: plat/pci.c, and the loader's pci.c.
 * Source:  PCI Local Bus 3.0, sections 3.2.2.3.2 (ports) and 6.1 (registers), appendix D (classes).
 * Context: any; pure.
 * Tests:   tests/host/pci_config_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Configuration mechanism 1: the address to one port, then the data from or to the other. */
#define PCI_PORT_ADDRESS   0xcf8
#define PCI_PORT_DATA      0xcfc
#define PCI_ADDRESS_ENABLE 0x80000000u

/* Offsets of registers, of four bytes each. */
enum pci_register {
    PCI_REG_ID = 0x00,
    PCI_REG_COMMAND = 0x04, /* the status above it: ones clear its bits */
    PCI_REG_CLASS = 0x08,
    PCI_REG_HEADER = 0x0c,
    PCI_REG_BARS = 0x10,
    PCI_REG_BUSES = 0x18, /* of a bridge: primary, secondary, subordinate */
    PCI_REG_ROM = 0x30,
    PCI_REG_CAPABILITIES = 0x34,
    PCI_REG_BRIDGE_ROM = 0x38,
    PCI_REG_INTERRUPT = 0x3c, /* line and pin */
    PCI_REG_EXTENDED = 0x100,
};

#define PCI_COMMAND_DECODES     3u /* I/O and memory */
#define PCI_COMMAND_MASTER      (1u << 2)
#define PCI_STATUS_CAPABILITIES (1u << 20)
#define PCI_CAPABILITIES_MAX    48u /* so many fit: a list that is longer is a ring */
#define PCI_HEADER_BRIDGE       1u
#define PCI_HEADER_MANY         (1u << 23) /* in the register */

/* Class and subclass together. */
#define PCI_CLASS_VGA         0x0300u
#define PCI_CLASS_HOST_BRIDGE 0x0600u
#define PCI_CLASS_USB         0x0c03u

#define PCI_BUSES         256u
#define PCI_BUS_FUNCTIONS 256u /* 32 devices of 8 functions */

/* function: bus << 8 | device << 3 | number of the function. */
static inline uint32_t pci_port_address(uint32_t function, unsigned offset)
{
    return PCI_ADDRESS_ENABLE | function << 8 | (offset & 0xfc);
}

/* By PCI_REG_ID: a vendor that is all ones or zero is an empty slot. */
static inline bool pci_is_there(uint32_t id)
{
    return (id & 0xffff) != 0xffff && (id & 0xffff) != 0;
}

static inline unsigned pci_header_type(uint32_t header)
{
    return header >> 16 & 0x7f;
}

/* What is to be looked at behind a function. Function 0 is there if any of its device is, and says
 * whether there are more: `header` is its register, 0 where it is not there. */
static inline uint32_t pci_next_function(uint32_t function, uint32_t header)
{
    return function % 8 || (header & PCI_HEADER_MANY) ? function + 1 : function + 8;
}
