/* SPDX-License-Identifier: MIT */
/* A child that has ended and was not waited for has a niceness, a policy and processors still. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

int main(void)
{
    static struct sched_param none, got;
    struct timespec slice = {9, 9};
    struct rlimit limit = {0, 0};
    unsigned long cpus = 0;
    siginfo_t info;
    int status;
    int pid = (int)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(setpriority(PRIO_PROCESS, 0, 3));
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_BATCH, &none), 0);
        _exit(0);
    }
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, pid), 20 - 3);
    CHECK_EQ(raw1(SYS_sched_getscheduler, pid), SCHED_BATCH);
    CHECK_EQ(raw2(SYS_sched_getparam, pid, &got), 0);
    CHECK_EQ(got.sched_priority, 0);
    CHECK_EQ(raw2(SYS_sched_rr_get_interval, pid, &slice), 0);
    CHECK(raw3(SYS_sched_getaffinity, pid, sizeof(cpus), &cpus) > 0);
    CHECK(cpus != 0);
    CHECK_EQ(raw3(SYS_sched_setaffinity, pid, sizeof(cpus), &cpus), 0);
    CHECK_EQ(raw3(SYS_setpriority, PRIO_PROCESS, pid, 7), 0);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, pid), 20 - 7);
    CHECK_EQ(raw3(SYS_sched_setscheduler, pid, SCHED_OTHER, &none), 0);
    CHECK_EQ(raw1(SYS_sched_getscheduler, pid), SCHED_OTHER);
    CHECK_EQ(raw3(SYS_sched_setscheduler, pid, 77, &none), -EINVAL);
    CHECK_EQ(raw4(SYS_prlimit64, pid, RLIMIT_CORE, NULL, &limit), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(raw2(SYS_getpriority, PRIO_PROCESS, pid), -ESRCH);
    CHECK_EQ(raw1(SYS_sched_getscheduler, pid), -ESRCH);
    return 0;
}
