/* SPDX-License-Identifier: MIT */
/*
 * The text screen: a grid of cells, and the difference between it and the pixels.
 *
 * The lines of text are a ring, so that scrolling moves no cell. `drawn` holds what each place of
 * the screen shows; a flush draws where the two differ and nowhere else.
 */
#include "kernel/dev/fb/fbterm.h"

#include "kernel/dev/fb/fbterm_pixels.h"
#include "kernel/dev/fb/font.h"
#include "kernel/lib/utf8.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmalloc.h"
#include "shared/linux/errno.h"

#define COLUMNS_MAX 512u
#define LINES_MAX   256u
#define TAB_WIDTH   8u
#define UTF8_BYTES  4u

/* Screens from this height on get letters of twice the size. */
#define TALL_SCREEN 1300u

/* A cell is a glyph in the lower 12 bits and a colour above. A blank is 0 in every colour, so that
 * zeroed memory and a black screen agree. */
#define CELL_GLYPH_BITS 12
#define CELL_GLYPH_MASK ((1u << CELL_GLYPH_BITS) - 1)
#define CELLS_AT_ONCE   4u /* compared as one 64-bit word */

static struct {
    bool ready;
    bool cleared;   /* the screen has been, by the first drawing */
    bool dirty;     /* some line is */
    bool panicking; /* within fbterm_panic_write */
    struct pixels pixels;
    unsigned scale;
    unsigned columns, lines; /* of the whole screen */
    unsigned stride;         /* cells from one line to the next */
    unsigned first;          /* screen line of the first text line, below the banner */
    unsigned top;            /* the ring's line that is shown there */
    unsigned row, column;    /* of the next character; column may be one too far */
    enum fbterm_colour colour;
    char partial[UTF8_BYTES]; /* a character of which more bytes must come */
    unsigned npartial;
    uint16_t *cells;             /* ring of lines */
    uint16_t *drawn;             /* by place on the screen */
    bool dirty_lines[LINES_MAX]; /* by place on the screen */
} term;

/* Cells first: without memory for them the framebuffer is not mapped. */
int fbterm_init(const struct bootinfo_framebuffer *framebuffer)
{
    volatile void *base;
    size_t ncells;
    int err = pixels_check(framebuffer);

    if (err)
        return err;
    term.scale = framebuffer->height >= TALL_SCREEN ? 2 : 1;
    term.columns = MIN(framebuffer->width / (FONT_WIDTH * term.scale), COLUMNS_MAX);
    term.lines = MIN(framebuffer->height / (FONT_HEIGHT * term.scale), LINES_MAX);
    term.stride = (unsigned)ALIGN_UP(term.columns, CELLS_AT_ONCE);

    ncells = (size_t)term.stride * term.lines;
    term.cells = kzalloc(2 * ncells * sizeof(*term.cells));
    if (!term.cells)
        return -ENOMEM;
    /* Zeroed like the cells: a blank screen is what clear_once leaves. */
    term.drawn = term.cells + ncells;
    base = ioremap(framebuffer->base, pixels_nbytes(framebuffer), WINDOW_WRITE_COMBINING);
    if (!base) {
        kfree(term.cells);
        return -ENOMEM;
    }
    pixels_init(&term.pixels, framebuffer, base);
    term.first = term.top = term.row = term.column = 0;
    term.colour = FBTERM_GREY;
    term.npartial = 0;
    term.cleared = false;
    term.dirty = true;
    term.ready = true;
    return 0;
}

bool fbterm_present(void)
{
    return term.ready;
}

/* For what is written from now on; cells keep theirs. */
void fbterm_set_colour(enum fbterm_colour colour)
{
    term.colour = (unsigned)colour < FBTERM_NCOLOURS ? colour : FBTERM_GREY;
}

/* 0 by 0 without a screen. */
void fbterm_size(unsigned *columns, unsigned *lines)
{
    *columns = term.ready ? term.columns : 0;
    *lines = term.ready ? term.lines - term.first : 0;
}

