/* SPDX-License-Identifier: MIT */
/* Firmware that keeps writable and executable memory apart, and has the protocol to say so. */
#include "tests/quirk/quirk.h"

#include "efi-loader/cpu.h"
#include "shared/addrmap.h"

static EFI_PHYSICAL_ADDRESS the_executable; /* page that the loader has made executable */
static UINT64 the_executable_bytes;
static bool the_refusal;

/* Everything is writable and not executable until somebody asks for something else. */
static EFI_STATUS EFIAPI get(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                             UINT64 length, UINT64 *out)
{
    (void)self;
    bool executable =
        base >= the_executable && base + length <= the_executable + the_executable_bytes;
    *out = executable ? EFI_MEMORY_RO : EFI_MEMORY_XP;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                             UINT64 length, UINT64 bits)
{
    (void)self;
    (void)base;
    (void)length;
    (void)bits;
    return the_refusal ? EFI_ACCESS_DENIED : EFI_SUCCESS;
}

static EFI_STATUS EFIAPI clear(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                               UINT64 length, UINT64 bits)
{
    (void)self;
    if (the_refusal)
        return EFI_ACCESS_DENIED;
    if (bits & EFI_MEMORY_RO)
        quirk_fault("memory made writable");
    if ((base | length) & (PAGE_SIZE - 1))
        quirk_fault("attributes of something other than whole pages");
    if (bits & EFI_MEMORY_XP) {
        the_executable = base;
        the_executable_bytes = length;
        quirk_say("execute permission asked for");
    }
    return EFI_SUCCESS;
}

static struct efi_memory_attribute the_protocol = {get, set, clear};

static void check_executable(void)
{
    if (the_executable_bytes == 0)
        quirk_fault("boot services left without executable jump code");
}

static void install(void)
{
    static EFI_GUID guid = EFI_MEMORY_ATTRIBUTE_PROTOCOL_GUID;

    if (EFI_ERROR(the_quirk.real.InstallProtocolInterface(&the_quirk.self, &guid,
                                                          EFI_NATIVE_INTERFACE, &the_protocol)))
        quirk_fault("the protocol cannot be installed");
    quirk_before_exit(check_executable);
}

static void install_refusing(void)
{
    the_refusal = true;
    install();
}

/* Memory of another type, says UEFI 2.10, 37.1: then nothing is known, and nothing can be asked. */
static EFI_STATUS EFIAPI get_nothing(struct efi_memory_attribute *self, EFI_PHYSICAL_ADDRESS base,
                                     UINT64 length, UINT64 *out)
{
    (void)self;
    (void)base;
    (void)length;
    *out = EFI_MEMORY_XP;
    return EFI_NO_MAPPING;
}

static void install_unknown(void)
{
    the_protocol.get = get_nothing;
    the_refusal = true;
    the_executable_bytes = 1;
    install();
}

const struct quirk_entry quirk_attribute_entries[] = {
    {"memory-attributes", install},
    {"memory-attributes-refused", install_refusing},
    {"memory-attributes-unknown", install_unknown},
    {NULL, NULL},
};
