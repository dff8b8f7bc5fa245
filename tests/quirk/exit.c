/* SPDX-License-Identifier: MIT */
/* Firmware whose ExitBootServices fails, and that breaks when anything else is called then. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"

#define RFLAGS_IF 0x200

static unsigned the_failures; /* attempts that still have to fail */
static unsigned the_attempts;
static bool the_map_was_read; /* since the last attempt */
static void (*the_hook)(void);
static void (*the_last_hook)(void);

void quirk_before_exit(void (*hook)(void))
{
    the_hook = hook;
}

void quirk_after_exit(void (*hook)(void))
{
    the_last_hook = hook;
}

void quirk_fail_exits(unsigned n)
{
    the_failures = n;
}

static EFI_STATUS EFIAPI forbidden(void)
{
    quirk_fault("a boot service was called after ExitBootServices had failed");
    for (;;)
        __builtin_ia32_pause();
}

/* Half of the firmware is gone: every service but the two that may still be called is a trap. */
static void set_traps(void)
{
    EFI_GET_MEMORY_MAP get_map = the_quirk.bs->GetMemoryMap;
    EFI_EXIT_BOOT_SERVICES leave = the_quirk.bs->ExitBootServices;
    EFI_STATUS(EFIAPI * trap)(void) = forbidden;
    char *table = (char *)the_quirk.bs;

    for (size_t at = offsetof(EFI_BOOT_SERVICES, RaiseTPL); at < sizeof(EFI_BOOT_SERVICES);
         at += sizeof(trap))
        memcpy(table + at, &trap, sizeof(trap));
    the_quirk.bs->GetMemoryMap = get_map;
    the_quirk.bs->ExitBootServices = leave;
}

static EFI_RESET_SYSTEM the_real_reset;

/* When boot services end, and when the machine is reset, the firmware's own drivers are told and
 * do their last work by the tables as they were. Nor may the kernel find our code in a table. */
static void restore_firmware(void)
{
    *the_quirk.bs = the_quirk.real;
    the_quirk.st->RuntimeServices->ResetSystem = the_real_reset;
}

/* The firmware itself refuses a key that never was, and has stopped its timer before it looked at
 * the key (UEFI 2.10, 7.4.6): with the timer going, the firmware's own events walk into the traps.
 */
static EFI_STATUS fail(EFI_HANDLE image, UINTN key)
{
    EFI_BOOT_SERVICES services = *the_quirk.bs;
    EFI_RESET_SYSTEM reset = the_quirk.st->RuntimeServices->ResetSystem;
    EFI_STATUS status;

    restore_firmware();
    status = the_quirk.real.ExitBootServices(image, ~key);
    *the_quirk.bs = services;
    the_quirk.st->RuntimeServices->ResetSystem = reset;
    set_traps();
    return status;
}

/* As the firmware started the loader, and as events that the exit signals need it. */
static void check_level(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
    if (!(flags & RFLAGS_IF))
        quirk_fault("ExitBootServices with interrupts off");
    EFI_TPL level = the_quirk.real.RaiseTPL(TPL_HIGH_LEVEL);
    the_quirk.real.RestoreTPL(level);
    if (level != TPL_APPLICATION)
        quirk_fault("ExitBootServices at a raised task priority");
}

static EFI_STATUS EFIAPI exit_boot_services(EFI_HANDLE image, UINTN key)
{
    if (!the_attempts)
        check_level();
    if (the_attempts++ && !the_map_was_read)
        quirk_fault("ExitBootServices again, without a new memory map");
    the_map_was_read = false;
    if (the_failures) {
        if (the_failures != ~0u)
            the_failures--;
        return fail(image, key);
    }
    restore_firmware();
    EFI_STATUS status;
    if (the_hook)
        the_hook();
    status = the_quirk.real.ExitBootServices(image, key);
    if (!EFI_ERROR(status) && the_last_hook)
        the_last_hook();
    return status;
}

static EFI_STATUS EFIAPI get_memory_map(UINTN *nbytes, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                        UINTN *desc_size, UINT32 *version)
{
    the_map_was_read = true;
    return the_quirk.real.GetMemoryMap(nbytes, map, key, desc_size, version);
}

static bool the_reset_is_deaf;

static EFI_STATUS EFIAPI reset_system(EFI_RESET_TYPE how, EFI_STATUS status, UINTN nbytes,
                                      CHAR16 *text)
{
    if (the_reset_is_deaf)
        return EFI_UNSUPPORTED;
    restore_firmware();
    return the_real_reset(how, status, nbytes, text);
}

void quirk_install_exit(void)
{
    the_real_reset = the_quirk.st->RuntimeServices->ResetSystem;
    the_quirk.st->RuntimeServices->ResetSystem = reset_system;
    the_quirk.bs->ExitBootServices = exit_boot_services;
    the_quirk.bs->GetMemoryMap = get_memory_map;
}

static void no_quirk(void)
{
}

static void stale_once(void)
{
    quirk_fail_exits(1);
}

static void stale_twice(void)
{
    quirk_fail_exits(2);
}

static void stale_always(void)
{
    quirk_fail_exits(~0u);
}

/* Each look at the map makes it longer by GROWTH descriptors: pages taken one by one, every second
 * one given back. */
static EFI_STATUS EFIAPI growing_memory_map(UINTN *nbytes, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                            UINTN *desc_size, UINT32 *version)
{
    enum { GROWTH = 4 };
    EFI_PHYSICAL_ADDRESS pages;

    if (map && !EFI_ERROR(the_quirk.real.AllocatePages(AllocateAnyPages, EfiBootServicesData,
                                                       2 * GROWTH, &pages))) {
        for (unsigned i = 0; i < GROWTH; i++)
            the_quirk.real.FreePages(pages + (2 * i + 1) * EFI_PAGE_SIZE, 1);
    }
    return get_memory_map(nbytes, map, key, desc_size, version);
}

static void map_grows(void)
{
    the_quirk.bs->GetMemoryMap = growing_memory_map;
    quirk_fail_exits(2);
}

/* What is left is the chipset's register. */
static void reset_returns(void)
{
    the_reset_is_deaf = true;
    stale_always();
}

const struct quirk_entry quirk_exit_entries[] = {
    {"none", no_quirk},
    {"exit-stale-once", stale_once},
    {"exit-stale-twice", stale_twice},
    {"exit-stale-always", stale_always},
    {"map-grows", map_grows},
    {"reset-returns", reset_returns},
    {NULL, NULL},
};
