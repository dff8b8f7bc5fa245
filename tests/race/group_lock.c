/* SPDX-License-Identifier: MIT */
/*
 * Locks of files: held, waited for, changed, given up, by tasks that are interrupted and killed.
 *
 * Who has an exclusive lock is alone: each byte, and the whole file, has a word that holders mark.
 * No operation has a second lock while it waits for one, so that all of them end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/race/race.h"

#define BYTES  16 /* that are locked */
#define WHOLE  BYTES
#define READER 256 /* a word's count of shared locks; below it, of exclusive ones */

static int record_fd;

static void on_alarm(int signal)
{
    (void)signal;
}

static const char *begin(void)
{
    struct sigaction action = {.sa_handler = on_alarm};

    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    record_fd = (int)CHECK_OK(open("records", O_RDWR | O_CREAT, 0600));
    CHECK_OK(close((int)CHECK_OK(open("whole", O_RDWR | O_CREAT, 0600))));
    return NULL;
}

static void end(void)
{
    for (int i = 0; i <= WHOLE; i++)
        if (race_shared->words[i])
            race_wrong("a lock is left, word", i);
    close(record_fd);
    unlink("records");
    unlink("whole");
}

static void hold(int first, int last, bool exclusive)
{
    for (int i = first; i <= last; i++) {
        unsigned before =
            __atomic_fetch_add(&race_shared->words[i], exclusive ? 1 : READER, __ATOMIC_SEQ_CST);

        if (exclusive ? before != 0 : before % READER != 0)
            race_wrong("a lock was given to two, word", i);
    }
}

static void let_go(int first, int last, bool exclusive)
{
    for (int i = first; i <= last; i++)
        __atomic_fetch_sub(&race_shared->words[i], exclusive ? 1 : READER, __ATOMIC_SEQ_CST);
}

static long record(int fd, int command, int type, int first, int last)
{
    struct flock lock = {.l_type = (short)type, .l_start = first, .l_len = last - first + 1};

    return raw3(SYS_fcntl, fd, command, &lock);
}

static void range(struct race_worker *worker, int *first, int *last)
{
    *first = (int)race_random(worker, BYTES);
    *last = *first + (int)race_random(worker, (uint32_t)(BYTES - *first));
}

/* Perhaps one byte less at a time. */
static void record_give_back(struct race_worker *worker, int fd, int command, int first, int last,
                             bool exclusive)
{
    while (first <= last) {
        int end = race_random(worker, 2) ? last : first;

        let_go(first, end, exclusive);
        record(fd, command, F_UNLCK, first, end);
        first = end + 1;
    }
}

static void do_record(struct race_worker *worker)
{
    bool exclusive = race_random(worker, 3) != 0;
    int first, last;

    range(worker, &first, &last);
    if (record(record_fd, F_SETLKW, exclusive ? F_WRLCK : F_RDLCK, first, last))
        return;
    hold(first, last, exclusive);
    if (race_random(worker, 4) == 0)
        race_sleep_us(10);
    record_give_back(worker, record_fd, F_SETLK, first, last, exclusive);
}

/* An exclusive lock that becomes a shared one. */
static void do_weaken(struct race_worker *worker)
{
    int first, last;

    range(worker, &first, &last);
    if (record(record_fd, F_SETLKW, F_WRLCK, first, last))
        return;
    hold(first, last, true);
    let_go(first, last, true);
    record(record_fd, F_SETLK, F_RDLCK, first, last);
    hold(first, last, false);
    record_give_back(worker, record_fd, F_SETLK, first, last, false);
}

/* Of an open file; the end of the file is the end of the lock. */
static void do_open_file(struct race_worker *worker)
{
    long fd = raw3(SYS_open, "/proc/self/cwd/records", O_RDWR | O_CLOEXEC, 0);
    int first, last;

    range(worker, &first, &last);
    if (fd >= 0 && record((int)fd, F_OFD_SETLKW, F_WRLCK, first, last) == 0) {
        hold(first, last, true);
        let_go(first, last, true);
        if (race_random(worker, 2))
            record((int)fd, F_OFD_SETLK, F_UNLCK, first, last);
    }
    /* Any close takes the process's own locks, too: there are none now. */
    raw1(SYS_close, fd);
}

static void do_whole(struct race_worker *worker)
{
    long fd = raw3(SYS_open, "whole", O_RDWR | O_CLOEXEC, 0);
    bool exclusive = race_random(worker, 3) != 0;

    if (raw2(SYS_flock, fd, exclusive ? LOCK_EX : LOCK_SH) == 0) {
        hold(WHOLE, WHOLE, exclusive);
        if (race_random(worker, 4) == 0)
            race_sleep_us(10);
        let_go(WHOLE, WHOLE, exclusive);
        if (race_random(worker, 2))
            raw2(SYS_flock, fd, exclusive ? LOCK_SH : LOCK_EX);
    }
    raw1(SYS_close, fd);
}

static void do_try(struct race_worker *worker)
{
    long fd = raw3(SYS_open, "whole", O_RDWR | O_CLOEXEC, 0);
    int first, last;

    range(worker, &first, &last);
    if (record(record_fd, F_SETLK, F_WRLCK, first, last) == 0) {
        hold(first, last, true);
        record_give_back(worker, record_fd, F_SETLK, first, last, true);
    }
    if (raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) == 0) {
        hold(WHOLE, WHOLE, true);
        let_go(WHOLE, WHOLE, true);
    }
    raw1(SYS_close, fd);
}

/* A child that may be killed while it waits, or while it has what it waited for. */
static void do_killed(struct race_worker *worker)
{
    int first, last;
    bool whole = race_random(worker, 2);
    long pid;

    range(worker, &first, &last);
    pid = race_fork(0);
    if (pid == 0) {
        if (whole)
            raw2(SYS_flock, raw3(SYS_open, "whole", O_RDWR, 0), LOCK_EX);
        else
            record(record_fd, F_SETLKW, F_WRLCK, first, last);
        race_exit(0);
    }
    if (pid < 0)
        return;
    race_sleep_us(1 + race_random(worker, 300));
    raw2(SYS_kill, pid, SIGKILL);
    race_wait(pid);
}

/* A signal that ends the wait. */
static void do_interrupted(struct race_worker *worker)
{
    struct itimerval soon = {{0, 0}, {0, 1 + (long)race_random(worker, 200)}}, never = {{0}, {0}};
    int first, last;

    range(worker, &first, &last);
    raw3(SYS_setitimer, ITIMER_REAL, &soon, NULL);
    if (record(record_fd, F_SETLKW, F_WRLCK, first, last) == 0) {
        hold(first, last, true);
        record_give_back(worker, record_fd, F_SETLK, first, last, true);
    }
    raw3(SYS_setitimer, ITIMER_REAL, &never, NULL);
}

static const struct race_op ops[] = {{"record", do_record},
                                     {"weaken", do_weaken},
                                     {"openfile", do_open_file},
                                     {"whole", do_whole},
                                     {"try", do_try},
                                     {"killed", do_killed},
                                     {"interrupted", do_interrupted},
                                     {NULL, NULL}};

const struct race_group race_lock = {"lock", 0, begin, end, ops};
