/* SPDX-License-Identifier: MIT */
/* A tracer takes the restart away from a sleep that a signal has interrupted: the next sleep has
 * its own deadline, and one that goes on keeps that of before. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/ptrace.h"

#define RESTART_BLOCK (-516L) /* ERESTART_RESTARTBLOCK, which only tracers see */

static const struct timespec long_sleep = {1000, 0}, middle_sleep = {0, 300000000},
                             short_sleep = {0, 20000000};

static long milliseconds(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void stop_for_tracer(void)
{
    CHECK_EQ(trace(PTRACE_TRACEME, 0, 0, 0), 0);
    CHECK_OK(raise(SIGSTOP));
    alarm(20); /* ends it, as SIGALRM has no handler */
}

static void wait_stop(pid_t pid, int signal)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signal);
}

/* In its sleep, and interrupted by a signal that it is not given. */
static struct user_regs_struct interrupt(pid_t pid)
{
    struct user_regs_struct regs;

    wait_stop(pid, SIGSTOP);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    usleep(100000);
    CHECK_OK(kill(pid, SIGUSR1));
    wait_stop(pid, SIGUSR1);
    regs = regs_of(pid);
    CHECK_EQ((long)regs.rax, RESTART_BLOCK);
    return regs;
}

static void check_end(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* Once by its result, once as a debugger that calls a function meanwhile does. */
static void check_taken_away(long result, long number)
{
    struct user_regs_struct regs;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        long begin;

        stop_for_tracer();
        CHECK_EQ(raw2(SYS_nanosleep, &long_sleep, 0), result);
        begin = milliseconds();
        CHECK_EQ(raw2(SYS_nanosleep, &short_sleep, 0), 0);
        CHECK(milliseconds() - begin >= 20);
        _exit(0);
    }
    regs = interrupt(pid);
    regs.rax = (unsigned long)result;
    regs.orig_rax = (unsigned long)number;
    CHECK_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs), 0);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    check_end(pid);
}

static void check_goes_on(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        long begin, took;

        stop_for_tracer();
        begin = milliseconds();
        CHECK_EQ(raw2(SYS_nanosleep, &middle_sleep, 0), 0);
        took = milliseconds() - begin;
        CHECK(took >= 300);
        _exit(0);
    }
    interrupt(pid);
    CHECK_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    check_end(pid);
}

int main(void)
{
    check_taken_away(-EINTR, SYS_nanosleep);
    check_taken_away(0, -1);
    check_goes_on();
    return 0;
}
