/* SPDX-License-Identifier: MIT */
/*
 * A process with as many timers as it may have ends quickly: all of them have fired and were not
 * looked at, or they count its processor time and were made in the worst order. What is quick goes
 * by how long this machine took to make them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define TIMERS_MAX 16000
#define LIMIT_MS   1500
#define ROOM_MS    1000 /* for the last timer to be set, and for the signals of all to be sent */

static struct {
    volatile long made_ms; /* that it took; 0: not done yet */
    volatile long when_ms; /* the time at which they fire */
} * shared;
static int ids[TIMERS_MAX];

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int create(clockid_t clock)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    int id;

    CHECK_EQ(raw3(SYS_timer_create, clock, &event, &id), 0);
    return id;
}

static int timers_allowed(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_SIGPENDING, &limit));
    return limit.rlim_cur > TIMERS_MAX + 100 ? TIMERS_MAX : (int)limit.rlim_cur / 2;
}

static void set_all(int count, long when)
{
    struct itimerspec at = {{0, 0}, {when / 1000, when % 1000 * 1000000}};

    for (int i = 0; i < count; i++)
        CHECK_EQ(raw4(SYS_timer_settime, ids[i], TIMER_ABSTIME, &at, NULL), 0);
}

static void made(long begin, long when)
{
    shared->when_ms = when;
    shared->made_ms = now_ms() - begin + 1;
    for (;;)
        pause();
}

/* All fire at the same time, blocked, while their process sleeps. They are set to a time that never
 * comes first: so it is known how long the second setting takes, and fires none on its way. */
static void fired_all(int count)
{
    long begin = now_ms(), when, took;

    for (int i = 0; i < count; i++)
        ids[i] = create(CLOCK_MONOTONIC);
    do {
        took = now_ms();
        set_all(count, took + 3600000);
        took = now_ms() - took;
        when = now_ms() + 2 * took + ROOM_MS;
        set_all(count, when);
    } while (now_ms() >= when); /* the host has held it up meanwhile */
    made(begin, when);
}

/* Where numbers are used again at once, the lowest are those of the newest timers. */
static void processor_time(int count)
{
    const struct itimerspec far = {{0, 0}, {3600, 0}};
    long begin = now_ms();

    for (int i = 0; i < count; i++)
        ids[i] = create(CLOCK_MONOTONIC);
    for (int i = count - 1; i >= 0; i--) {
        CHECK_EQ(raw1(SYS_timer_delete, ids[i]), 0);
        ids[i] = create(CLOCK_PROCESS_CPUTIME_ID);
        CHECK_EQ(raw4(SYS_timer_settime, ids[i], 0, &far, NULL), 0);
    }
    made(begin, now_ms());
}

static void check_end(void (*crowd)(int count))
{
    int count = timers_allowed(), status;
    sigset_t usr1;
    long begin, limit;
    pid_t pid;

    shared->made_ms = 0;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        crowd(count);
        _exit(1);
    }
    while (!shared->made_ms) {
        CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
        usleep(10000);
    }
    while (now_ms() < shared->when_ms + ROOM_MS)
        usleep(10000);
    limit = LIMIT_MS + shared->made_ms;
    begin = now_ms();
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
    begin = now_ms() - begin;
    if (begin >= limit)
        say_number(2, begin);
    CHECK(begin < limit);
}

int main(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    check_end(processor_time);
    check_end(fired_all);
    return 0;
}
