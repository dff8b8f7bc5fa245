/* SPDX-License-Identifier: MIT */
/* seccomp: each action of a filter, which of several counts, what is refused, what children and
 * new programs keep, strict mode.
 * Long because the actions and refusals are many, and share what sets a filter. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#include "shared/linux/ptrace.h"
#include "shared/linux/signal.h"
#include "shared/linux/system.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"
#include "tests/user/lib/seccomp.h"

static uint32_t action;
static const char *program;

static void tried_gets_action(void)
{
    FILTER_ONE(one, TRIED, action);

    forgo_rights();
    CHECK_EQ(FILTER_SET(one, 0), 0);
}

/* ---- the actions ---- */

static void errors_are_cut(void)
{
    static const struct {
        uint32_t data;
        long result;
    } cases[] = {{0, 0}, {1, -1}, {E2BIG, -E2BIG}, {4095, -4095}, {4096, -4095}, {0xffff, -4095}};

    forgo_rights();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* The newest of equal actions counts. */
        FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | cases[i].data);
        CHECK_EQ(FILTER_SET(one, 0), 0);
        CHECK_EQ(raw1(TRIED, 0), cases[i].result);
        CHECK_EQ(raw0(SYS_getpid), getpid());
    }
    /* Codes by which the kernel itself starts calls anew. */
    for (uint32_t code = 512; code <= 516; code++) {
        FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | code);
        CHECK_EQ(FILTER_SET(one, 0), 0);
        CHECK_EQ(raw1(TRIED, 0), -(long)code);
    }
}

static void call_is_made(void)
{
    tried_gets_action();
    CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
}

static void call_has_no_tracer(void)
{
    tried_gets_action();
    CHECK_EQ(raw1(TRIED, 0), -ENOSYS);
}

static void call_ends_it(void)
{
    tried_gets_action();
    raw1(TRIED, 0);
}

static volatile sig_atomic_t traps;

static void on_trap(int number, siginfo_t *info, void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    struct lx_siginfo *seen = (struct lx_siginfo *)info;

    CHECK_EQ(number, SIGSYS);
    CHECK_EQ(seen->code, LX_SYS_SECCOMP);
    CHECK_EQ(seen->error, 0x1234);
    CHECK_EQ(seen->call.number, TRIED);
    CHECK_EQ(seen->call.arch, LX_AUDIT_ARCH_X86_64);
    CHECK_EQ(seen->call.address, machine->gregs[REG_RIP]);
    CHECK_EQ(machine->gregs[REG_RAX], TRIED); /* as before the call */
    CHECK_EQ(machine->gregs[REG_RDI], 77);
    machine->gregs[REG_RAX] = 4711;
    traps++;
}

static void trap_is_handled(void)
{
    struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    action = LX_SECCOMP_RET_TRAP | 0x1234;
    tried_gets_action();
    CHECK_OK(sigaction(SIGSYS, &act, NULL));
    CHECK_EQ(raw1(TRIED, 77), 4711);
    CHECK_EQ(traps, 1);
}

/* Neither a mask nor SIG_IGN keeps it off. */
static void trap_is_blocked(void)
{
    sigset_t set;

    action = LX_SECCOMP_RET_TRAP;
    tried_gets_action();
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    raw1(TRIED, 0);
}

static void kill_is_handled(void)
{
    CHECK(signal(SIGSYS, SIG_IGN) != SIG_ERR);
    call_ends_it();
}

/* A core file is written where there is a limit for it. */
static void core_is_left(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
    limit.rlim_cur = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_CORE, &limit));
    call_ends_it();
}

static void check_core(void)
{
    char directory[] = "/tmp/seccomp-XXXXXX";
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
    CHECK(mkdtemp(directory) != NULL);
    CHECK_OK(chdir(directory));
    action = LX_SECCOMP_RET_KILL_PROCESS;
    CHECK_EQ(child_status(core_is_left), SIGSYS | (limit.rlim_max ? 0x80 : 0));
    unlink("core"); /* it may have another name, and place */
    CHECK_OK(chdir("/"));
    rmdir(directory);
}

