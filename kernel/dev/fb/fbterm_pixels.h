/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/fbterm_pixels.h - colours, rectangles and glyphs on a linear framebuffer
 *
 * Owns:    the layout of pixels. Knows nothing of text.
 * Used by: fbterm.c alone.
 * Rule:    stores only, two pixels at a time where it can; no load from the framebuffer.
 *          Rectangles and glyphs lie within the surface: the caller sees to that.
 * Tests:   tests/host/plat_fbterm_test.c
 */
#pragma once

#include "kernel/dev/fb/fbterm.h"

#define PIXEL_BYTES 4u

struct pixels {
    volatile uint8_t *base;
    uint32_t width, height;
    uint32_t stride;                  /* bytes from one line to the next */
    uint32_t ink[FBTERM_NCOLOURS];    /* pixel values for text */
    uint32_t ground[FBTERM_NCOLOURS]; /* darker, for banners */
    /* Two neighbouring pixels of a glyph as one store: bit 1 of the index is the left one. */
    uint64_t pairs[FBTERM_NCOLOURS][4];
};

/* Whether the description can be true: -ENODEV for none, -EINVAL for one that cannot. */
MUST_CHECK int pixels_check(const struct bootinfo_framebuffer *framebuffer);

/* Bytes of video memory that a checked description covers. */
uint64_t pixels_nbytes(const struct bootinfo_framebuffer *framebuffer);

/* From a checked description, with its memory mapped at base. */
void pixels_init(struct pixels *pixels, const struct bootinfo_framebuffer *framebuffer,
                 volatile void *base);

void pixels_fill(const struct pixels *pixels, uint32_t x, uint32_t y, uint32_t width,
                 uint32_t height, uint32_t value);

/* A glyph on black; scale 1 or 2. */
void pixels_glyph(const struct pixels *pixels, uint32_t x, uint32_t y, unsigned glyph,
                  enum fbterm_colour colour, unsigned scale);

/* Only the set pixels of a glyph, as squares of that size. */
void pixels_glyph_big(const struct pixels *pixels, uint32_t x, uint32_t y, unsigned glyph,
                      uint32_t size, uint32_t value);
