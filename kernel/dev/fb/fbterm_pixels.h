/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/fbterm_pixels.h - colours, rectangles and glyphs on a linear framebuffer
 *
 * Owns:    the layout of pixels. Knows nothing of text.
 * Used by: the files of this folder alone.
 * Rule:    stores only, two pixels at a time where it can; no load from the framebuffer.
 *          Rectangles and glyphs lie within the surface: the caller sees to that.
 * Tests:   tests/host/plat_fbterm_test.c
 */
#pragma once

#include "kernel/dev/fb/fbterm.h"

#define PIXEL_BYTES 4u
/* Of glyphs in a grid; a screen of 16,384 lines has 13. */
#define PIXELS_SCALE_MAX 16u
/* The rows of a glyph in which letters are: none is higher than a capital, some go down. */
#define PIXELS_BIG_TOP  3u
#define PIXELS_BIG_ROWS 13u

struct pixels {
    volatile uint8_t *base;
    uint32_t width, height;
    uint32_t stride;                  /* bytes from one line to the next */
    uint32_t ink[FBTERM_NCOLOURS];    /* pixel values for text */
    uint32_t banner[FBTERM_NCOLOURS]; /* darker: grounds of banners */
    /* Two neighbouring pixels of a glyph as one store, for these two colours. */
    uint64_t pairs[4];
    enum fbterm_colour pairs_ink, pairs_ground;
};

struct pixels_glyph {
    unsigned number;
    enum fbterm_colour ink, ground;
};

/* Whether the description can be true: -ENODEV for none, -EINVAL for one that cannot. */
MUST_CHECK COLD int pixels_check(const struct bootinfo_framebuffer *framebuffer);

/* From a checked description, with its memory mapped at base. */
COLD void pixels_init(struct pixels *pixels, const struct bootinfo_framebuffer *framebuffer,
                      volatile void *base);

void pixels_fill(const struct pixels *pixels, uint32_t x, uint32_t y, uint32_t width,
                 uint32_t height, uint32_t value);

/* A glyph in a grid, on its ground; scale 1 to PIXELS_SCALE_MAX. */
void pixels_glyph(struct pixels *pixels, uint32_t x, uint32_t y, const struct pixels_glyph *glyph,
                  unsigned scale);

/* Only the set pixels of a glyph, as squares of that size; PIXELS_BIG_ROWS of them are its height.
 */
COLD void pixels_glyph_big(const struct pixels *pixels, uint32_t x, uint32_t y, unsigned glyph,
                           uint32_t size, uint32_t value);

/* Pixel values as they are, `at` bytes behind the first: within the framebuffer. */
void pixels_copy(const struct pixels *pixels, uint64_t at, const uint32_t *values, size_t nvalues);
