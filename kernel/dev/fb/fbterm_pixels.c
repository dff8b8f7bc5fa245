/* SPDX-License-Identifier: MIT */
/*
 * Pixels of the text screen: the only code that writes to video memory.
 *
 * Video memory is mapped write-combining: writes are gathered to bursts, reads would be slower by a
 * factor of a hundred and are never made. Two pixels are stored at a time, from a table with the
 * four combinations of ink and ground, made anew where the colours change.
 */
#include "kernel/dev/fb/fbterm_pixels.h"

#include "kernel/dev/fb/font.h"
#include "shared/linux/errno.h"

#define SIDE_MAX 16384u /* pixels; larger is not a screen */

struct rgb {
    uint8_t red, green, blue;
};

/* The upper half is the report's as well; the lower one are the terminal's plain colours. */
static const struct rgb palette[FBTERM_NCOLOURS] = {
    [FBTERM_GREY] = {0xc0, 0xc0, 0xc0},         [FBTERM_DARK_CYAN] = {0x28, 0xa0, 0xb0},
    [FBTERM_DARK_MAGENTA] = {0xb0, 0x50, 0xb8}, [FBTERM_DARK_BLUE] = {0x38, 0x58, 0xc0},
    [FBTERM_BROWN] = {0xb0, 0x80, 0x20},        [FBTERM_DARK_GREEN] = {0x20, 0x98, 0x38},
    [FBTERM_DARK_RED] = {0xc8, 0x30, 0x30},     [FBTERM_BLACK] = {0x00, 0x00, 0x00},
    [FBTERM_WHITE] = {0xff, 0xff, 0xff},        [FBTERM_CYAN] = {0x40, 0xd0, 0xe0},
    [FBTERM_MAGENTA] = {0xe0, 0x80, 0xe8},      [FBTERM_BLUE] = {0x60, 0x90, 0xff},
    [FBTERM_YELLOW] = {0xf0, 0xd0, 0x40},       [FBTERM_GREEN] = {0x38, 0xd8, 0x58},
    [FBTERM_RED] = {0xff, 0x50, 0x50},          [FBTERM_DIM] = {0x78, 0x78, 0x78},
};

/* Lines with their padding, which the screen does not show. */
static uint64_t pixels_nbytes(const struct bootinfo_framebuffer *framebuffer)
{
    return (uint64_t)framebuffer->pixels_per_line * PIXEL_BYTES * framebuffer->height;
}

/* The loader's block was checked before; here the screen must also be large enough for text, and
 * small enough for the arithmetic in 32 bits. */
int pixels_check(const struct bootinfo_framebuffer *framebuffer)
{
    uint32_t width = framebuffer->width, height = framebuffer->height;
    uint32_t line = framebuffer->pixels_per_line;
    uint32_t masks = framebuffer->red_mask | framebuffer->green_mask | framebuffer->blue_mask;

    if (framebuffer->format == BOOTINFO_PIXEL_NONE || !framebuffer->base)
        return -ENODEV;
    if (framebuffer->format > BOOTINFO_PIXEL_MASK)
        return -EINVAL;
    if (framebuffer->format == BOOTINFO_PIXEL_MASK && !masks)
        return -EINVAL;
    if (width < FONT_WIDTH * 16 || height < FONT_HEIGHT * 4 || width > SIDE_MAX ||
        height > SIDE_MAX || line < width || line > SIDE_MAX)
        return -EINVAL;
    if (pixels_nbytes(framebuffer) > framebuffer->size)
        return -EINVAL;
    if (framebuffer->base + framebuffer->size < framebuffer->base)
        return -EINVAL;
    return 0;
}

/* Eight bits of one colour, moved to where its mask is and cut or widened to its size. */
static COLD uint32_t channel_pack(uint8_t value, uint32_t mask)
{
    unsigned shift, nbits;

    if (!mask)
        return 0;
    shift = (unsigned)__builtin_ctz(mask);
    nbits = 32 - (unsigned)__builtin_clz(mask) - shift;
    if (nbits >= 8)
        return (((uint32_t)value << (nbits - 8)) << shift) & mask;
    return ((uint32_t)(value >> (8 - nbits)) << shift) & mask;
}

