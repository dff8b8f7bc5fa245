/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_screen_test.c - progress and verdict on screens of several sizes
 *
 * Text is read back from the pixels, with the font.
 */
#include "tests/host/plat_fake.h"

#include <stdlib.h>

#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/core/timer.h"
#include "kernel/dev/fb/fbterm_internal.h"
#include "kernel/dev/fb/font.h"
#include "kernel/dev/fb/screen.h"

#define BAR_GREEN    0x38d858u
#define BAR_RED      0xff5050u
#define BANNER_GREEN 0x218134u
#define BANNER_RED   0x993030u

static uint32_t *video;
static uint32_t width, height;
static uint64_t now;
static unsigned ndraws;
static struct timer *pending;

uint64_t clock_monotonic_ns(void)
{
    return now;
}

void output_draw(void)
{
    ndraws++;
}

void output_flush(void)
{
    screen_flush();
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer))
{
    timer->function = function;
}

void timer_start(struct timer *timer, uint64_t deadline_ns)
{
    timer->deadline_ns = deadline_ns;
    pending = timer;
}

void timer_stop(struct timer *timer)
{
    (void)timer;
    pending = NULL;
}

static void make(uint32_t w, uint32_t h)
{
    struct bootinfo_framebuffer screen = {
        .base = 0xc0000000,
        .size = (uint64_t)w * h * 4,
        .width = w,
        .height = h,
        .pixels_per_line = w,
        .format = BOOTINFO_PIXEL_BGRX,
    };

    width = w;
    height = h;
    free(video);
    video = malloc(screen.size);
    memset(video, 0x5a, screen.size);
    assert_int_equal(screen_init(&screen, video), 0);
    now = 1000;
}

static int drop(void **state)
{
    free(video);
    video = NULL;
    return plat_fake_reset(state);
}

/* The line as text: what differs from the pixel in the upper left of its cell is set. */
static const char *line_text(unsigned line)
{
    static char text[600];
    unsigned scale = fbterm.scale, columns = fbterm.columns, end = 0;

    for (unsigned column = 0; column < columns; column++) {
        text[column] = '?';
        for (char c = ' '; c <= '~' && text[column] == '?'; c++) {
            const uint8_t *rows = font_bitmaps[fbterm_glyph_find((uint8_t)c)];
            const uint32_t *cell =
                video + (size_t)line * FONT_HEIGHT * scale * width + column * FONT_WIDTH * scale;
            bool same = true;

            for (unsigned y = 0; y < FONT_HEIGHT * scale && same; y++)
                for (unsigned x = 0; x < FONT_WIDTH * scale && same; x++)
                    same = (cell[(size_t)y * width + x] != cell[0]) ==
                           (rows[y / scale] >> (7 - x / scale) & 1);
            if (same)
                text[column] = c;
        }
        if (text[column] != ' ')
            end = column + 1;
    }
    text[end] = '\0';
    return text;
}

static void assert_has(unsigned line, const char *text)
{
    if (!strstr(line_text(line), text))
        fail_msg("line %u is '%s', without '%s'", line, line_text(line), text);
}

static size_t pixels_of(uint32_t value, unsigned from_line, unsigned end_line)
{
    size_t n = 0, unit = (size_t)FONT_HEIGHT * fbterm.scale * width;

    for (size_t i = from_line * unit; i < end_line * unit; i++)
        n += video[i] == value;
    return n;
}

static void report(const char *text)
{
    screen_report(text, strlen(text));
}

static void without_a_screen(void **state)
{
    unsigned x, y, side;

    (void)state;
    screen_begin(3);
    screen_test("a");
    screen_result("a", "reason");
    screen_flush();
    screen_verdict(false, 0, 1, 0);
    screen_flush();
    assert_false(screen_qr_place(&x, &y, &side));
    assert_null(pending);
}

