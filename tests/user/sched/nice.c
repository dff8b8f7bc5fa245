/* SPDX-License-Identifier: MIT */
/* Niceness and policies: what may be set, what is inherited, and that it makes a difference. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

/* As another user, in a process of its own. */
#define AS_USER(statements)                                                                        \
    do {                                                                                           \
        pid_t pid_ = CHECK_OK(fork());                                                             \
        if (pid_ == 0) {                                                                           \
            CHECK_OK(setresuid(1000, 1000, 1000));                                                 \
            statements;                                                                            \
            _exit(0);                                                                              \
        }                                                                                          \
        CHECK_EQ(child_end(pid_), 0);                                                              \
    } while (0)

/* The call gives 20 - niceness, the library's function the niceness. */
static void check_values(void)
{
    pid_t pid;

    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, 0), 20);
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 7), 0);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, getpid()), 13);
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, getpid(), -100), 0);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, 0), 40);
    pid = CHECK_OK(fork());
    if (pid == 0)
        _exit(getpriority(PRIO_PROCESS, 0) != -20 || raw3(SYS_setpriority, 0, 0, 1000) ||
              raw2(SYS_getpriority, 0, 0) != 1);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, 0), 40);
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 0), 0);
    CHECK_EQ(raw2(SYS_getpriority, 3, 0), -EINVAL);
    CHECK_EQ(raw2(SYS_getpriority, -1, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_setpriority, 3, 0, 0), -EINVAL);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, 999999), -ESRCH);
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PGRP, 999999, 1), -ESRCH);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_USER, 77777), -ESRCH);
}

/* A group has the best of its members' niceness, and all get what is set. */
static void check_groups(void)
{
    pid_t leader = CHECK_OK(fork()), other;

    if (leader == 0)
        for (;;)
            pause();
    other = CHECK_OK(fork());
    if (other == 0)
        for (;;)
            pause();
    CHECK_OK(setpgid(leader, leader));
    CHECK_OK(setpgid(other, leader));
    CHECK_OK(setpriority(PRIO_PROCESS, leader, 5));
    CHECK_EQ(getpriority(PRIO_PGRP, leader), 0);
    CHECK_OK(setpriority(PRIO_PGRP, leader, 9));
    CHECK_EQ(getpriority(PRIO_PROCESS, leader), 9);
    CHECK_EQ(getpriority(PRIO_PROCESS, other), 9);
    CHECK_EQ(getpriority(PRIO_PGRP, 0), 0);
    kill(leader, SIGKILL);
    kill(other, SIGKILL);
    child_end(leader);
    child_end(other);
}

static void check_rights(void)
{
    struct rlimit limit = {15, 15};
    pid_t root = getpid();

    AS_USER({
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 5), 0);
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 5), 0); /* no better than before */
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 4), -EACCES);
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, root, 5), -EPERM);
        CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, root), 20);
    });
    if (setrlimit(RLIMIT_NICE, &limit)) { /* niceness 5 and up for everybody */
        CHECK_EQ(errno, EPERM);           /* not even root may, in some containers */
        return;
    }
    AS_USER({
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 10), 0);
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 5), 0);
        CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 0, 4), -EACCES);
    });
}