/* UEFI specification 2.10, section 12.9: RGBX and BGRX have red or blue in the lowest byte. */
static COLD uint32_t pixel_pack(const struct bootinfo_framebuffer *framebuffer, struct rgb rgb)
{
    uint32_t red = 0x0000ff, green = 0x00ff00, blue = 0xff0000;

    if (framebuffer->format == BOOTINFO_PIXEL_BGRX) {
        red = 0xff0000;
        blue = 0x0000ff;
    } else if (framebuffer->format == BOOTINFO_PIXEL_MASK) {
        red = framebuffer->red_mask;
        green = framebuffer->green_mask;
        blue = framebuffer->blue_mask;
    }
    return channel_pack(rgb.red, red) | channel_pack(rgb.green, green) |
           channel_pack(rgb.blue, blue);
}

/* Bit 1 of the index is the left pixel, which has the lower address. */
static void pixels_pairs_make(struct pixels *pixels, enum fbterm_colour ink,
                              enum fbterm_colour ground)
{
    uint64_t set = pixels->ink[ink], clear = pixels->ink[ground];

    pixels->pairs_ink = ink;
    pixels->pairs_ground = ground;
    pixels->pairs[0] = clear << 32 | clear;
    pixels->pairs[1] = set << 32 | clear;
    pixels->pairs[2] = clear << 32 | set;
    pixels->pairs[3] = set << 32 | set;
}

void pixels_init(struct pixels *pixels, const struct bootinfo_framebuffer *framebuffer,
                 volatile void *base)
{
    pixels->base = base;
    pixels->width = framebuffer->width;
    pixels->height = framebuffer->height;
    /* In bytes; the firmware gives it in pixels. */
    pixels->stride = framebuffer->pixels_per_line * PIXEL_BYTES;

    for (unsigned i = 0; i < FBTERM_NCOLOURS; i++) {
        /* A ground is darker than the ink of the same colour, so that white letters show on it. */
        struct rgb dark = {
            .red = (uint8_t)(palette[i].red * 3u / 5),
            .green = (uint8_t)(palette[i].green * 3u / 5),
            .blue = (uint8_t)(palette[i].blue * 3u / 5),
        };

        pixels->ink[i] = pixel_pack(framebuffer, palette[i]);
        pixels->banner[i] = pixel_pack(framebuffer, dark);
    }
    pixels_pairs_make(pixels, FBTERM_GREY, FBTERM_BLACK);
}

/* Lines need not begin at a multiple of 8 bytes; the processor does not mind. */
struct pair {
    uint64_t both;
} __attribute__((packed));

static inline void pair_store(volatile uint8_t *at, uint64_t both)
{
    ((volatile struct pair *)at)->both = both;
}

/* The string instruction fills whole lines of the write-combining buffer. */
static inline void run_store(volatile uint8_t *at, uint64_t both, uint64_t npairs)
{
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(npairs) : "a"(both) : "memory");
}

/* In 64 bits: a large screen's bytes do not fit into 32 with an offset. */
static volatile uint8_t *pixel_at(const struct pixels *pixels, uint32_t x, uint32_t y)
{
    return pixels->base + (uint64_t)y * pixels->stride + (uint64_t)x * PIXEL_BYTES;
}

/* Whole pairs, line by line. */
void pixels_fill(const struct pixels *pixels, uint32_t x, uint32_t y, uint32_t width,
                 uint32_t height, uint32_t value)
{
    uint64_t both = (uint64_t)value << 32 | value;
    volatile uint8_t *line = pixel_at(pixels, x, y);

    for (uint32_t i = 0; i < height; i++) {
        run_store(line, both, width / 2);
        /* The last pixel of an odd width by itself: a pair would reach into what lies to the right.
         */
        if (width % 2)
            *(volatile uint32_t *)(line + (width - 1) * PIXEL_BYTES) = value;
        line += pixels->stride;
    }
}

