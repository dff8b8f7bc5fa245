/* SPDX-License-Identifier: MIT */
/*
 * The line discipline, input side: what becomes of typed bytes, as Linux's n_tty.
 *
 * The ring `in` holds what was typed between two free-running positions, tail (next to be read) and
 * head (next to be stored). In canonical mode `complete` separates the lines that may be read from
 * the one that is still being edited: tail <= complete <= head. A bit in `ends` marks the last byte
 * of a line; an END_MARK with its bit set is VEOF and is not delivered. In raw mode complete is not
 * used.
 *
 * Pure code: the caller holds tty.lock, signals and output flushes are noted in the structure for
 * the caller to act on. It is compiled for the host as well.
 */
/* Long because typing, editing, echo and reading all move the same three positions of one ring. */
#include "kernel/dev/tty/tty_line.h"

#include "kernel/lib/string.h"
#include "shared/linux/signal.h"

#define IN_MASK  (LINE_IN_NBYTES - 1)
#define END_MARK '\0' /* stands for VEOF in the ring, where its bit in `ends` is set */
#define DISABLED '\0' /* a c_cc that is switched off */

/* ^C ^\ DEL ^U ^D, ^Q ^S ^Z ^R ^O ^W ^V: Linux's INIT_C_CC. */
static const uint8_t default_cc[LX_NCCS] = {
    [LX_VINTR] = 3,     [LX_VQUIT] = 28,   [LX_VERASE] = 127, [LX_VKILL] = 21, [LX_VEOF] = 4,
    [LX_VMIN] = 1,      [LX_VSTART] = 17,  [LX_VSTOP] = 19,   [LX_VSUSP] = 26, [LX_VREPRINT] = 18,
    [LX_VDISCARD] = 15, [LX_VWERASE] = 23, [LX_VLNEXT] = 22,
};

/* The settings of a new pty on Linux. One block of memory for input, its end bits and the output
 * ring. */
void line_init(struct tty_line *line, void *memory)
{
    char *bytes = memory;

    line->in = bytes;
    line->ends = (uint8_t *)bytes + LINE_IN_NBYTES;
    ring_init(&line->out, bytes + LINE_IN_NBYTES + LINE_IN_NBYTES / 8, LINE_OUT_NBYTES);
    line->termios.c_iflag = LX_ICRNL | LX_IXON;
    line->termios.c_oflag = LX_OPOST | LX_ONLCR;
    line->termios.c_cflag = LX_B38400 | LX_CS8 | LX_CREAD;
    line->termios.c_lflag =
        LX_ISIG | LX_ICANON | LX_ECHO | LX_ECHOE | LX_ECHOK | LX_ECHOCTL | LX_ECHOKE | LX_IEXTEN;
    line->termios.c_ispeed = line->termios.c_ospeed = 38400;
    memcpy(line->termios.c_cc, default_cc, sizeof(default_cc));
}

static bool local(const struct tty_line *line, uint32_t flag)
{
    return line->termios.c_lflag & flag;
}

/* 0 switches a key off (_POSIX_VDISABLE), so a typed NUL is none. */
static bool is_key(const struct tty_line *line, char byte, unsigned key)
{
    return byte != DISABLED && line->termios.c_cc[key] == (uint8_t)byte;
}

/* --- the ring of typed bytes --- */

static char byte_at(const struct tty_line *line, uint64_t position)
{
    return line->in[position & IN_MASK];
}

static bool ends_at(const struct tty_line *line, uint64_t position)
{
    return line->ends[(position & IN_MASK) / 8] >> (position & 7) & 1;
}

/* The bit is written in both cases: the place may still have that of an earlier round. */
static void store(struct tty_line *line, char byte, bool is_end)
{
    uint64_t at = line->head++;
    uint8_t bit = (uint8_t)(1u << (at & 7));

    line->in[at & IN_MASK] = byte;
    if (is_end)
        line->ends[(at & IN_MASK) / 8] |= bit;
    else
        line->ends[(at & IN_MASK) / 8] &= (uint8_t)~bit;
}

/* One place is kept for the end of the line. */
static bool has_place(const struct tty_line *line, bool is_end)
{
    return line->head - line->tail < LINE_IN_NBYTES - (is_end ? 0u : 1u);
}

/* In canonical mode with no complete line a full ring must still accept bytes: only a newline or
 * VEOF can make it readable. Bytes that have no place are dropped there (ordinary_byte), with a
 * bell. */
