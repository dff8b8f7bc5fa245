/* SPDX-License-Identifier: MIT */
/* Firmware that shows nothing on the serial line, and does not even drive it. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"

static SIMPLE_TEXT_OUTPUT_INTERFACE the_screen; /* of which nobody sees anything here */

static EFI_STATUS EFIAPI swallow(SIMPLE_TEXT_OUTPUT_INTERFACE *self, CHAR16 *text)
{
    (void)self;
    (void)text;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key,
                                        UINTN *count, EFI_HANDLE **out)
{
    static const EFI_GUID tag = EFI_CONSOLE_OUT_DEVICE_GUID;

    if (quirk_is_loader(__builtin_return_address(0)) && guid &&
        memcmp(guid, &tag, sizeof(tag)) == 0)
        return EFI_NOT_FOUND;
    return the_quirk.real.LocateHandleBuffer(how, guid, key, count, out);
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *key, void **out)
{
    static const EFI_GUID serial = EFI_SERIAL_IO_PROTOCOL_GUID;

    if (quirk_is_loader(__builtin_return_address(0)) && memcmp(guid, &serial, sizeof(serial)) == 0)
        return EFI_NOT_FOUND;
    return the_quirk.real.LocateProtocol(guid, key, out);
}

static void serial_by_hand(void)
{
    the_quirk.bs->LocateHandleBuffer = locate_handles;
    the_quirk.bs->LocateProtocol = locate_protocol;
    the_screen = *the_quirk.st->ConOut;
    the_screen.OutputString = swallow;
    the_quirk.st->ConOut = &the_screen;
}

const struct quirk_entry quirk_serial_entries[] = {
    {"serial-by-hand", serial_by_hand},
    {NULL, NULL},
};
