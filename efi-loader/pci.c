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

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1u << 31)

#define BUSES     256
#define DEVICES   32
#define FUNCTIONS 8

enum { REGISTER_ID = 0x00, REGISTER_COMMAND = 0x04, REGISTER_CLASS = 0x08, REGISTER_HEADER = 0x0c };

#define NO_VENDOR          0xffffu
#define COMMAND_MASTER     (1u << 2)
#define HEADER_TYPE(word)  ((word) >> 16 & 0x7f)
#define HEADER_MULTI(word) ((word) >> 23 & 1)
#define HEADER_BRIDGE      1

#define CLASS(word)    ((word) >> 24)
#define SUBCLASS(word) ((word) >> 16 & 0xff)
#define CLASS_DISPLAY  0x03
#define CLASS_BRIDGE   0x06
#define CLASS_SYSTEM   0x08
#define CLASS_SERIAL   0x0c
#define SUBCLASS_USB   0x03

/* Bus, device and function in one number, as the address register has them. */
static void config_select(uint32_t function, uint32_t where)
{
    cpu_outl(CONFIG_ADDRESS, CONFIG_ENABLE | function << 8 | where);
}

static uint32_t config_read(uint32_t function, uint32_t where)
{
    config_select(function, where);
    return cpu_inl(CONFIG_DATA);
}

static bool may_write_to_memory(uint32_t class)
{
    return CLASS(class) == CLASS_DISPLAY || CLASS(class) == CLASS_BRIDGE ||
           CLASS(class) == CLASS_SYSTEM ||
           (CLASS(class) == CLASS_SERIAL && SUBCLASS(class) == SUBCLASS_USB);
}

/* The upper half of the register is the status, where ones would clear bits. */
static bool master_stop(uint32_t function)
{
    uint32_t command = config_read(function, REGISTER_COMMAND);

    if (!(command & COMMAND_MASTER))
        return false;
    cpu_outl(CONFIG_DATA, command & 0xffff & ~COMMAND_MASTER);
    return true;
}

static void function_stop(uint32_t function, uint32_t header, struct bootinfo_dma *out)
{
    if (HEADER_TYPE(header) == HEADER_BRIDGE)
        out->bridges += master_stop(function);
    else if (!may_write_to_memory(config_read(function, REGISTER_CLASS)))
        out->devices += master_stop(function);
}

void pci_stop_masters(struct bootinfo_dma *out)
{
    for (uint32_t device = 0; device < BUSES * DEVICES; device++) {
        uint32_t header, nfunctions = 1;

        /* Function 0 is there if any is, and says whether there are more. */
        for (uint32_t n = 0; n < nfunctions; n++) {
            uint32_t function = device * FUNCTIONS + n;

            if ((config_read(function, REGISTER_ID) & 0xffff) == NO_VENDOR)
                continue;
            header = config_read(function, REGISTER_HEADER);
            if (n == 0 && HEADER_MULTI(header))
                nfunctions = FUNCTIONS;
            function_stop(function, header, out);
        }
    }
}
