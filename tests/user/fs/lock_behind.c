/* SPDX-License-Identifier: MIT */
/*
 * lock_behind: many wait for one lock. Each is woken for itself, and none is left asleep behind one
 * that was woken and cannot have its lock, or does not want it any more.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define NAME    "/tmp/lock_behind"
#define CROWD   40
#define WAKES   6 /* for each of them: its own, and some that it did not need */
#define ROUNDS  30
#define LIMIT_S 20 /* much longer than any of them waits */

static int fd;

static int record(int command, int type, off_t first, off_t last)
{
    struct flock lock = {.l_type = (short)type, .l_start = first, .l_len = last - first + 1};

    return fcntl(fd, command, &lock);
}

/* Waits for its bytes, and ends with them. */
static pid_t waiter(off_t first, off_t last)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        alarm(LIMIT_S);
        CHECK_OK(record(F_SETLKW, F_WRLCK, first, last));
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static long sleeps(void)
{
    struct rusage usage;

    CHECK_OK(getrusage(RUSAGE_SELF, &usage));
    return usage.ru_nvcsw;
}

static void lock_in_way(int way, int own)
{
    if (way == 0)
        CHECK_OK(flock(own, LOCK_EX));
    else
        CHECK_OK(record(way == 1 ? F_SETLKW : F_OFD_SETLKW, F_WRLCK, 0, 9));
}

/* Each holder sleeps with its lock: those who were woken for it would look, and sleep again. */
static void check_crowd(int way)
{
    struct timespec time = {0, 1000000};
    pid_t pids[CROWD];

    lock_in_way(way, fd);
    for (int i = 0; i < CROWD; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0) {
            int own = (int)CHECK_OK(open(NAME, O_RDWR));
            long before = sleeps();

            fd = own;
            alarm(LIMIT_S);
            lock_in_way(way, own);
            CHECK(sleeps() - before <= WAKES);
            CHECK_OK(nanosleep(&time, NULL));
            _exit(0);
        }
        asleep_await(pids[i]);
    }
    if (way == 0)
        CHECK_OK(flock(fd, LOCK_UN));
    else
        CHECK_OK(record(way == 1 ? F_SETLK : F_OFD_SETLK, F_UNLCK, 0, 9));
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(child_end(pids[i]), 0);
}

/* The first one's bytes are still locked in part; the second one's are free. */
static void check_part(void)
{
    pid_t first, second;

    CHECK_OK(record(F_SETLK, F_WRLCK, 0, 99));
    first = waiter(0, 50);
    second = waiter(0, 5);
    CHECK_OK(record(F_SETLK, F_UNLCK, 0, 9));
    CHECK_EQ(child_end(second), 0);
    CHECK_OK(record(F_SETLK, F_UNLCK, 10, 99));
    CHECK_EQ(child_end(first), 0);
}

/* The lock is free for a moment; the one that is woken for it is killed, sooner or later. */
static void check_killed(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        pid_t first, second, third;

        CHECK_OK(record(F_SETLK, F_WRLCK, 0, 9));
        first = waiter(0, 9);
        second = waiter(0, 9);
        third = waiter(5, 9);
        CHECK_OK(record(F_SETLK, F_UNLCK, 0, 9));
        if (round % 3 == 0) /* before it has looked, or after it has ended */
            record(F_SETLK, F_WRLCK, 0, 9);
        if (round % 3 == 1)
            sched_yield();
        CHECK_OK(kill(first, SIGKILL));
        CHECK_OK(record(F_SETLK, F_UNLCK, 0, 9));
        child_end(first);
        CHECK_EQ(child_end(second), 0);
        CHECK_EQ(child_end(third), 0);
    }
}

/* The second one has a byte that the holder then waits for, while the first one is woken: whether
 * it gets its lock or has it taken away before its eyes, one of the three finds the ring. */
static void check_ring(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        pid_t first, second;
        bool told;
        int end;

        CHECK_OK(record(F_SETLK, F_WRLCK, 0, 0));
        first = waiter(0, 0);
        second = (pid_t)CHECK_OK(fork());
        if (second == 0) {
            alarm(LIMIT_S);
            CHECK_OK(record(F_SETLK, F_WRLCK, 1, 1));
            told = record(F_SETLKW, F_WRLCK, 0, 0) != 0;
            if (told)
                CHECK_EQ(errno, EDEADLK);
            _exit(told ? 2 : 0);
        }
        asleep_await(second);
        CHECK_OK(record(F_SETLK, F_UNLCK, 0, 0));
        if (record(F_SETLK, F_WRLCK, 0, 0) == 0) {
            alarm(LIMIT_S);
            told = record(F_SETLKW, F_WRLCK, 1, 1) != 0;
            if (told)
                CHECK_EQ(errno, EDEADLK);
            alarm(0);
        }
        CHECK_OK(record(F_SETLK, F_UNLCK, 0, 1));
        end = child_end(second);
        CHECK(end == 0 || end == 2 << 8);
        CHECK_EQ(child_end(first), 0);
    }
}

/* With its bytes from `own` on: what it waits for then, and whether that was a deadlock. */
static pid_t holder(off_t own, off_t last, int type, off_t want, off_t want_last)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        alarm(LIMIT_S);
        CHECK_OK(record(F_SETLK, type, own, last));
        if (record(F_SETLKW, type, want, want_last) == 0)
            _exit(0);
        CHECK_EQ(errno, EDEADLK);
        _exit(1);
    }
    asleep_await(pid);
    return pid;
}

/* Two who wait for each other, of whom one has waited for a third one before: one of them learns of
 * it when the third one lets go. */
static void check_cycle(void)
{
    pid_t first, second;
    int status;

    CHECK_OK(record(F_SETLK, F_RDLCK, 8, 9));
    first = holder(6, 7, F_WRLCK, 9, 10);
    second = holder(9, 9, F_RDLCK, 6, 9);
    CHECK_OK(record(F_SETLK, F_UNLCK, 8, 9));
    status = child_end(first);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status) + WEXITSTATUS(child_end(second)), 1);
}

int main(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT, 0600));
    for (int way = 0; way < 3; way++)
        check_crowd(way);
    check_part();
    check_killed();
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
    check_killed();
    check_ring();
    check_cycle();
    CHECK_OK(unlink(NAME));
    return 0;
}
