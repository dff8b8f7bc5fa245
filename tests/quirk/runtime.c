/* SPDX-License-Identifier: MIT */
/* Firmware whose runtime services fault, hang or refuse once the kernel calls them. Before that,
 * the loader and the firmware's own drivers use them as they are. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"
#include "tests/quirk/runtime_stubs.h"

static char *the_page;
static size_t the_service; /* offset in the table */
static const char *the_stub;

static void stub_set(const char *place, const void *value)
{
    memcpy(the_page + (place - stubs_begin), &value, sizeof(value));
}

/* The firmware is whole until here: only now does the table change. */
static void replace_service(void)
{
    char *slot = (char *)the_quirk.st->RuntimeServices + the_service;
    char *code = the_page + (the_stub - stubs_begin), *real;

    memcpy(&real, slot, sizeof(real));
    stub_set(stub_real, real);
    memcpy(slot, &code, sizeof(code));
}

/* Memory is taken now: at the exit the map must not change any more. */
static char *page_of_type(EFI_MEMORY_TYPE type)
{
    EFI_PHYSICAL_ADDRESS page;

    if (EFI_ERROR(the_quirk.real.AllocatePages(AllocateAnyPages, type, 1, &page))) {
        quirk_fault("no memory for a runtime service");
        return NULL;
    }
    return (char *)(UINTN)page;
}

/* The table was made before the stub's page was taken, and says that nothing is executable there.
 * Without it, code is. */
static void memory_attributes_hide(void)
{
    static const EFI_GUID guid = {
        0xdcfa911d, 0x26eb, 0x469f, {0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20}};

    for (UINTN i = 0; i < the_quirk.st->NumberOfTableEntries; i++) {
        EFI_GUID *found = &the_quirk.st->ConfigurationTable[i].VendorGuid;

        if (!memcmp(found, &guid, sizeof(guid)))
            memset(found, 0, sizeof(*found));
    }
}

static void install(size_t service, stub_code *stub)
{
    the_page = page_of_type(EfiRuntimeServicesCode);
    if (!the_page)
        return;
    memory_attributes_hide();
    memcpy(the_page, stubs_begin, (size_t)(stubs_end - stubs_begin));
    the_service = service;
    the_stub = (const char *)(UINTN)stub;
    quirk_before_exit(replace_service);
}

#define QUIRK(function, service, stub)                                                             \
    static void function(void)                                                                     \
    {                                                                                              \
        install(offsetof(EFI_RUNTIME_SERVICES, service), stub);                                    \
    }

QUIRK(undefined_instruction, SetVariable, stub_undefined_instruction)
QUIRK(null_pointer, SetVariable, stub_null_pointer)
QUIRK(jumps_away, QueryVariableInfo, stub_jumps_away)
QUIRK(uses_up_stack, SetVariable, stub_uses_up_stack)
QUIRK(hangs, SetVariable, stub_hangs)
QUIRK(hangs_without_interrupts, SetVariable, stub_hangs_without_interrupts)
QUIRK(time_faults, GetTime, stub_undefined_instruction)
QUIRK(reset_faults, ResetSystem, stub_null_pointer)
QUIRK(nearly_full, QueryVariableInfo, stub_nearly_full)
QUIRK(room_unknown, QueryVariableInfo, stub_fails)
QUIRK(refused, SetVariable, stub_fails)
QUIRK(second_refused, SetVariable, stub_second_fails)
QUIRK(boot_next_ignored, SetVariable, stub_boot_ignored)
QUIRK(names_repeat, GetNextVariableName, stub_name_repeats)
QUIRK(names_slow, GetNextVariableName, stub_name_slowly)
QUIRK(unwritten, GetVariable, stub_unwritten)
QUIRK(names_fault, GetNextVariableName, stub_jumps_away)
QUIRK(map_is_virtual, SetVirtualAddressMap, stub_undefined_instruction)
QUIRK(boot_current_missing, GetVariable, stub_fails)

/* Pages of boot services that the stub finds by their addresses. */
static void uses_boot_services(void)
{
    char *data = page_of_type(EfiBootServicesData), *code = page_of_type(EfiBootServicesCode);
    UINT32 mark = 0x5aa55aa5;

    if (!data || !code)
        return;
    memcpy(data, &mark, sizeof(mark));
    memcpy(code, stub_in_boot_code, (size_t)(stub_boot_data - stub_in_boot_code));
    install(offsetof(EFI_RUNTIME_SERVICES, SetVariable), stub_boot_services);
    if (!the_page)
        return;
    stub_set(stub_boot_data, data);
    stub_set(stub_boot_code, code);
}

const struct quirk_entry quirk_runtime_entries[] = {
    {"runtime-undefined", undefined_instruction},
    {"runtime-null", null_pointer},
    {"runtime-jumps-away", jumps_away},
    {"runtime-stack", uses_up_stack},
    {"runtime-hangs", hangs},
    {"runtime-hangs-alone", hangs_without_interrupts},
    {"runtime-boot-services", uses_boot_services},
    {"get-time-faults", time_faults},
    {"reset-faults", reset_faults},
    {"variables-nearly-full", nearly_full},
    {"variables-room-unknown", room_unknown},
    {"variables-refused", refused},
    {"variables-second-refused", second_refused},
    {"boot-next-ignored", boot_next_ignored},
    {"virtual-map", map_is_virtual},
    {"boot-current-missing", boot_current_missing},
    {"variable-names-repeat", names_repeat},
    {"variable-names-fault", names_fault},
    {"variable-names-slow", names_slow},
    {"variables-unwritten", unwritten},
    {NULL, NULL},
};
