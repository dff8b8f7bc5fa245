/* SPDX-License-Identifier: MIT */
/*
 * PCI: finding functions, reading their configuration space.
 *
 * Buses are found under the numbers that firmware gave: from a root bus through the bridges on it.
 * Other root buses (of machines with several host bridges) are known to ACPI methods only; so
 * unless the ACPI tables name exactly one host bridge, every bus that no bridge leads to is looked
 * at, too.
 *
 * By memory where the MCFG has a place for the bus and where it agrees with the ports about the
 * first function of bus 0; else by ports, of which there is one pair (configuration mechanism 1).
 *
 * Sizes of base address registers are asked by writing all ones to them, with decoding off
 * meanwhile but for host bridges, some of which stop more than themselves: as Linux does it, and at
 * start-up, when no other processor runs and nothing is printed in between. All is put back.
 */
#include "kernel/plat/pci.h"

#include "kernel/arch/x86_64/io.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/pci_config.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/acpi_bytes.h"
#include "shared/addrmap.h"

#define ECAM_MAX      8
#define FUNCTIONS_MAX 512 /* more are left out */
#define BUS_NBYTES    (PCI_BUS_FUNCTIONS * PCI_CONFIG_FULL)

#define VGA_ROM     0xc0000u /* where the firmware keeps its ROM, if it does */
#define VGA_ROM_END 0xdffffu

static struct spinlock port_lock = SPINLOCK_INIT(SPIN_PCI);
static struct pci_function *functions; /* constant after start-up, and so are the rest */
static unsigned functions_count;
static struct pci_ecam ecams[ECAM_MAX];
static unsigned ecams_count;
static bool ports_work, many_roots;

/* The bus that is being looked at. */
struct bus {
    uint16_t segment, parent;
    uint8_t number;
    const volatile uint32_t *config; /* of all its functions */
};

static uint32_t port_address(const struct pci_function *at, unsigned offset)
{
    return pci_port_address((uint32_t)at->bus << 8 | at->devfn, offset);
}

/* Not inline: size counts here, not speed. */
NOINLINE uint32_t pci_config_read(const struct pci_function *at, unsigned offset)
{
    uint32_t value = ~0u;
    uint64_t flags;

    if (at->config && offset < PCI_CONFIG_FULL)
        return at->config[offset / 4];
    if (!ports_work || at->segment || offset >= PCI_CONFIG_OLD)
        return value;
    flags = spin_lock_irqsave(&port_lock);
    io_out32(PCI_PORT_ADDRESS, port_address(at, offset));
    value = io_in32(PCI_PORT_DATA);
    spin_unlock_irqrestore(&port_lock, flags);
    return value;
}

/* Start-up only: one processor, so no lock. */
static void config_set(const struct pci_function *at, unsigned offset, uint32_t value)
{
    if (at->config) {
        ((volatile uint32_t *)(uintptr_t)at->config)[offset / 4] = value;
        return;
    }
    io_out32(PCI_PORT_ADDRESS, port_address(at, offset));
    io_out32(PCI_PORT_DATA, value);
}

/* The address register keeps what is written to it; where there is none, nothing does. */
static bool ports_detect(void)
{
    io_out32(PCI_PORT_ADDRESS, PCI_ADDRESS_ENABLE);
    return io_in32(PCI_PORT_ADDRESS) == PCI_ADDRESS_ENABLE;
}

/* The pages of all functions of a bus, for good. */
static const volatile uint32_t *ecam_map(uint16_t segment, unsigned bus)
{
    for (unsigned i = 0; i < ecams_count; i++)
        if (ecams[i].segment == segment && bus >= ecams[i].first_bus && bus <= ecams[i].last_bus)
            return ioremap(ecams[i].base + (uint64_t)bus * BUS_NBYTES, BUS_NBYTES, WINDOW_UNCACHED);
    return NULL;
}

static void mcfg_find(void)
{
    const uint8_t *table;
    size_t nbytes;

    for (unsigned i = 0; (nbytes = acpi_table(i, &table)) != 0; i++) {
        int count = pci_parse_mcfg(table, nbytes, ecams, ECAM_MAX);

        if (count > 0) {
            ecams_count = (unsigned)count;
            return;
        }
    }
}

/* --- one function --- */

unsigned pci_find_capability(const struct pci_function *at, uint8_t id)
{
    unsigned next = 0;

    if (pci_config_read(at, PCI_REG_COMMAND) & PCI_STATUS_CAPABILITIES)
        next = pci_config_read(at, PCI_REG_CAPABILITIES) & 0xfcu;
    for (unsigned i = 0; next && i < PCI_CAPABILITIES_MAX; i++) {
        uint32_t capability = pci_config_read(at, next);

        if ((capability & 0xff) == id)
            return next;
        next = capability >> 8 & 0xfcu;
    }
    return 0;
}

