/* SPDX-License-Identifier: MIT */
/* The line discipline in canonical mode: editing, echo, ends of lines and of files, output. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

static char path[64];
static int master, terminal;

static void check_begin(void)
{
    master = pty_master(path, sizeof(path));
    terminal = pty_terminal(path, O_NOCTTY);
}

static void check_end(void)
{
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
}

static void check_node(void)
{
    int locked = 1;
    unsigned number;
    struct stat st;
    struct termios t;

    master = (int)CHECK_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    CHECK_OK(ioctl(master, TIOCGPTN, &number));
    CHECK_OK(ptsname_r(master, path, sizeof(path)));
    CHECK_ERR(open(path, O_RDWR | O_NOCTTY), EIO); /* locked */
    CHECK_OK(ioctl(master, TIOCGPTLCK, &locked));
    CHECK_EQ(locked, 1);
    CHECK_OK(stat(path, &st));
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(st.st_rdev >> 8, 136);
    CHECK_EQ(st.st_rdev & 0xff, number);
    locked = 0;
    CHECK_OK(ioctl(master, TIOCSPTLCK, &locked));
    terminal = pty_terminal(path, O_NOCTTY);
    CHECK(isatty(terminal));
    CHECK(isatty(master));
    CHECK_OK(tcgetattr(terminal, &t));
    CHECK_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK_EQ(t.c_iflag, ICRNL | IXON);
    CHECK_EQ(t.c_oflag, OPOST | ONLCR);
    CHECK_EQ(t.c_cflag, B38400 | CS8 | CREAD);
    CHECK(memcmp(t.c_cc, "\3\34\177\25\4\0\1\0\21\23\32\0\22\17\27\26\0", 17) == 0);
    check_end();
    CHECK_ERR(stat(path, &st), ENOENT); /* the node has gone with the master */
}

static void check_lines(void)
{
    check_begin();
    pty_type(master, "hel");
    pty_expect(master, "hel");
    pty_nothing_to_read(terminal);
    pty_type(master, "lo\rtwo\nthree");
    pty_expect(master, "lo\r\ntwo\r\nthree");
    pty_read_is(terminal, "hello\n"); /* one line a read, whatever there is */
    pty_read_is(terminal, "two\n");
    pty_nothing_to_read(terminal);
    pty_type(master, "\r");
    pty_expect(master, "\r\n");
    pty_read_is(terminal, "three\n");
    check_end();
}

static void check_short_reads(void)
{
    char bytes[8];

    check_begin();
    pty_type(master, "abcdef\n\n");
    CHECK_EQ(read(terminal, bytes, 4), 4);
    CHECK(memcmp(bytes, "abcd", 4) == 0);
    CHECK_EQ(read(terminal, bytes, 2), 2);
    CHECK_EQ(read(terminal, bytes, 8), 1); /* the newline */
    CHECK_EQ(read(terminal, bytes, 8), 1); /* the empty line */
    CHECK_EQ(read(terminal, bytes, 0), 0);
    check_end();
}

static void check_end_of_file(void)
{
    char bytes[8];

    check_begin();
    pty_type(master, "\4");
    pty_read_is(terminal, "");
    pty_type(master, "abc\4def\n");
    pty_read_is(terminal, "abc");
    pty_read_is(terminal, "def\n");
    pty_type(master, "four\4\4");
    CHECK_EQ(read(terminal, bytes, 4), 4); /* the mark behind goes with them */
    CHECK_EQ(read(terminal, bytes, 4), 0);
    pty_expect(master, "abcdef\r\nfour");
    check_end();
}

static void check_erase(void)
{
    check_begin();
    pty_type(master, "abd\177c\n");
    pty_expect(master, "abd\b \bc\r\n");
    pty_read_is(terminal, "abc\n");
    pty_type(master, "\177\177x\n"); /* nothing to erase */
    pty_expect(master, "x\r\n");
    pty_read_is(terminal, "x\n");
    pty_type(master, "\1b\177\177c\n"); /* ^A takes two places */
    pty_expect(master, "^Ab\b \b\b \b\b \bc\r\n");
    pty_read_is(terminal, "c\n");
    pty_type(master, "ab\tx\177\177y\n");
    pty_expect(master, "ab\tx\b \b\b\b\b\b\b\by\r\n");
    pty_read_is(terminal, "aby\n");
    check_end();
}

static void check_utf8_erase(void)
{
    check_begin();
    pty_input(terminal, 0, IUTF8);
    pty_type(master, "a\303\244\177b\n"); /* a with two dots, two bytes, goes as one */
    pty_expect(master, "a\303\244\b \bb\r\n");
    pty_read_is(terminal, "ab\n");
    check_end();
}

static void check_word_and_line(void)
{
    check_begin();
    pty_type(master, "one two  \027x\n");
    pty_expect(master, "one two  \b \b\b \b\b \b\b \b\b \bx\r\n");
    pty_read_is(terminal, "one x\n");
    pty_type(master, "one\025two\n");
    pty_expect(master, "one\b \b\b \b\b \btwo\r\n");
    pty_read_is(terminal, "two\n");
    pty_local(terminal, ECHOKE, 0);
    pty_type(master, "one\025two\n");
    pty_expect(master, "one^U\r\ntwo\r\n");
    pty_read_is(terminal, "two\n");
    check_end();
}

