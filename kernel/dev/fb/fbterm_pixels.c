/* SPDX-License-Identifier: MIT */
/*
 * Pixels of the text screen: the only code that writes to video memory.
 *
 * Video memory is mapped write-combining: writes are gathered to bursts, reads would be slower by a
 * factor of a hundred and are never made. Two pixels are stored at a time, from a table that has
 * the four combinations of ink and black for each colour.
 */
#include "kernel/dev/fb/fbterm_pixels.h"

#include "kernel/dev/fb/font.h"
#include "shared/linux/errno.h"

#define SIDE_MAX 16384u /* pixels; larger is not a screen */

struct rgb {
    uint8_t red, green, blue;
};

static const struct rgb palette[FBTERM_NCOLOURS] = {
    [FBTERM_GREY] = {0xc0, 0xc0, 0xc0},   [FBTERM_WHITE] = {0xff, 0xff, 0xff},
    [FBTERM_GREEN] = {0x38, 0xd8, 0x58},  [FBTERM_RED] = {0xff, 0x50, 0x50},
    [FBTERM_YELLOW] = {0xf0, 0xd0, 0x40}, [FBTERM_BLUE] = {0x60, 0x90, 0xff},
    [FBTERM_CYAN] = {0x40, 0xd0, 0xe0},   [FBTERM_DIM] = {0x78, 0x78, 0x78},
};

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

/* What is mapped: lines with their padding, which the screen does not show. */
uint64_t pixels_nbytes(const struct bootinfo_framebuffer *framebuffer)
{
    return (uint64_t)framebuffer->pixels_per_line * PIXEL_BYTES * framebuffer->height;
}

/* Eight bits of one colour, moved to where its mask is and cut or widened to its size. */
static inline uint32_t channel_pack(uint8_t value, uint32_t mask)
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
static uint32_t pixel_pack(const struct bootinfo_framebuffer *framebuffer, struct rgb rgb)
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
        uint64_t ink = pixel_pack(framebuffer, palette[i]);

        pixels->ink[i] = (uint32_t)ink;
        pixels->ground[i] = pixel_pack(framebuffer, dark);
        pixels->pairs[i][0] = 0;
        pixels->pairs[i][1] = ink << 32; /* the right pixel has the higher address */
        pixels->pairs[i][2] = ink;
        pixels->pairs[i][3] = ink << 32 | ink;
    }
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

/* FONT_WIDTH is 8: a row is a byte, the leftmost pixel its highest bit. */
static void glyph_draw(volatile uint8_t *line, uint32_t stride, const uint8_t *rows,
                       const uint64_t pairs[4])
{
    for (unsigned y = 0; y < FONT_HEIGHT; y++) {
        unsigned bits = rows[y];

        pair_store(line, pairs[bits >> 6]);
        pair_store(line + 8, pairs[bits >> 4 & 3]);
        pair_store(line + 16, pairs[bits >> 2 & 3]);
        pair_store(line + 24, pairs[bits & 3]);
        line += stride;
    }
}

/* Each pixel becomes a pair, each row two. For screens so high that single letters would be too
 * small to read. */
static void glyph_draw_double(volatile uint8_t *line, uint32_t stride, const uint8_t *rows,
                              const uint64_t pairs[4])
{
    for (unsigned y = 0; y < FONT_HEIGHT * 2; y++) {
        unsigned bits = rows[y / 2];

        for (unsigned x = 0; x < FONT_WIDTH; x++)
            pair_store(line + x * 8, pairs[bits >> (7 - x) & 1 ? 3 : 0]);
        line += stride;
    }
}

/* scale is 1 or 2; larger text is drawn by pixels_glyph_big. */
void pixels_glyph(const struct pixels *pixels, uint32_t x, uint32_t y, unsigned glyph,
                  enum fbterm_colour colour, unsigned scale)
{
    volatile uint8_t *line = pixel_at(pixels, x, y);

    if (scale == 1)
        glyph_draw(line, pixels->stride, font_bitmaps[glyph], pixels->pairs[colour]);
    else
        glyph_draw_double(line, pixels->stride, font_bitmaps[glyph], pixels->pairs[colour]);
}

/* For the banner: each set pixel becomes a square of `size`. */
void pixels_glyph_big(const struct pixels *pixels, uint32_t x, uint32_t y, unsigned glyph,
                      uint32_t size, uint32_t value)
{
    for (uint32_t row = 0; row < FONT_HEIGHT; row++) {
        uint32_t bits = font_bitmaps[glyph][row];

        /* Runs of set pixels, so that a stroke is one rectangle. */
        for (uint32_t first = 0, last; first < FONT_WIDTH; first = last + 1) {
            last = first;
            while (last < FONT_WIDTH && (bits << last & 0x80))
                last++;
            if (last > first)
                pixels_fill(pixels, x + first * size, y + row * size, (last - first) * size, size,
                            value);
        }
    }
}
