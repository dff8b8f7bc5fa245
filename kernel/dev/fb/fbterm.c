/* SPDX-License-Identifier: MIT */
/*
 * The text screen: a grid of cells, and the difference between it and the pixels.
 *
 * The lines of text are a ring, so that scrolling moves no cell. `drawn` holds what each place of
 * the screen shows; a flush draws where the two differ and nowhere else. The grid is not allocated:
 * the screen is there from the first line of the kernel on, before there is memory.
 *
 * The cursor is drawn over its cell last of all, and its place in `drawn` becomes unknown: the next
 * flush draws the cell again, and the cursor where it is then.
 */
#include "kernel/dev/fb/fbterm_internal.h"

#include "kernel/dev/fb/font.h"
#include "kernel/lib/string.h"

#define COLUMNS_MAX 512u
/* Of a screen of 1299 lines, the highest with letters of 16, 3,200 wide; others lose lines. */
#define CELLS_MAX 32768u

/* A screen with so many pixels from top to bottom has letters of twice the size, one with twice as
 * many of three times, and so on. */
#define TALL_SCREEN 1300u

#define CELLS_AT_ONCE 4u /* compared as one 64-bit word */

struct fbterm fbterm;

/* By themselves: zeroes take no room in the image. */
uint16_t fbterm_grid[CELLS_MAX] ALIGNED(8);
static uint16_t drawn[CELLS_MAX] ALIGNED(8); /* by place on the screen */

/* A blank screen is what fbterm_clear_once leaves: all zeroes. */
int fbterm_init(const struct bootinfo_framebuffer *framebuffer, volatile void *base)
{
    int err = pixels_check(framebuffer);

    if (err)
        return err;
    if (fbterm.ready) { /* by a host test: the kernel's first screen finds zeroes */
        memset(fbterm_grid, 0, sizeof(fbterm_grid));
        memset(drawn, 0, sizeof(drawn));
        memset(&fbterm, 0, sizeof(fbterm));
    }
    fbterm.scale = framebuffer->height / TALL_SCREEN + 1;
    fbterm.columns = MIN(framebuffer->width / (FONT_WIDTH * fbterm.scale), COLUMNS_MAX);
    fbterm.stride = (unsigned)ALIGN_UP(fbterm.columns, CELLS_AT_ONCE);
    fbterm.lines = MIN(framebuffer->height / (FONT_HEIGHT * fbterm.scale),
                       MIN(FBTERM_LINES_MAX, CELLS_MAX / fbterm.stride));
    fbterm.region_end = fbterm.lines;
    pixels_init(&fbterm.pixels, framebuffer, base);
    fbterm.dirty = true;
    fbterm.ready = true;
    return 0;
}

bool fbterm_present(void)
{
    return fbterm.ready;
}

/* For what is written from now on; cells keep theirs. */
void fbterm_set_colour(enum fbterm_colour colour)
{
    fbterm.pen = (struct fbterm_pen){
        .ink = (unsigned)colour < FBTERM_NCOLOURS ? (uint8_t)colour : FBTERM_GREY,
    };
    fbterm_pen_changed();
}

/* 0 by 0 without a screen. */
void fbterm_size(unsigned *columns, unsigned *lines)
{
    *columns = fbterm.ready ? fbterm.columns : 0;
    *lines = fbterm.ready ? fbterm_rows() : 0;
}

/* Binary search; the ranges are sorted by their first character. Most of a report is in the first
 * one. */
unsigned fbterm_glyph_find(uint32_t character)
{
    unsigned low = 0, high = font_nranges;

    if (likely(character - font_ranges[0].first < 0x5f))
        return font_ranges[0].glyph + (character - font_ranges[0].first);

    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct font_range *range = &font_ranges[middle];

        if (character < range->first)
            high = middle;
        else if (character > range->last)
            low = middle + 1;
        else
            return (range->glyph + (character - range->first)) & CELL_GLYPH_MASK;
    }
    return font_replacement;
}

static uint16_t *line_drawn(unsigned line)
{
    return drawn + (size_t)line * fbterm.stride;
}

