/* SPDX-License-Identifier: MIT */
/*
 * Keys by the firmware's ConIn, which knows every keyboard that the firmware does.
 *
 * ConIn is asked again and again with Stall between, not by an event: WaitForEvent has no time
 * limit of its own, and a timer event is one more thing that firmware can get wrong.
 *
 * After ExitBootServices was tried there is neither. What is left are ports: the real-time clock
 * for the time, the keyboard's controller for a key. Both may be absent, so polls are counted, too.
 */
#include "efi-loader/keys.h"
#include "efi-loader/cpu.h"
#include "shared/exitcode.h"

#define STEP_MS  20
#define KEYS_MAX 32 /* dropped at most: some firmware repeats a held key for ever */

#define RTC_INDEX       0x70
#define RTC_DATA        0x71
#define RTC_SECONDS     0x00
#define RTC_STATUS_A    0x0a
#define RTC_UPDATE      0x80 /* its registers are changing */
#define KEYBOARD_DATA   0x60
#define KEYBOARD_STATUS 0x64
#define KEYBOARD_OUTPUT 0x01
#define KEYBOARD_MOUSE  0x20
#define SCAN_RELEASED   0x80
#define POLLS_A_SECOND  1000000 /* of ports, a microsecond each at least */

static SIMPLE_INPUT_INTERFACE *input;
static EFI_BOOT_SERVICES *services;

void keys_init(EFI_SYSTEM_TABLE *st)
{
    input = st->ConIn;
    services = st->BootServices;
}

bool keys_attended(void)
{
    return !cpu_has_debug_exit();
}

static int key_read(void)
{
    EFI_INPUT_KEY key;

    if (!input || EFI_ERROR(input->ReadKeyStroke(input, &key)))
        return KEYS_NONE;
    if (key.UnicodeChar == 0 || key.UnicodeChar > 0x7e)
        return KEYS_OTHER;
    return key.UnicodeChar >= 'A' && key.UnicodeChar <= 'Z' ? key.UnicodeChar + ('a' - 'A')
                                                            : key.UnicodeChar;
}

int keys_wait(unsigned milliseconds)
{
    int key = key_read();

    for (unsigned passed = 0; key == KEYS_NONE && passed < milliseconds; passed += STEP_MS) {
        services->Stall(STEP_MS * 1000);
        key = key_read();
    }
    return key;
}

void keys_drop(void)
{
    for (unsigned i = 0; i < KEYS_MAX && key_read() != KEYS_NONE; i++)
        ;
}

static uint8_t rtc_read(uint8_t index)
{
    cpu_outb(RTC_INDEX, index);
    return cpu_inb(RTC_DATA);
}

/* A press and not a release: that of the key that started this boot may still come. */
static bool press_came(void)
{
    uint8_t status = cpu_inb(KEYBOARD_STATUS);

    if (status == 0xff || !(status & KEYBOARD_OUTPUT))
        return false;
    return !(cpu_inb(KEYBOARD_DATA) & SCAN_RELEASED) && !(status & KEYBOARD_MOUSE);
}

void keys_wait_alone(unsigned seconds)
{
    uint8_t last = rtc_read(RTC_SECONDS);
    unsigned changes = 0;

    for (uint64_t polls = 0; polls < seconds * (uint64_t)POLLS_A_SECOND; polls++) {
        if (press_came())
            return;
        if (rtc_read(RTC_STATUS_A) & RTC_UPDATE)
            continue;
        uint8_t now = rtc_read(RTC_SECONDS);
        if (now != last && ++changes >= seconds)
            return;
        last = now;
    }
}
