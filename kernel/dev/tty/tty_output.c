/* SPDX-License-Identifier: MIT */
/*
 * The line discipline, output side: what becomes of bytes that a program writes, or that are
 * echoed.
 *
 * OPOST and its flags, as Linux's n_tty. The column is kept for tabs and for erasing what was
 * typed.
 */
#include "kernel/dev/tty/tty_line.h"

/* Either all bytes or none: a CR without its LF would shift every later line. */
static bool put(struct tty_line *line, const char *bytes, size_t nbytes)
{
    if (ring_free(&line->out) < nbytes)
        return false;
    ring_put(&line->out, bytes, nbytes);
    return true;
}

/* The column is only known as well as the program keeps to OPOST; a raw '\n' leaves it where it is.
 */
static bool output_newline(struct tty_line *line)
{
    bool with_return = line->termios.c_oflag & LX_ONLCR;

    if (!put(line, with_return ? "\r\n" : "\n", with_return ? 2 : 1))
        return false;
    if (line->termios.c_oflag & (LX_ONLCR | LX_ONLRET))
        line->column = line->typed_at = 0;
    return true;
}

static bool output_return(struct tty_line *line)
{
    uint32_t flags = line->termios.c_oflag;

    if ((flags & LX_ONOCR) && line->column == 0)
        return true;
    if (!put(line, flags & LX_OCRNL ? "\n" : "\r", 1))
        return false;
    if (!(flags & LX_OCRNL) || (flags & LX_ONLRET))
        line->column = line->typed_at = 0;
    return true;
}

/* XTABS expands to blanks up to the next multiple of eight. */
static bool output_tab(struct tty_line *line)
{
    uint32_t nblanks = LINE_TAB - line->column % LINE_TAB;
    bool blanks = (line->termios.c_oflag & LX_TABDLY) == LX_XTABS;

    if (!put(line, blanks ? "        " : "\t", blanks ? nblanks : 1))
        return false;
    line->column += nblanks;
    return true;
}

/* Bytes within a UTF-8 character take no column of their own. */
static bool output_plain(struct tty_line *line, char byte)
{
    if ((line->termios.c_oflag & LX_OLCUC) && byte >= 'a' && byte <= 'z')
        byte = (char)(byte - 'a' + 'A');
    if (!put(line, &byte, 1))
        return false;
    if (byte == '\b')
        line->column -= line->column > 0;
    else if (!line_is_control(byte) && !line_is_continuation(line, byte))
        line->column++;
    return true;
}

/* False: no room; the byte has had no effect and can be given again. */
bool line_output_byte(struct tty_line *line, char byte)
{
    if (!(line->termios.c_oflag & LX_OPOST))
        return put(line, &byte, 1);
    if (byte == '\n')
        return output_newline(line);
    if (byte == '\r')
        return output_return(line);
    if (byte == '\t')
        return output_tab(line);
    return output_plain(line, byte);
}

/* Stops at the first byte that has no room, and reports how far it came. */
size_t line_output(struct tty_line *line, const char *bytes, size_t nbytes)
{
    size_t done = 0;

    while (done < nbytes && line_output_byte(line, bytes[done]))
        done++;
    /* What is typed from now on starts behind this. */
    line->typed_at = line->column;
    return done;
}

/* The column stays as it was counted. */
void line_flush_output(struct tty_line *line)
{
    line->out.read_position = line->out.write_position;
}
