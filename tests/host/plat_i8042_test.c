/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_i8042_test.c - the keyboard controller, against an 8042 that may be anything
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/acpi.h"
#include "kernel/plat/i8042.h"
#include "shared/linux/errno.h"

static struct {
    bool stuck;  /* never takes a byte */
    bool silent; /* never answers */
    bool keyboard;
    uint8_t config;
    uint8_t command; /* that waits for its data */
    uint8_t queue[32];
    bool from_mouse[32];
    unsigned head, tail;
    unsigned npolls;
} chip;

static struct acpi_info the_info;

static void answer(uint8_t byte, bool mouse)
{
    if (chip.silent)
        return;
    chip.from_mouse[chip.tail % 32] = mouse;
    chip.queue[chip.tail++ % 32] = byte;
}

static uint32_t chip_in(uint16_t port, unsigned nbytes)
{
    assert_int_equal(nbytes, 1);
    chip.npolls++;
    if (port == 0x64)
        return (chip.stuck ? 2u : 0u) | (chip.head != chip.tail ? 1u : 0u) |
               (chip.head != chip.tail && chip.from_mouse[chip.head % 32] ? 0x20u : 0u);
    assert_int_equal(port, 0x60);
    return chip.head != chip.tail ? chip.queue[chip.head++ % 32] : 0;
}

static void chip_out(uint16_t port, unsigned nbytes, uint32_t value)
{
    assert_int_equal(nbytes, 1);
    assert_false(chip.stuck); /* or the byte would be lost */
    if (port == 0x64) {
        chip.command = (uint8_t)value;
        if (value == 0x20)
            answer(chip.config, false);
        if (value == 0xad)
            chip.config |= 0x10;
        if (value == 0xae)
            chip.config &= (uint8_t)~0x10;
        if (value == 0xa7)
            chip.config |= 0x20;
        return;
    }
    assert_int_equal(port, 0x60);
    if (chip.command == 0x60)
        chip.config = (uint8_t)value;
    else if (value == 0xf4 && chip.keyboard)
        answer(0xfa, false);
    chip.command = 0;
}

static int chip_make(void **state)
{
    plat_fake_reset(state);
    memset(&chip, 0, sizeof(chip));
    memset(&the_info, 0, sizeof(the_info));
    the_info.fadt = true;
    the_info.has_8042 = true;
    chip.keyboard = true;
    chip.config = 0x43; /* as firmware leaves it: translated, both interrupts */
    plat_fake.in = chip_in;
    plat_fake.out = chip_out;
    return 0;
}

static void test_keyboard_alone_is_on(void **state)
{
    (void)state;
    answer(0x1e, false); /* a key from before, which must not be taken for the configuration */
    answer(0x08, true);
    assert_int_equal(i8042_init(&the_info), 0);
    assert_int_equal(chip.config, 0x61);
    assert_true(plat_fake_logged("translation kept, keyboard answers"));
}

static void test_translation_is_switched_on(void **state)
{
    (void)state;
    chip.config = 0x30;
    assert_int_equal(i8042_init(&the_info), 0);
    assert_int_equal(chip.config, 0x61);
    assert_true(plat_fake_logged("translation switched on"));
}

static void test_no_keyboard_is_no_error(void **state)
{
    (void)state;
    chip.keyboard = false;
    assert_int_equal(i8042_init(&the_info), 0);
    assert_true(plat_fake_logged("no keyboard answers"));
    assert_true(chip.npolls < 200000);
}

static void test_missing(void **state)
{
    (void)state;
    the_info.has_8042 = false; /* the table says so: no port is touched */
    assert_int_equal(i8042_init(&the_info), -ENODEV);
    assert_int_equal(chip.npolls, 0);
    assert_true(plat_fake_logged("no controller"));

    chip_make(state);
    plat_fake.in = NULL; /* all ones */
    assert_int_equal(i8042_init(&the_info), -ENODEV);
    assert_true(plat_fake_logged("no controller"));
}

static void test_waits_are_bounded(void **state)
{
    (void)state;
    chip.stuck = true;
    assert_int_equal(i8042_init(&the_info), -ENODEV);
    assert_true(chip.npolls < 200000);
    assert_true(plat_fake_logged("does not answer"));

    chip_make(state);
    chip.silent = true;
    assert_int_equal(i8042_init(&the_info), -ENODEV);
    assert_true(chip.npolls < 200000);
}

static unsigned the_count;
static uint8_t the_bytes[64];

static void note(uint8_t byte)
{
    the_bytes[the_count++] = byte;
}

static void test_interrupt_takes_the_keyboards_bytes(void **state)
{
    (void)state;
    the_count = 0;
    answer(0x1e, false);
    answer(0x55, true);
    answer(0x9e, false);
    i8042_interrupt(note);
    assert_int_equal(the_count, 2);
    assert_int_equal(the_bytes[0], 0x1e);
    assert_int_equal(the_bytes[1], 0x9e);
    plat_fake.in = NULL; /* all ones: gone, and no endless row of bytes */
    i8042_interrupt(note);
    assert_int_equal(the_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keyboard_alone_is_on, chip_make),
        cmocka_unit_test_setup(test_translation_is_switched_on, chip_make),
        cmocka_unit_test_setup(test_no_keyboard_is_no_error, chip_make),
        cmocka_unit_test_setup(test_missing, chip_make),
        cmocka_unit_test_setup(test_waits_are_bounded, chip_make),
        cmocka_unit_test_setup(test_interrupt_takes_the_keyboards_bytes, chip_make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