size_t line_input_room(const struct tty_line *line)
{
    size_t used = (size_t)(line->head - line->tail);
    size_t room = used < LINE_IN_NBYTES - 1 ? LINE_IN_NBYTES - 1 - used : 0;

    if (room == 0 && local(line, LX_ICANON) && line->complete == line->tail)
        return 1;
    return room;
}

/* For FIONREAD: only what a read could return now. */
size_t line_used(const struct tty_line *line)
{
    return (size_t)((local(line, LX_ICANON) ? line->complete : line->head) - line->tail);
}

bool line_readable(const struct tty_line *line, size_t at_least)
{
    if (local(line, LX_ICANON))
        return line->complete != line->tail;
    return line->head - line->tail >= at_least;
}

/* The positions only grow, so the ring is emptied by moving the two behind up to the first. */
void line_flush_input(struct tty_line *line)
{
    line->tail = line->complete = line->head;
    line->literal = false;
}

/* --- echo: dropped where there is no room for it --- */

/* The echo of a line must not move the column at which its editing starts. */
static void echo_raw(struct tty_line *line, char byte)
{
    uint32_t typed_at = line->typed_at;

    if (!line_output_byte(line, byte))
        return;
    if (byte != '\n' && byte != '\r')
        line->typed_at = typed_at;
}

/* ASCII only. */
static void echo_text(struct tty_line *line, const char *text)
{
    while (*text)
        echo_raw(line, *text++);
}

/* A control character as ^X, where it is to be seen. */
static bool is_shown_as_two(const struct tty_line *line, char byte)
{
    return local(line, LX_ECHOCTL) && line_is_control(byte) && byte != '\t';
}

static void echo(struct tty_line *line, char byte)
{
    if (is_shown_as_two(line, byte)) {
        echo_raw(line, '^');
        byte ^= 0x40;
    }
    echo_raw(line, byte);
}

/* --- editing the line being typed --- */

/* How wide a tab is at the end of the line: that depends on what stands between it and the tab
 * before, or the beginning. No further back: a line of tabs would take the square of its length to
 * be taken off, with interrupts off. */
static uint32_t tab_width(struct tty_line *line)
{
    uint64_t at = line->head;
    uint32_t column = 0;

    for (; at > line->complete && byte_at(line, at - 1) != '\t'; at--) {
        char byte = byte_at(line, at - 1);

        if (is_shown_as_two(line, byte))
            column += 2;
        else if (!line_is_control(byte) && !line_is_continuation(line, byte))
            column++;
    }
    line->scanned += (uint32_t)(line->head - at);
    if (at == line->complete)
        column += line->typed_at;
    return LINE_TAB - column % LINE_TAB;
}

/* Takes one character off the screen: BS SP BS for each column it occupies, as with ECHOE. */
static void rub_out(struct tty_line *line, char byte)
{
    if (byte == '\t') {
        uint32_t target = line->column - MIN(line->column, tab_width(line));

        while (line->column > target && ring_free(&line->out) > 0)
            echo_raw(line, '\b');
        return;
    }
    if (is_shown_as_two(line, byte))
        echo_text(line, "\b \b");
    if (!line_is_control(byte) || local(line, LX_ECHOCTL))
        echo_text(line, "\b \b");
}

/* Takes the last character off; false: the line is empty. */
static bool erase_one(struct tty_line *line, bool show)
{
    char byte;

    if (line->head == line->complete)
        return false;
    /* Continuation bytes are taken off together with the byte that begins their character. */
    do
        byte = byte_at(line, --line->head);
    while (line_is_continuation(line, byte) && line->head != line->complete);
    if (show && local(line, LX_ECHO))
        rub_out(line, byte);
    return true;
}

/* Bytes above 0x7f count as letters: they belong to UTF-8 characters. */
static bool is_word(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_' || (uint8_t)byte >= 0x80;
}

/* As n_tty without its alternate rule: blanks and punctuation first, then the word. */
static void erase_word(struct tty_line *line)
{
    while (line->head != line->complete && !is_word(byte_at(line, line->head - 1)))
        erase_one(line, true);
    while (line->head != line->complete && is_word(byte_at(line, line->head - 1)))
        erase_one(line, true);
}

/* With ECHOKE the line disappears character by character; with ECHOK alone it is followed by a
 * newline. */