/* Host bridges have none of the capabilities that say so. */
static bool has_extended_space(const struct pci_function *at)
{
    return at->config &&
           (pci_config_read(at, PCI_REG_CLASS) >> 16 == PCI_CLASS_HOST_BRIDGE ||
            pci_find_capability(at, PCI_CAPABILITY_EXPRESS)) &&
           pci_config_read(at, PCI_REG_EXTENDED) != ~0u;
}

/* All ones to each register, and back. */
static void sizes_ask(const struct pci_function *at, unsigned count, unsigned rom, uint32_t *values,
                      uint32_t *sizes)
{
    uint32_t command = pci_config_read(at, PCI_REG_COMMAND) & 0xffff;
    bool keeps_on = pci_config_read(at, PCI_REG_CLASS) >> 16 == PCI_CLASS_HOST_BRIDGE;

    /* The upper half is the status, whose bits are cleared by ones. */
    if (!keeps_on && (command & PCI_COMMAND_DECODES))
        config_set(at, PCI_REG_COMMAND, command & ~PCI_COMMAND_DECODES);
    for (unsigned i = 0; i <= count; i++) {
        unsigned offset = i < count ? PCI_REG_BARS + 4 * i : rom;

        values[i] = pci_config_read(at, offset);
        /* Not the bit that switches the ROM on. */
        config_set(at, offset, i < count ? ~0u : ~0x7ffu);
        sizes[i] = pci_config_read(at, offset);
        config_set(at, offset, values[i]);
    }
    if (!keeps_on && (command & PCI_COMMAND_DECODES))
        config_set(at, PCI_REG_COMMAND, command);
}

/* The first screen's ROM is where the BIOS used to put it: Linux shows that in place of its own. */
static void vga_rom_set(struct pci_function *at)
{
    if (pci_config_read(at, PCI_REG_CLASS) >> 16 == PCI_CLASS_VGA &&
        (pci_config_read(at, PCI_REG_COMMAND) & PCI_COMMAND_DECODES))
        at->resources[PCI_ROM] =
            (struct pci_resource){VGA_ROM, VGA_ROM_END, PCI_RES_MEMORY | PCI_RES_SHADOW};
}

static void resources_find(struct pci_function *at)
{
    unsigned header = pci_header_type(pci_config_read(at, PCI_REG_HEADER));
    uint32_t values[PCI_BARS + 1], sizes[PCI_BARS + 1], config[16];
    unsigned count = header == PCI_HEADER_BRIDGE ? 2 : PCI_BARS;

    if (header > PCI_HEADER_BRIDGE) /* CardBus: its registers mean other things */
        return;
    sizes_ask(at, count, header == PCI_HEADER_BRIDGE ? PCI_REG_BRIDGE_ROM : PCI_REG_ROM, values,
              sizes);
    pci_decode_bars(values, sizes, count, at->resources);
    pci_decode_rom(values[count], sizes[count], &at->resources[PCI_ROM]);
    vga_rom_set(at);
    if (header != PCI_HEADER_BRIDGE)
        return;
    at->is_bridge = true;
    for (unsigned i = 0; i < ARRAY_SIZE(config); i++)
        config[i] = pci_config_read(at, 4 * i);
    pci_decode_windows(config, &at->resources[PCI_ROM + 1]);
}

/* --- a bus, and what is behind its bridges --- */

static COLD bool function_add(const struct bus *bus, unsigned devfn)
{
    struct pci_function found = {
        .segment = bus->segment,
        .bus = bus->number,
        .devfn = (uint8_t)devfn,
        .parent = bus->parent,
        .config = bus->config ? bus->config + devfn * (PCI_CONFIG_FULL / 4) : NULL,
    };
    uint32_t id = pci_config_read(&found, PCI_REG_ID);

    if (!pci_is_there(id) || functions_count == FUNCTIONS_MAX)
        return false;
    resources_find(&found);
    found.config_nbytes = has_extended_space(&found) ? PCI_CONFIG_FULL : PCI_CONFIG_OLD;
    functions[functions_count++] = found;
    return true;
}

/* Appends the functions of one bus. */
static void bus_scan(const struct bus *bus)
{
    for (uint32_t devfn = 0, header; devfn < PCI_BUS_FUNCTIONS;
         devfn = pci_next_function(devfn, header)) {
        header = 0;
        if (function_add(bus, devfn))
            header = pci_config_read(&functions[functions_count - 1], PCI_REG_HEADER);
    }
}

