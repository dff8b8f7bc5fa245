/* SPDX-License-Identifier: MIT */
/*
 * Text on the framebuffer after the firmware's console is gone, for one sentence or two.
 *
 * The framebuffer is reached at its physical address: the page tables are still the firmware's,
 * which map everything one to one. All formats have white and black in common (all colour bits, no
 * bit), so no format matters here. Letters grow with the screen: a person stands before it.
 */
#include "efi-loader/screen.h"

#define MARGIN  1u  /* letters, left of the text and above it */
#define COLUMNS 80u /* fit at least, if the screen has so many pixels */

static struct bootinfo_framebuffer target;
static uint32_t row; /* of letters */

void screen_init(const struct bootinfo_framebuffer *framebuffer)
{
    target = *framebuffer;
    row = MARGIN;
}

static uint32_t scale_of_screen(void)
{
    uint32_t scale = target.width / (SCREEN_FONT_WIDTH * COLUMNS);

    return scale ? scale : 1;
}

/* A letter's whole cell, ground included: what the firmware left there is covered. */
static void draw(uint32_t column, char character, uint32_t scale)
{
    uint32_t white = target.red_mask | target.green_mask | target.blue_mask;
    unsigned glyph = (unsigned char)character - SCREEN_FONT_FIRST;
    uint32_t left = column * SCREEN_FONT_WIDTH * scale;
    uint32_t top = row * SCREEN_FONT_HEIGHT * scale;

    if (glyph >= SCREEN_FONT_COUNT)
        glyph = '?' - SCREEN_FONT_FIRST;
    for (uint32_t y = 0; y < SCREEN_FONT_HEIGHT * scale; y++) {
        volatile uint32_t *line = (volatile uint32_t *)(uintptr_t)target.base +
                                  (uint64_t)(top + y) * target.pixels_per_line + left;

        for (uint32_t x = 0; x < SCREEN_FONT_WIDTH * scale; x++)
            line[x] = screen_font[glyph][y / scale] >> (7 - x / scale) & 1 ? white : 0;
    }
}

void screen_line(const char *text, size_t length)
{
    uint32_t scale = scale_of_screen();
    uint32_t columns = target.width / (SCREEN_FONT_WIDTH * scale);
    uint32_t rows = target.height / (SCREEN_FONT_HEIGHT * scale);

    if (target.format == BOOTINFO_PIXEL_NONE || columns <= 2 * MARGIN)
        return;
    for (size_t done = 0; done < length && row < rows; row++)
        for (uint32_t column = MARGIN; column < columns - MARGIN; column++, done++)
            draw(column, done < length ? text[done] : ' ', scale);
}