static void kill_line(struct tty_line *line)
{
    bool visibly = local(line, LX_ECHOK) && local(line, LX_ECHOKE) && local(line, LX_ECHOE);

    if (line->head == line->complete)
        return;
    if (visibly) {
        while (erase_one(line, true))
            ;
        return;
    }
    line->head = line->complete;
    if (!local(line, LX_ECHO))
        return;
    echo(line, (char)line->termios.c_cc[LX_VKILL]);
    if (local(line, LX_ECHOK))
        echo_raw(line, '\n');
}

/* Without ECHOE the erase character itself is echoed, as on a printing terminal. */
static void erase_key(struct tty_line *line, char key)
{
    if (!local(line, LX_ECHO) || local(line, LX_ECHOE))
        erase_one(line, true);
    else if (erase_one(line, false))
        echo(line, key);
}

/* VREPRINT: the line as it stands, on a line of its own. */
static void reprint(struct tty_line *line, char key)
{
    echo(line, key);
    echo_raw(line, '\n');
    /* What has no room is not looked at: there may be many such keys behind each other. */
    for (uint64_t at = line->complete; at < line->head && ring_free(&line->out) > 0; at++)
        echo(line, byte_at(line, at));
}

/* One place is kept for an end: typed bytes alone cannot make it fail. */
static void line_end(struct tty_line *line, char byte)
{
    if (!has_place(line, true))
        return;
    store(line, byte, true);
    line->complete = line->head;
}

static void store_typed(struct tty_line *line, char byte)
{
    if (has_place(line, false))
        store(line, byte, false);
}

/* Keys that edit; false: not one of them. */
static bool editing_key(struct tty_line *line, char byte)
{
    bool extended = local(line, LX_IEXTEN);

    if (is_key(line, byte, LX_VERASE))
        erase_key(line, byte);
    else if (is_key(line, byte, LX_VKILL))
        kill_line(line);
    else if (extended && is_key(line, byte, LX_VWERASE))
        erase_word(line);
    else if (extended && local(line, LX_ECHO) && is_key(line, byte, LX_VREPRINT))
        reprint(line, byte);
    else
        return false;
    return true;
}

/* Keys that end a line; false: not one of them. */
static bool ending_key(struct tty_line *line, char byte)
{
    if (byte == '\n') {
        if (local(line, LX_ECHO) || local(line, LX_ECHONL))
            echo_raw(line, '\n');
        line_end(line, '\n');
        return true;
    }
    if (is_key(line, byte, LX_VEOF)) {
        line_end(line, END_MARK);
        return true;
    }
    if (is_key(line, byte, LX_VEOL) || (local(line, LX_IEXTEN) && is_key(line, byte, LX_VEOL2))) {
        if (local(line, LX_ECHO))
            echo(line, byte);
        line_end(line, byte);
        return true;
    }
    return false;
}

/* --- keys that mean something in every mode --- */

/* VSTART and VSTOP are taken out of the input whatever the mode is. */
static bool flow_key(struct tty_line *line, char byte)
{
    if (!(line->termios.c_iflag & LX_IXON))
        return false;
    if (is_key(line, byte, LX_VSTART))
        line->stopped = false;
    else if (is_key(line, byte, LX_VSTOP))
        line->stopped = true;
    else
        return false;
    return true;
}

/* Checked after flow control: a stopped terminal still takes signals. */
static int signal_of(const struct tty_line *line, char byte)
{
    if (!local(line, LX_ISIG))
        return 0;
    if (is_key(line, byte, LX_VINTR))
        return LX_SIGINT;
    if (is_key(line, byte, LX_VQUIT))
        return LX_SIGQUIT;
    if (is_key(line, byte, LX_VSUSP))
        return LX_SIGTSTP;
    return 0;
}

/* Flushing covers both directions unless NOFLSH is set; the output ring belongs to the caller,
 * which throws away what was there before the key's own echo. */
static void signal_key(struct tty_line *line, int signal, char byte)
{
    if (!local(line, LX_NOFLSH)) {
        line_flush_input(line);
        line->flush_out = true;
    }
    line->signals |= 1u << (signal - 1);
    if (line->termios.c_iflag & LX_IXON)
        line->stopped = false;
    if (local(line, LX_ECHO))
        echo(line, byte);
}

/* ^ and a backspace: the next character overwrites it. */
static void literal_key(struct tty_line *line)
{
    line->literal = true;
    if (local(line, LX_ECHO) && local(line, LX_ECHOCTL)) {
        echo_raw(line, '^');
        echo_raw(line, '\b');
    }
}

