/* SPDX-License-Identifier: MIT */
/*
 * How long it takes to take a line off the screen does not depend on what is in it: one of tabs,
 * whose widths depend on what stands before them, takes about as long as one of letters. All of it
 * happens with interrupts off. The same for a line that is shown again by each of many keys.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/pty.h"

#define LINE   4000
#define KEYS   200
#define ROUNDS 10
#define SLACK  300 /* milliseconds: what the host takes */

#define KEY_KILL    21
#define KEY_REPRINT 18

static char keys[LINE + KEYS], output[65536];

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What appears is thrown away meanwhile. */
static void type_all(int master)
{
    for (size_t done = 0; done < sizeof(keys);) {
        ssize_t typed = write(master, keys + done, sizeof(keys) - done);

        done += typed > 0 ? (size_t)typed : 0;
        while (read(master, output, sizeof(output)) > 0)
            ;
    }
}

/* A line of that character, then a key many times; and the line is empty for the next round. */
static long type_and(int master, char character, char key)
{
    long begin = now_ms();

    for (int i = 0; i < ROUNDS; i++) {
        memset(keys, character, LINE);
        memset(keys + LINE, key, KEYS);
        keys[LINE + KEYS - 1] = KEY_KILL;
        type_all(master);
    }
    return now_ms() - begin;
}

int main(void)
{
    char path[64];
    int master = pty_master(path, sizeof(path));
    int terminal = pty_terminal(path, O_NOCTTY);
    long letters, again;

    CHECK_OK(fcntl(master, F_SETFL, O_NONBLOCK));
    letters = type_and(master, 'x', KEY_KILL);
    CHECK(type_and(master, '\t', KEY_KILL) <= 10 * letters + SLACK);
    /* Shown again, all of it may appear each time, as it does on an idle Linux. */
    again = type_and(master, 'x', KEY_REPRINT);
    CHECK(again <= 10 * letters + 10 * SLACK);
    CHECK(type_and(master, '\t', KEY_REPRINT) <= 10 * again + SLACK);
    CHECK_OK(close(terminal));
    CHECK_OK(close(master));
    return 0;
}
