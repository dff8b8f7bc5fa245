/* SPDX-License-Identifier: MIT */
/*
 * A device that writes to memory when boot services are long gone: QEMU's "edu", whose transfer
 * begins a tenth of a second after it was asked for.
 */
#include "tests/quirk/quirk.h"

#include "efi-loader/cpu.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1u << 31)
#define EDU_ID         0x11e81234u
#define COMMAND        0x04
#define COMMAND_ON     0x06u /* memory space, bus mastering */
#define BAR_0          0x10

/* QEMU, docs/specs/edu.txt. */
#define EDU_SOURCE    0x80
#define EDU_TARGET    0x88
#define EDU_NBYTES    0x90
#define EDU_GO        0x98
#define EDU_BUFFER    0x40000
#define EDU_TO_MEMORY 0x3
#define EDU_REACH     (1ULL << 28)

#define FILLING 0x55
#define NBYTES  2048 /* less than its buffer: QEMU 7.2 ends over the whole */

static volatile char *the_registers;
static EFI_PHYSICAL_ADDRESS the_page = EDU_REACH - 1;

static uint32_t config_read(uint32_t device, uint32_t where)
{
    cpu_outl(CONFIG_ADDRESS, CONFIG_ENABLE | device << 11 | where);
    return cpu_inl(CONFIG_DATA);
}

static void set64(unsigned where, uint64_t value)
{
    *(volatile uint64_t *)(the_registers + where) = value;
}

/* Zeroes, over half of the page. */
static void start(void)
{
    set64(EDU_SOURCE, EDU_BUFFER);
    set64(EDU_TARGET, the_page);
    set64(EDU_NBYTES, NBYTES);
    set64(EDU_GO, EDU_TO_MEMORY);
}

static void tell_page(void)
{
    char text[] = "the page is at 0x00000000";

    for (unsigned i = 0; i < 8; i++)
        text[sizeof(text) - 2 - i] = "0123456789abcdef"[the_page >> 4 * i & 15];
    quirk_say(text);
}

static void device_writes(void)
{
    for (uint32_t device = 0; device < 32 && !the_registers; device++) {
        if (config_read(device, 0) != EDU_ID)
            continue;
        the_registers = (volatile char *)(uintptr_t)(config_read(device, BAR_0) & ~15u);
        uint32_t command = config_read(device, COMMAND);
        cpu_outl(CONFIG_DATA, (command & 0xffff) | COMMAND_ON);
    }
    if (!the_registers || EFI_ERROR(the_quirk.real.AllocatePages(
                              AllocateMaxAddress, EfiReservedMemoryType, 1, &the_page))) {
        quirk_fault("this quirk needs the device edu, and a page");
        return;
    }
    memset((void *)the_page, FILLING, PAGE_SIZE);
    tell_page();
    quirk_after_exit(start);
}

const struct quirk_entry quirk_device_entries[] = {
    {"device-writes", device_writes},
    {NULL, NULL},
};
