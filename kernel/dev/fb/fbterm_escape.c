/* SPDX-License-Identifier: MIT */
/*
 * Escape sequences: what full-screen programs with TERM=linux or TERM=vt100 send.
 *
 * ECMA-48 and console_codes(4): movements, erasing, inserting and deleting, colours, a scrolling
 * region, the cursor shown or not. What is not known is read to its end and has no effect: a
 * sequence never shows as text. A string (a window's title) ends with BEL or ESC \. Sequences may
 * be cut anywhere between two writes. Questions (ESC [ 6 n) get no answer: the way back is the
 * keyboard's.
 */
#include "kernel/dev/fb/fbterm_internal.h"

#define ESCAPE        0x1b
#define CANCEL        0x18
#define PARAMETER_MAX 9999u

/* A parameter that is missing or 0 is 1 for most. */
static NOINLINE COLD unsigned count_parameter(unsigned i)
{
    return i < fbterm.nparameters ? MAX(fbterm.parameters[i], 1u) : 1;
}

static NOINLINE COLD unsigned number_parameter(unsigned i)
{
    return i < fbterm.nparameters ? fbterm.parameters[i] : 0;
}

/* Steps of any number, clamped to the text. */
static NOINLINE COLD void cursor_set(unsigned row, unsigned column)
{
    fbterm.row = MIN(row, fbterm_rows() - 1);
    fbterm.column = MIN(column, fbterm.columns - 1);
}

static NOINLINE COLD unsigned minus(unsigned from, unsigned n)
{
    return from > n ? from - n : 0;
}

/* Grey on black, the colours of the report. */
static NOINLINE COLD void pen_reset(void)
{
    fbterm.pen = (struct fbterm_pen){.ink = FBTERM_GREY};
    fbterm_pen_changed();
}

/* ESC [ ... m. A colour is its number with the lowest three bits inverted: enum fbterm_colour. 38
 * and 48 would choose one of 256 with the parameters behind them: no terminal of this type has
 * them. */
static void pen_change(void)
{
    for (unsigned i = 0; i < MAX(fbterm.nparameters, 1u); i++) {
        unsigned n = number_parameter(i);

        if (n == 0)
            pen_reset();
        else if (n == 1 || n == 22)
            fbterm.pen.bold = n == 1;
        else if (n == 7 || n == 27)
            fbterm.pen.reverse = n == 7;
        else if (n >= 30 && n <= 37)
            fbterm.pen.ink = (uint8_t)((n - 30) ^ 7u);
        else if (n >= 90 && n <= 97)
            fbterm.pen.ink = (uint8_t)((n - 90 + 8) ^ 7u);
        else if (n == 39)
            fbterm.pen.ink = FBTERM_GREY;
        else if (n >= 40 && n <= 47)
            fbterm.pen.ground = (uint8_t)(n - 40);
        else if (n >= 100 && n <= 107)
            fbterm.pen.ground = (uint8_t)(n - 100);
        else if (n == 49)
            fbterm.pen.ground = 0;
        else if (n == 38 || n == 48)
            break;
    }
    fbterm_pen_changed();
}

/* 0: from the cursor to the end, 1: from the start to the cursor, 2: all. */
static NOINLINE COLD void erase_line(unsigned how)
{
    unsigned column = MIN(fbterm.column, fbterm.columns - 1);

    fbterm_row_blank(fbterm.row, how ? 0 : column, how == 1 ? column + 1 : fbterm.columns);
}

/* The same of rows; the cursor's own is erased in part. */
static NOINLINE COLD void erase_text(unsigned how)
{
    unsigned from = how ? 0 : fbterm.row + 1, end = how == 1 ? fbterm.row : fbterm_rows();

    for (unsigned row = from; row < end; row++)
        fbterm_row_blank(row, 0, fbterm.columns);
    if (how < 2)
        erase_line(how);
}

/* Cells of the row move from the cursor on; n blanks come. */
static void cells_shift(unsigned n, bool insert)
{
    uint16_t *cells = fbterm_row_cells(fbterm.row);
    unsigned column = MIN(fbterm.column, fbterm.columns - 1), left = fbterm.columns - column;

    n = MIN(n, left);
    for (unsigned i = 0; i + n < left; i++) {
        if (insert)
            cells[fbterm.columns - 1 - i] = cells[fbterm.columns - 1 - i - n];
        else
            cells[column + i] = cells[column + i + n];
    }
    fbterm_row_blank(fbterm.row, insert ? column : fbterm.columns - n,
                     insert ? column + n : fbterm.columns);
}

/* Lines are inserted and deleted within the region alone. */
static void lines_shift(unsigned n, bool insert)
{
    if (fbterm.row >= fbterm.region_top && fbterm.row < fbterm.region_end)
        fbterm_scroll(fbterm.row, fbterm.region_end, n, insert);
}

/* ESC [ top ; bottom r. A region has two rows at least. */
static void region_set(void)
{
    unsigned top = count_parameter(0) - 1, end = number_parameter(1);

    end = end ? MIN(end, fbterm_rows()) : fbterm_rows();
    if (top + 1 >= end)
        return;
    fbterm.region_top = top;
    fbterm.region_end = end;
    cursor_set(0, 0);
}

/* One place is remembered, however it is asked for. */
static void state_save(void)
{
    fbterm.saved_row = fbterm.row;
    fbterm.saved_column = fbterm.column;
    fbterm.saved_pen = fbterm.pen;
}

static void state_restore(void)
{
    cursor_set(fbterm.saved_row, fbterm.saved_column);
    fbterm.pen = fbterm.saved_pen;
    fbterm_pen_changed();
}