/* Binary search; the ranges are sorted by their first character. */
static unsigned glyph_find(uint32_t character)
{
    unsigned low = 0, high = font_nranges;

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

/* The cells of a text line, counted from the top of what is shown. */
static uint16_t *line_cells(unsigned row)
{
    return term.cells + (size_t)((term.top + row) % term.lines) * term.stride;
}

static void line_mark(unsigned row)
{
    term.dirty_lines[term.first + row] = true;
    term.dirty = true;
}

/* Marks only: a flush still compares cell by cell, so lines that look the same cost no drawing. */
static void all_mark(void)
{
    for (unsigned line = term.first; line < term.lines; line++)
        term.dirty_lines[line] = true;
    term.dirty = true;
}

/* The whole stride, so that groups of cells compare equal behind the last column. */
static void line_blank(unsigned row)
{
    uint16_t *cells = line_cells(row);

    for (unsigned i = 0; i < term.stride; i++)
        cells[i] = 0;
}

/* Scrolling turns the ring by one line; every place of the screen then shows another line. */
static void term_line_next(void)
{
    unsigned last = term.lines - term.first - 1;

    term.column = 0;
    if (term.row < last) {
        term.row++;
        return;
    }
    /* The line that was on top becomes the new last one. */
    term.top = (term.top + 1) % term.lines;
    line_blank(last);
    all_mark();
}

/* The line is broken before the character that does not fit, not behind the last one that does: a
 * full line followed by \n leaves no blank line. */
static void glyph_put(unsigned glyph)
{
    if (term.column >= term.columns)
        term_line_next();
    line_cells(term.row)[term.column] =
        glyph ? (uint16_t)(glyph | (unsigned)term.colour << CELL_GLYPH_BITS) : 0;
    line_mark(term.row);
    term.column++;
}

/* No escape sequences: a control character that is none of these shows as a replacement sign. */
static void character_put(uint32_t character)
{
    switch (character) {
    case '\n':
        term_line_next();
        break;
    case '\r':
        term.column = 0;
        break;
    case '\b':
        if (term.column)
            term.column--;
        break;
    /* At least one blank, and never on to the next line. */
    case '\t':
        do
            glyph_put(0);
        while (term.column % TAB_WIDTH && term.column < term.columns);
        break;
    default:
        glyph_put(glyph_find(character));
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
static void byte_put(char byte)
{
    /* Only a byte that broke a longer sequence is tried again: a single bad one would loop. */
    bool again;
    int length;

    if (!term.npartial && (uint8_t)byte < 0x80) {
        character_put((uint8_t)byte);
        return;
    }
    term.partial[term.npartial++ % UTF8_BYTES] = byte;
    length = utf8_length(term.partial, term.npartial);
    if (length == UTF8_INCOMPLETE && term.npartial < UTF8_BYTES)
        return;
    if (length > 0) {
        character_put(utf8_decode(term.partial, (unsigned)length));
        term.npartial = 0;
        return;
    }
    glyph_put(font_replacement);
    again = term.npartial > 1;
    term.npartial = 0;
    if (again)
        byte_put(byte); /* at most once: now it is the first */
}

/* Before fbterm_init, and on machines without a screen, nothing happens. */
void fbterm_write(const char *bytes, size_t nbytes)
{
    if (!term.ready)
        return;
    for (size_t i = 0; i < nbytes; i++)
        byte_put(bytes[i]);
}

static void cell_draw(unsigned line, unsigned column, uint16_t cell)
{
    pixels_glyph(&term.pixels, column * FONT_WIDTH * term.scale, line * FONT_HEIGHT * term.scale,
                 cell & CELL_GLYPH_MASK, (enum fbterm_colour)(cell >> CELL_GLYPH_BITS), term.scale);
}

/* A copy for the compiler, one load for the processor. */
static uint64_t cells_load(const uint16_t *cells)
{
    uint64_t word;

    __builtin_memcpy(&word, cells, sizeof(word));
    return word;
}

/* Four cells at a time are compared: most of a line has not changed. Video memory is never read. */
static void line_draw(unsigned line)
{
    const uint16_t *cells = line_cells(line - term.first);
    uint16_t *drawn = term.drawn + (size_t)line * term.stride;

    for (unsigned group = 0; group < term.stride; group += CELLS_AT_ONCE) {
        if (cells_load(cells + group) == cells_load(drawn + group))
            continue;
        for (unsigned i = group; i < group + CELLS_AT_ONCE; i++) {
            if (cells[i] == drawn[i])
                continue;
            cell_draw(line, i, cells[i]);
            drawn[i] = cells[i];
        }
    }
}

/* What the firmware left on the screen goes when there is something to show instead. */
static void clear_once(void)
{
    if (term.cleared)
        return;
    term.cleared = true;
    pixels_fill(&term.pixels, 0, 0, term.pixels.width, term.pixels.height, 0);
}

void fbterm_flush(void)
{
    if (!term.ready || !term.dirty)
        return;
    clear_once();
    term.dirty = false;
    for (unsigned line = term.first; line < term.lines; line++) {
        if (!term.dirty_lines[line])
            continue;
        term.dirty_lines[line] = false;
        line_draw(line);
    }
}

/* Gives the banner so many lines of the screen. Text moves down; what no longer fits at the bottom
 * pushes the oldest lines out. */
static void banner_reserve(unsigned nlines)
{
    unsigned used = term.row + 1;

    /* Text that reaches below the shorter area scrolls up first. */
    if (used > term.lines - nlines) {
        unsigned excess = used - (term.lines - nlines);

        term.top = (term.top + excess) % term.lines;
        term.row -= excess;
    }
    term.first = nlines;
    all_mark();
}

static void banner_text(const char *text, uint32_t height)
{
    uint32_t length = 0, size, x, y;

    while (text[length])
        length++;
    if (!length)
        return;
    /* A letter's room at both ends, and the largest size that fits both ways, in whole multiples of
     * the font's bitmaps. */
    size = MIN(term.pixels.width / ((length + 2) * FONT_WIDTH), height / FONT_HEIGHT);
    size = MAX(size, 1u);
    length = MIN(length, term.pixels.width / (size * FONT_WIDTH));
    x = (term.pixels.width - length * size * FONT_WIDTH) / 2;
    y = (height - size * FONT_HEIGHT) / 2;
    for (uint32_t i = 0; i < length; i++) {
        unsigned glyph = glyph_find((uint8_t)text[i]);

        pixels_glyph_big(&term.pixels, x + i * size * FONT_WIDTH, y, glyph, size,
                         term.pixels.ink[FBTERM_WHITE]);
    }
}

/* A quarter of the screen's height; the text goes on below. */
void fbterm_big(const char *text, enum fbterm_colour ground)
{
    unsigned nlines = term.lines / 4;
    uint32_t height = nlines * FONT_HEIGHT * term.scale;

    if (!term.ready || (unsigned)ground >= FBTERM_NCOLOURS)
        return;
    clear_once();
    banner_reserve(nlines);
    pixels_fill(&term.pixels, 0, 0, term.pixels.width, height, term.pixels.ground[ground]);
    banner_text(text, height);
    fbterm_flush();
}

/* Drawn at once: after a panic nothing flushes. The state may be torn by the panic; indices stay
 * within bounds since they are only ever set to values within. */
void fbterm_panic_write(const char *bytes, size_t nbytes)
{
    if (term.panicking)
        return; /* the fault was in here */
    term.panicking = true;
    fbterm_write(bytes, nbytes);
    fbterm_flush();
    term.panicking = false;
}
