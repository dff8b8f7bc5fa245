/* SPDX-License-Identifier: MIT */
/* Keys of the firmware's console and of the controller: what they give, and how long is waited. */
#include "tests/host/loader_fake.h"

#include <string.h>

#include "efi-loader/cpu.h"
#include "efi-loader/keys.h"

static struct {
    bool exit_device;
    const CHAR16 *typed;
    bool broken;
    unsigned long stalled_us;
    unsigned polls, seconds_from;
    uint8_t rtc_index;
    bool no_clock;
    int scan_code; /* -1: none waits */
} the_machine;

bool cpu_has_debug_exit(void)
{
    return the_machine.exit_device;
}

void cpu_outb(uint16_t port, uint8_t value)
{
    assert_int_equal(port, 0x70);
    the_machine.rtc_index = value;
}

/* A second is a thousand polls. */
uint8_t cpu_inb(uint16_t port)
{
    the_machine.polls++;
    if (port == 0x64)
        return the_machine.scan_code >= 0 ? 0x01 : 0;
    if (port == 0x60) {
        uint8_t code = (uint8_t)the_machine.scan_code;

        the_machine.scan_code = -1;
        return code;
    }
    assert_int_equal(port, 0x71);
    if (the_machine.no_clock)
        return 0xff;
    return the_machine.rtc_index == 0x0a ? 0x26 : (uint8_t)(the_machine.polls / 1000 % 60);
}

static EFI_STATUS EFIAPI read_key(SIMPLE_INPUT_INTERFACE *self, EFI_INPUT_KEY *key)
{
    (void)self;
    *key = (EFI_INPUT_KEY){0};
    if (the_machine.broken)
        return EFI_DEVICE_ERROR;
    if (!the_machine.typed || !*the_machine.typed)
        return EFI_NOT_READY;
    key->UnicodeChar = *the_machine.typed++;
    if (key->UnicodeChar == 0xffff) /* an arrow */
        *key = (EFI_INPUT_KEY){.ScanCode = 1};
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI stall(UINTN microseconds)
{
    the_machine.stalled_us += microseconds;
    return EFI_SUCCESS;
}

static SIMPLE_INPUT_INTERFACE the_input;

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memset(&the_machine, 0, sizeof(the_machine));
    the_machine.scan_code = -1;
    the_input.ReadKeyStroke = read_key;
    the_fake.st.ConIn = &the_input;
    the_fake.bs.Stall = stall;
    keys_init(&the_fake.st);
    return 0;
}

static void who_is_there(void **state)
{
    (void)state;
    assert_true(keys_attended());
    the_machine.exit_device = true; /* which an emulator has for a harness */
    assert_false(keys_attended());
}

static void letters(void **state)
{
    static const CHAR16 typed[] = {'P', 's', '\r', 27, 0xe9, 0xffff, '7', 0};
    static const int expected[] = {'p', 's', '\r', 27, KEYS_OTHER, KEYS_OTHER, '7', KEYS_NONE};

    (void)state;
    the_machine.typed = typed;
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(keys_wait(0), expected[i]);
}

static void time_passes(void **state)
{
    (void)state;
    assert_int_equal(keys_wait(3000), KEYS_NONE);
    assert_int_equal(the_machine.stalled_us, 3000000);
    the_machine.broken = true;
    assert_int_equal(keys_wait(100), KEYS_NONE);
    the_fake.st.ConIn = NULL; /* no console for input */
    keys_init(&the_fake.st);
    assert_int_equal(keys_wait(100), KEYS_NONE);
}

static void dropped(void **state)
{
    static CHAR16 typed[1000];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(typed) - 1; i++)
        typed[i] = 'x';
    the_machine.typed = u"abc";
    keys_drop();
    assert_int_equal(keys_wait(0), KEYS_NONE);
    the_machine.typed = typed; /* a key that is held for ever */
    keys_drop();
    assert_int_equal(keys_wait(0), 'x');
}

static void alone_by_the_clock(void **state)
{
    (void)state;
    keys_wait_alone(30);
    assert_in_range(the_machine.polls, 29000, 31000);
}

static void alone_without_a_clock(void **state)
{
    (void)state;
    the_machine.no_clock = true;
    keys_wait_alone(1);
    assert_in_range(the_machine.polls, 1000000, 10000000);
}

static void alone_until_a_key(void **state)
{
    (void)state;
    the_machine.scan_code = 0x9c; /* a release ends nothing */
    keys_wait_alone(1);
    assert_true(the_machine.polls > 900);
    the_machine.polls = 0;
    the_machine.scan_code = 0x1c;
    keys_wait_alone(30);
    assert_true(the_machine.polls < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_is_there, set_up),
        cmocka_unit_test_setup(letters, set_up),
        cmocka_unit_test_setup(time_passes, set_up),
        cmocka_unit_test_setup(dropped, set_up),
        cmocka_unit_test_setup(alone_by_the_clock, set_up),
        cmocka_unit_test_setup(alone_without_a_clock, set_up),
        cmocka_unit_test_setup(alone_until_a_key, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
