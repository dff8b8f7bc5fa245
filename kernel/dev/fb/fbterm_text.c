/* SPDX-License-Identifier: MIT */
/*
 * Characters become cells: UTF-8, the end of a line, scrolling.
 *
 * A character that does not fit breaks the line before it, not behind the last one that does: so a
 * full line followed by \n leaves no blank one, and programs may write the last column of the last
 * row. Until then the column is one too far.
 */
#include "kernel/dev/fb/fbterm_internal.h"
#include "kernel/lib/string.h"
#include "kernel/lib/utf8.h"

#include "kernel/dev/fb/font.h"

#define TAB_WIDTH 8u
#define ESCAPE    0x1b

/* Bold is the brighter colour, as on Linux. Reversed, the ground loses its brightness: grounds have
 * eight colours. */
void fbterm_pen_changed(void)
{
    const struct fbterm_pen *pen = &fbterm.pen;
    unsigned ink = pen->ink | (pen->bold ? 8u : 0), ground = pen->ground;

    if (pen->reverse) {
        unsigned number = (ink & 7u) ^ 7u;

        ink = ground ^ 7u;
        ground = number;
    }
    fbterm.pen_cell = (uint16_t)(ink << CELL_INK_SHIFT | ground << CELL_GROUND_SHIFT);
    fbterm.pen_blank = ground ? fbterm.pen_cell : 0;
}

/* In the ground of the pen, as on Linux: programs clear the screen in their colour. */
void fbterm_row_blank(unsigned row, unsigned column, unsigned end)
{
    uint16_t *cells = fbterm_row_cells(row);
    uint16_t blank = (uint16_t)((unsigned)fbterm.pen.ground << CELL_GROUND_SHIFT);

    for (unsigned i = column; i < end; i++)
        cells[i] = blank;
    fbterm_row_mark(row);
}

/* Rows from `from` to before `end` move by n, and n blank ones come. The whole text turns the ring
 * by a line each: no cell moves, but every place of the screen shows another line. */
void fbterm_scroll(unsigned from, unsigned end, unsigned n, bool down)
{
    unsigned nrows = end - from;

    n = MIN(n, nrows);
    if (!down && from == 0 && end == fbterm_rows()) {
        fbterm.top = (fbterm.top + n) % fbterm.lines;
        fbterm_all_mark();
    } else {
        for (unsigned i = 0; i + n < nrows; i++) {
            unsigned to = down ? end - 1 - i : from + i;

            memcpy(fbterm_row_cells(to), fbterm_row_cells(down ? to - n : to + n),
                   fbterm.columns * sizeof(uint16_t));
            fbterm_row_mark(to);
        }
    }
    for (unsigned i = 0; i < n; i++)
        fbterm_row_blank(down ? from + i : end - 1 - i, 0, fbterm.columns);
}

/* The column stays: what \n means besides is its caller's affair. */
void fbterm_line_feed(void)
{
    if (fbterm.row + 1 == fbterm.region_end)
        fbterm_scroll(fbterm.region_top, fbterm.region_end, 1, false);
    else if (fbterm.row + 1 < fbterm_rows())
        fbterm.row++;
}

void fbterm_glyph_put(unsigned glyph)
{
    if (fbterm.column >= fbterm.columns) {
        fbterm.column = 0;
        fbterm_line_feed();
    }
    fbterm_row_cells(fbterm.row)[fbterm.column++] =
        glyph ? (uint16_t)(glyph | fbterm.pen_cell) : fbterm.pen_blank;
    fbterm_row_mark(fbterm.row);
}

/* The report writes tabs as blanks; a terminal's tab only moves. A cell that is blank already is
 * the same either way. */
static void tab_put(void)
{
    if (fbterm.cursor_used) {
        fbterm.column = (unsigned)ALIGN_DOWN(fbterm.column, TAB_WIDTH) + TAB_WIDTH;
        fbterm.column = MIN(fbterm.column, fbterm.columns - 1);
        return;
    }
    /* At least one blank, and never on to the next line. */
    do
        fbterm_glyph_put(0);
    while (fbterm.column % TAB_WIDTH && fbterm.column < fbterm.columns);
}

static void character_put(uint32_t character)
{
    switch (character) {
    case '\n':
        fbterm.column = 0;
        fbterm_line_feed();
        break;
    case '\r':
        fbterm.column = 0;
        break;
    case '\b':
        /* From one too far to the last column is two steps for the sign, one for the program. */
        fbterm.column = MIN(fbterm.column, fbterm.columns - (fbterm.cursor_used ? 1 : 0));
        if (fbterm.column)
            fbterm.column--;
        break;
    case '\t':
        tab_put();
        break;
    case '\a': /* there is no bell */
        break;
    default:
        fbterm_glyph_put(fbterm_glyph_find(character));
        break;
    }
}

/* Of a well-formed character of 2 to 4 bytes. */
static uint32_t utf8_decode(const char *bytes, unsigned nbytes)
{
    uint32_t character = (uint8_t)bytes[0] & (0x7fu >> nbytes);

    for (unsigned i = 1; i < nbytes; i++)
        character = character << 6 | ((uint8_t)bytes[i] & 0x3fu);
    return character;
}

/* Takes the byte into the character that is being gathered. One that cannot be continued shows as a
 * replacement sign, and the byte that broke it starts anew. Overlong or broken sequences never
 * reach utf8_decode. */
void fbterm_byte_put(char byte)
{
    /* Only a byte that broke a longer sequence is tried again: a single bad one would loop. */
    bool again;
    int length;

    if (fbterm.state != FBTERM_TEXT || (byte == ESCAPE && !fbterm.npartial)) {
        fbterm_escape_put(byte);
        return;
    }
    if (!fbterm.npartial && (uint8_t)byte < 0x80) {
        character_put((uint8_t)byte);
        return;
    }
    fbterm.partial[fbterm.npartial++ % FBTERM_UTF8_BYTES] = byte;
    length = utf8_length(fbterm.partial, fbterm.npartial);
    if (length == UTF8_INCOMPLETE && fbterm.npartial < FBTERM_UTF8_BYTES)
        return;
    if (length > 0) {
        character_put(utf8_decode(fbterm.partial, (unsigned)length));
        fbterm.npartial = 0;
        return;
    }
    fbterm_glyph_put(font_replacement);
    again = fbterm.npartial > 1;
    fbterm.npartial = 0;
    if (again)
        fbterm_byte_put(byte); /* at most once: now it is the first */
}
