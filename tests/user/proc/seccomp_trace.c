/* SPDX-License-Identifier: MIT */
/* seccomp and ptrace: a filter asks the tracer, which sees the call before or behind its other
 * stops, changes it, takes it away; what a tracer reads of filters, and how it switches them off.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>

#include "shared/linux/ptrace.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/ptrace.h"
#include "tests/user/lib/seccomp.h"

#define SECCOMP_STOP (SIGTRAP | LX_PTRACE_EVENT_SECCOMP << 8)
#define CALL_STOP    (SIGTRAP | 0x80)

static void regs_set(pid_t pid, const struct user_regs_struct *regs)
{
    CHECK_EQ(trace(LX_PTRACE_SETREGS, pid, 0, (unsigned long)regs), 0);
}

/* What it stopped for, event and signal. */
static int next_stop(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSTOPPED(status));
    return status >> 8;
}

/* A tracee that has filters that ask, one that refuses another call, and waits in a stop. In the
 * child 0. */
static pid_t child_begin(unsigned long options)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        FILTER_ONE(asks, TRIED, LX_SECCOMP_RET_TRACE | 0x77);
        FILTER_ONE(refuses, SYS_getppid, LX_SECCOMP_RET_ERRNO | 44);

        CHECK_EQ(trace(LX_PTRACE_TRACEME, 0, 0, 0), 0);
        forgo_rights();
        CHECK_EQ(FILTER_SET(refuses, LX_SECCOMP_FILTER_FLAG_LOG), 0);
        CHECK_EQ(FILTER_SET(asks, 0), 0);
        raise(SIGSTOP);
        return 0;
    }
    CHECK_EQ(next_stop(pid), SIGSTOP);
    CHECK_EQ(trace(LX_PTRACE_SETOPTIONS, pid, 0, options), 0);
    return pid;
}

static void child_goes_on(pid_t pid, long how)
{
    CHECK_EQ(trace(how, pid, 0, 0), 0);
}

static void child_ends_well(pid_t pid)
{
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(child_end(pid), 0);
}

static const unsigned long asked =
    1ul << LX_PTRACE_EVENT_SECCOMP | LX_PTRACE_O_EXITKILL | LX_PTRACE_O_TRACESYSGOOD;

static void check_event(void)
{
    struct lx_syscall_info info = {0};
    struct user_regs_struct regs;
    unsigned long message = 0;
    pid_t pid = child_begin(asked);

    if (!pid) {
        CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
        _exit(0);
    }
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    CHECK_EQ(trace(LX_PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message), 0);
    CHECK_EQ(message, 0x77);
    regs = regs_of(pid);
    CHECK_EQ(regs.orig_rax, TRIED);
    CHECK_EQ(regs.rax, -ENOSYS);
    CHECK_EQ(trace(LX_PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (unsigned long)&info), 84);
    CHECK_EQ(info.op, LX_SYSCALL_INFO_SECCOMP);
    CHECK_EQ(info.seccomp.number, TRIED);
    CHECK_EQ(info.seccomp.data, 0x77);
    CHECK_EQ(info.rip, regs.rip);
    child_ends_well(pid);
}

/* Without the option there is nobody to ask. */
static void check_no_option(void)
{
    pid_t pid = child_begin(LX_PTRACE_O_EXITKILL);

    if (!pid) {
        CHECK_EQ(raw1(TRIED, 0), -ENOSYS);
        _exit(0);
    }
    child_ends_well(pid);
}

static void change_number(pid_t pid, unsigned long long number, unsigned long long result)
{
    struct user_regs_struct regs = regs_of(pid);

    regs.orig_rax = number;
    regs.rax = result;
    regs_set(pid, &regs);
}

/* The call that it has become goes through the filters, too; -1 is none, and RAX its result. */
static void check_changes(void)
{
    pid_t pid = child_begin(asked);

    if (!pid) {
        CHECK_EQ(raw1(TRIED, 0), getpid());
        CHECK_EQ(raw1(TRIED, 0), -44);
        CHECK_EQ(raw1(TRIED, 0), 1234);
        CHECK_EQ(raw1(TRIED, 0), -ENOSYS);
        _exit(0);
    }
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    change_number(pid, SYS_getpid, 0);
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    change_number(pid, SYS_getppid, 0);
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    change_number(pid, -1ull, 1234);
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    change_number(pid, -1ull, -ENOSYS);
    child_ends_well(pid);
}

/* A call that the tracer makes look like an interrupted sleep goes on with nothing: filters have
 * seen restart_syscall(2) alone. */
static void check_restart(void)
{
    pid_t pid = child_begin(asked);

    if (!pid) {
        CHECK_EQ(raw3(SYS_tgkill, getpid(), raw0(SYS_gettid), SIGUSR1), -EINTR);
        _exit(0);
    }
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SIGUSR1);
    change_number(pid, SYS_getppid, -516ull);
    child_ends_well(pid);
}

