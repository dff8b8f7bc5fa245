/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/font.h - the glyphs of the framebuffer terminal
 *
 * Owns:    bitmaps of 8 by 16 pixels, generated at build time by tools/mkfont.py.
 * Rule:    a row is a byte, the leftmost pixel its highest bit. The map is sorted and its ranges
 *          do not overlap. Glyph 0 is the space.
 * Context: any; constant data.
 * Tests:   tests/host/plat_fbterm_test.c
 */
#pragma once

#include <stdint.h>

#define FONT_WIDTH  8
#define FONT_HEIGHT 16

/* Characters first to last have the glyphs from glyph on. */
struct font_range {
    uint16_t first, last;
    uint16_t glyph;
};

extern const uint8_t font_bitmaps[][FONT_HEIGHT];
extern const struct font_range font_ranges[];
extern const uint16_t font_nranges;
extern const uint16_t font_nglyphs;
extern const uint16_t font_replacement; /* glyph for what has none */
