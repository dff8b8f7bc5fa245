/* SPDX-License-Identifier: MIT */
/*
 * Bus mastering, taken away from whatever the firmware's drivers left running.
 *
 * Network and storage controllers are known to write to memory long after ExitBootServices: buffers
 * that are the kernel's by then. A bridge without bus mastering lets nothing behind it write; a
 * device that sits on a root bus has to be stopped itself. Left alone are displays, whose picture
 * may come from memory; USB, by which some firmware emulates a keyboard controller; and the parts
 * of the chipset, which do what they do for the processor.
 *
 * Every bus is looked at, since there may be several root buses and only ACPI's byte code knows.
 *
 * Registers: PCI Local Bus Specification 3.0, sections 3.2.2.3.2 and 6.1; classes: its appendix D.
 */
#include "efi-loader/pci.h"
#include "efi-loader/cpu.h"
#include "kernel/lib/pci_config.h"

#define CLASS(word)   ((word) >> 24)
#define CLASS_DISPLAY 0x03
#define CLASS_BRIDGE  0x06
#define CLASS_SYSTEM  0x08

/* Bus, device and function in one number, as the address register has them. */
static void config_select(uint32_t function, uint32_t where)
{
    cpu_outl(PCI_PORT_ADDRESS, pci_port_address(function, where));
}

static uint32_t config_read(uint32_t function, uint32_t where)
{
    config_select(function, where);
    return cpu_inl(PCI_PORT_DATA);
}

static bool may_write_to_memory(uint32_t class)
{
    return CLASS(class) == CLASS_DISPLAY || CLASS(class) == CLASS_BRIDGE ||
           CLASS(class) == CLASS_SYSTEM || class >> 16 == PCI_CLASS_USB;
}

/* The upper half of the register is the status, where ones would clear bits. */
static bool master_stop(uint32_t function)
{
    uint32_t command = config_read(function, PCI_REG_COMMAND);

    if (!(command & PCI_COMMAND_MASTER))
        return false;
    cpu_outl(PCI_PORT_DATA, command & 0xffff & ~PCI_COMMAND_MASTER);
    return true;
}

static void function_stop(uint32_t function, uint32_t header, struct bootinfo_dma *out)
{
    if (pci_header_type(header) == PCI_HEADER_BRIDGE)
        out->bridges += master_stop(function);
    else if (!may_write_to_memory(config_read(function, PCI_REG_CLASS)))
        out->devices += master_stop(function);
}

void pci_stop_masters(struct bootinfo_dma *out)
{
    for (uint32_t function = 0, header; function < PCI_BUSES * PCI_BUS_FUNCTIONS;
         function = pci_next_function(function, header)) {
        header = 0;
        if (!pci_is_there(config_read(function, PCI_REG_ID)))
            continue;
        header = config_read(function, PCI_REG_HEADER);
        function_stop(function, header, out);
    }
}