static void plan_goes_on(void **state)
{
    (void)state;
    make(1280, 800);
    report("# early\n");
    screen_flush();
    screen_begin(40);
    screen_test("first-test");
    screen_flush();
    assert_has(0, "test 1 of 40: first-test");
    assert_has(0, " 0 s  0 failed  0:00");
    assert_string_equal(line_text(2), "# early");
    assert_int_equal(pixels_of(BAR_GREEN, 1, 2), 0);

    /* The clock goes on by itself. */
    assert_non_null(pending);
    now += 75ULL * 1000000000;
    pending->function(pending);
    assert_int_equal(ndraws, 1);
    assert_true(pending->deadline_ns > now);
    screen_flush();
    assert_has(0, "test 1 of 40: first-test");
    assert_has(0, " 75 s  0 failed  1:15");

    screen_result("first-test", NULL);
    assert_null(pending);
    for (unsigned i = 0; i < 9; i++) {
        screen_test("x");
        screen_result("x", NULL);
    }
    screen_flush();
    assert_int_equal(pixels_of(BAR_GREEN, 1, 2), 1280 / 4 * 8);
    assert_has(0, "test 11 of 40: x");
    assert_null(strstr(line_text(0), "first"));
    screen_test("bad");
    screen_result("bad", "no reason");
    screen_flush();
    assert_int_equal(pixels_of(BAR_GREEN, 1, 2), 0);
    assert_int_equal(pixels_of(BAR_RED, 1, 2), 1280 * 11 / 40 * 8);
    assert_has(0, "1 failed");
    /* More results than were announced do not leave the screen. */
    for (unsigned i = 0; i < 99; i++)
        screen_result("more", NULL);
    screen_flush();
    assert_int_equal(pixels_of(BAR_RED, 1, 2), 1280 * 8);
    assert_has(0, "test 40 of 40");
    screen_result("more", NULL);
    screen_flush();
    assert_int_equal(pixels_of(BAR_RED, 1, 2), 1280 * 8);
}

/* Programs may write to the framebuffer: at the verdict nothing of theirs is left. */
static void verdict_over_what_programs_drew(void **state)
{
    enum { PAINT = 0x123456 };

    (void)state;
    make(1284, 805); /* with a border that has no letters */
    report("# early\n");
    screen_begin(1);
    screen_test("painter");
    screen_flush();
    for (size_t i = 0; i < (size_t)width * height; i++)
        video[i] = PAINT;
    screen_result("painter", "reason");
    screen_verdict(false, 0, 1, 0);
    screen_flush();
    for (size_t i = 0; i < (size_t)width * height; i++)
        assert_int_not_equal(video[i], PAINT);
    assert_int_not_equal(pixels_of(BANNER_RED, 0, fbterm.first), 0);
    assert_string_equal(line_text(fbterm.first), "# early");
}

/* Letters of at least a fifth of the height, the failed tests, text below, a place for the code. */
static void verdict_on(uint32_t w, uint32_t h, unsigned nfailed)
{
    unsigned x, y, side, line, listed = 0, rows;
    char text[160];

    make(w, h);
    screen_begin(100);
    screen_flush();
    for (unsigned i = 0; i < nfailed; i++) {
        snprintf(text, sizeof(text), "failed-%u", i);
        screen_test(text);
        screen_result(text, i == 1
                                ? "another reason, and a long one: it goes on and on and on and on "
                                  "and on and on and on and on and on and on and on"
                                : "expected exit:0, got exit:1");
        snprintf(text, sizeof(text), "not ok %u failed-%u\n", i + 1, i);
        report(text);
    }
    now += 61ULL * 1000000000;
    report("# firstlight: verdict\n");
    screen_verdict(!nfailed, 90, nfailed, 1);
    screen_flush();
    line = fbterm.lines * 2 / 5;
    assert_true(pixels_of(nfailed ? BANNER_RED : BANNER_GREEN, 0, line) > (size_t)w * h / 5);
    rows = 0;
    for (uint32_t row = 0; row < line * FONT_HEIGHT * fbterm.scale * 2 / 3; row++) {
        bool white = false;

        for (uint32_t column = 0; column < w; column++)
            white |= video[(size_t)row * w + column] == 0xffffff;
        rows += white;
    }
    if (rows < MIN(h / 6, w / 8)) /* upright screens are narrow for four letters */
        fail_msg("%ux%u: letters of %u pixels", w, h, rows);
    assert_true(screen_qr_place(&x, &y, &side));
    assert_true(x + side < w && y + side < line * FONT_HEIGHT * fbterm.scale && side >= 150);
    for (uint32_t row = y; row < y + side; row++)
        for (uint32_t column = x; column < x + side; column++)
            assert_int_equal(video[(size_t)row * w + column], nfailed ? BANNER_RED : BANNER_GREEN);
    for (; listed < nfailed; listed++, line += 2) {
        snprintf(text, sizeof(text), "failed-%u", listed);
        if (!strstr(line_text(line), text))
            break;
        assert_has(line + 1, listed == 1 ? "another reason" : "expected exit:0");
    }
    assert_true(listed >= MIN(nfailed, 4u));
    if (listed < nfailed) {
        snprintf(text, sizeof(text), "and %u more", nfailed - listed);
        assert_has(line, text);
    }
    assert_true(fbterm_rows() >= 6);
    assert_has(fbterm.first + fbterm.row - 1, "# firstlight: verdict");
}

