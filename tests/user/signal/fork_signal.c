/* SPDX-License-Identifier: MIT */
/*
 * A blocked signal that comes to the process group while one of its members forks waits for both
 * parent and child; one that comes to the parent alone waits for the parent alone. Many descriptors
 * make the fork long enough to hit. With one processor nothing happens within a fork. With a second
 * argument another thread forks meanwhile: each fork has its own begin.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define FILES  15000
#define ENOUGH 200 /* with fewer the host held a processor up, and the clock says nothing */

static struct {
    volatile unsigned round, sent; /* numbers of rounds: begun, signalled */
    volatile uint64_t when;        /* to signal */
    volatile uint64_t first, last; /* before and after that was done */
} * shared;

static sigset_t usr1;
static unsigned within, lost; /* signals that fell into a fork; those that the child did not get */

/* Sends the signal of each round at its time: in odd ones to the parent, else to its group. */
static void sender(void *argument)
{
    pid_t parent = *(pid_t *)argument;

    CHECK_OK(setpgid(0, 0));
    stress_pin(1);
    for (unsigned round = 1;; round++) {
        while (__atomic_load_n(&shared->round, __ATOMIC_SEQ_CST) != round)
            if (getppid() != parent)
                return;
        while (now_ns() < shared->when)
            ;
        shared->first = now_ns();
        CHECK_OK(kill(round & 1 ? parent : -parent, SIGUSR1));
        shared->last = now_ns();
        __atomic_store_n(&shared->sent, round, __ATOMIC_SEQ_CST);
    }
}

static bool is_pending(void)
{
    sigset_t set;

    CHECK_OK(sigpending(&set));
    return sigismember(&set, SIGUSR1) == 1;
}

/* A fork that goes to the system call at once. */
static pid_t fork_timed(uint64_t *begin, uint64_t *end)
{
    long pid;

    *begin = now_ns();
    pid = raw0(SYS_fork);
    *end = now_ns();
    CHECK(pid >= 0);
    return (pid_t)pid;
}

/* The parent has it. */
static void take(void)
{
    const struct timespec at_once = {0, 0};

    CHECK_EQ(sigtimedwait(&usr1, NULL, &at_once), SIGUSR1);
}

/* What waits already when the fork begins waits for the parent alone. The time that it takes. */
static uint64_t fork_after(pid_t group)
{
    uint64_t begin, end;
    pid_t pid;

    CHECK_OK(kill(group, SIGUSR1));
    pid = fork_timed(&begin, &end);
    if (pid == 0)
        _exit(is_pending());
    child_await(pid, 0);
    take();
    return end - begin;
}

static void one_round(unsigned round, uint64_t length)
{
    uint64_t begin, end;
    int status;
    pid_t pid;

    shared->when = now_ns() + length * (round / 2 % 8) / 8;
    __atomic_store_n(&shared->round, round, __ATOMIC_SEQ_CST);
    pid = fork_timed(&begin, &end);
    while (__atomic_load_n(&shared->sent, __ATOMIC_SEQ_CST) != round)
        sleep_ns(10000);
    if (pid == 0)
        _exit(is_pending());
    take();
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (round & 1) {
        CHECK_EQ(status, 0);
    } else if (shared->first > end) {
        CHECK_EQ(status, 1 << 8);
    } else if (shared->first > begin && shared->last < end) {
        within++;
        lost += !status;
    }
}

static void *fork_always(void *argument)
{
    stress_pin(2);
    for (;;) {
        pid_t pid = (pid_t)CHECK_OK(raw0(SYS_fork));

        if (pid == 0)
            _exit(0);
        child_await(pid, 0);
    }
    return argument;
}

int main(int argc, char **argv)
{
    struct rlimit limit = {FILES, FILES};
    pid_t self = getpid(), pid;
    pthread_t thread;
    uint64_t length;

    stress_begin(argc, argv);
    shared = shared_new(4096);
    if (setrlimit(RLIMIT_NOFILE, &limit)) { /* without the right to raise it: what there is */
        CHECK_EQ(errno, EPERM);
        CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
        limit.rlim_cur = limit.rlim_max;
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    }
    if (self != getpgrp())
        CHECK_OK(setpgid(0, 0));
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    pid = child_start(sender, &self);
    stress_pin(0);
    for (int fd = 3; fd < (int)limit.rlim_cur; fd++)
        CHECK_OK(dup2(0, fd));
    (void)fork_after(self);
    length = fork_after(-self);
    if (argc > 2)
        CHECK_EQ(pthread_create(&thread, NULL, fork_always, NULL), 0);
    for (unsigned round = 1; stress_goes_on(); round++)
        one_round(round, length);
    CHECK_OK(kill(pid, SIGKILL));
    child_await(pid, SIGKILL);
    say_number(1, within);
    say(1, " signals fell into a fork; not for the child: ");
    say_number(1, lost);
    say(1, "\n");
    /* The clock is read before the call: a few of them came before the fork had begun. */
    CHECK(within < ENOUGH || lost * 2 <= within);
    return 0;
}
