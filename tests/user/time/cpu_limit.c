/* SPDX-License-Identifier: MIT */
/* RLIMIT_CPU: SIGXCPU at the soft limit, again each second, death at the hard one. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

/* What a host takes away from an emulated processor counts as used: seconds, when it is busy. */
#define MOST_MS 8000

static volatile int calls;

static void note(int sig)
{
    (void)sig;
    calls++;
}

/* By the clock that limits go by, where sampling makes that another one: what clock_getcpuclockid
 * makes for the caller and "all". */
static long used_ms(void)
{
    struct timespec t;

    CHECK_EQ(raw2(SYS_clock_gettime, ~0U << 3, &t), 0);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Exits with 0 if all signals come when they should; does not get to its end with a hard limit. */
static void spend(void)
{
    struct rlimit limit;
    int n;

    signal(SIGXCPU, note);
    while (!calls)
        CHECK(used_ms() < MOST_MS);
    CHECK(used_ms() >= 990);
    do { /* the second one may come on the way */
        n = calls;
        CHECK_OK(getrlimit(RLIMIT_CPU, &limit));
    } while (n != calls);
    CHECK(limit.rlim_cur == 1 + (rlim_t)n && limit.rlim_max == 3);
    while (calls < 2)
        CHECK(used_ms() < MOST_MS);
    CHECK(used_ms() >= 1990);
    while (used_ms() < 2 * MOST_MS)
        ;
    _exit(0);
}

static int status_of(pid_t pid, long *ms)
{
    struct rusage r;
    int status = -1;

    CHECK_EQ(wait4(pid, &status, 0, &r), pid);
    *ms = (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
          (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
    return status;
}

static void limit_set(rlim_t soft, rlim_t hard)
{
    struct rlimit limit = {soft, hard};

    CHECK_OK(setrlimit(RLIMIT_CPU, &limit));
}

int main(void)
{
    pid_t pid = CHECK_OK(fork());
    int status;
    long ms;

    if (pid == 0) { /* the limit is for each process: a child of its own inherits it anew */
        limit_set(1, 3);
        pid = CHECK_OK(fork());
        if (pid == 0)
            spend();
        status = status_of(pid, &ms);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CHECK(ms >= 2400 && ms < MOST_MS);
        _exit(0);
    }
    CHECK_EQ(status_of(pid, &ms), 0);

    pid = CHECK_OK(fork()); /* without a handler the first one is the end */
    if (pid == 0) {
        limit_set(1, RLIM_INFINITY);
        for (;;)
            ;
    }
    status = status_of(pid, &ms);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
    CHECK(ms >= 600 && ms < MOST_MS);

    pid = CHECK_OK(fork()); /* from outside, while it runs */
    if (pid == 0)
        for (;;)
            ;
    CHECK_OK(prlimit(pid, RLIMIT_CPU, &(struct rlimit){1, 1}, NULL));
    status = status_of(pid, &ms);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(ms >= 600 && ms < MOST_MS);
    return 0;
}
