/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_escape_test.c - escape sequences, by what the grid of cells holds afterwards
 *
 * A screen of 20 by 6 characters. The expected pictures are what Linux's console shows.
 */
#include "tests/host/plat_fake.h"

#include <stdlib.h>

#include "kernel/dev/fb/fbterm_internal.h"
#include "kernel/dev/fb/font.h"

#define COLUMNS 20
#define ROWS    6

static uint32_t video[COLUMNS * FONT_WIDTH * ROWS * FONT_HEIGHT];

static int start(void **state)
{
    const struct bootinfo_framebuffer screen = {
        .base = 0xc0000000,
        .size = sizeof(video),
        .width = COLUMNS * FONT_WIDTH,
        .height = ROWS * FONT_HEIGHT,
        .pixels_per_line = COLUMNS * FONT_WIDTH,
        .format = BOOTINFO_PIXEL_BGRX,
    };

    (void)state;
    return fbterm_init(&screen, video);
}

static void print(const char *text)
{
    fbterm_write(text, strlen(text));
}

static unsigned ink_at(unsigned row, unsigned column)
{
    return fbterm_row_cells(row)[column] >> CELL_INK_SHIFT & 15;
}

static unsigned ground_at(unsigned row, unsigned column)
{
    return fbterm_row_cells(row)[column] >> CELL_GROUND_SHIFT;
}

static void assert_row(unsigned row, const char *text)
{
    char found[COLUMNS + 1] = "";
    size_t end = COLUMNS;

    for (unsigned i = 0; i < COLUMNS; i++) {
        found[i] = '?';
        for (char c = ' '; c <= '~'; c++)
            if (fbterm_glyph_find((uint8_t)c) == (fbterm_row_cells(row)[i] & CELL_GLYPH_MASK))
                found[i] = c;
    }
    while (end && found[end - 1] == ' ')
        found[--end] = '\0';
    if (strcmp(found, text))
        fail_msg("row %u is '%s', not '%s'", row, found, text);
}

static void assert_rows(const char *const text[ROWS])
{
    for (unsigned row = 0; row < ROWS; row++)
        assert_row(row, text[row]);
}

/* Six rows of their own letter. */
static void fill(void)
{
    print("\033[2J\033[H");
    for (char c = 'a'; c < 'a' + ROWS; c++) {
        char line[] = {c, c, c, c, '\0'};

        print(line);
        print(c < 'a' + ROWS - 1 ? "\n" : "");
    }
}

static void movements(void **state)
{
    (void)state;
    print("\033[3;5HX\033[AY\033[2DZ\033[BW\033[10GV\033[6dU\033[FT\033[1ES");
    assert_rows((const char *const[]){"", "    ZY", "    XW   V", "", "T", "S         U"});
    /* Beyond the edges is at them. */
    print("\033[2J\033[99;99He\033[99A\rf\033[99Bg\033[99Dh\033[99Ci\033[Hj");
    assert_rows((const char *const[]){"j", "", "", "", "", "hg                 i"});
    print("\033[2J\033[H\033[5`x\033[2ay\033[3ez\033[2;2fw");
    assert_rows((const char *const[]){"    x  y", " w", "", "        z", "", ""});
}

static void erasing(void **state)
{
    (void)state;
    fill();
    print("\033[3;3H\033[K\033[4;3H\033[1K\033[5;2H\033[2K");
    assert_rows((const char *const[]){"aaaa", "bbbb", "cc", "   d", "", "ffff"});
    fill();
    print("\033[3;3H\033[J");
    assert_rows((const char *const[]){"aaaa", "bbbb", "cc", "", "", ""});
    fill();
    print("\033[3;3H\033[1J");
    assert_rows((const char *const[]){"", "", "   c", "dddd", "eeee", "ffff"});
    fill();
    print("\033[2;2H\033[2X\033[3;2H\033[2P\033[4;2H\033[2@xy");
    assert_rows((const char *const[]){"aaaa", "b  b", "cc", "dxyddd", "eeee", "ffff"});
    print("\033[4;18H\033[99@\033[4;1H\033[99P\033[3;1H\033[99X");
    assert_rows((const char *const[]){"aaaa", "b  b", "", "", "eeee", "ffff"});
}

