/* SPDX-License-Identifier: MIT */
/*
 * Signals to a process with threads: one that lets a signal in takes it, masks and pending signals
 * are each thread's own; stop and continue concern all; SIGKILL ends all.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static volatile int taken_by, ready;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void note(int number)
{
    (void)number;
    taken_by = gettid();
}

static void mask(int how, int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    CHECK_EQ(pthread_sigmask(how, &set, NULL), 0);
}

static void *let_in(void *argument)
{
    (void)argument;
    mask(SIG_UNBLOCK, SIGUSR1);
    ready = gettid();
    while (!taken_by)
        usleep(1000);
    return NULL;
}

static void another_takes_what_the_leader_blocks(void)
{
    pthread_t thread;

    taken_by = ready = 0;
    signal(SIGUSR1, note);
    mask(SIG_BLOCK, SIGUSR1);
    CHECK_EQ(pthread_create(&thread, NULL, let_in, NULL), 0);
    while (!ready)
        usleep(1000);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(taken_by, ready);
}

static void what_all_block_waits_for_the_first(void)
{
    pthread_t thread;

    taken_by = ready = 0;
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(taken_by, 0);
    CHECK_EQ(pthread_create(&thread, NULL, let_in, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(taken_by, ready);
}

static void *wait_by_hand(void *argument)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    ready = 1;
    CHECK_EQ(sigwait(&set, &number), 0);
    CHECK_EQ(number, SIGALRM);
    return argument;
}

/* The leader sleeps in join and blocks the signal of the timer. */
static void a_timer_finds_the_one_that_waits(void)
{
    struct itimerval time = {{0, 0}, {0, 20000}};
    pthread_t thread;

    mask(SIG_BLOCK, SIGALRM);
    CHECK_EQ(pthread_create(&thread, NULL, wait_by_hand, NULL), 0);
    CHECK_OK(setitimer(ITIMER_REAL, &time, NULL));
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void *blocked_until_told(void *argument)
{
    pthread_mutex_lock(&mutex);
    CHECK_EQ(taken_by, 0);
    mask(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(taken_by, gettid());
    pthread_mutex_unlock(&mutex);
    return argument;
}

/* Join waits for a word that is cleared before the number is given back. */
static void is_soon_unknown(pid_t tid)
{
    int tries = 0;

    while (raw3(SYS_tgkill, getpid(), tid, 0) == 0 && tries++ < 5000)
        usleep(1000);
    CHECK_EQ(raw3(SYS_tgkill, getpid(), tid, 0), -ESRCH);
}

static void one_thread_is_meant(void)
{
    pthread_t thread;

    taken_by = 0;
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_create(&thread, NULL, blocked_until_told, NULL), 0);
    CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
    mask(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(taken_by, 0);
    mask(SIG_BLOCK, SIGUSR1);
    pthread_mutex_unlock(&mutex);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(taken_by && taken_by != gettid());
    is_soon_unknown(taken_by);
}

#define CROWD 400

static volatile int arrived, niced;

static void *wait_for_mutex(void *argument)
{
    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    if (getpriority(PRIO_PROCESS, (id_t)gettid()) == 3)
        __atomic_add_fetch(&niced, 1, __ATOMIC_SEQ_CST);
    return argument;
}

/* The one that takes it comes behind hundreds that do not. A call about the group, too, finds all.
 */
static void crowd_that_blocks(void)
{
    pthread_t crowd[CROWD], last;
    pthread_attr_t attr;

    CHECK_OK(setpgid(0, 0));
    taken_by = ready = 0;
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attr, 65536), 0);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(pthread_create(&crowd[i], &attr, wait_for_mutex, NULL), 0);
    while (arrived < CROWD)
        usleep(1000);
    CHECK_OK(kill(getpid(), SIGUSR1)); /* all block it: the one that comes takes it */
    CHECK_EQ(pthread_create(&last, &attr, let_in, NULL), 0);
    CHECK_EQ(pthread_join(last, NULL), 0);
    CHECK_EQ(taken_by, ready);
    taken_by = ready = 0;
    CHECK_EQ(pthread_create(&last, &attr, let_in, NULL), 0);
    while (!ready)
        usleep(1000);
    CHECK_OK(kill(0, SIGUSR1));
    CHECK_EQ(pthread_join(last, NULL), 0);
    CHECK_EQ(taken_by, ready);
    CHECK_OK(setpriority(PRIO_PGRP, 0, 3));
    CHECK_EQ(getpriority(PRIO_PGRP, 0), 3);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(pthread_join(crowd[i], NULL), 0);
    CHECK_EQ(niced, CROWD);
    _exit(0);
}

static void a_crowd_blocks_it(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        crowd_that_blocks();
    CHECK_EQ(child_end(pid), 0);
}

static volatile unsigned long *counts;

static void *count(void *argument)
{
    for (;;)
        counts[(long)argument]++;
    return NULL;
}

static void count_by_threads(void)
{
    pthread_t thread;

    for (long i = 1; i < 4; i++)
        CHECK_EQ(pthread_create(&thread, NULL, count, (void *)i), 0);
    for (;;)
        pause();
}

static unsigned long sum(void)
{
    return counts[1] + counts[2] + counts[3];
}

static void stop_and_continue_concern_all(void)
{
    pid_t pid;
    int status;

    counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0)
        count_by_threads();
    for (int i = 0; i < 20; i++) {
        unsigned long before = sum();

        while (sum() == before || !counts[1] || !counts[2] || !counts[3])
            usleep(1000);
        CHECK_OK(kill(pid, SIGSTOP));
        CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status));
        before = sum();
        usleep(2000);
        CHECK_EQ(sum(), before);
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
        CHECK(WIFCONTINUED(status));
    }
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
}

/* SIGTERM, while the leader is gone and others come and go. */
static void *come_and_go(void *argument)
{
    pthread_t thread;

    if (!argument)
        return NULL;
    for (;;)
        if (pthread_create(&thread, NULL, come_and_go, NULL) == 0)
            pthread_join(thread, NULL);
    return NULL;
}

static void crowd(void)
{
    pthread_t thread;

    for (long i = 1; i < 5; i++)
        CHECK_EQ(pthread_create(&thread, NULL, come_and_go, (void *)i), 0);
    pthread_exit(NULL);
}

static void signals_end_all(void)
{
    static const int numbers[] = {SIGTERM, SIGKILL};

    for (int i = 0; i < 10; i++) {
        pid_t pid = (pid_t)CHECK_OK(fork());

        if (pid == 0)
            crowd();
        usleep(5000 * (useconds_t)(i % 3));
        CHECK_OK(kill(pid, numbers[i % 2]));
        CHECK_EQ(child_end(pid), numbers[i % 2]);
    }
}

int main(void)
{
    another_takes_what_the_leader_blocks();
    what_all_block_waits_for_the_first();
    a_timer_finds_the_one_that_waits();
    one_thread_is_meant();
    a_crowd_blocks_it();
    stop_and_continue_concern_all();
    signals_end_all();
    return 0;
}
