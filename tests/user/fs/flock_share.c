/* SPDX-License-Identifier: MIT */
/*
 * flock_share: two tasks wait for different locks by one open file; the one that comes second turns
 * the other's exclusive lock into a shared one. Who waits for a shared lock gets it then.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define NAME    "/tmp/flock_share"
#define ROUNDS  20
#define LIMIT_S 10 /* much longer than any of them waits */

static int told[2]; /* who has its lock says so here */

/* Waits for its lock, then for its end: a close, too, would have others look again. */
static pid_t locker(int fd, int operation, char name)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(flock(fd, operation));
        CHECK_EQ(write(told[1], &name, 1), 1);
        for (;;)
            pause();
    }
    asleep_await(pid);
    return pid;
}

/* Who has its lock next. */
static char next_one(void)
{
    struct pollfd place = {told[0], POLLIN, 0};
    char name = 0;

    CHECK_EQ(poll(&place, 1, LIMIT_S * 1000), 1);
    CHECK_EQ(read(told[0], &name, 1), 1);
    return name;
}

/* The reader looks while the exclusive lock is there, if they are woken in the order in which they
 * came: then nothing but the change to a shared one wakes it. */
static void round_of_three(void)
{
    int first = CHECK_OK(open(NAME, O_RDWR | O_CREAT, 0600));
    int file = CHECK_OK(open(NAME, O_RDWR)), other = CHECK_OK(open(NAME, O_RDWR));
    bool changed = false, excluded = false, has_read = false;
    pid_t pids[3];

    CHECK_OK(flock(first, LOCK_EX));
    pids[0] = locker(file, LOCK_EX, 'x');
    pids[1] = locker(other, LOCK_SH, 'r');
    pids[2] = locker(file, LOCK_SH, 'c');
    CHECK_OK(flock(first, LOCK_UN));
    while (!has_read) {
        char name = next_one();

        changed |= name == 'c';
        excluded |= name == 'x';
        has_read |= name == 'r';
        /* The excluder may have been the later one. If it was not, this changes nothing. */
        if (changed && excluded && !has_read)
            CHECK_OK(flock(file, LOCK_SH));
    }
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kill(pids[i], SIGKILL));
        CHECK_EQ(child_end(pids[i]), SIGKILL);
    }
    while (poll(&(struct pollfd){told[0], POLLIN, 0}, 1, 0) == 1)
        next_one();
    CHECK_OK(close(first));
    CHECK_OK(close(file));
    CHECK_OK(close(other));
}

int main(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
    CHECK_OK(pipe(told));
    for (int round = 0; round < ROUNDS; round++)
        round_of_three();
    CHECK_OK(unlink(NAME));
    return 0;
}
