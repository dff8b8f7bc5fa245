/* SPDX-License-Identifier: MIT */
/* The last words: drawn within the screen, readable, whatever its size. */
#include "tests/host/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "efi-loader/screen.h"

/* Every glyph is its character's code in the first row, so that a picture can be read back. */
const uint8_t screen_font[SCREEN_FONT_COUNT][SCREEN_FONT_HEIGHT] = {
    ['A' - 32] = {'A'}, ['B' - 32] = {'B'}, ['?' - 32] = {'?'}};

static uint32_t *pixels;
static struct bootinfo_framebuffer fb;

/* Exactly as many pixels as there are, with rows longer than the screen is wide. */
static void make(uint32_t width, uint32_t height)
{
    uint32_t stride = width + 24;

    free(pixels);
    pixels = malloc((size_t)stride * height * 4);
    memset(pixels, 0x55, (size_t)stride * height * 4);
    fb = (struct bootinfo_framebuffer){.format = BOOTINFO_PIXEL_BGRX,
                                       .base = (uintptr_t)pixels,
                                       .width = width,
                                       .height = height,
                                       .pixels_per_line = stride,
                                       .red_mask = 0xff0000,
                                       .green_mask = 0xff00,
                                       .blue_mask = 0xff};
    screen_init(&fb);
}

/* The character whose code is in the first row of that cell. */
static int at(uint32_t column, uint32_t line, uint32_t scale)
{
    const uint32_t *row = pixels + (size_t)line * 16 * scale * fb.pixels_per_line;
    int code = 0;

    for (uint32_t x = 0; x < 8; x++) {
        uint32_t pixel = row[(column * 8 + x) * scale];

        assert_true(pixel == 0 || pixel == 0xffffff);
        code = code << 1 | (pixel != 0);
    }
    return code;
}

static void letters(void **state)
{
    (void)state;
    make(640, 480);
    screen_line("AB\x80", 3);
    screen_line("B", 1);
    assert_int_equal(at(1, 1, 1), 'A');
    assert_int_equal(at(2, 1, 1), 'B');
    assert_int_equal(at(3, 1, 1), '?');
    assert_int_equal(at(1, 2, 1), 'B');
    assert_int_equal(at(78, 2, 1), 0); /* the rest of the line is covered */
    assert_int_equal(pixels[0], 0x55555555);
}

static void large_letters_on_a_large_screen(void **state)
{
    (void)state;
    make(3840, 2160);
    screen_line("A", 1);
    assert_int_equal(at(1, 1, 6), 'A');
}

static void long_lines_are_broken(void **state)
{
    char text[100];

    (void)state;
    memset(text, 'A', sizeof(text));
    make(640, 480);
    screen_line(text, sizeof(text));
    assert_int_equal(at(78, 1, 1), 'A');
    assert_int_equal(at(22, 2, 1), 'A');
    assert_int_equal(at(23, 2, 1), 0);
}

/* More lines than fit, and screens of any size: the sanitizer watches over the borders. */
static void small_screens(void **state)
{
    static const uint32_t sides[] = {64, 65, 100, 800, 1366};
    char text[300];

    (void)state;
    memset(text, 'B', sizeof(text));
    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sides); j++) {
            make(sides[i], sides[j]);
            for (unsigned n = 0; n < 100; n++)
                screen_line(text, sizeof(text));
        }
    }
}

static void no_screen(void **state)
{
    (void)state;
    fb = (struct bootinfo_framebuffer){.format = BOOTINFO_PIXEL_NONE};
    screen_init(&fb);
    screen_line("A", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters),
        cmocka_unit_test(large_letters_on_a_large_screen),
        cmocka_unit_test(long_lines_are_broken),
        cmocka_unit_test(small_screens),
        cmocka_unit_test(no_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
