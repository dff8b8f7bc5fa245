/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_fbterm_test.c - text on made-up framebuffers, pixel by pixel
 *
 * Long because each promise of the terminal has its own picture.
 */
#define _GNU_SOURCE /* REG_ERR, REG_EFL */

#include "tests/host/plat_fake.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "kernel/dev/fb/fbterm.h"
#include "kernel/dev/fb/font.h"
#include "shared/linux/errno.h"

#define BASE 0xc0000000ULL

static uint32_t *video; /* width * height words, then nothing that may be touched */
static struct bootinfo_framebuffer screen;

/* A screen whose memory holds a pattern, as the firmware leaves one. */
static void screen_make(uint32_t width, uint32_t height, uint32_t line, uint32_t format,
                        uint8_t pattern)
{
    size_t nbytes = (size_t)line * height * 4;

    free(video);
    video = malloc(nbytes);
    memset(video, pattern, nbytes);
    screen = (struct bootinfo_framebuffer){
        .base = BASE,
        .size = nbytes,
        .width = width,
        .height = height,
        .pixels_per_line = line,
        .format = format,
        .red_mask = 0x3ff00000,
        .green_mask = 0x000ffc00,
        .blue_mask = 0x000003ff,
    };
    assert_int_equal(fbterm_init(&screen, video), 0);
}

static int screen_drop(void **state)
{
    free(video);
    video = NULL;
    return plat_fake_reset(state);
}

static void print(const char *text)
{
    fbterm_write(text, strlen(text));
}

static const uint8_t *glyph_of(uint32_t character)
{
    for (unsigned i = 0; i < font_nranges; i++) {
        if (character >= font_ranges[i].first && character <= font_ranges[i].last)
            return font_bitmaps[font_ranges[i].glyph + character - font_ranges[i].first];
    }
    return font_bitmaps[font_replacement];
}

/* Whether the cell shows that character in that ink on black, at any scale. */
static bool shows(unsigned column, unsigned line, uint32_t character, uint32_t ink, unsigned scale)
{
    const uint8_t *rows = glyph_of(character);

    for (unsigned y = 0; y < FONT_HEIGHT * scale; y++) {
        for (unsigned x = 0; x < FONT_WIDTH * scale; x++) {
            size_t at = (size_t)(line * FONT_HEIGHT * scale + y) * screen.pixels_per_line +
                        column * FONT_WIDTH * scale + x;
            bool set = rows[y / scale] & (0x80 >> (x / scale));

            if (video[at] != (set ? ink : 0))
                return false;
        }
    }
    return true;
}

static void assert_line(unsigned line, const char *text, uint32_t ink)
{
    for (unsigned i = 0; text[i]; i++) {
        if (!shows(i, line, (uint8_t)text[i], ink, 1))
            fail_msg("line %u column %u is not '%c'", line, i, text[i]);
    }
}

#define GREY 0xc0c0c0u

/* ---- The font ----------------------------------------------------------------------------- */

static void font_is_what_it_says(void **state)
{
    static const uint8_t full[FONT_HEIGHT] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    static const uint8_t none[FONT_HEIGHT] = {0};
    unsigned nfull = 0;

    (void)state;
    assert_memory_equal(font_bitmaps[0], none, FONT_HEIGHT);
    assert_true(font_ranges[0].first == ' ' && font_ranges[0].last >= '~');
    for (unsigned i = 1; i < font_nranges; i++) {
        assert_true(font_ranges[i].first > font_ranges[i - 1].last);
        assert_true(font_ranges[i].last >= font_ranges[i].first);
        assert_true(font_ranges[i].glyph + font_ranges[i].last - font_ranges[i].first <
                    font_nglyphs);
    }
    assert_memory_equal(glyph_of(0x2588), full, FONT_HEIGHT);
    for (unsigned y = 0; y < FONT_HEIGHT; y++) /* a horizontal line */
        nfull += glyph_of(0x2500)[y] == 0xff;
    assert_int_equal(nfull, 1);
    for (char c = '!'; c < '~'; c++) /* all different */
        assert_memory_not_equal(glyph_of((uint8_t)c), glyph_of((uint8_t)c + 1u), FONT_HEIGHT);
}

