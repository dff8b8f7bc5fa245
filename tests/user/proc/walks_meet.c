/* SPDX-License-Identifier: MIT */
/* Walks over the members of a large group, more at a time than there are processors: one that has
 * been preempted is overtaken by others. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define MEMBERS      100 /* more than the kernel looks at without a pause */
#define WALKERS      8
#define STACK_NBYTES 2048
#define WALKS_NS     100000000u

static char stacks[MEMBERS][STACK_NBYTES] __attribute__((aligned(16)));

static int member(void *unused)
{
    (void)unused;
    while (raw0(SYS_pause) != 1)
        ;
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void walk(void)
{
    uint64_t end = now_ns() + WALKS_NS;

    while (now_ns() < end)
        CHECK_OK(kill(0, 0));
}

static void group(void)
{
    pid_t pids[MEMBERS], walkers[WALKERS];
    int status;

    CHECK_OK(setpgid(0, 0));
    for (unsigned i = 0; i < MEMBERS; i++)
        pids[i] =
            (pid_t)CHECK_OK(clone(member, stacks[i] + STACK_NBYTES - 16, CLONE_VM | SIGCHLD, NULL));
    for (unsigned i = 0; i < WALKERS; i++) {
        walkers[i] = (pid_t)CHECK_OK(fork());
        if (walkers[i] == 0) {
            walk();
            _exit(0);
        }
    }
    for (unsigned i = 0; i < WALKERS; i++) {
        CHECK_EQ(waitpid(walkers[i], &status, 0), walkers[i]);
        CHECK_EQ(status, 0);
    }
    for (unsigned i = 0; i < MEMBERS; i++)
        CHECK_OK(kill(pids[i], SIGKILL));
    for (unsigned i = 0; i < MEMBERS; i++)
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
}

int main(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork()); /* this one may lead a session: it keeps its group */
    int status;

    if (pid == 0) {
        group();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    return 0;
}
