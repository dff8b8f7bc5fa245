/* SPDX-License-Identifier: MIT */
/*
 * Arguments of an execve that waits for the end of the other threads count for oom_score: the
 * killer for want of memory finds the process that holds them, and takes no other one instead.
 *
 * The wait is as long as a tracer likes: it stops the other thread on its way out.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define LENGTH  (120 << 10)
#define STRINGS 48 /* together less than the 6 MiB that a list may have */

static long score_of(pid_t pid)
{
    char text[32];

    text_of(proc_path(pid, "oom_score"), text, sizeof(text));
    return atol(text);
}

static void *wait_for_the_end(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void execute(void)
{
    static char name[] = "true", *strings[STRINGS + 2] = {name};
    struct rlimit limit = {64 << 20, RLIM_INFINITY};
    pthread_t thread;

    CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
    for (int i = 1; i <= STRINGS; i++) {
        strings[i] = malloc(LENGTH + 1);
        CHECK(strings[i] != NULL);
        memset(strings[i], 'a', LENGTH);
        strings[i][LENGTH] = 0;
    }
    CHECK_EQ(raise(SIGSTOP), 0); /* the tracer sets its options, and notes the score */
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_the_end, NULL), 0);
    execv("/bin/true", strings);
    _exit(1);
}

int main(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), expected, before, after, message = 1;
    int status;
    pid_t child = fork(), thread, stopped;

    if (child == 0) {
        CHECK_EQ(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
        execute();
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, child, 0,
                    PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL),
             0);
    before = score_of(child);
    CHECK_EQ(ptrace(PTRACE_CONT, child, 0, 0), 0);
    /* The clone, the new thread's first stop, and the stop on its way out. */
    thread = 0;
    for (int i = 0; i < 8; i++) {
        stopped = waitpid(-1, &status, __WALL);
        CHECK(stopped > 0 && WIFSTOPPED(status));
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
            thread = stopped;
            break;
        }
        CHECK_EQ(ptrace(PTRACE_CONT, stopped, 0, 0), 0);
    }
    CHECK(thread > 0 && thread != child);
    CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, thread, 0, &message), 0);
    CHECK_EQ(message, 0);
    /* Thousandths of memory, of which oom_score shows two thirds. */
    after = score_of(child);
    expected = (long)STRINGS * LENGTH / 4096 * 1000 / pages * 2 / 3;
    CHECK(after >= before + expected - 1);
    if (expected > 4)
        CHECK(after > before + 3);
    CHECK_EQ(ptrace(PTRACE_CONT, thread, 0, 0), 0);
    /* The thread is reported, too. */
    while ((stopped = waitpid(-1, &status, __WALL)) > 0 &&
           (WIFSTOPPED(status) || stopped == thread))
        if (WIFSTOPPED(status))
            CHECK_EQ(ptrace(PTRACE_CONT, stopped, 0, 0), 0);
    CHECK_EQ(stopped, child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}
