/* SPDX-License-Identifier: MIT */
/*
 * A process with as many timers as it may have ends quickly: all of them have fired and were not
 * looked at, or they count its processor time and were made in the worst order.
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

static int *ready; /* shared */
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

/* All fire at the same time, blocked, while their process sleeps. */
static void fired_all(int count)
{
    struct itimerspec at = {{0, 0}, {0, 0}};
    long when;

    for (int i = 0; i < count; i++)
        ids[i] = create(CLOCK_MONOTONIC);
    when = now_ms() + 2000;
    at.it_value = (struct timespec){when / 1000, when % 1000 * 1000000};
    for (int i = 0; i < count; i++)
        CHECK_EQ(raw4(SYS_timer_settime, ids[i], TIMER_ABSTIME, &at, NULL), 0);
    CHECK(now_ms() < when);
    at.it_value.tv_sec += 3600;
    *ready = 1;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at.it_value, NULL);
}

/* Where numbers are used again at once, the lowest are those of the newest timers. */
static void processor_time(int count)
{
    const struct itimerspec far = {{0, 0}, {3600, 0}};

    for (int i = 0; i < count; i++)
        ids[i] = create(CLOCK_MONOTONIC);
    for (int i = count - 1; i >= 0; i--) {
        CHECK_EQ(raw1(SYS_timer_delete, ids[i]), 0);
        ids[i] = create(CLOCK_PROCESS_CPUTIME_ID);
        CHECK_EQ(raw4(SYS_timer_settime, ids[i], 0, &far, NULL), 0);
    }
    *ready = 1;
    for (;;)
        pause();
}

static void check_end(void (*crowd)(int count), long wait_ms)
{
    int count = timers_allowed(), status;
    sigset_t usr1;
    long begin;
    pid_t pid;

    *(volatile int *)ready = 0;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        crowd(count);
        _exit(1);
    }
    while (!*(volatile int *)ready && waitpid(pid, &status, WNOHANG) == 0)
        usleep(10000);
    usleep((useconds_t)wait_ms * 1000);
    begin = now_ms();
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
    if (now_ms() - begin >= LIMIT_MS)
        say_number(2, now_ms() - begin);
    CHECK(now_ms() - begin < LIMIT_MS);
}

int main(void)
{
    ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(ready != MAP_FAILED);
    check_end(processor_time, 10);
    check_end(fired_all, 3000);
    return 0;
}
