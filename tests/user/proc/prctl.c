/* SPDX-License-Identifier: MIT */
/* Options of prctl and arch_prctl about the processor and memory: what is refused, what children
 * and new programs keep, and that a process may be kept from reading the time stamp counter. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shared/linux/system.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static long pr(int option, long two, long three, long four, long five)
{
    return raw_call(SYS_prctl, option, two, three, four, five, 0);
}

static void read_counter(void)
{
    unsigned low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
}

static void child_is_killed(void)
{
    int value = 0;

    CHECK_EQ(pr(PR_GET_TSC, (long)&value, 0, 0, 0), 0);
    CHECK_EQ(value, PR_TSC_SIGSEGV);
    read_counter();
}

static volatile sig_atomic_t faults;

static void on_fault(int number)
{
    (void)number;
    faults++;
    CHECK_EQ(pr(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0), 0);
}

static void check_counter(void)
{
    int value = 0;

    CHECK_EQ(pr(PR_GET_TSC, (long)&value, 0, 0, 0), 0);
    CHECK_EQ(value, PR_TSC_ENABLE);
    CHECK_EQ(pr(PR_GET_TSC, 0, 0, 0, 0), -EFAULT);
    CHECK_EQ(pr(PR_SET_TSC, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_SET_TSC, 3, 0, 0, 0), -EINVAL);
    read_counter();
    CHECK_EQ(pr(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0), 0);
    /* The child has it from the start, this one after the child has run here as well. */
    CHECK_EQ(child_status(child_is_killed), SIGSEGV);
    CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
    read_counter();
    CHECK_EQ(faults, 1);
    read_counter();
    CHECK_EQ(faults, 1);
    CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
}

static void check_speculation(void)
{
    long state = pr(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);

    CHECK(state >= 0 && state < 64); /* a matter of the processor */
    CHECK_EQ(pr(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0), -ENODEV);
    CHECK_EQ(pr(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_SET_SPECULATION_CTRL, 99, PR_SPEC_ENABLE, 0, 0), -ENODEV);
    CHECK_EQ(pr(PR_SET_SPECULATION_CTRL, 0, PR_SPEC_ENABLE, 1, 0), -EINVAL);
}

static void check_machine_checks(void)
{
    CHECK_EQ(pr(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
    CHECK_EQ(pr(PR_MCE_KILL_GET, 1, 0, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_MCE_KILL, 2, 0, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 1, 0), -EINVAL);
    CHECK_EQ(pr(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0), 0);
    CHECK_EQ(pr(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
    CHECK_EQ(pr(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0), 0);
    CHECK_EQ(pr(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_LATE);
}

static void check_memory(void)
{
    CHECK_EQ(pr(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
    CHECK_EQ(pr(PR_GET_THP_DISABLE, 1, 0, 0, 0), -EINVAL);
    CHECK_EQ(pr(PR_SET_THP_DISABLE, 1, 0, 0, 1), -EINVAL);
    CHECK_EQ(pr(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    CHECK_EQ(pr(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
}

static void check_flusher(void)
{
    long allowed = pr(57, 1, 0, 0, 0); /* PR_SET_IO_FLUSHER, by CAP_SYS_RESOURCE */

    CHECK_EQ(pr(58, 0, 0, 0, 0), allowed ? -EPERM : 1);
    if (allowed) {
        CHECK_EQ(allowed, -EPERM);
        return;
    }
    CHECK_EQ(pr(57, 2, 0, 0, 0), -EINVAL);
    CHECK_EQ(pr(57, 1, 1, 0, 0), -EINVAL);
    CHECK_EQ(pr(58, 1, 0, 0, 0), -EINVAL);
    CHECK_EQ(pr(58, 0, 0, 0, 0), 1);
}

/* In a child, and in a program that it becomes. */
static void is_kept(void)
{
    int value = 0;

    CHECK_EQ(pr(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_LATE);
    CHECK_EQ(pr(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
    CHECK_EQ(pr(PR_GET_TSC, (long)&value, 0, 0, 0), 0);
    CHECK_EQ(value, PR_TSC_ENABLE);
}

static const char *program;

static void execute(void)
{
    is_kept();
    execl(program, program, "kept", NULL);
    _exit(127);
}

int main(int argc, char **argv)
{
    int *tid_address = NULL;

    if (argc > 1) {
        is_kept();
        return 0;
    }
    program = argv[0];
    check_counter();
    check_speculation();
    check_machine_checks();
    check_memory();
    check_flusher();
    CHECK_EQ(child_status(execute), 0);
    CHECK_EQ(pr(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
    CHECK_EQ(pr(PR_GET_TIMING, 0, 0, 0, 0), PR_TIMING_STATISTICAL);
    CHECK_EQ(pr(PR_SET_TIMING, PR_TIMING_STATISTICAL, 0, 0, 0), 0);
    CHECK_EQ(pr(PR_SET_TIMING, PR_TIMING_TIMESTAMP, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw1(SYS_set_tid_address, &faults), getpid());
    CHECK_EQ(pr(PR_GET_TID_ADDRESS, (long)&tid_address, 0, 0, 0), 0);
    CHECK(tid_address == (int *)&faults);
    CHECK_EQ(pr(0x7fffff, 0, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw2(SYS_arch_prctl, LX_ARCH_GET_CPUID, 0), 1);
    CHECK_EQ(raw2(SYS_arch_prctl, 0x7fff, 0), -EINVAL);
    return 0;
}