/* ---- Formats ------------------------------------------------------------------------------ */

static void formats(void **state)
{
    (void)state;
    fbterm_set_colour(FBTERM_GREY);
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0x5a);
    fbterm_set_colour(FBTERM_RED);
    print("Ag");
    fbterm_flush();
    assert_line(0, "Ag ", 0xff5050);

    screen_make(640, 400, 640, BOOTINFO_PIXEL_RGBX, 0x5a);
    fbterm_set_colour(FBTERM_RED);
    print("Ag");
    fbterm_flush();
    assert_line(0, "Ag ", 0x5050ff);

    /* Ten bits a channel: the eight that there are become the highest. */
    screen_make(640, 400, 640, BOOTINFO_PIXEL_MASK, 0x5a);
    fbterm_set_colour(FBTERM_RED);
    print("Ag");
    fbterm_flush();
    assert_line(0, "Ag ", 0x3fc00000u | 0x140u << 10 | 0x140u);

    screen_make(640, 400, 640, BOOTINFO_PIXEL_MASK, 0x5a);
    screen.red_mask = 0x7c00, screen.green_mask = 0x03e0, screen.blue_mask = 0x001f;
    assert_int_equal(fbterm_init(&screen, video), 0);
    fbterm_set_colour(FBTERM_RED);
    print("Ag");
    fbterm_flush();
    assert_line(0, "Ag ", 31u << 10 | 10u << 5 | 10u);
}

/* Lines longer than the picture, and of an odd number of pixels: what is not picture stays. */
static void odd_stride(void **state)
{
    (void)state;
    screen_make(645, 407, 651, BOOTINFO_PIXEL_BGRX, 0x5a);
    print("left\nsecond");
    fbterm_flush();
    assert_line(0, "left", GREY);
    assert_line(1, "second", GREY);
    for (unsigned y = 0; y < 407; y++) {
        assert_int_equal(video[y * 651 + 644], 0);
        for (unsigned x = 645; x < 651; x++)
            assert_int_equal(video[y * 651 + x], 0x5a5a5a5a);
    }
}

static void tall_screen(void **state)
{
    unsigned columns, lines;

    (void)state;
    screen_make(2560, 1440, 2560, BOOTINFO_PIXEL_BGRX, 0);
    fbterm_size(&columns, &lines);
    assert_true(columns == 160 && lines == 45);
    print("Ag\nx");
    fbterm_flush();
    assert_true(shows(0, 0, 'A', GREY, 2) && shows(1, 0, 'g', GREY, 2));
    assert_true(shows(0, 1, 'x', GREY, 2));

    screen_make(5120, 2880, 5120, BOOTINFO_PIXEL_BGRX, 0);
    fbterm_size(&columns, &lines);
    assert_true(columns == 213 && lines == 60);
    print("Ag\nx");
    fbterm_flush();
    assert_true(shows(0, 0, 'A', GREY, 3) && shows(1, 0, 'g', GREY, 3));
    assert_true(shows(0, 1, 'x', GREY, 3));

    /* More cells than there are: lines are missing at the bottom. */
    screen_make(4096, 1200, 4096, BOOTINFO_PIXEL_BGRX, 0);
    fbterm_size(&columns, &lines);
    assert_true(columns == 512 && lines == 64);
    for (unsigned i = 0; i < 99; i++)
        print("\nlast");
    fbterm_flush();
    assert_line(63, "last", GREY);
}