/* ESC [ ? ... h and l: the cursor; the other screen of xterm's is this one, cleared. */
static void mode_set(bool on)
{
    unsigned mode = number_parameter(0);

    if (mode == 25)
        fbterm.cursor_hidden = !on;
    else if (on && (mode == 1049 || mode == 47))
        erase_text(2);
}

/* The movements set a row and a column. False: it is none. */
static bool cursor_sequence(char final)
{
    unsigned n = count_parameter(0), row = fbterm.row;
    unsigned column = MIN(fbterm.column, fbterm.columns - 1);

    switch (final) {
    case 'F':
        column = 0;
        /* fall through */
    case 'A':
        row = minus(row, n);
        break;
    case 'E':
        column = 0;
        /* fall through */
    case 'B':
    case 'e':
        row += n;
        break;
    case 'C':
    case 'a':
        column += n;
        break;
    case 'D':
        column = minus(column, n);
        break;
    case 'G':
    case '`':
        column = n - 1;
        break;
    case 'H':
    case 'f':
        column = count_parameter(1) - 1;
        /* fall through */
    case 'd':
        row = n - 1;
        break;
    default:
        return false;
    }
    cursor_set(row, column);
    return true;
}

/* What changes cells, the pen or the region. */
static void other_sequence(char final)
{
    unsigned n = count_parameter(0), column = MIN(fbterm.column, fbterm.columns - 1);

    switch (final) {
    case 'J':
        erase_text(MIN(number_parameter(0), 2u));
        break;
    case 'K':
        erase_line(MIN(number_parameter(0), 2u));
        break;
    case 'L':
    case 'M':
        lines_shift(n, final == 'L');
        break;
    case '@':
    case 'P':
        cells_shift(n, final == '@');
        break;
    case 'X':
        fbterm_row_blank(fbterm.row, column, MIN(column + n, fbterm.columns));
        break;
    case 'S':
    case 'T':
        fbterm_scroll(fbterm.region_top, fbterm.region_end, n, final == 'T');
        break;
    case 'm':
        pen_change();
        break;
    case 'r':
        region_set();
        break;
    case 's':
        state_save();
        break;
    case 'u':
        state_restore();
        break;
    default: /* known to others */
        break;
    }
}

/* ESC [ > and ESC [ = are questions and switches of other terminals. */
static void sequence_end(char final)
{
    if (fbterm.private) {
        if (final == 'h' || final == 'l')
            mode_set(final == 'h');
    } else if (!cursor_sequence(final)) {
        other_sequence(final);
    }
}

/* Too many parameters, or one too large, count as the last one and the largest there are. */
static void sequence_put(char byte)
{
    if (byte >= '0' && byte <= '9') {
        unsigned *number = &fbterm.parameters[fbterm.nparameters ? fbterm.nparameters - 1 : 0];

        fbterm.nparameters = MAX(fbterm.nparameters, 1u);
        *number = MIN(*number * 10 + (unsigned)(byte - '0'), PARAMETER_MAX);
    } else if (byte == ';') {
        fbterm.nparameters = MAX(fbterm.nparameters, 1u);
        if (fbterm.nparameters < FBTERM_PARAMETERS)
            fbterm.parameters[fbterm.nparameters++] = 0;
    } else if (byte == '?' || byte == '>' || byte == '=') {
        fbterm.private = true;
    } else if (byte >= 0x40 && byte < 0x7f) {
        fbterm.state = FBTERM_TEXT;
        sequence_end(byte);
    } else if (byte < 0x20) {
        fbterm.state = FBTERM_TEXT; /* broken off */
    }
}

/* ESC c: as at the start, but for the header. */
static void reset(void)
{
    pen_reset();
    fbterm.region_top = 0;
    fbterm.region_end = fbterm_rows();
    fbterm.cursor_hidden = false;
    erase_text(2);
    cursor_set(0, 0);
}

/* The byte behind ESC. */
static void escape_begin(char byte)
{
    fbterm.state = FBTERM_TEXT;
    switch (byte) {
    case '[':
        fbterm.state = FBTERM_SEQUENCE;
        fbterm.nparameters = fbterm.parameters[0] = 0;
        fbterm.private = false;
        break;
    case ']':
    case 'P':
        fbterm.state = FBTERM_STRING;
        break;
    case '(':
    case ')':
    case '#':
    case '%':
        fbterm.state = FBTERM_SKIP_ONE; /* character sets: there is one */
        break;
    case '7':
        state_save();
        break;
    case '8':
        state_restore();
        break;
    case 'D':
        fbterm_line_feed();
        break;
    case 'E':
        fbterm.column = 0;
        fbterm_line_feed();
        break;
    case 'M':
        if (fbterm.row == fbterm.region_top)
            fbterm_scroll(fbterm.region_top, fbterm.region_end, 1, true);
        else
            fbterm.row = minus(fbterm.row, 1);
        break;
    case 'c':
        reset();
        break;
    default: /* known to others */
        break;
    }
}

/* One byte at a time: nothing is looked for ahead. */
void fbterm_escape_put(char byte)
{
    fbterm.cursor_used = true;
    if (byte == ESCAPE) {
        fbterm.state = FBTERM_ESCAPE;
        return;
    }
    if (byte == CANCEL) {
        fbterm.state = FBTERM_TEXT;
        return;
    }
    switch (fbterm.state) {
    case FBTERM_ESCAPE:
        escape_begin(byte);
        break;
    case FBTERM_SEQUENCE:
        sequence_put(byte);
        break;
    case FBTERM_STRING:
        if (byte == '\a')
            fbterm.state = FBTERM_TEXT;
        break;
    default: /* FBTERM_SKIP_ONE */
        fbterm.state = FBTERM_TEXT;
        break;
    }
}