static void check_actions(void)
{
    static const uint32_t good[] = {LX_SECCOMP_RET_ALLOW, LX_SECCOMP_RET_ALLOW | 99,
                                    LX_SECCOMP_RET_LOG};
    static const uint32_t fatal[] = {LX_SECCOMP_RET_KILL_PROCESS,
                                     LX_SECCOMP_RET_KILL_PROCESS | 5,
                                     LX_SECCOMP_RET_KILL_THREAD,
                                     LX_SECCOMP_RET_TRAP,
                                     0x7ffe0000u,
                                     0x10000000u,
                                     0x90000000u,
                                     0x00010000u};

    CHECK_EQ(child_status(errors_are_cut), 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        action = good[i];
        CHECK_EQ(child_status(call_is_made), 0);
    }
    action = LX_SECCOMP_RET_TRACE | 3;
    CHECK_EQ(child_status(call_has_no_tracer), 0);
    action = LX_SECCOMP_RET_USER_NOTIF;
    CHECK_EQ(child_status(call_has_no_tracer), 0);
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        action = fatal[i];
        CHECK_EQ(child_status(call_ends_it), SIGSYS);
    }
    action = LX_SECCOMP_RET_KILL_PROCESS;
    CHECK_EQ(child_status(kill_is_handled), SIGSYS);
    CHECK_EQ(child_status(trap_is_handled), 0);
    CHECK_EQ(child_status(trap_is_blocked), SIGSYS);
}

/* ---- which counts ---- */

static void order_is_that_of_numbers(void)
{
    /* From what counts least. */
    static const uint32_t order[] = {LX_SECCOMP_RET_LOG, LX_SECCOMP_RET_TRACE,
                                     LX_SECCOMP_RET_ERRNO | 7, LX_SECCOMP_RET_KILL_THREAD};
    static const long results[] = {1, -ENOSYS, -7, 0};

    forgo_rights();
    for (int i = 0; i < 4; i++) {
        FILTER_ONE(one, TRIED, order[i]);
        FILTER_ONE(weaker, TRIED, LX_SECCOMP_RET_LOG);
        CHECK_EQ(FILTER_SET(one, 0), 0);
        CHECK_EQ(FILTER_SET(weaker, 0), 0);
        if (i == 0)
            CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
        else
            CHECK_EQ(raw1(TRIED, 0), results[i]);
    }
}

/* ---- what a filter sees ---- */

static void arguments_are_seen(void)
{
    struct lx_sock_filter insns[] = {LOAD_NUMBER,
                                     IF_EQUAL(SYS_madvise, 0, 9),
                                     LOAD_ARG(0),
                                     IF_EQUAL(0x11111111, 0, 7),
                                     LOAD(4),
                                     IF_EQUAL(LX_AUDIT_ARCH_X86_64, 0, 5),
                                     LOAD(20),
                                     IF_EQUAL(0x22222222, 0, 3),
                                     LOAD(56),
                                     IF_EQUAL(0x66666666, 0, 1),
                                     RETURN(LX_SECCOMP_RET_ERRNO | 99),
                                     RETURN(LX_SECCOMP_RET_ALLOW)};

    forgo_rights();
    CHECK_EQ(FILTER_SET(insns, 0), 0);
    CHECK_EQ(raw6(SYS_madvise, 0x2222222211111111, 1, 2, 3, 4, 0x66666666), -99);
    CHECK_EQ(raw6(SYS_madvise, 0x2222222211111111, 1, 99, 3, 4, 0x66666667), -EINVAL);
}

/* Numbers that no call has go through filters as well, as 32 bits. */
static void numbers_are_seen(void)
{
    FILTER_ONE(high, 0x40000027, LX_SECCOMP_RET_ERRNO | 5);
    FILTER_ONE(none, 0xffffffff, LX_SECCOMP_RET_ERRNO | 6);

    forgo_rights();
    CHECK_EQ(FILTER_SET(high, 0), 0);
    CHECK_EQ(FILTER_SET(none, 0), 0);
    CHECK_EQ(raw0(0x40000027), -5);
    CHECK_EQ(raw0(0x3fffff), -ENOSYS);
}

/* ---- what is refused ---- */

