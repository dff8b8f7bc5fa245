/* SPDX-License-Identifier: MIT */
/* A process alone: its name, times, processors, alternate stack, and the children it has not. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void check_name(void)
{
    char name[17] = {0};

    CHECK_EQ(raw2(SYS_prctl, PR_GET_NAME, name), 0);
    CHECK(strcmp(name, "proc_state") == 0); /* from the file's name */
    CHECK_EQ(raw2(SYS_prctl, PR_SET_NAME, "a name longer than fifteen"), 0);
    CHECK_EQ(raw2(SYS_prctl, PR_GET_NAME, name), 0);
    CHECK(strcmp(name, "a name longer t") == 0);
    CHECK_EQ(raw2(SYS_prctl, PR_SET_NAME, 8), -EFAULT);
    CHECK_EQ(raw2(SYS_prctl, 9999, 0), -EINVAL);
}

static long used_us(void)
{
    struct rusage r;

    CHECK_OK(getrusage(RUSAGE_SELF, &r));
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000L + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

/* Work shows in the times sooner or later; a busy machine may take its time over it. */
static void check_times(void)
{
    struct tms tms;
    volatile unsigned long work = 0;
    long before = used_us();
    time_t begin = time(NULL);

    while (used_us() < before + 30000) {
        for (int i = 0; i < 10000; i++)
            work++;
        CHECK(time(NULL) < begin + 8);
    }
    CHECK(times(&tms) != (clock_t)-1);
    CHECK(tms.tms_utime + tms.tms_stime >= 2); /* in hundredths of a second */
    CHECK_EQ(tms.tms_cutime, 0);
    CHECK_EQ(raw2(SYS_getrusage, 99, 0), -EINVAL);
}

static void check_children(void)
{
    int status = 77;

    CHECK_ERR(wait4(-1, &status, 0, NULL), ECHILD);
    CHECK_ERR(wait4(-1, &status, WNOHANG, NULL), ECHILD);
    CHECK_ERR(wait4(getpid(), &status, 0, NULL), ECHILD);
    CHECK_EQ(raw4(SYS_wait4, -1, &status, 0x10000000, 0), -EINVAL);
    CHECK_EQ(status, 77);
}

static void check_processors(void)
{
    cpu_set_t set, all;
    unsigned cpu = 9999, node = 9999;

    CPU_ZERO(&all);
    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    CHECK(CPU_COUNT(&all) >= 1);
    CHECK_EQ(raw3(SYS_getcpu, &cpu, &node, 0), 0);
    CHECK(cpu < CPU_SETSIZE && CPU_ISSET(cpu, &all));
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
    CPU_ZERO(&set);
    CHECK_ERR(sched_setaffinity(0, sizeof(set), &set), EINVAL); /* none at all */
    CHECK_EQ(raw3(SYS_sched_getaffinity, 0, 1, &set), -EINVAL);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(sched_yield(), 0);
}

static void check_alternate_stack(void)
{
    static char space[16384];
    stack_t stack = {.ss_sp = space, .ss_size = sizeof(space)}, old;

    CHECK_EQ(raw2(SYS_sigaltstack, NULL, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    CHECK_EQ(raw2(SYS_sigaltstack, &stack, NULL), 0);
    CHECK_EQ(raw2(SYS_sigaltstack, NULL, &old), 0);
    CHECK(old.ss_sp == space && old.ss_size == sizeof(space) && old.ss_flags == 0);
    stack.ss_size = 100;
    CHECK_EQ(raw2(SYS_sigaltstack, &stack, NULL), -ENOMEM);
    stack.ss_flags = 0x1234;
    CHECK_EQ(raw2(SYS_sigaltstack, &stack, NULL), -EINVAL);
    CHECK_EQ(raw2(SYS_sigaltstack, 8, NULL), -EFAULT);
}

static void check_groups(void)
{
    gid_t groups[4] = {1, 2, 3, 4}, back[4];

    CHECK_EQ(raw2(SYS_setgroups, 3, groups), 0);
    CHECK_EQ(raw2(SYS_getgroups, 0, NULL), 3);
    CHECK_EQ(raw2(SYS_getgroups, 4, back), 3);
    CHECK(back[0] == 1 && back[1] == 2 && back[2] == 3);
    CHECK_EQ(raw2(SYS_getgroups, 2, back), -EINVAL);
    CHECK_EQ(raw2(SYS_setgroups, 0, NULL), 0);
    CHECK_EQ(raw2(SYS_getgroups, 4, back), 0);
    CHECK(getpgrp() > 0);
    CHECK_EQ(getpgid(0), getpgrp());
    CHECK(getsid(0) >= 0);
}

int main(void)
{
    check_name();
    check_times();
    check_children();
    check_processors();
    check_alternate_stack();
    check_groups();
    return 0;
}
