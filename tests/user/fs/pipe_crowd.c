/* SPDX-License-Identifier: MIT */
/*
 * Many readers or writers of one pipe: a wake-up that one of them takes and does not use is passed
 * on, so that nobody sleeps beside bytes or room. A wake-up that is lost is a test that never ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define CROWD 24
#define ROOM  4096 /* of the smallest pipe */

static int ends[2];
static pid_t pids[CROWD];
static char block[2 * ROOM];

/* Long enough for all to be asleep; if it is not, they find what they need without sleeping. */
static void let_them_sleep(void)
{
    struct timespec time = {0, 20000000};

    nanosleep(&time, NULL);
}

static void start(int (*what)(void))
{
    for (int i = 0; i < CROWD; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0)
            _exit(what());
    }
    let_them_sleep();
}

static void await_all(int killed)
{
    for (int i = 0; i < CROWD; i++) {
        int status;

        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, i < killed ? SIGKILL : 0);
    }
}

static int read_one(void)
{
    char byte;

    return read(ends[0], &byte, 1) != 1;
}

/* As much as a small pipe holds: one at a time fits. */
static int write_room(void)
{
    return write(ends[1], block, ROOM) != ROOM;
}

/* More than a pipe holds: in pieces, among those of others. */
static int write_more(void)
{
    return write(ends[1], block, 2 * ROOM) != 2 * ROOM;
}

static int read_to_end(void)
{
    static char bytes[100];
    ssize_t n;

    CHECK_OK(close(ends[1]));
    while ((n = read(ends[0], bytes, sizeof(bytes))) > 0)
        ;
    return n != 0;
}

/* One write, and a byte for each: the first reader leaves the rest to the others. */
static void one_write_for_all(void)
{
    start(read_one);
    CHECK_EQ(write(ends[1], block, CROWD), CROWD);
    await_all(0);
}

static void read_all(size_t left)
{
    while (left > 0)
        left -= (size_t)CHECK_OK(read(ends[0], block, left < 1000 ? left : 1000));
}

static void one_reader_for_all(int (*writer)(void), size_t nbytes)
{
    CHECK_EQ(write(ends[1], block, ROOM), ROOM);
    start(writer);
    read_all(ROOM + CROWD * nbytes);
    await_all(0);
}

/* Who is killed may just have been woken. */
static void some_are_killed(void)
{
    const int killed = CROWD / 2;

    start(read_one);
    for (int i = 0; i < killed; i++)
        CHECK_OK(kill(pids[i], SIGSTOP)); /* they stay in line */
    let_them_sleep();
    for (int i = 0; i < killed; i++) {
        CHECK_EQ(write(ends[1], block, 1), 1);
        CHECK_OK(kill(pids[i], SIGKILL));
    }
    CHECK_EQ(write(ends[1], block, (size_t)(CROWD - killed)), CROWD - killed);
    await_all(killed);
    /* What the killed ones did not read. */
    CHECK_OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    while (read(ends[0], block, sizeof(block)) > 0)
        ;
    CHECK_OK(fcntl(ends[0], F_SETFL, 0));
}

/* The end of the input is for everyone. */
static void all_see_the_end(void)
{
    start(read_to_end);
    CHECK_EQ(write(ends[1], block, ROOM), ROOM);
    CHECK_OK(close(ends[1]));
    await_all(0);
}

int main(void)
{
    CHECK_OK(pipe(ends));
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, ROOM), ROOM);
    for (int round = 0; round < 5; round++) {
        one_write_for_all();
        one_reader_for_all(write_room, ROOM);
        one_reader_for_all(write_more, 2 * ROOM);
        some_are_killed();
    }
    all_see_the_end();
    return 0;
}