/* FONT_WIDTH is 8: a row is a byte, the leftmost pixel its highest bit. Many rows are like the one
 * above: strokes go down, and there is room between lines. */
static void glyph_draw(volatile uint8_t *line, uint32_t stride, const uint8_t *rows,
                       const uint64_t pairs[4])
{
    uint64_t first = pairs[0], second = first, third = first, last = first;
    unsigned drawn = 0;

    for (unsigned y = 0; y < FONT_HEIGHT; y++) {
        unsigned bits = rows[y];

        if (bits != drawn) {
            drawn = bits;
            first = pairs[bits >> 6];
            second = pairs[bits >> 4 & 3];
            third = pairs[bits >> 2 & 3];
            last = pairs[bits & 3];
        }
        pair_store(line, first);
        pair_store(line + 8, second);
        pair_store(line + 16, third);
        pair_store(line + 24, last);
        line += stride;
    }
}

/* For screens so high that single letters would be too small to read: each pixel becomes a square.
 * A row is made once and stored `scale` times, two pixels at a time: a row of 8 * scale is even. */
static NOINLINE void glyph_draw_scaled(volatile uint8_t *line, uint32_t stride, const uint8_t *rows,
                                       const uint64_t pairs[4], unsigned scale)
{
    uint64_t row[FONT_WIDTH * PIXELS_SCALE_MAX / 2];

    for (unsigned y = 0; y < FONT_HEIGHT; y++) {
        uint32_t *pixel = (uint32_t *)row;

        for (unsigned bit = 0x80; bit; bit >>= 1)
            for (unsigned i = 0; i < scale; i++)
                *pixel++ = (uint32_t)pairs[rows[y] & bit ? 3 : 0];
        for (unsigned copy = 0; copy < scale; copy++) {
            for (unsigned i = 0; i < FONT_WIDTH / 2 * scale; i++)
                pair_store(line + i * 2 * PIXEL_BYTES, row[i]);
            line += stride;
        }
    }
}

void pixels_glyph(struct pixels *pixels, uint32_t x, uint32_t y, const struct pixels_glyph *glyph,
                  unsigned scale)
{
    volatile uint8_t *line = pixel_at(pixels, x, y);
    const uint8_t *rows = font_bitmaps[glyph->number];

    if (glyph->ink != pixels->pairs_ink || glyph->ground != pixels->pairs_ground)
        pixels_pairs_make(pixels, glyph->ink, glyph->ground);
    if (scale == 1)
        glyph_draw(line, pixels->stride, rows, pixels->pairs);
    else
        glyph_draw_scaled(line, pixels->stride, rows, pixels->pairs, scale);
}

/* For the banner: each set pixel becomes a square of `size`. Runs of set pixels, so that a stroke
 * is one rectangle. */
void pixels_glyph_big(const struct pixels *pixels, uint32_t x, uint32_t y, unsigned glyph,
                      uint32_t size, uint32_t value)
{
    for (uint32_t row = PIXELS_BIG_TOP; row < PIXELS_BIG_TOP + PIXELS_BIG_ROWS; row++) {
        uint32_t bits = font_bitmaps[glyph][row];

        for (uint32_t first = 0, last; first < FONT_WIDTH; first = last + 1) {
            last = first;
            while (last < FONT_WIDTH && (bits << last & 0x80))
                last++;
            if (last > first)
                pixels_fill(pixels, x + first * size, y + (row - PIXELS_BIG_TOP) * size,
                            (last - first) * size, size, value);
        }
    }
}

/* 32 bits at a time: pieces of programs' writes begin and end anywhere. */
void pixels_copy(const struct pixels *pixels, uint64_t at, const uint32_t *values, size_t nvalues)
{
    for (size_t i = 0; i < nvalues; i++)
        *(volatile uint32_t *)(pixels->base + at + i * PIXEL_BYTES) = values[i];
}