/* How often a host bridge's identifier, PNP0A08 or PNP0A03 in the packed form, stands in the code
 * of the ACPI tables. One bridge may have both. */
static unsigned host_bridges_count(void)
{
    unsigned express = 0, plain = 0;
    const uint8_t *bytes;
    size_t nbytes;

    for (unsigned i = 0; (nbytes = acpi_table(i, &bytes)) != 0; i++) {
        if (memcmp(bytes, "DSDT", 4) != 0 && memcmp(bytes, "SSDT", 4) != 0)
            continue;
        for (size_t at = ACPI_HEADER_SIZE; at + 4 <= nbytes; at++) {
            if (bytes[at] != 0x41 || bytes[at + 1] != 0xd0 || bytes[at + 2] != 0x0a)
                continue;
            express += bytes[at + 3] == 8;
            plain += bytes[at + 3] == 3;
        }
    }
    return MAX(express, plain);
}

/* Whether a bus that no bridge leads to has anything on it: by ports, which costs no mapping. */
static bool bus_is_alive(uint16_t segment, unsigned number)
{
    struct pci_function at = {.segment = segment, .bus = (uint8_t)number};

    /* The roots that are known. */
    if (!segment && !number)
        return true;
    for (unsigned i = 0; i < ecams_count; i++)
        if (ecams[i].segment == segment && ecams[i].first_bus == number)
            return true;
    for (unsigned device = 0; device < 32 && many_roots; device++) {
        at.devfn = (uint8_t)(device << 3);
        if (pci_config_read(&at, PCI_REG_ID) != ~0u)
            return true;
    }
    return false;
}

/* A bus is looked at once, whatever bridges say: that ends a ring of them, too. */
static bool bus_see(uint64_t seen[PCI_BUSES / 64], unsigned number)
{
    uint64_t bit = 1ULL << (number % 64);
    bool is_new = !(seen[number / 64] & bit);

    seen[number / 64] |= bit;
    return is_new;
}

/* Breadth first: the list itself is the queue, so a chain of bridges costs no stack. */
static COLD void segment_scan(uint16_t segment)
{
    uint64_t seen[PCI_BUSES / 64] = {0};
    unsigned next = functions_count;

    for (unsigned number = 0; number < PCI_BUSES; number++) {
        struct bus bus = {.segment = segment, .parent = PCI_NO_PARENT, .number = (uint8_t)number};

        if ((seen[number / 64] >> (number % 64) & 1) || !bus_is_alive(segment, number))
            continue;
        bus_see(seen, number);
        bus.config = ecam_map(segment, number);
        bus_scan(&bus);
        for (; next < functions_count; next++) {
            bus.number = (uint8_t)(pci_config_read(&functions[next], PCI_REG_BUSES) >> 8);
            if (!functions[next].is_bridge || !bus.number || !bus_see(seen, bus.number))
                continue;
            bus.parent = (uint16_t)next;
            bus.config = ecam_map(segment, bus.number);
            bus_scan(&bus);
        }
    }
}

/* Firmware may leave a place in the MCFG where nothing answers, or something else does. */
static void ecams_check(void)
{
    struct pci_function by_ports = {0}, by_memory = {.config = ecam_map(0, 0)};

    if (!ports_work || !by_memory.config ||
        pci_config_read(&by_ports, PCI_REG_ID) == pci_config_read(&by_memory, PCI_REG_ID))
        return;
    klog("pci: the table MCFG names a wrong place and is left out");
    ecams_count = 0;
}

COLD void pci_init(void)
{
    struct pci_function *found;

    functions_count = ecams_count = 0;
    functions = kmalloc(FUNCTIONS_MAX * sizeof(*functions));
    if (!functions)
        return;
    ports_work = ports_detect();
    many_roots = host_bridges_count() != 1;
    mcfg_find();
    ecams_check();
    if (ports_work || ecams_count)
        segment_scan(0);
    for (unsigned i = 0; i < ecams_count; i++) {
        bool again = !ecams[i].segment;

        for (unsigned j = 0; j < i; j++)
            again |= ecams[j].segment == ecams[i].segment;
        if (!again)
            segment_scan(ecams[i].segment);
    }
    /* Most machines have a few dozen. */
    found = functions_count ? kmalloc(functions_count * sizeof(*functions)) : NULL;
    if (found) {
        memcpy(found, functions, functions_count * sizeof(*functions));
        kfree(functions);
        functions = found;
    }
    klog("pci: %u functions, configuration space by %s", functions_count,
         ecams_count  ? "memory"
         : ports_work ? "ports"
                      : "nothing");
}

const struct pci_function *pci_function(unsigned index)
{
    return index < functions_count ? &functions[index] : NULL;
}
