/* SPDX-License-Identifier: MIT */
/*
 * \EFI\BOOT\BOOTIA32.EFI: tells that this firmware is of the wrong kind.
 *
 * Firmware of 32 bits looks for this file and no other; without it such a machine says "no bootable
 * device", and the stick is blamed. The sentence stays until a key or for 30 s, because firmware
 * clears the screen before it tries what is next in its boot order.
 *
 * Rule:    a program of its own, of one file: the loader's other files are for 64 bits.
 */
#include <efi.h>

#define STAY_SECONDS 30
#define SECOND       10000000ULL /* in the 100 ns of SetTimer */

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

/* OutputString takes what it prints for writable: static, and not a string literal. */
static CHAR16 the_sentence[] =
    u"firstlight: refused: firmware: has 32 bits, and a 64-bit UEFI firmware is needed: take "
    u"another PC (nearly all made since 2012 have it; small tablets with an Intel Atom and the "
    u"first Intel Macs have not)\r\n";

/* A key that was pressed earlier, to choose the stick, does not count. Without a timer the sentence
 * stays until a key; without a working keyboard, for the time. */
static void wait_for_key(EFI_BOOT_SERVICES *bs, SIMPLE_INPUT_INTERFACE *keyboard)
{
    EFI_EVENT events[2];
    EFI_INPUT_KEY key;
    UINTN count = 0, which;

    if (!EFI_ERROR(bs->CreateEvent(EVT_TIMER, 0, NULL, NULL, &events[0])) &&
        !EFI_ERROR(bs->SetTimer(events[0], TimerRelative, STAY_SECONDS * SECOND)))
        count = 1;
    if (keyboard && !EFI_ERROR(keyboard->Reset(keyboard, FALSE)))
        events[count++] = keyboard->WaitForKey;
    if (count == 0)
        return;
    /* The key is taken, or the firmware's menu would act on it. */
    if (!EFI_ERROR(bs->WaitForEvent(count, events, &which)) && keyboard &&
        events[which] == keyboard->WaitForKey)
        keyboard->ReadKeyStroke(keyboard, &key);
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    (void)image;
    if (st->ConOut)
        st->ConOut->OutputString(st->ConOut, the_sentence);
    wait_for_key(st->BootServices, st->ConIn);
    return EFI_UNSUPPORTED;
}