static void refused(void **state)
{
    struct bootinfo_framebuffer bad;
    unsigned columns, lines;

    (void)state;
    assert_false(fbterm_present()); /* this test comes first */
    print("nothing");
    fbterm_flush();
    fbterm_big("nothing", FBTERM_RED);
    fbterm_panic_write("nothing", 7);
    fbterm_size(&columns, &lines);
    assert_true(columns == 0 && lines == 0);

    const struct bootinfo_framebuffer good = {
        .base = BASE,
        .size = 640 * 400 * 4,
        .width = 640,
        .height = 400,
        .pixels_per_line = 640,
        .format = BOOTINFO_PIXEL_BGRX,
    };
#define REFUSED(field, value, error)                                                               \
    do {                                                                                           \
        bad = good;                                                                                \
        bad.field = (value);                                                                       \
        assert_int_equal(fbterm_init(&bad, NULL), error);                                          \
    } while (0)
    REFUSED(format, BOOTINFO_PIXEL_NONE, -ENODEV);
    REFUSED(base, 0, -ENODEV);
    REFUSED(format, 99, -EINVAL);
    REFUSED(format, BOOTINFO_PIXEL_MASK, -EINVAL); /* without masks */
    REFUSED(width, 0, -EINVAL);
    REFUSED(width, 641, -EINVAL);
    REFUSED(height, 401, -EINVAL);
    REFUSED(height, 20, -EINVAL);
    REFUSED(height, UINT32_MAX, -EINVAL);
    REFUSED(pixels_per_line, UINT32_MAX, -EINVAL);
    REFUSED(size, 640 * 400 * 4 - 1, -EINVAL);
    REFUSED(base, UINT64_MAX - 100, -EINVAL);
    assert_false(fbterm_present());
}

/* ---- Text --------------------------------------------------------------------------------- */

static void nothing_before_a_flush(void **state)
{
    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0x5a);
    print("text");
    for (size_t i = 0; i < 640 * 400; i++)
        assert_int_equal(video[i], 0x5a5a5a5a);
    fbterm_flush();
    assert_line(0, "text", GREY);
}

static void wrap_and_controls(void **state)
{
    char line[81];

    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0);
    memset(line, 'w', 80);
    line[80] = 0;
    print(line); /* exactly full: the newline after it makes no empty line */
    print("\nnext\rN\n");
    print(line);
    print("over\n\tT\ta\bb\n\b\bq");
    fbterm_flush();
    assert_line(0, line, GREY);
    assert_line(1, "Next", GREY);
    assert_line(2, line, GREY);
    assert_line(3, "over", GREY);
    assert_line(4, "        T       b", GREY);
    assert_line(5, "q", GREY);
}

static void unicode(void **state)
{
    static const uint32_t expected[] = {
        0xe9, 0x2500, 0x2588, 'a',    0xfffd, 'b',    0xfffd, 0xfffd,
        'c',  0xfffd, 0xfffd, 0xfffd, 'd',    0xfffd, 'e',
    };

    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0);
    print("\xc3\xa9\xe2\x94\x80\xe2\x96\x88"
          "a");
    print("\xe2\x94"
          "b"); /* broken off by the next character */
    print("\x80\xff"
          "c"); /* bytes that begin nothing */
    print("\xc0\xaf\x01"
          "d"); /* overlong, and a control character */
    print("\xf0\x9f\x98\x80"
          "e"); /* a character without a glyph */
    fbterm_flush();
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
        if (!shows(i, 0, expected[i], GREY, 1))
            fail_msg("column %u is not U+%04X", i, expected[i]);
    }
    print("\n\xe2\x94"); /* a flush between the bytes of a character */
    fbterm_flush();
    print("\x80");
    fbterm_flush();
    assert_true(shows(0, 1, 0x2500, GREY, 1));
}

static void scrolling(void **state)
{
    char text[32];

    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "line number %u\n", i);
        print(text);
        if (i % 7 == 0)
            fbterm_flush();
    }
    fbterm_flush();
    for (unsigned line = 0; line < 24; line++) {
        snprintf(text, sizeof(text), "line number %u     ", 976 + line);
        assert_line(line, text, GREY);
    }
    assert_line(24, "                    ", GREY);
}

/* A cell that shows the right thing already is not drawn again. */
static void only_changes_are_drawn(void **state)
{
    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0);
    print("abc\nabd\n");
    fbterm_flush();
    memset(video, 0x77, 640 * 400 * 4);
    fbterm_flush();
    for (size_t i = 0; i < 640 * 400; i++)
        assert_int_equal(video[i], 0x77777777);
    print("\b\rx");
    fbterm_flush();
    assert_true(shows(0, 2, 'x', GREY, 1));
    assert_int_equal(video[640 * 32 + 8], 0x77777777);
    for (size_t i = 0; i < 640 * 32; i++)
        assert_int_equal(video[i], 0x77777777);
    print("\b ");
    fbterm_flush();
    assert_true(shows(0, 2, ' ', GREY, 1));
    memset(video, 0x77, 640 * 400 * 4);
    print("\b \r");
    fbterm_flush();
    assert_int_equal(video[640 * 32], 0x77777777);
}

