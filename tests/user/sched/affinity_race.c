/* SPDX-License-Identifier: MIT */
/* The processors of a program that runs are changed again and again by another one. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define VICTIMS 2
#define MS      600

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One is mostly in the kernel, to give its processor up; the other never by itself. */
static void victim(int i)
{
    for (;;)
        if (i)
            sched_yield();
}

int main(void)
{
    cpu_set_t all, first, last;
    int cpus[2] = {-1, -1}, status;
    pid_t pids[VICTIMS];
    long end;

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all))
            cpus[cpus[0] >= 0] = cpu;
    if (cpus[1] < 0)
        return 0; /* nowhere to go */
    CPU_ZERO(&first);
    CPU_ZERO(&last);
    CPU_SET(cpus[0], &first);
    CPU_SET(cpus[1], &last);
    for (int i = 0; i < VICTIMS; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0)
            victim(i);
    }
    end = now_ms() + MS;
    while (now_ms() < end) {
        for (int i = 0; i < VICTIMS; i++) {
            CHECK_OK(sched_setaffinity(pids[i], sizeof(all), &first));
            CHECK_OK(sched_setaffinity(pids[i], sizeof(all), &all));
            CHECK_OK(sched_setaffinity(pids[i], sizeof(all), &last));
            CHECK_OK(sched_setaffinity(pids[i], sizeof(all), &all));
        }
    }
    for (int i = 0; i < VICTIMS; i++) {
        CHECK_OK(kill(pids[i], SIGKILL));
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, SIGKILL);
    }
    return 0;
}