/* What a byte is once the input flags have been at it; false: it is dropped. */
static bool translate(const struct tty_line *line, char *byte)
{
    uint32_t flags = line->termios.c_iflag;

    if (*byte == '\r' && (flags & LX_IGNCR))
        return false;
    if (*byte == '\r' && (flags & LX_ICRNL))
        *byte = '\n';
    else if (*byte == '\n' && (flags & LX_INLCR))
        *byte = '\r';
    return true;
}

/* PARMRK doubles a 0xff byte, so that it is distinguishable from a mark of a parity error. */
static void ordinary_byte(struct tty_line *line, char byte)
{
    if (!has_place(line, false)) {
        if (local(line, LX_ICANON) && (line->termios.c_iflag & LX_IMAXBEL))
            echo_raw(line, '\a');
        return;
    }
    if (local(line, LX_ECHO)) {
        if (line->head == line->complete)
            line->typed_at = line->column;
        if (byte == '\n' && !line->literal)
            echo_raw(line, byte);
        else
            echo(line, byte);
    }
    if (byte == '\xff' && (line->termios.c_iflag & LX_PARMRK)) /* what is no mark is told apart */
        store_typed(line, byte);
    store_typed(line, byte);
}

/* The order of the checks is n_tty's: literal next, flow control, signals, translation of CR and
 * NL, then editing. A byte after VLNEXT skips all of them. */
void line_input(struct tty_line *line, char byte)
{
    int signal;

    /* Before everything else: keys are compared with seven bits then. */
    if (line->termios.c_iflag & LX_ISTRIP)
        byte &= 0x7f;
    if ((line->termios.c_iflag & LX_IUCLC) && local(line, LX_IEXTEN) && byte >= 'A' && byte <= 'Z')
        byte = (char)(byte - 'A' + 'a');
    if (line->literal) {
        ordinary_byte(line, byte);
        line->literal = false;
        return;
    }
    if (flow_key(line, byte))
        return;
    signal = signal_of(line, byte);
    if (signal) {
        signal_key(line, signal, byte);
        return;
    }
    if (line->stopped && (line->termios.c_iflag & LX_IXON) && (line->termios.c_iflag & LX_IXANY))
        line->stopped = false;
    if (!translate(line, &byte))
        return;
    if (local(line, LX_ICANON)) {
        if (editing_key(line, byte) || ending_key(line, byte))
            return;
        if (local(line, LX_IEXTEN) && is_key(line, byte, LX_VLNEXT)) {
            literal_key(line);
            return;
        }
    }
    ordinary_byte(line, byte);
}

/* --- reading --- */

/* A line longer than the buffer is delivered in pieces; its end bit stays for the last one. VEOF on
 * an empty line delivers nothing, which is the end of the file. */
static size_t take_line(struct tty_line *line, char *dst, size_t nbytes, bool *ended)
{
    size_t done = 0;

    while (line->tail != line->complete && !*ended) {
        char byte = byte_at(line, line->tail);
        bool is_end = ends_at(line, line->tail);

        /* Consumed even when the buffer is full: otherwise the next read would report an end of
         * file. */
        if (is_end && byte == END_MARK) {
            line->tail++;
            *ended = true;
            break;
        }
        if (done == nbytes)
            break;
        dst[done++] = byte;
        line->tail++;
        *ended = is_end;
    }
    return done;
}

/* Raw mode: `complete` follows, so that a change to canonical mode starts with an empty line. */
size_t line_take(struct tty_line *line, char *dst, size_t nbytes, bool *ended)
{
    size_t done = 0;

    *ended = false;
    if (local(line, LX_ICANON))
        return take_line(line, dst, nbytes, ended);
    while (done < nbytes && line->tail != line->head)
        dst[done++] = byte_at(line, line->tail++);
    line->complete = line->tail;
    return done;
}

void line_set(struct tty_line *line, const struct lx_termios2 *termios)
{
    bool turned = (line->termios.c_lflag ^ termios->c_lflag) & LX_ICANON;

    line->termios = *termios;
    if (!turned)
        return;
    line->literal = false;
    /* What was typed in the other mode is readable at once: in canonical mode as one line without a
     * newline. */
    memset(line->ends, 0, LINE_IN_NBYTES / 8);
    line->complete = line->tail;
    if (local(line, LX_ICANON) && line->head != line->tail) {
        uint64_t last = line->head - 1;

        line->ends[(last & IN_MASK) / 8] |= (uint8_t)(1u << (last & 7));
        line->complete = line->head;
    }
}
