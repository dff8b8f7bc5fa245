/* SPDX-License-Identifier: MIT */
/*
 * dev/fb/fbterm_internal.h - the text screen, between its own files
 *
 * Owns:    struct fbterm, the one terminal.
 * Used by: fbterm.c (grid and drawing), fbterm_text.c (characters), fbterm_escape.c (sequences),
 *          screen.c (what stands above the text), fb_device.c (the pixels).
 * Rule:    rows are counted from the top of the text, lines from the top of the screen.
 */
#pragma once

#include "kernel/dev/fb/fbterm.h"
#include "kernel/dev/fb/fbterm_pixels.h"

#define FBTERM_LINES_MAX  256u
#define FBTERM_UTF8_BYTES 4u
#define FBTERM_PARAMETERS 8u

/* A cell is a glyph in the lower 9 bits, four bits of ink and three of ground above. A blank on
 * black is 0 in every ink, so that zeroed memory and a black screen agree. The ground is the number
 * of the colour in escape sequences, black 0. No glyph has the highest number: such a cell is like
 * no other. */
#define CELL_GLYPH_BITS   9
#define CELL_GLYPH_MASK   ((1u << CELL_GLYPH_BITS) - 1)
#define CELL_INK_SHIFT    9
#define CELL_GROUND_SHIFT 13
#define CELL_UNKNOWN      0xffffu

/* What characters are written with. */
struct fbterm_pen {
    uint8_t ink;    /* enum fbterm_colour */
    uint8_t ground; /* 0 to 7, as in escape sequences */
    bool bold, reverse;
};

enum fbterm_state { FBTERM_TEXT, FBTERM_ESCAPE, FBTERM_SKIP_ONE, FBTERM_SEQUENCE, FBTERM_STRING };

struct fbterm {
    bool ready;
    bool cleared;   /* the screen has been, by the first drawing */
    bool dirty;     /* something is to be drawn */
    bool panicking; /* within fbterm_panic_write */
    struct pixels pixels;
    unsigned scale;
    unsigned columns, lines;         /* of the whole screen */
    unsigned stride;                 /* cells from one line to the next */
    unsigned first;                  /* screen line of the first text line, below the header */
    unsigned top;                    /* the ring's line that is shown there */
    unsigned row, column;            /* of the next character; column may be one too far */
    unsigned region_top, region_end; /* rows that scroll; the end is not in */
    struct fbterm_pen pen;
    uint16_t pen_cell, pen_blank; /* what it adds to a glyph, and its blank */
    unsigned saved_row, saved_column;
    struct fbterm_pen saved_pen;
    bool cursor_used, cursor_hidden;
    uint16_t *cursor_drawn;          /* where in `drawn` it is, or NULL */
    char partial[FBTERM_UTF8_BYTES]; /* a character of which more bytes must come */
    unsigned npartial;
    enum fbterm_state state; /* within an escape sequence */
    bool private;            /* it has a ? */
    unsigned nparameters;
    unsigned parameters[FBTERM_PARAMETERS];
    bool dirty_lines[FBTERM_LINES_MAX]; /* by place on the screen */
};

extern struct fbterm fbterm;

static inline unsigned fbterm_rows(void)
{
    return fbterm.lines - fbterm.first;
}

extern uint16_t fbterm_grid[]; /* ring of lines */

/* Of a row of text. */
static inline uint16_t *fbterm_row_cells(unsigned row)
{
    unsigned line = fbterm.top + row;

    return fbterm_grid + (line < fbterm.lines ? line : line - fbterm.lines) * fbterm.stride;
}

/* Its cells have changed. */
static inline void fbterm_row_mark(unsigned row)
{
    fbterm.dirty_lines[fbterm.first + row] = true;
}

/* --- fbterm.c --- */
void fbterm_all_mark(void);
void fbterm_clear(void);      /* every pixel; what is in the cells is drawn by the next flush */
void fbterm_clear_once(void); /* the first drawing clears the screen */
unsigned fbterm_glyph_find(uint32_t character);

/* Takes so many lines at the top for other things than text; the text moves. At least one row
 * stays. What is drawn there is not known then. */
COLD void fbterm_header_set(unsigned nlines);
/* A line of the header, from a column on to its end. Draws what differs. */
COLD void fbterm_header_text(unsigned line, unsigned column, const char *text,
                             enum fbterm_colour ink);

struct fbterm_area {
    uint32_t x, y, width, height; /* pixels */
};
/* Text in the largest letters that fit, in the middle of the area. */
COLD void fbterm_big_text(const struct fbterm_area *area, const char *text);

/* --- fbterm_text.c --- */
void fbterm_pen_changed(void); /* after a change of fbterm.pen */
void fbterm_glyph_put(unsigned glyph);
void fbterm_byte_put(char byte);
void fbterm_line_feed(void);
COLD void fbterm_scroll(unsigned from, unsigned end, unsigned n, bool down);
COLD void fbterm_row_blank(unsigned row, unsigned column, unsigned end);

/* --- fbterm_escape.c --- */
COLD void fbterm_escape_put(char byte); /* while fbterm.state is not FBTERM_TEXT, and ESC itself */
