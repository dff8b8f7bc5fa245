/* SPDX-License-Identifier: MIT */
/* Wrong pointers given to the system calls on time, signals, memory and identity. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/capability.h"
#include "tests/user/lib/badptr.h"
#include "tests/user/lib/check.h"

#define IN  BADPTR_IN
#define OUT BADPTR_OUT

static struct lx_cap_header capabilities = {LX_CAPABILITY_VERSION_3, 0};

static const struct badptr_row rows[] = {
    {"clock_gettime", SYS_clock_gettime, 1, 16, {CLOCK_MONOTONIC, 0}, OUT, 0, 0},
    {"clock_getres", SYS_clock_getres, 1, 16, {CLOCK_MONOTONIC, 0}, OUT, 1, 0},
    {"gettimeofday", SYS_gettimeofday, 0, 16, {0, 0}, OUT, 1, 0},
    {"time", SYS_time, 0, 8, {0}, OUT, 1, 0},
    {"adjtimex", SYS_adjtimex, 0, 208, {0}, IN, 0, 0},
    {"clock_adjtime", SYS_clock_adjtime, 1, 208, {CLOCK_REALTIME, 0}, IN, 0, 0},
    {"sysfs name", SYS_sysfs, 1, 5, {1, 0}, BADPTR_STRING, 0, 0},
    {"sysfs type", SYS_sysfs, 2, 6, {2, 0, 0}, OUT, 0, 0},
    {"nanosleep", SYS_nanosleep, 0, 16, {0, 0}, IN, 0, 0},
    {"clock_nanosleep", SYS_clock_nanosleep, 2, 16, {CLOCK_MONOTONIC, 0, 0, 0}, IN, 0, 0},
    {"uname", SYS_uname, 0, 390, {0}, OUT, 0, 0},
    {"sysinfo", SYS_sysinfo, 0, 112, {0}, OUT, 0, 0},
    {"getrlimit", SYS_getrlimit, 1, 16, {RLIMIT_STACK, 0}, OUT, 0, 0},
    {"setrlimit", SYS_setrlimit, 1, 16, {RLIMIT_CORE, 0}, IN, 0, 0},
    {"prlimit64 new", SYS_prlimit64, 2, 16, {0, RLIMIT_CORE, 0, 0}, IN, 1, 0},
    {"prlimit64 old", SYS_prlimit64, 3, 16, {0, RLIMIT_CORE, 0, 0}, OUT, 1, 0},
    {"getrandom", SYS_getrandom, 0, 1, {0, 16, 0}, OUT, 0, 0},
    {"rt_sigaction new", SYS_rt_sigaction, 1, 32, {SIGUSR1, 0, 0, 8}, IN, 1, 0},
    {"rt_sigaction old", SYS_rt_sigaction, 2, 32, {SIGUSR1, 0, 0, 8}, OUT, 1, 0},
    {"rt_sigprocmask new", SYS_rt_sigprocmask, 1, 8, {SIG_BLOCK, 0, 0, 8}, IN, 1, 0},
    {"rt_sigprocmask old", SYS_rt_sigprocmask, 2, 8, {SIG_BLOCK, 0, 0, 8}, OUT, 1, 0},
    {"rt_sigpending", SYS_rt_sigpending, 0, 8, {0, 8}, OUT, 0, 0},
    {"capget data", SYS_capget, 1, 24, {(long)&capabilities, 0}, OUT, 1, 0},
    {"capset data", SYS_capset, 1, 24, {(long)&capabilities, 0}, IN, 0, 0},
    {"prctl tsc", SYS_prctl, 1, 4, {PR_GET_TSC, 0}, OUT, 0, 0},
    {"prctl tid address", SYS_prctl, 1, 8, {PR_GET_TID_ADDRESS, 0}, OUT, 0, 0},
    {"seccomp action", SYS_seccomp, 2, 4, {2, 0, 0}, IN, 0, 0},
    {"seccomp sizes", SYS_seccomp, 2, 6, {3, 0, 0}, OUT, 0, 0},
    {"signalfd4", SYS_signalfd4, 1, 8, {-1, 0, 8, 0}, IN, 0, 0},
};

/* Addresses that are numbers to these calls, not pointers: refused for other reasons, or taken. */
static void check_addresses(void)
{
    CHECK_EQ(raw2(SYS_munmap, 0xffff800000000000, 4096), -EINVAL);
    CHECK_EQ(raw2(SYS_munmap, 0x7ffffffff000, 4096), -EINVAL);
    CHECK_EQ(raw3(SYS_mprotect, 0xffffffff80000000, 4096, PROT_READ), -ENOMEM);
    CHECK_EQ(raw3(SYS_madvise, 0xffffffff80000000, 4096, MADV_DONTNEED), -ENOMEM);
    CHECK_EQ(raw3(SYS_madvise, 1, 4096, MADV_DONTNEED), -EINVAL);
    CHECK(raw1(SYS_brk, 0xffffffff80000000) > 0);
    CHECK_EQ(raw1(SYS_set_tid_address, 0xffffffff80000000), raw0(SYS_getpid));
    CHECK_EQ(raw1(SYS_set_tid_address, 0), raw0(SYS_getpid));
}

int main(void)
{
    badptr_try_all(rows, sizeof(rows) / sizeof(rows[0]));
    check_addresses();
    return 0;
}