static void colours(void **state)
{
    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0);
    fbterm_set_colour(FBTERM_GREEN);
    print("ok ");
    fbterm_set_colour(FBTERM_WHITE);
    print("name");
    fbterm_set_colour((enum fbterm_colour)99);
    print("!");
    fbterm_flush();
    assert_line(0, "ok", 0x38d858);
    assert_true(shows(3, 0, 'n', 0xffffff, 1) && shows(7, 0, '!', GREY, 1));
}

/* ---- The banner --------------------------------------------------------------------------- */

static size_t pixels_of(uint32_t value, unsigned from_line, unsigned to_line)
{
    size_t n = 0;

    for (size_t i = from_line * 640; i < (size_t)to_line * 640; i++)
        n += video[i] == value;
    return n;
}

static void banner(void **state)
{
    const uint32_t green = 0x218134, red = 0x993030;
    char text[32], long_text[201];

    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0x5a);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "early %u\n", i);
        print(text);
    }
    fbterm_big("PASS", FBTERM_GREEN);
    /* 25 lines of text: 6 for the banner, letters of 7 times the usual size in it. */
    assert_int_equal(pixels_of(green, 0, 96) + pixels_of(0xffffff, 0, 96), 640 * 96);
    assert_true(pixels_of(0xffffff, 0, 96) > 2000);
    assert_int_equal(pixels_of(0xffffff, 0, 96) % 49, 0);
    for (unsigned i = 0; i < 10; i++) { /* the text moved down, whole */
        snprintf(text, sizeof(text), "early %u", i);
        assert_line(6 + i, text, GREY);
    }
    for (unsigned i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "later %u\n", i);
        print(text);
    }
    fbterm_flush();
    for (unsigned i = 0; i < 18; i++) {
        snprintf(text, sizeof(text), "later %u", 82 + i);
        assert_line(6 + i, text, GREY);
    }
    assert_int_equal(pixels_of(green, 0, 96) + pixels_of(0xffffff, 0, 96), 640 * 96);

    fbterm_big("FAIL", FBTERM_RED);
    assert_int_equal(pixels_of(red, 0, 96) + pixels_of(0xffffff, 0, 96), 640 * 96);
    assert_line(6, "later 82", GREY);
    fbterm_big("", FBTERM_RED);
    assert_int_equal(pixels_of(red, 0, 96), 640 * 96);
    memset(text, 'M', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    fbterm_big(text, FBTERM_RED); /* 31 letters: small, but all there */
    assert_true(pixels_of(0xffffff, 0, 96) > 500);
    memset(long_text, 'M', 200);
    long_text[200] = 0;
    fbterm_big(long_text, FBTERM_RED); /* as many as fit */
    assert_int_equal(pixels_of(red, 0, 96) + pixels_of(0xffffff, 0, 96), 640 * 96);
    for (unsigned y = 96; y < 112; y++) /* and none beyond */
        assert_true(video[y * 640 + 639] == 0);
}

/* With a full screen of text the oldest lines make room. */
static void banner_over_full_screen(void **state)
{
    char text[32];

    (void)state;
    screen_make(640, 400, 640, BOOTINFO_PIXEL_BGRX, 0);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(text, sizeof(text), "%sline %u", i ? "\n" : "", i);
        print(text);
    }
    fbterm_big("PANIC", FBTERM_RED);
    for (unsigned i = 0; i < 19; i++) {
        snprintf(text, sizeof(text), "line %u", 41 + i);
        assert_line(6 + i, text, GREY);
    }
    fbterm_panic_write("\nlast words", 11);
    assert_line(24, "last words", 0xffffff);
    assert_line(23, "line 59", GREY);
}

