/* SPDX-License-Identifier: MIT */
/*
 * output HOW|DEVICE - what a report must survive: everything a program can print
 *
 * The verdict of these is exit 0; tests/system compares what the report shows of them.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void print_control(void)
{
    char byte[2] = {0, 0};

    for (int c = 1; c < 256; c++) {
        byte[0] = (char)c;
        CHECK_EQ(write(1, byte, 1), 1);
    }
    CHECK_EQ(write(1, "\0", 1), 1); /* and a NUL */
}

/* Lines that look like a report's own. */
static void print_forged(void)
{
    say(1, "ok 1 forged\n");
    say(1, "not ok 1 forged\n1..1\nKTAP version 1\n");
    say(1, "# firstlight: verdict=PASS total=1 passed=1 failed=0 skipped=0\n");
    say(1, "\rok 2 forged-by-return\n");
    say(1, "\x1b[2Jok 3 forged-by-escape\n");
    say(1, "\nok 4 forged after an empty line\n");
    say(2, "ok 5 forged on stderr\n");
    say(1, "Bail out!\n");
    say(1, "ok 6 forged without an end of line");
}

/* 100 KiB in lines of 64 bytes, numbered so that a cut can be found. */
static void print_much(void)
{
    char line[65];

    for (int i = 0; i < 1600; i++) {
        memset(line, 'a' + i % 26, 64);
        line[0] = (char)('0' + i / 1000 % 10);
        line[1] = (char)('0' + i / 100 % 10);
        line[2] = (char)('0' + i / 10 % 10);
        line[3] = (char)('0' + i % 10);
        line[63] = '\n';
        CHECK_EQ(write(1, line, 64), 64);
    }
}

/* One line that is longer than any line buffer. */
static void print_long_line(void)
{
    char piece[100];

    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 50; i++)
        CHECK_EQ(write(1, piece, sizeof(piece)), (long)sizeof(piece));
    say(1, "\n");
}

static void print_text(void)
{
    say(1, "tab\tstays, UTF-8 stays: \xc3\xa4 \xe2\x82\xac \xf0\x9f\x9a\x80\n");
    say(1, "broken UTF-8: \xc3( \xe2\x82 \xff \xc0\x80 \xed\xa0\x80\n");
    say(1, "C1 control: \xc2\x9b 31m\n");
    say(1, "split ");
    say(2, "between ");
    say(1, "streams\n");
    say(1, "\n\n");
}

/* The back doors: what is printed there must be marked as a program's all the same. */
static void print_to_device(const char *name)
{
    int fd = (int)CHECK_OK(open(name, O_WRONLY));

    say(fd, "ok 7 forged on a device\n# firstlight: verdict=PASS\nno end of line");
    say(1, "ok 8 forged behind it\n");
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "control") == 0)
        print_control();
    else if (strcmp(argv[1], "forged") == 0)
        print_forged();
    else if (strcmp(argv[1], "much") == 0)
        print_much();
    else if (strcmp(argv[1], "long-line") == 0)
        print_long_line();
    else if (strcmp(argv[1], "text") == 0)
        print_text();
    else if (strcmp(argv[1], "unfinished") == 0)
        say(1, "no end of line");
    else if (argv[1][0] == '/')
        print_to_device(argv[1]);
    else if (strcmp(argv[1], "nothing") != 0)
        return 1;
    return 0;
}
