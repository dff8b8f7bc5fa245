/* SPDX-License-Identifier: MIT */
/* Process 1 is one like others to calls on limits, niceness, policies and processors: they may be
 * asked for by all, and set by root. */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static long priority, policy;

static void ask(void)
{
    int param = 7;
    struct timespec slice;
    cpu_set_t cpus;

    /* Those of a host may be others. */
    CHECK((priority = raw2(SYS_getpriority, PRIO_PROCESS, 1)) > 0);
    CHECK(((policy = raw1(SYS_sched_getscheduler, 1)) & ~SCHED_RESET_ON_FORK) == SCHED_OTHER);
    CHECK_EQ(raw2(SYS_sched_getparam, 1, &param), 0);
    CHECK_EQ(param, 0);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, 1, &slice), 0);
    memset(&cpus, 0, sizeof(cpus));
    CHECK(raw3(SYS_sched_getaffinity, 1, sizeof(cpus), &cpus) > 0);
    CHECK(CPU_COUNT(&cpus) > 0);
}

static void ask_for_limits(void)
{
    struct rlimit limit = {1, 0};

    CHECK_EQ(raw4(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, &limit), 0);
    CHECK(limit.rlim_cur > 0 && limit.rlim_max >= limit.rlim_cur);
    /* As it is. */
    CHECK_EQ(raw4(SYS_prlimit64, 1, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* What it has already. */
static void set_as_root(void)
{
    int param = 0;
    cpu_set_t cpus;

    ask_for_limits();
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 1, 20 - priority), 0);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 1, policy, &param), 0);
    memset(&cpus, 0, sizeof(cpus));
    CHECK(raw3(SYS_sched_getaffinity, 1, sizeof(cpus), &cpus) > 0);
    CHECK_EQ(raw3(SYS_sched_setaffinity, 1, sizeof(cpus), &cpus), 0);
}

static void as_user(void)
{
    int param = 0;
    struct rlimit limit;

    if (getuid() == 0)
        CHECK_OK(setresuid(1234, 1234, 1234));
    ask();
    CHECK_EQ(raw4(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, &limit), -EPERM);
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, 1, 5), -EPERM);
    CHECK_EQ(raw3(SYS_sched_setscheduler, 1, SCHED_OTHER, &param), -EPERM);
}

int main(void)
{
    ask();
    set_as_root();
    CHECK_EQ(child_status(as_user), 0);
    return 0;
}
