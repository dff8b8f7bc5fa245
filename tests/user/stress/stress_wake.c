/* SPDX-License-Identifier: MIT */
/*
 * Wake-ups that come together: what a sleeper waits for, from other processes, and timers, on the
 * processor where they were started, while the sleeper goes from one processor to another. Each
 * byte arrives once, and the sleepers go on.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define SLEEPERS 3
#define WAKERS   2
#define ROUND    100

static struct {
    pid_t sleepers[SLEEPERS];
    volatile unsigned ready;
    volatile uint64_t sent[WAKERS], got[SLEEPERS];
} * shared;

static int pipes[SLEEPERS][2];
static volatile sig_atomic_t hits;

static void on_hit(int sig)
{
    (void)sig;
    hits++;
}

/* Its timer rings all the time, also while it is about to fall asleep or has just been woken. */
static void sleeper(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    const struct itimerval often = {{0, 100}, {0, 100}};
    char byte;
    ssize_t got;

    for (unsigned i = 0; i < SLEEPERS; i++)
        CHECK_OK(close(pipes[i][1]));
    shared->sleepers[id] = getpid();
    __atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
    while ((got = read(pipes[id][0], &byte, 1)) != 0) {
        if (got < 0)
            CHECK_EQ(errno, EINTR);
        else
            shared->got[id]++;
    }
    while (!hits) /* it rings all the time */
        pause();
}

static void waker(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;

    do
        for (unsigned i = 0; i < ROUND; i++) {
            CHECK_EQ(write(pipes[i % SLEEPERS][1], "", 1), 1);
            shared->sent[id]++;
        }
    while (stress_goes_on());
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_hit};
    uint64_t sent = 0, got = 0;

    stress_begin(argc, argv);
    shared = shared_new(sizeof(*shared));
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    for (uintptr_t i = 0; i < SLEEPERS; i++)
        CHECK_OK(pipe(pipes[i]));
    for (uintptr_t i = 0; i < SLEEPERS; i++)
        child_start(sleeper, (void *)i);
    while (shared->ready != SLEEPERS)
        sleep_ns(100000);
    for (uintptr_t i = 0; i < WAKERS; i++)
        child_start(waker, (void *)i);
    children_await(WAKERS);
    for (unsigned i = 0; i < SLEEPERS; i++)
        CHECK_OK(close(pipes[i][1]));
    children_await(SLEEPERS);
    for (unsigned i = 0; i < WAKERS; i++)
        sent += shared->sent[i];
    for (unsigned i = 0; i < SLEEPERS; i++)
        got += shared->got[i];
    CHECK_EQ(got, sent);
    return 0;
}
