/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/tty_line.h - the line discipline: what becomes of bytes between the keys and a program
 *
 * Owns:    the settings (termios), the bytes typed and not yet read, the bytes to be shown.
 * Rule:    pure: bytes in, bytes out, and a note of what else is to be done (signals). It behaves
 *          as Linux's n_tty.
 * Locks:   none; the caller holds tty.lock.
 * Context: any.
 * Tests:   tests/user/tty/pty_line.c, pty_raw.c
 */
#pragma once

#include "kernel/lib/ring.h"
#include "kernel/lib/util.h"
#include "shared/linux/termios.h"

#define LINE_IN_NBYTES  4096 /* as Linux: the longest line is one byte less */
#define LINE_OUT_NBYTES 8192

struct tty_line {
    struct lx_termios2 termios;
    char *in;          /* ring of LINE_IN_NBYTES */
    uint8_t *ends;     /* bit a byte of the ring: a line ends with it */
    uint64_t tail;     /* next byte to be read */
    uint64_t complete; /* end of the last whole line; canonical mode only */
    uint64_t head;     /* where the next byte goes */
    struct ring out;   /* processed, on its way to the device */
    uint32_t column;   /* of the cursor, as far as one can tell */
    uint32_t typed_at; /* column where the line being typed began */
    uint32_t scanned;  /* bytes that tab_width has looked at; reset by the caller */
    uint32_t signals;  /* bit n-1: signal n is to go to the foreground; the caller clears it */
    bool literal;      /* the next byte means itself (VLNEXT) */
    bool stopped;      /* output waits for VSTART (IXON, TCOOFF) */
    bool flush_out;    /* a signal has thrown output away; the caller clears it */
};

#define LINE_TAB 8u /* columns */

static inline bool line_is_control(char byte)
{
    return (uint8_t)byte < 0x20 || byte == 0x7f;
}

/* Not the first byte of a character of UTF-8, where the terminal says that it speaks that. */
static inline bool line_is_continuation(const struct tty_line *line, char byte)
{
    return (line->termios.c_iflag & LX_IUTF8) && ((uint8_t)byte & 0xc0) == 0x80;
}

/* memory: LINE_IN_NBYTES + LINE_IN_NBYTES / 8 + LINE_OUT_NBYTES, zeroed, the caller's. */
#define LINE_MEMORY_NBYTES (LINE_IN_NBYTES + LINE_IN_NBYTES / 8 + LINE_OUT_NBYTES)
void line_init(struct tty_line *line, void *memory);

/* How many bytes line_input may be given now; in canonical mode bytes are rather dropped than
 * refused while no whole line can be read, or no key could ever end the line. */
size_t line_input_room(const struct tty_line *line);
/* Takes one byte that was typed. */
void line_input(struct tty_line *line, char byte);

/* Whether a read would find something. at_least: bytes that count as something in raw mode. */
bool line_readable(const struct tty_line *line, size_t at_least);
size_t line_used(const struct tty_line *line); /* FIONREAD */

/* Takes what one read may get, up to nbytes; *ended: the line, or the file, ends here: return now
 * even if nothing was taken. Raw mode never sets it. */
size_t line_take(struct tty_line *line, char *dst, size_t nbytes, bool *ended);

/* Output with its processing. Returns how much was taken: less when there is no room. */
size_t line_output(struct tty_line *line, const char *bytes, size_t nbytes);

/* One byte of it; false: no room, nothing has changed. */
MUST_CHECK bool line_output_byte(struct tty_line *line, char byte);

void line_flush_input(struct tty_line *line);
void line_flush_output(struct tty_line *line);

/* New settings; what has been typed changes its meaning with ICANON, as on Linux. */
void line_set(struct tty_line *line, const struct lx_termios2 *termios);
