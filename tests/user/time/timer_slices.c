/* SPDX-License-Identifier: MIT */
/*
 * As many timers as a process may have expire at one instant: a program on the same processor goes
 * on meanwhile. A machine that is busy itself stops for milliseconds now and then; so the longest
 * stop is either short, or a small part of all the time that is lost to the timers.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define TIMERS_MAX 16000
#define ROUNDS     5
#define MS         1000000L
#define LIMIT_NS   MS    /* so long interrupts may be off */
#define LOST_NS    20000 /* a longer time between two looks at the clock is a stop */

/* Between the two processes. */
static volatile struct shared {
    long when;  /* the instant of this round, 0: not armed yet */
    int rounds; /* that the spinner has seen */
} * shared;
static int ids[TIMERS_MAX];

static long now_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 * MS + now.tv_nsec;
}

static struct timespec timespec_of(long ns)
{
    return (struct timespec){ns / (1000 * MS), ns % (1000 * MS)};
}

static void sleep_until(long ns)
{
    struct timespec at = timespec_of(ns);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL))
        ;
}

static int timers_allowed(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_SIGPENDING, &limit));
    return limit.rlim_cur > TIMERS_MAX + 100 ? TIMERS_MAX : (int)limit.rlim_cur / 2;
}

/* All for one instant, which lies ahead when the last of them is armed: on a machine that is busy
 * that takes a while, and then a later instant is tried. */
static long arm_all(int count)
{
    long ahead = 200 * MS, when;

    do {
        struct itimerspec at;

        when = now_ns() + ahead;
        at = (struct itimerspec){{0, 0}, timespec_of(when)};
        for (int i = 0; i < count; i++)
            CHECK_EQ(raw4(SYS_timer_settime, ids[i], TIMER_ABSTIME, &at, NULL), 0);
        ahead *= 2;
    } while (now_ns() > when - 20 * MS);
    return when;
}

/* Their signal is blocked, and their process asleep when they expire. */
static void crowd(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    int count = timers_allowed();

    for (int i = 0; i < count; i++)
        CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &ids[i]), 0);
    for (int round = 0; round < ROUNDS; round++) {
        long when = arm_all(count);

        shared->when = when;
        sleep_until(when + 100 * MS);
        shared->when = 0;
        while (shared->rounds <= round)
            sleep_until(now_ns() + MS);
    }
    _exit(0);
}

/* About the time of their end. */
static bool round_is_good(void)
{
    long when, last, now, longest = 0, lost = 0;

    while (!(when = shared->when))
        usleep(1000);
    sleep_until(when - 2 * MS);
    for (last = now_ns(); last < when + 50 * MS; last = now) {
        now = now_ns();
        if (now - last > longest)
            longest = now - last;
        if (now - last > LOST_NS)
            lost += now - last;
    }
    shared->rounds++;
    while (shared->when)
        usleep(1000);
    return longest < LIMIT_NS || longest < lost / 2;
}

int main(void)
{
    bool good = false;
    sigset_t usr1;
    cpu_set_t one;
    int status;
    pid_t pid;

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        crowd();
    for (int round = 0; round < ROUNDS; round++)
        good |= round_is_good();
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK(good);
    return 0;
}
