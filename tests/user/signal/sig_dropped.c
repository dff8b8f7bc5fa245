/* SPDX-License-Identifier: MIT */
/* Very many signals that wait go at once: when they are ignored, and stop signals at SIGCONT. Their
 * room is there again, also that of timers which are deleted while their signals wait. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define USER   1235 /* has nothing else that counts */
#define LIMIT  3000
#define TIMERS 1000

static int queue_until_full(void)
{
    const union sigval value = {0};
    int count = 0;

    while (count <= LIMIT && sigqueue(getpid(), SIGRTMIN, value) == 0)
        count++;
    return count;
}

static void check_pending(int number, int expected)
{
    sigset_t set;

    CHECK_OK(sigpending(&set));
    CHECK_EQ(sigismember(&set, number), expected);
}

/* As often as the limit allows, each time anew. */
static void check_ignored(void)
{
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(queue_until_full(), LIMIT);
        check_pending(SIGRTMIN, 1);
        CHECK(signal(SIGRTMIN, SIG_IGN) != SIG_ERR);
        check_pending(SIGRTMIN, 0);
        CHECK(signal(SIGRTMIN, SIG_DFL) != SIG_ERR);
    }
}

static void await_expired(timer_t timer)
{
    struct itimerspec left;

    do
        CHECK_OK(timer_gettime(timer, &left));
    while (left.it_value.tv_nsec || left.it_value.tv_sec);
}

/* Each timer has a stop signal of its own that waits; the timers go, and then the signals. */
static void check_stops(void)
{
    static timer_t timers[TIMERS];
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTSTP};
    const struct itimerspec soon = {{0, 0}, {0, 1}};

    for (int i = 0; i < TIMERS; i++)
        CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timers[i]));
    for (int i = 0; i < TIMERS; i++)
        CHECK_OK(timer_settime(timers[i], 0, &soon, NULL));
    for (int i = 0; i < TIMERS; i++)
        await_expired(timers[i]);
    check_pending(SIGTSTP, 1);
    for (int i = 0; i < TIMERS; i++)
        CHECK_OK(timer_delete(timers[i]));
    CHECK_OK(kill(getpid(), SIGCONT));
    check_pending(SIGTSTP, 0);
}

int main(void)
{
    struct rlimit limit = {LIMIT, LIMIT};
    sigset_t set;

    CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &limit));
    CHECK_OK(setresuid(USER, USER, USER));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGTSTP);
    CHECK_OK(sigprocmask(SIG_SETMASK, &set, NULL));
    check_ignored();
    check_stops();
    for (int i = 0; i < 100 && queue_until_full() < LIMIT; i++) {
        /* What was freed may be counted a moment later. */
        CHECK(signal(SIGRTMIN, SIG_IGN) != SIG_ERR);
        CHECK(signal(SIGRTMIN, SIG_DFL) != SIG_ERR);
        usleep(10000);
    }
    check_pending(SIGRTMIN, 1);
    return 0;
}
