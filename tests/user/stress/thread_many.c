/* SPDX-License-Identifier: MIT */
/*
 * thread_many N - a process of N threads, and the calls that concern all of them: usage, /proc,
 * signals that one of them takes, stop and continue, limits, niceness, the end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"
#include "tests/user/lib/stress.h"

#define STACK 8192

static int count, waiting;
static sigset_t usr1;

static void *wait_long(void *argument)
{
    __atomic_fetch_add(&waiting, 1, __ATOMIC_ACQ_REL);
    for (;;)
        pause();
    return argument;
}

/* The last of all lets the signal in. */
static volatile int taken_by;

static void take(int number)
{
    (void)number;
    taken_by = gettid();
}

static void *take_signals(void *argument)
{
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
    __atomic_fetch_add(&waiting, 1, __ATOMIC_ACQ_REL);
    for (;;)
        pause();
    return argument;
}

static void make_threads(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attr, STACK), 0);
    for (int i = 1; i < count; i++)
        CHECK_EQ(pthread_create(&thread, &attr, i + 1 < count ? wait_long : take_signals, NULL), 0);
    while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE) != count - 1)
        usleep(1000);
}

static void report(const char *what, uint64_t begun)
{
    say(1, what);
    say(1, " ");
    say_number(1, (long)((now_ns() - begun) / 1000));
    say(1, " us\n");
}

static void ask_about_all(void)
{
    struct rlimit limit;
    struct rusage usage;
    char text[4096];
    uint64_t begun = now_ns();
    int listed = 0;
    DIR *dir;

    CHECK_OK(getrusage(RUSAGE_SELF, &usage));
    report("getrusage", begun);
    begun = now_ns();
    if (text_read("/proc/self/stat", text, sizeof(text)) > 0) {
        CHECK_EQ(stat_field(text, 20 - 2), count);
        report("stat", begun);
        begun = now_ns();
        dir = opendir("/proc/self/task");
        CHECK(dir != NULL);
        while (readdir(dir))
            listed++;
        CHECK_OK(closedir(dir));
        CHECK_EQ(listed, count + 2);
        report("task", begun);
    }
    begun = now_ns();
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    report("setrlimit", begun);
    begun = now_ns();
    CHECK_OK(setpriority(PRIO_PGRP, 0, 1));
    report("setpriority", begun);
    begun = now_ns();
    CHECK_OK(kill(getpid(), SIGUSR1));
    while (!taken_by)
        usleep(100);
    CHECK(taken_by != getpid());
    report("signal", begun);
}

static void crowd(void)
{
    CHECK_OK(setpgid(0, 0));
    CHECK(signal(SIGUSR1, take) != SIG_ERR);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
    make_threads();
    ask_about_all();
    raise(SIGSTOP); /* the parent goes on from here */
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    uint64_t begun = now_ns();
    int status;
    pid_t pid;

    count = argc > 1 ? atoi(argv[1]) : 1000;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        crowd();
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    report("all until stopped", begun);
    begun = now_ns();
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK(WIFCONTINUED(status));
    report("continue", begun);
    begun = now_ns();
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    report("stop", begun);
    begun = now_ns();
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
    report("end", begun);
    return 0;
}