/* ---- Video memory is only written ---------------------------------------------------------- */

/* Text, scrolling and a banner. */
static void draw_everything(void)
{
    for (unsigned i = 0; i < 12; i++)
        print("some \xc3\xa9 text\n");
    fbterm_flush();
    fbterm_big("OK", FBTERM_GREEN);
    print("more\n\nand more");
    fbterm_flush();
}

static void what_was_there_makes_no_difference(void **state)
{
    const size_t nbytes = 320 * 160 * 4;
    uint32_t *first = malloc(nbytes);

    (void)state;
    screen_make(320, 160, 320, BOOTINFO_PIXEL_BGRX, 0x00);
    draw_everything();
    memcpy(first, video, nbytes);
    screen_make(320, 160, 320, BOOTINFO_PIXEL_BGRX, 0xff);
    draw_everything();
    assert_memory_equal(first, video, nbytes);
    free(first);
}

/* Every access faults, is classed as a load or a store by the processor's error code, and is then
 * let through alone by single-stepping. */
static volatile size_t nloads, nstores;
static void *trap_pages;
static const size_t trap_nbytes = 128 * 64 * 4;

#define FAULT_WAS_STORE 2
#define TRAP_FLAG       0x100

static void on_fault(int signal, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    uintptr_t where = (uintptr_t)info->si_addr - (uintptr_t)trap_pages;

    (void)signal;
    if (where >= trap_nbytes)
        _exit(99); /* a fault of another kind */
    if (at->uc_mcontext.gregs[REG_ERR] & FAULT_WAS_STORE)
        nstores++;
    else
        nloads++;
    mprotect(trap_pages, trap_nbytes, PROT_READ | PROT_WRITE);
    at->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    ucontext_t *at = context;

    (void)signal;
    (void)info;
    mprotect(trap_pages, trap_nbytes, PROT_NONE);
    at->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void video_memory_is_never_read(void **state)
{
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    struct sigaction old_fault, old_step;
    size_t loads_of_test;

    (void)state;
    trap_pages = mmap(NULL, trap_nbytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(trap_pages != MAP_FAILED);
    screen.width = screen.pixels_per_line = 128;
    screen.height = 64;
    assert_int_equal(fbterm_init(&screen, trap_pages), 0);
    sigaction(SIGSEGV, &fault, &old_fault);
    sigaction(SIGTRAP, &step, &old_step);
    draw_everything();
    loads_of_test = nloads;
    (void)*(volatile uint32_t *)trap_pages; /* the trap does see a load */
    sigaction(SIGSEGV, &old_fault, NULL);
    sigaction(SIGTRAP, &old_step, NULL);
    munmap(trap_pages, trap_nbytes);
    assert_int_equal(loads_of_test, 0);
    assert_int_equal(nloads, 1);
    assert_true(nstores > 128 * 64 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refused, plat_fake_reset),
        cmocka_unit_test_setup(font_is_what_it_says, plat_fake_reset),
        cmocka_unit_test_setup(formats, plat_fake_reset),
        cmocka_unit_test_setup(odd_stride, plat_fake_reset),
        cmocka_unit_test_setup(tall_screen, plat_fake_reset),
        cmocka_unit_test_setup(nothing_before_a_flush, plat_fake_reset),
        cmocka_unit_test_setup(wrap_and_controls, plat_fake_reset),
        cmocka_unit_test_setup(unicode, plat_fake_reset),
        cmocka_unit_test_setup(scrolling, plat_fake_reset),
        cmocka_unit_test_setup(only_changes_are_drawn, plat_fake_reset),
        cmocka_unit_test_setup(colours, plat_fake_reset),
        cmocka_unit_test_setup(banner, plat_fake_reset),
        cmocka_unit_test_setup(banner_over_full_screen, plat_fake_reset),
        cmocka_unit_test_setup(what_was_there_makes_no_difference, plat_fake_reset),
        cmocka_unit_test_setup_teardown(video_memory_is_never_read, plat_fake_reset, screen_drop),
    };

    return cmocka_run_group_tests_name("fbterm", tests, NULL, NULL);
}