/* Marks only: a flush still compares cell by cell, so lines that look the same cost no drawing. */
void fbterm_all_mark(void)
{
    for (unsigned line = fbterm.first; line < fbterm.lines; line++)
        fbterm.dirty_lines[line] = true;
}

/* Before fbterm_init, and on machines without a screen, nothing happens. */
void fbterm_write(const char *bytes, size_t nbytes)
{
    if (!fbterm.ready || !nbytes)
        return;
    for (size_t i = 0; i < nbytes; i++)
        fbterm_byte_put(bytes[i]);
    fbterm.dirty = true;
}

static void cell_draw(unsigned line, unsigned column, uint16_t cell)
{
    struct pixels_glyph glyph = {
        .number = cell & CELL_GLYPH_MASK,
        .ink = (enum fbterm_colour)(cell >> CELL_INK_SHIFT & 15),
        .ground = (enum fbterm_colour)((cell >> CELL_GROUND_SHIFT) ^ 7),
    };

    pixels_glyph(&fbterm.pixels, column * FONT_WIDTH * fbterm.scale,
                 line * FONT_HEIGHT * fbterm.scale, &glyph, fbterm.scale);
}

/* A copy for the compiler, one load for the processor. */
static uint64_t cells_load(const uint16_t *cells)
{
    uint64_t word;

    __builtin_memcpy(&word, cells, sizeof(word));
    return word;
}

/* Four cells at a time are compared: most of a line has not changed. Video memory is never read. */
static void line_draw(unsigned line, const uint16_t *cells)
{
    uint16_t *shown = line_drawn(line);

    for (unsigned group = 0; group < fbterm.stride; group += CELLS_AT_ONCE) {
        if (cells_load(cells + group) == cells_load(shown + group))
            continue;
        for (unsigned i = group; i < group + CELLS_AT_ONCE; i++) {
            if (cells[i] == shown[i])
                continue;
            cell_draw(line, i, cells[i]);
            shown[i] = cells[i];
        }
    }
}

/* What the firmware left on the screen goes when there is something to show instead. */
void fbterm_clear_once(void)
{
    if (fbterm.cleared)
        return;
    fbterm.cleared = true;
    pixels_fill(&fbterm.pixels, 0, 0, fbterm.pixels.width, fbterm.pixels.height, 0);
}

void fbterm_clear(void)
{
    fbterm.cleared = false;
    fbterm_clear_once();
    memset(drawn, 0, sizeof(drawn));
    fbterm_all_mark();
    fbterm.dirty = true;
}

/* Its cell is drawn again like any that has changed. */
static void cursor_remove(void)
{
    if (!fbterm.cursor_drawn)
        return;
    *fbterm.cursor_drawn = CELL_UNKNOWN;
    fbterm.dirty_lines[(size_t)(fbterm.cursor_drawn - drawn) / fbterm.stride] = true;
    fbterm.cursor_drawn = NULL;
}

static void cursor_draw(void)
{
    unsigned column = MIN(fbterm.column, fbterm.columns - 1), line = fbterm.first + fbterm.row;
    uint16_t cell = fbterm_row_cells(fbterm.row)[column];
    unsigned ink = cell >> CELL_INK_SHIFT & 7u, ground = cell >> CELL_GROUND_SHIFT;

    if (!fbterm.cursor_used || fbterm.cursor_hidden)
        return;
    cell_draw(line, column,
              (uint16_t)((cell & CELL_GLYPH_MASK) | (ground ^ 7u) << CELL_INK_SHIFT |
                         (ink ^ 7u) << CELL_GROUND_SHIFT));
    fbterm.cursor_drawn = line_drawn(line) + column;
}

void fbterm_flush(void)
{
    if (!fbterm.ready || !fbterm.dirty)
        return;
    fbterm_clear_once();
    fbterm.dirty = false;
    cursor_remove();
    for (unsigned line = fbterm.first; line < fbterm.lines; line++) {
        if (!fbterm.dirty_lines[line])
            continue;
        fbterm.dirty_lines[line] = false;
        line_draw(line, fbterm_row_cells(line - fbterm.first));
    }
    cursor_draw();
}