/* The stop of the call comes first, and what it has changed is what filters see. */
static void check_order(void)
{
    pid_t pid = child_begin(asked);

    if (!pid) {
        CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
        CHECK_EQ(raw0(SYS_getppid), raw0(SYS_getpgrp));
        CHECK_EQ(raw1(TRIED, 0), getpid());
        _exit(0);
    }
    do { /* the end of the call that stopped it, and others */
        child_goes_on(pid, LX_PTRACE_SYSCALL);
        CHECK_EQ(next_stop(pid), CALL_STOP);
    } while (regs_of(pid).orig_rax != TRIED);
    child_goes_on(pid, LX_PTRACE_SYSCALL);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    child_goes_on(pid, LX_PTRACE_SYSCALL);
    CHECK_EQ(next_stop(pid), CALL_STOP);
    CHECK_EQ(regs_of(pid).rax, raw0(SYS_getpgrp));
    do {
        child_goes_on(pid, LX_PTRACE_SYSCALL);
        CHECK_EQ(next_stop(pid), CALL_STOP);
    } while (regs_of(pid).orig_rax != SYS_getppid);
    change_number(pid, TRIED, -ENOSYS);
    child_goes_on(pid, LX_PTRACE_SYSCALL);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    child_goes_on(pid, LX_PTRACE_SYSCALL);
    CHECK_EQ(next_stop(pid), CALL_STOP);
    do {
        child_goes_on(pid, LX_PTRACE_SYSCALL);
        CHECK_EQ(next_stop(pid), CALL_STOP);
    } while (regs_of(pid).orig_rax != TRIED);
    change_number(pid, SYS_getpid, -ENOSYS);
    child_goes_on(pid, LX_PTRACE_SYSCALL);
    CHECK_EQ(next_stop(pid), CALL_STOP);
    CHECK_EQ(regs_of(pid).rax, pid);
    child_ends_well(pid);
}

/* A tracer that lets go in the stop: the call is made. One that goes away altogether likewise. */
static void check_detach(void)
{
    pid_t pid = child_begin(1ul << LX_PTRACE_EVENT_SECCOMP);

    if (!pid) {
        CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
        CHECK_EQ(raw1(TRIED, 0), -ENOSYS); /* there is no tracer any more */
        CHECK_EQ(raw0(SYS_getppid), -44);
        _exit(0);
    }
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    child_goes_on(pid, LX_PTRACE_DETACH);
    CHECK_EQ(child_end(pid), 0);
}

static void check_kill(void)
{
    pid_t pid = child_begin(asked);

    if (!pid) {
        raw1(TRIED, 0);
        _exit(0);
    }
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(next_stop(pid), SECCOMP_STOP);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}

/* The end by a filter is none that a tracer could hold up. */
static void check_filter_kills(void)
{
    pid_t pid = child_begin(asked);

    if (!pid) {
        FILTER_ONE(kills, TRIED, LX_SECCOMP_RET_KILL_PROCESS);

        CHECK_EQ(FILTER_SET(kills, 0), 0);
        raw1(TRIED, 0);
        _exit(0);
    }
    child_goes_on(pid, LX_PTRACE_CONT);
    CHECK_EQ(child_end(pid), SIGSYS);
}

/* ---- what root may ---- */

static void check_reading(void)
{
    FILTER_ONE(refuses, SYS_getppid, LX_SECCOMP_RET_ERRNO | 44);
    struct lx_sock_filter seen[4];
    struct lx_seccomp_metadata about = {0, 77};
    pid_t pid = child_begin(asked);

    if (!pid)
        _exit(0);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, 0, 0), 4);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, 0, (unsigned long)seen), 4);
    CHECK_EQ(memcmp(seen, refuses, sizeof(seen)), 0);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, 1, (unsigned long)seen), 4);
    CHECK_EQ(seen[1].k, TRIED);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, 1, 16), -EFAULT);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, 2, 0), -ENOENT);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_METADATA, pid, sizeof(about), (unsigned long)&about), 16);
    CHECK_EQ(about.flags, LX_SECCOMP_FILTER_FLAG_LOG);
    about.filter_off = 1;
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_METADATA, pid, 99, (unsigned long)&about), 16);
    CHECK_EQ(about.flags, 0);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_METADATA, pid, 4, (unsigned long)&about), -EINVAL);
    about.filter_off = 2;
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_METADATA, pid, 16, (unsigned long)&about), -ENOENT);
    child_ends_well(pid);
}

static void check_suspended(void)
{
    pid_t pid = child_begin(asked | LX_PTRACE_O_SUSPEND_SECCOMP);

    if (!pid) {
        CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
        CHECK_EQ(raw0(SYS_getppid), getppid());
        _exit(0);
    }
    child_ends_well(pid);
}

/* One that is filtered itself. */
static void check_tracer_filtered(void)
{
    FILTER_ONE(none, TRIED, LX_SECCOMP_RET_ALLOW);
    pid_t pid = child_begin(asked);

    if (!pid)
        _exit(0);
    CHECK_EQ(FILTER_SET(none, 0), 0);
    CHECK_EQ(trace(LX_PTRACE_SETOPTIONS, pid, 0, LX_PTRACE_O_SUSPEND_SECCOMP), -EPERM);
    CHECK_EQ(trace(LX_PTRACE_SECCOMP_GET_FILTER, pid, 0, 0), -EACCES);
    child_ends_well(pid);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "root")) {
        check_reading();
        check_suspended();
        CHECK_EQ(child_status(check_tracer_filtered), 0);
        return 0;
    }
    check_event();
    check_no_option();
    check_changes();
    check_restart();
    check_order();
    check_detach();
    check_kill();
    check_filter_kills();
    return 0;
}
