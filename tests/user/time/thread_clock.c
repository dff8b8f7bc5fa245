/* SPDX-License-Identifier: MIT */
/* Processor time of single threads: their clocks, timers and sleeps on them, RLIMIT_RTTIME. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define THREAD_ID 4 /* SIGEV_THREAD_ID */

static volatile int burning, stop, fired_in;

static uint64_t now_of(clockid_t clock)
{
    struct timespec time;

    CHECK_EQ(raw2(SYS_clock_gettime, clock, &time), 0);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void on_timer(int number)
{
    (void)number;
    fired_in = gettid();
}

static void *burn(void *argument)
{
    (void)argument;
    burning = gettid();
    while (!stop)
        ;
    return NULL;
}

/* A timer on that clock, once after ms, that sends SIGRTMIN to the calling thread. */
static int timer_start(clockid_t clock, long ms)
{
    struct itimerspec value = {.it_value = {ms / 1000, ms % 1000 * 1000000}};
    struct {
        uint64_t value;
        int signo, notify, tid, pad[11];
    } event = {0, SIGRTMIN, THREAD_ID, gettid(), {0}};
    int id = -1;

    fired_in = 0;
    CHECK_EQ(raw3(SYS_timer_create, clock, &event, &id), 0);
    CHECK_EQ(raw4(SYS_timer_settime, id, 0, &value, NULL), 0);
    return id;
}

/* The timers of two threads count apart, and that of the process counts both. */
static void check_timers(void)
{
    pthread_t thread;
    clockid_t clock;
    uint64_t begin;
    int own, other;

    stop = burning = 0;
    CHECK_EQ(pthread_create(&thread, NULL, burn, NULL), 0);
    while (!burning)
        usleep(1000);
    CHECK_EQ(pthread_getcpuclockid(thread, &clock), 0);
    CHECK(now_of(clock) <= now_of(CLOCK_PROCESS_CPUTIME_ID));
    own = timer_start(CLOCK_THREAD_CPUTIME_ID, 400);
    begin = now_of(clock);
    while (now_of(clock) - begin < 500000000)
        usleep(20000);
    CHECK_EQ(fired_in, 0); /* what the other thread used is not this one's */
    begin = now_of(CLOCK_THREAD_CPUTIME_ID);
    while (!fired_in)
        CHECK(now_of(CLOCK_THREAD_CPUTIME_ID) - begin < 5000000000);
    CHECK_EQ(fired_in, gettid());
    CHECK_EQ(raw1(SYS_timer_delete, own), 0);

    begin = now_of(clock);
    other = timer_start(clock, 50);
    while (!fired_in)
        usleep(1000);
    CHECK(now_of(clock) - begin >= 50000000);
    CHECK_EQ(raw1(SYS_timer_delete, other), 0);
    other = timer_start(CLOCK_PROCESS_CPUTIME_ID, 50);
    while (!fired_in)
        usleep(1000);
    CHECK_EQ(raw1(SYS_timer_delete, other), 0);

    other = timer_start(clock, 3600 * 1000);
    stop = 1;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    while (raw3(SYS_tgkill, getpid(), burning, 0) == 0) /* it may still be on its way out */
        usleep(1000);
    CHECK_EQ(raw2(SYS_clock_gettime, clock, &(struct timespec){0}), -EINVAL);
    CHECK_EQ(raw1(SYS_timer_delete, other), 0);
}

static void check_sleep(void)
{
    struct timespec wait = {0, 30000000};
    pthread_t thread;
    clockid_t clock, mine;
    uint64_t begin;

    stop = burning = 0;
    CHECK_EQ(pthread_create(&thread, NULL, burn, NULL), 0);
    while (!burning)
        usleep(1000);
    CHECK_EQ(pthread_getcpuclockid(thread, &clock), 0);
    CHECK_EQ(pthread_getcpuclockid(pthread_self(), &mine), 0);
    begin = now_of(clock);
    CHECK_EQ(raw4(SYS_clock_nanosleep, clock, 0, &wait, NULL), 0);
    CHECK(now_of(clock) - begin >= 30000000);
    CHECK_EQ(raw4(SYS_clock_nanosleep, mine, 0, &wait, NULL), -EINVAL);
    CHECK_EQ(raw4(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &wait, NULL), -EOPNOTSUPP);
    stop = 1;
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void spin_ns(uint64_t ns)
{
    uint64_t begin = now_of(CLOCK_THREAD_CPUTIME_ID);

    while (now_of(CLOCK_THREAD_CPUTIME_ID) - begin < ns)
        ;
}

/* A signal once a real-time thread has run so long without waiting, each second from then on. */
static void check_rttime(void)
{
    struct rlimit limit = {200000, 1200000};
    struct sched_param param = {.sched_priority = 1};
    pid_t pid;

    pid = CHECK_OK(fork());
    if (pid == 0) {
        signal(SIGXCPU, on_timer);
        CHECK_OK(setrlimit(RLIMIT_RTTIME, &limit));
        spin_ns(300000000);
        CHECK_EQ(fired_in, 0); /* it is for real-time threads alone */
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), 0);
        spin_ns(400000000);
        CHECK_EQ(fired_in, getpid());
        CHECK_OK(getrlimit(RLIMIT_RTTIME, &limit));
        CHECK_EQ(limit.rlim_cur, 1200000);
        for (;;)
            ;
    }
    CHECK_EQ(child_end(pid), SIGKILL);
}

int main(void)
{
    struct sched_param param = {.sched_priority = 1};

    signal(SIGRTMIN, on_timer);
    check_timers();
    check_sleep();
    if (raw3(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) == 0) { /* a user may not */
        param.sched_priority = 0;
        CHECK_EQ(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), 0);
        check_rttime();
    }
    return 0;
}
