/* SPDX-License-Identifier: MIT */
/* Thousands of processes: what a call costs, or an end, does not grow with the number of others. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define STACK_NBYTES 2048u
#define FEW          120u
#define MANY         (10 * FEW)
#define TRIES        8
#define CALLS        300
#define SLACK_NS     20000000u /* what a clock that ticks does not see */

struct shared {
    unsigned ready;
    pid_t pids[MANY];
    char stacks[MANY][STACK_NBYTES] __attribute__((aligned(16)));
};
static struct shared *shared;

static uint64_t cpu_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Shares the memory, so it costs little. `argument`: in a group of its own. */
static int sleeper(void *argument)
{
    if (argument)
        raw2(SYS_setpgid, 0, 0);
    __atomic_fetch_add(&shared->ready, 1, __ATOMIC_RELAXED);
    while (raw0(SYS_pause) != 1)
        ;
    return 0;
}

static void sleepers_start(unsigned count, bool own_groups)
{
    shared->ready = 0;
    for (unsigned i = 0; i < count; i++)
        shared->pids[i] = (pid_t)CHECK_OK(clone(sleeper, shared->stacks[i] + STACK_NBYTES - 16,
                                                CLONE_VM | SIGCHLD, own_groups ? shared : NULL));
    while (__atomic_load_n(&shared->ready, __ATOMIC_RELAXED) < count)
        sched_yield();
}

static void sleepers_end(unsigned count)
{
    int status;

    for (unsigned i = 0; i < count; i++)
        CHECK_OK(kill(shared->pids[i], SIGKILL));
    for (unsigned i = 0; i < count; i++) {
        CHECK(waitpid(-1, &status, 0) > 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    CHECK_ERR(waitpid(-1, &status, WNOHANG), ECHILD);
}

static uint64_t system_ns(const struct rusage *usage)
{
    return ((uint64_t)usage->ru_stime.tv_sec * 1000000u + (uint64_t)usage->ru_stime.tv_usec) * 1000;
}

/* The end of a process that leaves so many children, each a group of its own, to this one. */
static uint64_t end_cost(unsigned count)
{
    struct rusage usage;
    uint64_t before;
    int ends[2], status;
    pid_t hub;

    CHECK_OK(pipe(ends));
    hub = (pid_t)CHECK_OK(fork());
    if (hub == 0) {
        sleepers_start(count, true);
        CHECK_OK(getrusage(RUSAGE_SELF, &usage));
        before = system_ns(&usage);
        CHECK_EQ(write(ends[1], &before, sizeof(before)), sizeof(before));
        _exit(0);
    }
    CHECK_EQ(read(ends[0], &before, sizeof(before)), sizeof(before));
    CHECK_EQ(wait4(hub, &status, 0, &usage), hub);
    CHECK_EQ(status, 0);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    sleepers_end(count);
    return system_ns(&usage) - before;
}

static void wait_none(void)
{
    int status;

    CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
}

/* One child among many that has another group. */
static void group_signal(void)
{
    CHECK_OK(killpg(shared->pids[0], SIGCONT));
    CHECK_ERR(killpg(1 << 22, SIGCONT), ESRCH);
}

static void group_move(void)
{
    CHECK_OK(setpgid(shared->pids[1], shared->pids[0]));
    CHECK_OK(setpgid(shared->pids[1], shared->pids[1]));
}

static void priority_of_group(void)
{
    CHECK_OK(getpriority(PRIO_PGRP, (id_t)shared->pids[0]));
}

static uint64_t call_cost(unsigned count, void (*call)(void))
{
    uint64_t start, spent;

    sleepers_start(count, true);
    start = cpu_ns();
    for (int i = 0; i < CALLS; i++)
        call();
    spent = cpu_ns() - start;
    sleepers_end(count);
    return spent;
}

static uint64_t stand_cost(unsigned count, void (*call)(void))
{
    return call ? call_cost(count, call) : end_cost(count);
}

/* Ten times as many may cost so many times as much. Other work on the machine only adds to a cost:
 * the least of some measurements counts, on both sides. */
static void compare(const char *name, void (*call)(void), unsigned factor)
{
    uint64_t few = UINT64_MAX, many = UINT64_MAX, cost;

    for (int i = 0; i < TRIES; i++) {
        cost = stand_cost(FEW, call);
        few = MIN(few, cost);
        cost = stand_cost(MANY, call);
        many = MIN(many, cost);
        if (many <= factor * few + SLACK_NS)
            return;
    }
    say(2, name);
    say(2, ": ns among few and among many ");
    say_number(2, (long)few);
    say(2, " ");
    say_number(2, (long)many);
    say(2, "\n");
    check_fail(__FILE__, __LINE__, "the cost grows with the number of processes");
}

/* With an argument: what Linux walks the children for. */
int main(int argc, char **argv)
{
    (void)argv;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    if (argc > 1) {
        compare("wait4(WNOHANG)", wait_none, 3);
        return 0;
    }
    compare("the end of a parent", NULL, 25);
    compare("killpg", group_signal, 3);
    compare("setpgid", group_move, 3);
    compare("getpriority", priority_of_group, 3);
    return 0;
}
