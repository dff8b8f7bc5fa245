/* SPDX-License-Identifier: MIT */
/*
 * Timers that start themselves anew, on one processor after another, in processes that end under
 * them: each process hears its timers, and is gone for good when it has ended.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define WORKERS 6

static volatile sig_atomic_t hits;

static void on_hit(int sig)
{
    (void)sig;
    hits++;
}

/* One timer of each kind; half of the time they are deleted, else they end with the process. */
static void timed(void *argument)
{
    const struct itimerval often = {{0, 50}, {0, 50}};
    const struct itimerspec as_often = {{0, 70000}, {0, 70000}};
    uint64_t number = (uintptr_t)argument;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t timer;

    CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
    CHECK_OK(timer_settime(timer, 0, &as_often, NULL));
    while (hits < 3 + (int)(number % 5))
        pause();
    if (number % 2)
        CHECK_OK(timer_delete(timer));
}

static void worker(void *argument)
{
    uint64_t state = (uintptr_t)argument;

    do
        child_await(child_start(timed, (void *)(uintptr_t)random_next(&state)), 0);
    while (stress_goes_on());
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_hit};

    stress_begin(argc, argv);
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    for (uintptr_t i = 0; i < WORKERS; i++)
        child_start(worker, (void *)(i + 1));
    children_await(WORKERS);
    return 0;
}
