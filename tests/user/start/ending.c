/* SPDX-License-Identifier: MIT */
/*
 * ending HOW VALUE - every way a program can end of its own accord
 *
 * The plan line gives the exit code or the signal that must come of it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void written_by_atexit(void)
{
    say(1, "atexit ran\n");
}

/* A signal with its default action, sent to oneself in each of the ways there are. */
static void send(const char *how, int sig)
{
    if (strcmp(how, "raise") == 0)
        CHECK_EQ(raise(sig), 0);
    else if (strcmp(how, "kill") == 0)
        CHECK_OK(kill(getpid(), sig));
    else if (strcmp(how, "tkill") == 0)
        CHECK_EQ(raw2(SYS_tkill, raw0(SYS_gettid), sig), 0);
    else if (strcmp(how, "tgkill") == 0)
        CHECK_EQ(raw3(SYS_tgkill, getpid(), raw0(SYS_gettid), sig), 0);
    else
        check_fail(__FILE__, __LINE__, "unknown way to end");
}

/* A fault cannot be put off or ignored: the instruction would only fault again. */
static _Noreturn void die_of_fault(int blocked)
{
    sigset_t all;

    if (blocked) {
        sigfillset(&all);
        CHECK_EQ(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
    } else {
        CHECK(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
    }
    volatile uintptr_t nowhere = 16;
    *(volatile char *)nowhere = 1;
    check_fail(__FILE__, __LINE__, "survived a fault");
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 3);
    const char *how = argv[1];
    int value = atoi(argv[2]);

    if (strcmp(how, "return") == 0)
        return value;
    if (strcmp(how, "exit") == 0) {
        atexit(written_by_atexit);
        exit(value);
    }
    if (strcmp(how, "exit_group") == 0)
        raw1(SYS_exit_group, value);
    if (strcmp(how, "exit_thread") == 0)
        raw1(SYS_exit, value);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "blocked_kill") == 0) { /* SIGKILL cannot be blocked */
        sigset_t all;
        sigfillset(&all);
        CHECK_EQ(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
        how = "kill";
    }
    if (strcmp(how, "unblock") == 0) { /* pending while blocked, deadly the moment it is not */
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, value);
        CHECK_EQ(raw4(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8), 0);
        send("kill", value);
        say(1, "blocked\n");
        raw4(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8);
        check_fail(__FILE__, __LINE__, "survived the end of its blocking");
    }
    if (strcmp(how, "broken_pipe") == 0) {
        int ends[2];
        CHECK_OK(pipe(ends));
        CHECK_OK(close(ends[0]));
        write(ends[1], "x", 1);
        check_fail(__FILE__, __LINE__, "survived the broken pipe");
    }
    if (strcmp(how, "blocked_fault") == 0 || strcmp(how, "ignored_fault") == 0)
        die_of_fault(how[0] == 'b');
    send(how, value);
    say(1, "survived\n");
    return 0; /* right for a signal that is ignored by default */
}