static void check_arguments(void)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ALLOW);
    struct lx_sock_fprog program_of = {4, (uint64_t)one};
    static const uint32_t known[] = {LX_SECCOMP_RET_KILL_PROCESS, LX_SECCOMP_RET_KILL_THREAD,
                                     LX_SECCOMP_RET_TRAP,         LX_SECCOMP_RET_ERRNO,
                                     LX_SECCOMP_RET_USER_NOTIF,   LX_SECCOMP_RET_TRACE,
                                     LX_SECCOMP_RET_LOG,          LX_SECCOMP_RET_ALLOW};
    struct lx_seccomp_notif_sizes sizes;
    uint32_t unknown = 0x10000000;

    CHECK_EQ(raw3(SYS_seccomp, 4, 0, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, -1, 0, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_STRICT, 1, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_STRICT, 0, one), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 1u << 31, &program_of), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, 0), -EFAULT);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_GET_ACTION_AVAIL, 0, &known[i]), 0);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_GET_ACTION_AVAIL, 0, &unknown), -EOPNOTSUPP);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_GET_ACTION_AVAIL, 1, &known[0]), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_GET_ACTION_AVAIL, 0, 0), -EFAULT);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_GET_NOTIF_SIZES, 0, &sizes), 0);
    CHECK_EQ(sizes.notif, 80);
    CHECK_EQ(sizes.resp, 24);
    CHECK_EQ(sizes.data, 64);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_GET_NOTIF_SIZES, 0, 0), -EFAULT);
    CHECK_EQ(raw3(SYS_prctl, PR_SET_SECCOMP, 0, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_prctl, PR_SET_SECCOMP, 3, &program_of), -EINVAL);
    CHECK_EQ(raw3(SYS_prctl, PR_SET_SECCOMP, LX_SECCOMP_MODE_FILTER, 0), -EFAULT);
    program_of.len = 0;
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, &program_of), -EINVAL);
    program_of.len = 4097;
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, &program_of), -EINVAL);
    CHECK_EQ(raw1(SYS_prctl, PR_GET_SECCOMP), 0);
}

/* Without the right: errors of the program itself come behind that. */
static void right_is_needed(void)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ALLOW);
    const struct lx_sock_fprog bad = {4, 16}, none = {0, (uint64_t)one}, good = {4, (uint64_t)one},
                               null = {4, 0};

    if (getuid() == 0)
        CHECK_EQ(raw3(SYS_setresuid, 65534, 65534, 65534), 0);
    CHECK_EQ(FILTER_SET(one, 0), -EACCES);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, &none), -EINVAL);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, &bad), -EACCES);
    forgo_rights();
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, &bad), -EFAULT);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, 0, &null), -EINVAL);
    CHECK_EQ(raw3(SYS_prctl, PR_SET_SECCOMP, LX_SECCOMP_MODE_FILTER, &good), 0);
    CHECK_EQ(raw1(SYS_prctl, PR_GET_SECCOMP), LX_SECCOMP_MODE_FILTER);
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_STRICT, 0, 0), -EINVAL);
    CHECK_EQ(raw3(SYS_prctl, PR_SET_SECCOMP, LX_SECCOMP_MODE_STRICT, 0), -EINVAL);
}

static long long_chain_set(int most)
{
    static struct lx_sock_filter insns[4096];
    long result = 0;

    for (int i = 0; i < 4096; i++)
        insns[i] = (struct lx_sock_filter)RETURN(LX_SECCOMP_RET_ALLOW);
    forgo_rights();
    for (int i = 0; i < most && !result; i++)
        result = FILTER_SET(insns, 0);
    return result;
}

static void length_is_limited(void)
{
    CHECK_EQ(long_chain_set(100), -ENOMEM);
    CHECK_EQ(raw0(SYS_getpid), getpid());
}

static void long_chain_is_set(void)
{
    CHECK_EQ(long_chain_set(3), 0);
}

/* Many tasks with long filters: some may be refused; all is given back in the end. */
static void check_hoard(void)
{
    enum { HOARDERS = 120, GRANTED_AT_LEAST = 4, REFUSED = 3 };
    int ends[2], status, granted = 0;

    CHECK_OK(pipe(ends));
    for (int i = 0; i < HOARDERS; i++)
        if (CHECK_OK(fork()) == 0) {
            long result = long_chain_set(3);

            close(ends[1]);
            CHECK(!result || result == -ENOMEM);
            CHECK_EQ(read(ends[0], &status, 1), 0);
            _exit(result ? REFUSED : 0);
        }
    close(ends[0]);
    close(ends[1]);
    for (int i = 0; i < HOARDERS; i++) {
        CHECK(wait(&status) > 0 && (!status || status == REFUSED << 8));
        granted += !status;
    }
    CHECK(granted >= GRANTED_AT_LEAST);
    CHECK_EQ(child_status(long_chain_is_set), 0);
}

/* ---- what is kept ---- */

