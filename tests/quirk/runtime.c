/* SPDX-License-Identifier: MIT */
/* Firmware whose runtime services fault, hang or refuse once the kernel calls them. Before that,
 * the loader and the firmware's own drivers use them as they are. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"
#include "tests/quirk/runtime_stubs.h"

static char *the_page;
static size_t the_service; /* offset in the table */
static const char *the_stub;

/* The firmware is whole until here: only now does the table change. */
static void replace_service(void)
{
    char *slot = (char *)the_quirk.st->RuntimeServices + the_service;
    char *code = the_page + (the_stub - stubs_begin);

    memcpy(the_page + (stub_real - stubs_begin), slot, sizeof(code));
    memcpy(slot, &code, sizeof(code));
}

/* Memory is taken now: at the exit the map must not change any more. */
static void install(size_t service, stub_code *stub)
{
    EFI_PHYSICAL_ADDRESS page;

    if (EFI_ERROR(
            the_quirk.real.AllocatePages(AllocateAnyPages, EfiRuntimeServicesCode, 1, &page))) {
        quirk_fault("no memory for a runtime service");
        return;
    }
    the_page = (char *)(UINTN)page;
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
QUIRK(boot_current_missing, GetVariable, stub_fails)

const struct quirk_entry quirk_runtime_entries[] = {
    {"runtime-undefined", undefined_instruction},
    {"runtime-null", null_pointer},
    {"runtime-jumps-away", jumps_away},
    {"runtime-stack", uses_up_stack},
    {"runtime-hangs", hangs},
    {"runtime-hangs-alone", hangs_without_interrupts},
    {"get-time-faults", time_faults},
    {"reset-faults", reset_faults},
    {"variables-nearly-full", nearly_full},
    {"variables-room-unknown", room_unknown},
    {"variables-refused", refused},
    {"variables-second-refused", second_refused},
    {"boot-next-ignored", boot_next_ignored},
    {"boot-current-missing", boot_current_missing},
    {NULL, NULL},
};