static void check_literal(void)
{
    check_begin();
    pty_type(master, "a\026\003b\026\177\026\026\n");
    pty_expect(master, "a^\b^Cb^\b^?^\b^V\r\n");
    pty_read_is(terminal, "a\003b\177\026\n");
    pty_type(master, "a\026\nb\n"); /* a line's end that ends no line */
    pty_expect(master, "a^\b^Jb\r\n");
    pty_read_is(terminal, "a\nb\n");
    check_end();
}

static void check_reprint(void)
{
    check_begin();
    pty_type(master, "ab");
    pty_expect(master, "ab");
    pty_type(master, "\003");
    pty_expect(master, "^C");
    pty_type(master, "cd\022e\n");
    pty_expect(master, "cd^R\r\ncde\r\n");
    pty_read_is(terminal, "cde\n"); /* the interrupt key has thrown "ab" away */
    check_end();
}

static void check_echo_flags(void)
{
    check_begin();
    pty_local(terminal, ECHO, 0);
    pty_type(master, "secret\177T\n");
    pty_expect_nothing(master);
    pty_read_is(terminal, "secreT\n");
    pty_local(terminal, 0, ECHONL);
    pty_type(master, "more\n");
    pty_expect(master, "\r\n");
    pty_read_is(terminal, "more\n");
    pty_local(terminal, ECHOCTL, ECHO);
    pty_type(master, "a\001\n");
    pty_expect(master, "a\001\r\n");
    pty_read_is(terminal, "a\001\n");
    check_end();
}

static void check_input_flags(void)
{
    check_begin();
    pty_local(terminal, ECHO, 0);
    pty_input(terminal, ICRNL, INLCR);
    pty_type(master, "a\nb\4");
    pty_read_is(terminal, "a\rb");
    pty_input(terminal, INLCR, IGNCR);
    pty_type(master, "a\rb\n");
    pty_read_is(terminal, "ab\n");
    pty_input(terminal, IGNCR, ISTRIP);
    pty_type(master, "\341\n");
    pty_read_is(terminal, "a\n");
    check_end();
}

static void put(const char *text)
{
    CHECK_EQ(write(terminal, text, strlen(text)), (long)strlen(text));
}

static void check_output_flags(void)
{
    check_begin();
    put("a\nb\tc");
    pty_expect(master, "a\r\nb\tc");
    pty_output(terminal, ONLCR, 0);
    put("a\nb");
    pty_expect(master, "a\nb");
    pty_output(terminal, OPOST, ONLCR);
    put("a\nb");
    pty_expect(master, "a\nb");
    pty_output(terminal, ONLCR, OPOST | OCRNL | OLCUC);
    put("\rxY");
    pty_expect(master, "\nXY");
    check_end();
    check_begin();
    pty_output(terminal, 0, XTABS);
    put("ab\tc\n\t|");
    pty_expect(master, "ab      c\r\n        |");
    check_end();
}

static void check_long_line(void)
{
    static char line[5001], got[8192];

    check_begin();
    pty_local(terminal, ECHO, 0);
    memset(line, 'x', 5000);
    CHECK_EQ(write(master, line, 5000), 5000);
    pty_type(master, "\n");
    pty_sleep_ms(50);
    CHECK_EQ(read(terminal, got, sizeof(got)), 4096); /* the rest had no place */
    CHECK(bytes_are(got, 'x', 4095));
    CHECK_EQ(got[4095], '\n');
    pty_nothing_to_read(terminal);
    check_end();
}

static void put_held(void *unused)
{
    (void)unused;
    put("held");
}

/* Whoever writes to a stopped terminal may have to wait. */
static void check_pause(void)
{
    pid_t child;

    check_begin();
    pty_local(terminal, ECHO, 0);
    pty_type(master, "\023\n");
    pty_read_is(terminal, "\n"); /* what was typed before it has arrived, too */
    child = pty_child(put_held, NULL);
    pty_expect_nothing(master);
    pty_type(master, "\021");
    pty_expect(master, "held");
    pty_child_ok(child);
    CHECK_OK(tcflow(terminal, TCOOFF));
    child = pty_child(put_held, NULL);
    pty_expect_nothing(master);
    CHECK_OK(tcflow(terminal, TCOON));
    pty_expect(master, "held");
    pty_child_ok(child);
    check_end();
}

static void check_mode_change(void)
{
    check_begin();
    pty_local(terminal, ECHO, 0);
    pty_type(master, "part");
    pty_sleep_ms(50);
    pty_nothing_to_read(terminal);
    pty_local(terminal, ICANON, 0);
    pty_read_is(terminal, "part"); /* what was not a line yet is input now */
    pty_type(master, "raw");
    for (int n = 0, i = 0; n < 3 && i < 1000; i++) {
        CHECK_OK(ioctl(terminal, FIONREAD, &n));
        pty_sleep_ms(10);
    }
    pty_local(terminal, 0, ICANON);
    pty_read_is(terminal, "raw"); /* and the other way round a line of its own */
    pty_type(master, "line\n");
    pty_read_is(terminal, "line\n");
    check_end();
}

int main(void)
{
    check_node();
    check_lines();
    check_short_reads();
    check_end_of_file();
    check_erase();
    check_utf8_erase();
    check_word_and_line();
    check_literal();
    check_reprint();
    check_echo_flags();
    check_input_flags();
    check_output_flags();
    check_long_line();
    check_pause();
    check_mode_change();
    return 0;
}