/* Text moves down as the header grows; what no longer fits at the bottom pushes the oldest lines
 * out. As the header shrinks, blank lines come below the text. */
void fbterm_header_set(unsigned nlines)
{
    unsigned used = fbterm.row + 1, old_first = fbterm.first, old_rows = fbterm_rows();

    cursor_remove();
    nlines = MIN(nlines, fbterm.lines - 1);
    if (used > fbterm.lines - nlines) {
        unsigned excess = used - (fbterm.lines - nlines);

        fbterm.top = (fbterm.top + excess) % fbterm.lines;
        fbterm.row -= excess;
    }
    for (unsigned line = 0; line < MAX(nlines, old_first); line++)
        for (unsigned i = 0; i < fbterm.columns; i++)
            line_drawn(line)[i] = CELL_UNKNOWN;
    fbterm.first = nlines;
    fbterm.region_top = 0;
    fbterm.region_end = fbterm_rows();
    for (unsigned row = old_rows; row < fbterm_rows(); row++)
        memset(fbterm_row_cells(row), 0, fbterm.columns * sizeof(uint16_t));
    fbterm_all_mark();
    fbterm.dirty = true;
}

void fbterm_header_text(unsigned line, unsigned column, const char *text, enum fbterm_colour ink)
{
    static uint16_t cells[COLUMNS_MAX] ALIGNED(8); /* one caller at a time, and a small stack */

    memcpy(cells, line_drawn(line), fbterm.stride * sizeof(uint16_t));
    for (unsigned i = column; i < fbterm.columns; i++) {
        unsigned glyph = *text ? fbterm_glyph_find((uint8_t)*text++) : 0;

        cells[i] = glyph ? (uint16_t)(glyph | (unsigned)ink << CELL_INK_SHIFT) : 0;
    }
    line_draw(line, cells);
}

/* A letter's room at both ends, and whole multiples of the font's bitmaps. What does not fit in the
 * smallest size is cut. */
void fbterm_big_text(const struct fbterm_area *area, const char *text)
{
    uint32_t length = (uint32_t)strlen(text), size, x, y;

    if (!length)
        return;
    size = MIN(area->width / ((length + 1) * FONT_WIDTH), area->height / PIXELS_BIG_ROWS);
    size = MAX(size, 1u);
    length = MIN(length, area->width / (size * FONT_WIDTH));
    x = area->x + (area->width - length * size * FONT_WIDTH) / 2;
    y = area->y + (area->height - MIN(size * PIXELS_BIG_ROWS, area->height)) / 2;
    for (uint32_t i = 0; i < length; i++)
        pixels_glyph_big(&fbterm.pixels, x + i * size * FONT_WIDTH, y,
                         fbterm_glyph_find((uint8_t)text[i]), size,
                         fbterm.pixels.ink[FBTERM_WHITE]);
}

/* A quarter of the screen's height; the text goes on below. */
void fbterm_big(const char *text, enum fbterm_colour ground)
{
    struct fbterm_area area = {0, 0, fbterm.pixels.width, 0};

    if (!fbterm.ready || (unsigned)ground >= FBTERM_NCOLOURS)
        return;
    area.height = fbterm.lines / 4 * FONT_HEIGHT * fbterm.scale;
    fbterm_clear_once();
    fbterm_header_set(fbterm.lines / 4);
    pixels_fill(&fbterm.pixels, 0, 0, area.width, area.height, fbterm.pixels.banner[ground]);
    fbterm_big_text(&area, text);
    fbterm_flush();
}

/* Drawn at once: after a panic nothing flushes. The state may be torn by the panic; indices stay
 * within bounds since they are only ever set to values within. In its own colour, even if the panic
 * comes in the middle of a program's escape sequence. */
void fbterm_panic_write(const char *bytes, size_t nbytes)
{
    if (fbterm.panicking)
        return; /* the fault was in here */
    fbterm.panicking = true;
    fbterm.state = FBTERM_TEXT;
    fbterm_set_colour(FBTERM_WHITE);
    fbterm_write(bytes, nbytes);
    fbterm_flush();
    fbterm.panicking = false;
}
