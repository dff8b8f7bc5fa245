/* SPDX-License-Identifier: MIT */
/* The processors of a program that runs are changed by another one: it moves, and nothing is lost
 * when that happens again and again. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define VICTIMS 2
#define MS      600
#define MOVES   6
#define SOON_MS 1000

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

static void victim_end(pid_t pid)
{
    int status;

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
}

/* A program that makes no calls leaves a processor that it has for itself. The vDSO tells it which
 * one that is; this one, on the processor that it is to come to, only looks. */
static void check_moves(const int cpus[2])
{
    int *where = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cpu_set_t all, one;
    pid_t pid;

    CHECK((void *)where != MAP_FAILED);
    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    __atomic_store_n(where, -1, __ATOMIC_RELAXED);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        for (;;)
            __atomic_store_n(where, sched_getcpu(), __ATOMIC_RELAXED);
    for (int i = 0; i < MOVES; i++) {
        long end;

        CPU_ZERO(&one);
        CPU_SET(cpus[i % 2], &one);
        CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
        CHECK_OK(sched_setaffinity(pid, sizeof(one), &one));
        end = now_ms() + SOON_MS;
        while (__atomic_load_n(where, __ATOMIC_RELAXED) != cpus[i % 2] && now_ms() < end)
            ;
        CHECK_EQ(__atomic_load_n(where, __ATOMIC_RELAXED), cpus[i % 2]);
    }
    victim_end(pid);
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
    CHECK_OK(munmap(where, 4096));
}

int main(void)
{
    cpu_set_t all, first, last;
    int cpus[2] = {-1, -1};
    pid_t pids[VICTIMS];
    long end;

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all))
            cpus[cpus[0] >= 0] = cpu;
    if (cpus[1] < 0)
        return 0; /* nowhere to go */
    check_moves(cpus);
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
    for (int i = 0; i < VICTIMS; i++)
        victim_end(pids[i]);
    return 0;
}