static void verdicts(void **state)
{
    static const uint32_t sizes[][2] = {{800, 600},   {1024, 768},  {1366, 768},  {1280, 800},
                                        {1920, 1080}, {3840, 2160}, {5120, 2880}, {800, 1280}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        verdict_on(sizes[i][0], sizes[i][1], 0);
        verdict_on(sizes[i][0], sizes[i][1], 3);
        verdict_on(sizes[i][0], sizes[i][1], 60);
    }
}

/* On the smallest screens there is, nothing is drawn outside (the sanitizers look). */
static void tiny_screens(void **state)
{
    (void)state;
    for (uint32_t w = 128; w < 400; w += 40) {
        for (uint32_t h = 64; h < 200; h += 8) {
            make(w, h);
            screen_begin(3);
            for (unsigned i = 0; i < 3; i++) {
                screen_test("a-test-with-a-long-name");
                screen_flush();
                screen_result("a-test-with-a-long-name", i ? "a reason" : NULL);
                report("ok a line of the report that is too long\n");
            }
            screen_verdict(false, 1, 2, 0);
            screen_flush();
            report("# more\n# and more\n");
            fbterm_big("PANIC", FBTERM_RED);
            screen_flush();
        }
    }
}

/* A program gets the screen but for a line. */
static void shrunk(void **state)
{
    unsigned columns, lines, x, y, side;

    (void)state;
    verdict_on(1280, 800, 3);
    screen_shrink();
    fbterm_size(&columns, &lines);
    assert_int_equal(lines, 49);
    assert_has(0, "FAIL: 90 passed, 3 failed, 1 skipped");
    assert_int_equal(pixels_of(BANNER_RED, 0, 50), 0);
    assert_false(screen_qr_place(&x, &y, &side));
    report("\033[2J\033[Htop\033[49;1Hbottom");
    screen_flush();
    assert_string_equal(line_text(1), "top");
    assert_string_equal(line_text(49), "bottom");
}

/* Each line by its first character, wherever it is cut. */
static void lines_have_colours(void **state)
{
    static const struct {
        const char *line;
        enum fbterm_colour ink;
    } lines[] = {
        {"KTAP version 1\n", FBTERM_WHITE}, {"ok 1 a\n", FBTERM_GREEN},
        {"not ok 2 b # ok\n", FBTERM_RED},  {"#: ok 3 c\n", FBTERM_GREY},
        {"# log\n", FBTERM_GREY},           {"1..3\n", FBTERM_WHITE},
    };

    (void)state;
    for (unsigned step = 1; step < 20; step++) {
        report("\n"); /* whatever came before has ended */
        make(640, 400);
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
            for (size_t at = 0; at < strlen(lines[i].line); at += step)
                screen_report(lines[i].line + at, MIN(step, strlen(lines[i].line) - at));
        for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
            assert_int_equal(fbterm_row_cells(i)[0] >> CELL_INK_SHIFT & 15, lines[i].ink);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_screen, plat_fake_reset),
        cmocka_unit_test_setup(plan_goes_on, plat_fake_reset),
        cmocka_unit_test_setup(verdict_over_what_programs_drew, plat_fake_reset),
        cmocka_unit_test_setup(verdicts, plat_fake_reset),
        cmocka_unit_test_setup(tiny_screens, plat_fake_reset),
        cmocka_unit_test_setup(shrunk, plat_fake_reset),
        cmocka_unit_test_setup_teardown(lines_have_colours, plat_fake_reset, drop),
    };

    return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
