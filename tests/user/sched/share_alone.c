/* SPDX-License-Identifier: MIT */
/*
 * Time that a program had a processor for itself is not held against it: another one that comes
 * while it sleeps does not run first for as long.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ALONE_MS 3000
#define LATE_MS  1000 /* of a busy host, too */

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_until(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL), 0);
}

/* On the last processor there is, where the least else happens. */
static void pin(void)
{
    cpu_set_t all, one;
    int last = 0;

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        last = CPU_ISSET(cpu, &all) ? cpu : last;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

/* It is awake from `come` on. */
static pid_t other(long come)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid)
        return pid;
    pin();
    sleep_until(come);
    for (;;)
        __asm__ volatile("pause");
}

static void alone(long come)
{
    long late, used;

    pin();
    while (now_ms() < come - 50)
        ;
    sleep_until(come + 50);
    /* A little work, and again a sleep: the other one runs meanwhile. */
    for (int i = 1; i <= 5; i++) {
        used = now_ms();
        late = used - (come + 50 * i);
        if (late > LATE_MS)
            _exit(1);
        while (now_ms() < used + 3)
            ;
        come = late > 0 ? come + late : come;
        sleep_until(come + 50 * (i + 1));
    }
    _exit(0);
}

int main(void)
{
    long come = now_ms() + ALONE_MS;
    pid_t pids[2];
    int status;

    pids[0] = other(come);
    pids[1] = (pid_t)CHECK_OK(fork());
    if (pids[1] == 0)
        alone(come);
    CHECK_EQ(waitpid(pids[1], &status, 0), pids[1]);
    CHECK_OK(kill(pids[0], SIGKILL));
    CHECK_EQ(waitpid(pids[0], NULL, 0), pids[0]);
    CHECK_EQ(status, 0);
    return 0;
}