static void lines_and_regions(void **state)
{
    (void)state;
    fill();
    print("\033[2;1H\033[2L");
    assert_rows((const char *const[]){"aaaa", "", "", "bbbb", "cccc", "dddd"});
    print("\033[1M");
    assert_rows((const char *const[]){"aaaa", "", "bbbb", "cccc", "dddd", ""});
    /* A region scrolls by itself: at its end, at its top, and by command. */
    fill();
    print("\033[2;4r\033[4;1H\nnew");
    assert_rows((const char *const[]){"aaaa", "cccc", "dddd", "new", "eeee", "ffff"});
    print("\033[2;1H\033Mtop");
    assert_rows((const char *const[]){"aaaa", "top", "cccc", "dddd", "eeee", "ffff"});
    print("\033[S");
    assert_rows((const char *const[]){"aaaa", "cccc", "dddd", "", "eeee", "ffff"});
    print("\033[2T");
    assert_rows((const char *const[]){"aaaa", "", "", "cccc", "eeee", "ffff"});
    /* Outside of it the last line stays where it is. */
    print("\033[6;1H\n\nx\033[99L");
    assert_rows((const char *const[]){"aaaa", "", "", "cccc", "eeee", "xfff"});
    print("\033[r\033[6;1H\ny");
    assert_rows((const char *const[]){"", "", "cccc", "eeee", "xfff", "y"});
    print("\033[99S");
    assert_rows((const char *const[]){"", "", "", "", "", ""});
    fill();
    print("\033[99T");
    assert_rows((const char *const[]){"", "", "", "", "", ""});
    /* Regions that are none are not taken. */
    fill();
    print("\033[4;4r\033[5;2r\033[6;1H\n");
    assert_rows((const char *const[]){"bbbb", "cccc", "dddd", "eeee", "ffff", ""});
}

static void colours(void **state)
{
    static const struct {
        const char *text;
        unsigned ink, ground;
    } rows[] = {
        {"\033[31mx", FBTERM_DARK_RED, 0},
        {"\033[1;31mx", FBTERM_RED, 0},
        {"\033[31;1;22mx", FBTERM_DARK_RED, 0},
        {"\033[1mx", FBTERM_WHITE, 0},
        {"\033[34;47mx", FBTERM_DARK_BLUE, 7},
        {"\033[92;104mx", FBTERM_GREEN, 4},
        {"\033[7mx", FBTERM_BLACK, 7},
        {"\033[7;32;44mx", FBTERM_DARK_BLUE, 2},
        {"\033[7;27mx", FBTERM_GREY, 0},
        {"\033[31;44m\033[39mx", FBTERM_GREY, 4},
        {"\033[31;44m\033[49mx", FBTERM_DARK_RED, 0},
        {"\033[31;44m\033[mx", FBTERM_GREY, 0},
        {"\033[31;0;32mx", FBTERM_DARK_GREEN, 0},
        {"\033[31;38;5;1mx", FBTERM_DARK_RED, 0},
        {"\033[4;5;99mx", FBTERM_GREY, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        print("\033[m\033[H");
        print(rows[i].text);
        if (ink_at(0, 0) != rows[i].ink || ground_at(0, 0) != rows[i].ground)
            fail_msg("%s: ink %u ground %u", rows[i].text + 1, ink_at(0, 0), ground_at(0, 0));
    }
    /* What is erased takes the ground. */
    print("\033[0;44m\033[2J\033[H");
    assert_true(ground_at(0, 0) == 4 && ground_at(ROWS - 1, COLUMNS - 1) == 4);
    print("\033[49m\033[K");
    assert_int_equal(fbterm_row_cells(0)[0], 0);
}

/* A full last line is not scrolled before there is another character. */
static void last_column(void **state)
{
    (void)state;
    fill();
    print("\033[6;20Hx");
    assert_row(5, "ffff               x");
    print("\by\033[6;20Hx\033[K");
    assert_row(5, "ffff              y");
    print("\033[6;20HxZ");
    assert_row(4, "ffff              yx");
    assert_row(5, "Z");
    print("\033[1;19H\tT\033[1;1H\tt");
    assert_row(0, "bbbb    t          T");
}

static void state_is_saved(void **state)
{
    (void)state;
    print("\033[31m\033[3;4H\0337\033[m\033[Hx\0338y\033[s\033[Hz\033[uw");
    assert_row(0, "z");
    assert_row(2, "   yw");
    assert_int_equal(ink_at(2, 3), FBTERM_DARK_RED);
    print("\033c");
    assert_rows((const char *const[]){"", "", "", "", "", ""});
    print("n");
    assert_row(0, "n");
    assert_int_equal(ink_at(0, 0), FBTERM_GREY);
}

/* Nothing of a sequence shows, whatever it is and wherever it is cut. */
static void unknown_sequences(void **state)
{
    static const char *const known_to_others[] = {
        "\033[?2004h",    "\033[>4;1m",
        "\033[6n",        "\033(B",
        "\033)0",         "\033]0;title\a",
        "\033]0;t\033\\", "\033=",
        "\033>",          "\033[?1049l",
        "\033[4;2;1t",    "\033[18\030",
        "\033[\033[m",    "\033#8",
        "\033[c",         "\033[1;2;3;4;5;6;7;8;9;10;11q",
        "\033P1$r\033\\", "\033[99999999999999999999q",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known_to_others); i++) {
        print("\033[2J\033[Ha");
        for (const char *byte = known_to_others[i]; *byte; byte++)
            fbterm_write(byte, 1);
        print("b");
        assert_row(0, "ab");
        assert_row(1, "");
    }
}

