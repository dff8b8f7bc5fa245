/* SPDX-License-Identifier: MIT */
/* Scan codes to keys, keys to text: every key of a keyboard, modifiers in any order, noise. */
#include "tests/host/check.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/lib/keyboard.h"

static struct keyboard the_keyboard;
static struct keymap the_map;

static int reset(void **state)
{
    (void)state;
    memset(&the_keyboard, 0, sizeof(the_keyboard));
    keymap_default(&the_map);
    return 0;
}

/* What these bytes from the keyboard type. */
static const char *typed(const char *bytes, size_t nbytes)
{
    static char text[256];
    size_t length = 0;

    for (size_t i = 0; i < nbytes; i++) {
        struct key_event event;

        if (keyboard_decode(&the_keyboard, (uint8_t)bytes[i], &event))
            length += keyboard_text(&the_keyboard, &the_map, &event, text + length);
        assert_true(length < sizeof(text) - KEYBOARD_TEXT_MAX);
    }
    text[length] = '\0';
    return text;
}
#define TYPED(bytes) typed(bytes, sizeof(bytes) - 1)

static void test_letters_and_releases(void **state)
{
    (void)state;
    assert_string_equal(TYPED("\x1e\x9e\x30\xb0\x1c\x9c"), "ab\r");
    assert_string_equal(TYPED("\x1e\x1e\x1e\x9e"), "aaa"); /* repeated while held */
    assert_string_equal(TYPED("\x9e\xb0"), "");
}

static void test_every_printable_character(void **state)
{
    (void)state;
    for (unsigned c = ' '; c < 0x7f; c++) {
        bool found = false;

        for (uint8_t key = 1; key < 0x59 && !found; key++)
            found = (the_map.levels[0][key] & ~KEYMAP_LETTER) == c ||
                    (the_map.levels[1][key] & ~KEYMAP_LETTER) == c;
        assert_true(found);
    }
}

static void test_shift_and_caps(void **state)
{
    (void)state;
    assert_string_equal(TYPED("\x2a\x1e\x9e\xaa\x1e\x9e"), "Aa");
    assert_string_equal(TYPED("\x36\x2a\xb6\x02\xaa\x02"), "!1"); /* one of two still held */
    assert_string_equal(TYPED("\x3a\xba\x1e\x02\x2a\x1e\x02\xaa"), "A1a!");
    assert_string_equal(TYPED("\x3a\x3a\xba\x1e"), "a"); /* off again, once only */
}

static void test_control_and_alt(void **state)
{
    (void)state;
    assert_string_equal(TYPED("\x1d\x2e\xae\x9d\x2e"), "\x03"
                                                       "c");
    assert_string_equal(TYPED("\xe0\x1d\x2c\xe0\x9d"), "\x1a"); /* the right one */
    assert_string_equal(TYPED("\x1d\x1b\x9d"), "\x1d");
    assert_string_equal(TYPED("\x38\x30\xb8\x30"), "\033bb");
    assert_string_equal(TYPED("\x1d\x1c\x02\x9d"), "\r1"); /* has no control character */
    assert_int_equal(typed("\x1d\x39", 2)[0], '\0');
}

static void test_sequences(void **state)
{
    (void)state;
    assert_string_equal(TYPED("\xe0\x48\xe0\xc8"), "\033[A");
    assert_string_equal(TYPED("\xe0\x2a\xe0\x53\xe0\xd3\xe0\xaa"), "\033[3~"); /* a false Shift */
    assert_string_equal(TYPED("\x3b\xbb\x58\xd8"), "\033[[A\033[24~");
    assert_string_equal(TYPED("\x48\xc8\x53\xe0\x35\xe0\x1c"), "8./\r"); /* the keypad */
    /* Pause, which has no release, then a letter. */
    assert_string_equal(TYPED("\xe1\x1d\x45\xe1\x9d\xc5\x1e"), "a");
    for (unsigned i = 0; i < 6; i++) {
        struct key_event event;

        assert_false(
            keyboard_decode(&the_keyboard, (uint8_t) "\xe1\x1d\x45\xe1\x9d\xc5"[i], &event));
    }
}

static void test_modifiers_are_told(void **state)
{
    (void)state;
    assert_true(keyboard_is_modifier(42) && keyboard_is_modifier(58) && keyboard_is_modifier(100));
    assert_false(keyboard_is_modifier(30) || keyboard_is_modifier(57));
}

static void test_levels_of_a_layout(void **state)
{
    (void)state;
    the_map.levels[0][26] = 0xfc | KEYMAP_LETTER;
    the_map.levels[1][26] = 0xdc | KEYMAP_LETTER;
    the_map.levels[2][18] = 0x20ac;
    the_map.levels[2][16] = '@';
    assert_string_equal(TYPED("\x1a\x2a\x1a\xaa"), "\u00fc\u00dc");
    assert_string_equal(TYPED("\xe0\x38\x12\x10\xe0\xb8\x12"), "\u20ac@e");
    assert_string_equal(TYPED("\x3a\xba\x1a"), "\u00dc");
    assert_string_equal(TYPED("\xe0\x38\x13\x93\xe0\xb8"), ""); /* nothing on that level */
}

/* Bytes of every kind: no event out of range, no text too long, and the next key is whole again. */
static void test_noise(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 200000; i++) {
        struct key_event event = {0};
        char text[KEYBOARD_TEXT_MAX];

        if (!keyboard_decode(&the_keyboard, (uint8_t)rand(), &event))
            continue;
        assert_in_range(event.key, 1, KEYMAP_KEYS - 1);
        assert_true(keyboard_text(&the_keyboard, &the_map, &event, text) <= KEYBOARD_TEXT_MAX);
    }
    TYPED("\x9e\x9e\xaa\xb6\x9d\xe0\x9d\xb8\xe0\xb8");
    the_keyboard.caps = false;
    assert_string_equal(TYPED("\x1e"), "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_letters_and_releases, reset),
        cmocka_unit_test_setup(test_every_printable_character, reset),
        cmocka_unit_test_setup(test_shift_and_caps, reset),
        cmocka_unit_test_setup(test_control_and_alt, reset),
        cmocka_unit_test_setup(test_sequences, reset),
        cmocka_unit_test_setup(test_modifiers_are_told, reset),
        cmocka_unit_test_setup(test_levels_of_a_layout, reset),
        cmocka_unit_test_setup(test_noise, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
