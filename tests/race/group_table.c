/* SPDX-License-Identifier: MIT */
/*
 * The descriptor table: workers that share it (and their memory) replace, use, lock, copy, unshare
 * and list what it holds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/select.h>
#include <unistd.h>

#include "tests/race/race.h"

#define FIRST     100 /* read ends from here on, their write ends behind them */
#define PIPES     24
#define LOCK_FILE (FIRST + 2 * PIPES)
#define UNSHARE   2u /* CLOSE_RANGE_UNSHARE */

static const char *begin(void)
{
    for (int i = 0; i < PIPES; i++) {
        int ends[2] = {-1, -1};
        CHECK_OK(pipe2(ends, O_NONBLOCK));
        CHECK_OK(dup2(ends[0], FIRST + i));
        CHECK_OK(dup2(ends[1], FIRST + PIPES + i));
        close(ends[0]);
        close(ends[1]);
    }
    CHECK_OK(dup2((int)CHECK_OK(open("locked", O_RDWR | O_CREAT, 0600)), LOCK_FILE));
    return NULL;
}

/* Each number still names its pipe: a byte written comes out at the other end. */
static void end(void)
{
    char bytes[4096], byte = 'x';

    for (int i = 0; i < PIPES; i++) {
        while (read(FIRST + i, bytes, sizeof(bytes)) > 0)
            ;
        if (write(FIRST + PIPES + i, &byte, 1) != 1 || read(FIRST + i, &byte, 1) != 1)
            race_wrong("a pipe is another one, number", i);
    }
    unlink("locked");
}

static void do_poll(struct race_worker *worker)
{
    struct pollfd list[PIPES];

    for (int i = 0; i < PIPES; i++)
        list[i] = (struct pollfd){.fd = FIRST + i, .events = POLLIN};
    raw3(SYS_poll, list, PIPES, race_random(worker, 4) > 0);
}

static void do_select(struct race_worker *worker)
{
    struct timeval time = {0, race_random(worker, 1000)};
    fd_set in, out;

    FD_ZERO(&in);
    FD_ZERO(&out);
    for (int i = 0; i < PIPES; i++) {
        FD_SET(FIRST + i, &in);
        if (race_random(worker, 2))
            FD_SET(FIRST + PIPES + i, &out);
    }
    raw_call(SYS_select, LOCK_FILE, (long)&in, race_random(worker, 4) ? 0 : (long)&out, 0,
             (long)&time, 0);
}

/* A fresh pipe's end stands in the place of one for a moment. Two that replace the same number may
 * put each other's fresh end back, so each worker has numbers of its own. */
static void do_replace(struct race_worker *worker)
{
    int ends[2], share = PIPES / RACE_WORKERS;
    int target = FIRST + (int)worker->index * share + (int)race_random(worker, (uint32_t)share);
    uint32_t which = race_random(worker, 4) == 0, late = race_random(worker, 2);
    long kept;

    if (raw2(SYS_pipe2, ends, O_NONBLOCK) != 0)
        return;
    kept = raw1(SYS_dup, target);
    raw2(SYS_dup2, ends[which], target);
    for (volatile uint32_t i = race_random(worker, 1000); i > 0; i--)
        ; /* long enough to be looked up */
    raw1(SYS_close, ends[which]);
    if (!late) /* a poll is woken before the pipe goes, or not at all */
        raw1(SYS_close, ends[!which]);
    raw2(SYS_dup2, kept, target);
    raw1(SYS_close, kept);
    if (late)
        raw1(SYS_close, ends[!which]);
    if (race_random(worker, 8) == 0)
        race_sleep_us(1500); /* what was freed stays free for longer than a poll waits */
}

static void do_use(struct race_worker *worker)
{
    int i = (int)race_random(worker, PIPES);
    char bytes[64];

    raw3(SYS_write, FIRST + PIPES + i, bytes, 1 + race_random(worker, sizeof(bytes)));
    raw3(SYS_read, FIRST + (int)race_random(worker, PIPES), bytes, sizeof(bytes));
}

static void do_open(struct race_worker *worker)
{
    long fd = raw3(SYS_open, race_random(worker, 2) ? "/dev/null" : ".", O_RDONLY | O_CLOEXEC, 0);

    if (race_random(worker, 2))
        raw3(SYS_fcntl, fd, F_DUPFD, 200); /* the number is closed by close_range of `unshare` */
    raw1(SYS_close, fd);
    raw3(SYS_close_range, 200, 400, 0);
}

/* A child that shares the table takes a table of its own, again and again. */
static void do_unshare(struct race_worker *worker)
{
    long pid = race_fork(CLONE_FILES);

    if (pid == 0) {
        for (int i = 0; i < 16; i++) {
            long other = race_fork(CLONE_FILES);
            if (other == 0)
                race_exit(0);
            raw3(SYS_close_range, 200, ~0u, UNSHARE);
            if (other > 0)
                race_wait(other);
        }
        race_exit(0);
    }
    if (pid > 0) {
        race_shared->victims[worker->index] = (int)pid;
        race_wait(pid);
    }
}

static void list_table(long pid)
{
    char path[64];

    race_proc_path(path, pid, "fd");
    race_read_all(path);
    race_proc_path(path, pid, "fdinfo/100");
    race_read_all(path);
}

static void do_list(struct race_worker *worker)
{
    for (int i = 0; i < RACE_WORKERS; i++)
        if (race_shared->victims[i] != 0)
            list_table(race_shared->victims[i]);
    list_table(race_shared->pids[race_random(worker, RACE_WORKERS)]);
}

static void do_lock(struct race_worker *worker)
{
    struct flock lock = {.l_type = race_random(worker, 2) ? F_WRLCK : F_UNLCK,
                         .l_start = race_random(worker, 8),
                         .l_len = 1 + race_random(worker, 4)};
    long fd = raw1(SYS_dup, LOCK_FILE);

    raw3(SYS_fcntl, LOCK_FILE, F_SETLK, &lock);
    raw2(SYS_flock, fd, (race_random(worker, 2) ? LOCK_EX : LOCK_UN) | LOCK_NB);
    raw1(SYS_close, fd); /* gives up every record lock of this process */
}

static void do_flags(struct race_worker *worker)
{
    int fd = FIRST + (int)race_random(worker, 2 * PIPES);

    raw3(SYS_fcntl, fd, F_SETFD, race_random(worker, 2));
    raw3(SYS_fcntl, fd, F_SETFL, O_NONBLOCK | (race_random(worker, 2) ? O_APPEND : 0));
    raw3(SYS_fcntl, fd, F_SETFD, 0);
}

static void do_fork(struct race_worker *worker)
{
    long pid = race_fork(race_random(worker, 2) ? CLONE_FILES : 0);

    if (pid == 0)
        race_exit(0);
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {
    {"poll", do_poll}, {"select", do_select}, {"replace", do_replace},
    {"use", do_use},   {"open", do_open},     {"unshare", do_unshare},
    {"list", do_list}, {"lock", do_lock},     {"flags", do_flags},
    {"fork", do_fork}, {NULL, NULL}};

const struct race_group race_table = {"table", CLONE_VM | CLONE_FILES, begin, end, ops};