/* Any bytes at all: nothing is written outside of the grid (the sanitizers look). */
static void any_bytes(void **state)
{
    static const char likely[] =
        "\033\033\033[[[;;;0123456789ABCDEFGHJKLMPSTXdhlmrsu@`?78Mc\n\r\b\tx";
    uint32_t random = 5;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        char byte;

        random = random * 1664525 + 1013904223;
        byte = random >> 30 ? likely[(random >> 8) % (sizeof(likely) - 1)] : (char)(random >> 16);
        fbterm_write(&byte, 1);
        if (i % 1000 == 0)
            fbterm_flush();
        if (i % 5000 == 0)
            fbterm_header_set(i / 5000 % ROWS);
        assert_true(fbterm.row < fbterm_rows() && fbterm.column <= COLUMNS);
    }
}

/* Inverted where it stands, gone where it stood. */
static void cursor(void **state)
{
    const uint32_t grey = 0xc0c0c0;

    (void)state;
    print("ab");
    fbterm_flush();
    assert_int_equal(video[2 * FONT_WIDTH], 0); /* the report has none */
    print("\033[m");
    fbterm_flush();
    assert_int_equal(video[2 * FONT_WIDTH], grey);
    print("\033[D");
    fbterm_flush();
    assert_int_equal(video[2 * FONT_WIDTH], 0);
    assert_int_equal(video[FONT_WIDTH], grey);
    print("\033[?25l");
    fbterm_flush();
    assert_int_equal(video[FONT_WIDTH], 0);
    print("\033[?25h\033[6;20Hx"); /* one too far: on the last column */
    fbterm_flush();
    assert_int_equal(video[(5 * FONT_HEIGHT) * COLUMNS * FONT_WIDTH + 19 * FONT_WIDTH], grey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(movements, start),
        cmocka_unit_test_setup(erasing, start),
        cmocka_unit_test_setup(lines_and_regions, start),
        cmocka_unit_test_setup(colours, start),
        cmocka_unit_test_setup(last_column, start),
        cmocka_unit_test_setup(state_is_saved, start),
        cmocka_unit_test_setup(unknown_sequences, start),
        cmocka_unit_test_setup(any_bytes, start),
        cmocka_unit_test_setup(cursor, start),
    };

    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