static void status_has(const char *text)
{
    char buffer[4096];
    int fd = (int)CHECK_OK(open("/proc/self/status", O_RDONLY));
    ssize_t nbytes = CHECK_OK(read(fd, buffer, sizeof(buffer) - 1));

    close(fd);
    buffer[nbytes] = '\0';
    CHECK(strstr(buffer, text) != NULL);
}

static void is_filtered(void)
{
    CHECK_EQ(raw1(TRIED, 0), -42);
    CHECK_EQ(raw1(SYS_prctl, PR_GET_SECCOMP), LX_SECCOMP_MODE_FILTER);
    CHECK_EQ(raw6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0), 1);
}

static void grandchild(void)
{
    is_filtered();
    execl(program, program, "kept", NULL);
    _exit(127);
}

static void filters_are_kept(void)
{
    action = LX_SECCOMP_RET_ERRNO | 42;
    tried_gets_action();
    CHECK_EQ(child_status(grandchild), 0);
    tried_gets_action();
    CHECK_EQ(child_status(is_filtered), 0);
}

/* ---- strict mode ---- */

static void strict_begin(void)
{
    CHECK_EQ(raw3(SYS_prctl, PR_SET_SECCOMP, LX_SECCOMP_MODE_STRICT, 1), 0);
}

static void strict_is_left(void)
{
    strict_begin();
    raw3(SYS_write, -1, 0, 0);
    raw3(SYS_read, -1, 0, 0);
    raw1(SYS_exit, 7);
}

static void strict_asks(void)
{
    CHECK_EQ(raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_STRICT, 0, 0), 0);
    raw0(SYS_getpid);
}

static void strict_exits_all(void)
{
    strict_begin();
    raw1(SYS_exit_group, 0);
}

static void strict_reads_counter(void)
{
    unsigned low, high;

    strict_begin();
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    raw1(SYS_exit, 0);
}

static void check_strict(void)
{
    CHECK_EQ(child_status(strict_is_left), 7 << 8);
    CHECK_EQ(child_status(strict_asks), SIGKILL);
    CHECK_EQ(child_status(strict_exits_all), SIGKILL);
    CHECK_EQ(child_status(strict_reads_counter), SIGSEGV);
}

/* ---- the log of this kernel ---- */

static bool is_logged(pid_t pid)
{
    static char text[65536];
    char line[80];
    long nbytes = CHECK_OK(klogctl(3, text, sizeof(text) - 1)); /* all that is left */

    text[nbytes] = '\0';
    snprintf(line, sizeof(line), "pid=%d sig=0 arch=c000003e syscall=%d", pid, TRIED);
    return strstr(text, line) != NULL;
}

static pid_t child_makes_call(uint32_t what, unsigned flags)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        FILTER_ONE(one, TRIED, what);

        CHECK_EQ(FILTER_SET(one, flags), 0);
        raw1(TRIED, 0);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    return pid;
}

static void check_log(void)
{
    CHECK(is_logged(child_makes_call(LX_SECCOMP_RET_LOG, 0)));
    CHECK(!is_logged(child_makes_call(LX_SECCOMP_RET_ERRNO, 0)));
    CHECK(is_logged(child_makes_call(LX_SECCOMP_RET_ERRNO, LX_SECCOMP_FILTER_FLAG_LOG)));
    CHECK(!is_logged(child_makes_call(LX_SECCOMP_RET_ALLOW, LX_SECCOMP_FILTER_FLAG_LOG)));
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1 && !strcmp(argv[1], "log")) {
        check_log();
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "kept")) {
        is_filtered();
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "rest")) { /* where others' files and users are */
        check_core();
        status_has("\nSeccomp:\t0\nSeccomp_filters:\t0\n");
        CHECK_EQ(child_status(right_is_needed), 0);
        action = LX_SECCOMP_RET_ALLOW;
        tried_gets_action();
        tried_gets_action();
        status_has("\nSeccomp:\t2\nSeccomp_filters:\t2\n");
        return 0;
    }
    check_actions();
    CHECK_EQ(child_status(order_is_that_of_numbers), SIGSYS);
    CHECK_EQ(child_status(arguments_are_seen), 0);
    CHECK_EQ(child_status(numbers_are_seen), 0);
    check_arguments();
    CHECK_EQ(child_status(length_is_limited), 0);
    check_hoard();
    CHECK_EQ(child_status(filters_are_kept), 0);
    check_strict();
    return 0;
}