static void check_policies(void)
{
    struct sched_param zero = {0}, one = {.sched_priority = 1}, back = {.sched_priority = 9};
    struct timespec slice = {9, 0};

    CHECK_EQ(raw1(SYS_sched_getscheduler, 0), SCHED_OTHER);
    CHECK_EQ(raw2(SYS_sched_getparam, getpid(), &back), 0);
    CHECK_EQ(back.sched_priority, 0);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, 0, &slice), 0);
    CHECK(slice.tv_sec == 0 && slice.tv_nsec >= 0);
    CHECK_EQ(raw1(SYS_sched_get_priority_max, SCHED_FIFO), 99);
    CHECK_EQ(raw1(SYS_sched_get_priority_min, SCHED_RR), 1);
    CHECK_EQ(raw1(SYS_sched_get_priority_max, SCHED_OTHER), 0);
    CHECK_EQ(raw1(SYS_sched_get_priority_min, 6), 0); /* SCHED_DEADLINE */
    CHECK_EQ(raw1(SYS_sched_get_priority_max, 4), -EINVAL);
    CHECK_EQ(raw1(SYS_sched_get_priority_min, -1), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER, &one), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_RR, &zero), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, 4, &zero), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, -1, &zero), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER, 8), -EFAULT);
    CHECK_EQ(raw3(SYS_sched_setscheduler, -1, SCHED_OTHER, &zero), -EINVAL);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 999999, SCHED_OTHER, &zero), -ESRCH);
    CHECK_EQ(raw1(SYS_sched_getscheduler, -1), -EINVAL);
    CHECK_EQ(raw1(SYS_sched_getscheduler, 999999), -ESRCH);
    CHECK_EQ(raw2(SYS_sched_getparam, 0, NULL), -EINVAL);
    CHECK_EQ(raw2(SYS_sched_getparam, 0, 8), -EFAULT);
    CHECK_EQ(raw2(SYS_sched_setparam, 0, &zero), 0);
    CHECK_EQ(raw2(SYS_sched_setparam, 0, &one), -EINVAL);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, -1, &slice), -EINVAL);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, 999999, &slice), -ESRCH);
    AS_USER({
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_FIFO, &one), -EPERM);
        CHECK_EQ(raw3(SYS_sched_setscheduler, getppid(), SCHED_OTHER, &zero), -EPERM);
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_BATCH, &zero), 0);
        CHECK_EQ(raw1(SYS_sched_getscheduler, 0), SCHED_BATCH);
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_IDLE | SCHED_RESET_ON_FORK, &zero), 0);
        CHECK_EQ(raw1(SYS_sched_getscheduler, 0), SCHED_IDLE | SCHED_RESET_ON_FORK);
        pid_t child = CHECK_OK(fork());
        if (child == 0)
            _exit((int)raw1(SYS_sched_getscheduler, 0));
        CHECK_EQ(child_end(child), SCHED_IDLE << 8);
        /* The way back is one to more processor time, and to children that are better. */
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_IDLE, &zero), -EPERM);
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &zero), -EPERM);
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_BATCH | SCHED_RESET_ON_FORK, &zero), -EPERM);
        CHECK_EQ(raw2(SYS_sched_setparam, 0, &zero), 0);
        CHECK_EQ(raw1(SYS_sched_getscheduler, 0), SCHED_IDLE | SCHED_RESET_ON_FORK);
    });
}

/* ns of processor time. */
static uint64_t time_of(pid_t pid)
{
    struct timespec time;
    clockid_t clock;

    CHECK_EQ(clock_getcpuclockid(pid, &clock), 0);
    CHECK_OK(clock_gettime(clock, &time));
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#define NICER  10 /* by its weight it gets a ninth */
#define FACTOR 4

enum way { ITSELF, BY_PARENT, BY_POLICY };

static void make_nice(void)
{
    CHECK_OK(setpriority(PRIO_PROCESS, 0, NICER));
}

static void make_idle(void)
{
    struct sched_param zero = {0};

    CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_IDLE, &zero), 0);
}

/* Two that compute on one processor: the nice one gets much less of it, whether it was made nice or
 * is the child of one that was, or is of the policy that is less than any niceness. All that they
 * have used counts: what a busy host takes is charged to one of them, which then has to wait for
 * the other. */
static void check_effect(enum way way)
{
    struct timespec moment = {0, 200000000};
    cpu_set_t set, all;
    bool much_less = false;
    uint64_t used[2] = {0};
    pid_t pids[2];

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&set); cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &set);
    CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(setpriority(PRIO_PROCESS, 0, i && way == BY_PARENT ? NICER : 0));
        pids[i] = CHECK_OK(fork());
        if (pids[i] == 0) {
            if (i && way == ITSELF)
                make_nice();
            if (i && way == BY_POLICY)
                make_idle();
            for (;;)
                __asm__ volatile("pause");
        }
        CHECK_OK(setpriority(PRIO_PROCESS, 0, 0));
    }
    for (int tries = 0; tries < 100 && !much_less; tries++) {
        nanosleep(&moment, NULL);
        for (int i = 0; i < 2; i++)
            used[i] = time_of(pids[i]);
        much_less = used[1] > 0 && used[0] > FACTOR * used[1];
    }
    CHECK(much_less);
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        child_end(pids[i]);
    }
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
}

int main(void)
{
    check_values();
    check_groups();
    check_policies();
    check_effect(ITSELF);
    check_effect(BY_PARENT);
    check_effect(BY_POLICY);
    check_rights();
    return 0;
}
