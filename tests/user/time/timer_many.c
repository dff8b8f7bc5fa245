/* SPDX-License-Identifier: MIT */
/*
 * Many timers at once, started, moved and deleted in an order that has nothing to do with their
 * deadlines: each that is left fires once, and not before its time.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define TIMERS 600
#define MS     1000000L

static struct one {
    int id;        /* -1: deleted */
    long deadline; /* ns of monotonic time */
    unsigned fired;
} timers[TIMERS];

static long now_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 * MS + now.tv_nsec;
}

static unsigned scramble(unsigned i)
{
    return (i * 2654435761u) >> 7;
}

static void set(struct one *timer, long deadline)
{
    struct itimerspec spec = {{0, 0}, {deadline / (1000 * MS), deadline % (1000 * MS)}};

    timer->deadline = deadline;
    CHECK_EQ(raw4(SYS_timer_settime, timer->id, TIMER_ABSTIME, &spec, NULL), 0);
}

static void create(unsigned i, long base)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};

    event.sigev_value.sival_int = (int)i;
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timers[i].id), 0);
    set(&timers[i], base + (long)(scramble(i) % 300) * MS);
}

/* Earlier, later, off, gone: a quarter of them each; the rest stay. */
static unsigned change(unsigned i, long base)
{
    struct itimerspec off = {{0, 0}, {0, 0}};

    switch (scramble(i + 7) % 5) {
    case 0:
        set(&timers[i], base + (long)(scramble(i) % 100) * MS);
        return 1;
    case 1:
        set(&timers[i], base + 300 * MS + (long)(scramble(i) % 100) * MS);
        return 1;
    case 2:
        CHECK_EQ(raw4(SYS_timer_settime, timers[i].id, 0, &off, NULL), 0);
        timers[i].deadline = -1;
        return 0;
    case 3:
        CHECK_EQ(raw1(SYS_timer_delete, timers[i].id), 0);
        CHECK_EQ(raw1(SYS_timer_delete, timers[i].id), -EINVAL);
        timers[i].deadline = -1;
        return 0;
    default:
        return 1;
    }
}

int main(void)
{
    struct timespec patience = {20, 0}, none = {0, 0};
    long base = now_ns() + 2000 * MS; /* all are set by then */
    unsigned expected = 0;
    siginfo_t info;
    sigset_t set_of;

    sigemptyset(&set_of);
    sigaddset(&set_of, SIGRTMIN);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set_of, NULL));
    for (unsigned i = 0; i < TIMERS; i++)
        create(i, base);
    for (unsigned i = 0; i < TIMERS; i++)
        expected += change(i, base);
    for (unsigned n = 0; n < expected; n++) {
        struct one *timer;

        CHECK_EQ(sigtimedwait(&set_of, &info, &patience), SIGRTMIN);
        CHECK_EQ(info.si_code, SI_TIMER);
        CHECK(info.si_value.sival_int >= 0 && info.si_value.sival_int < TIMERS);
        timer = &timers[info.si_value.sival_int];
        CHECK(timer->deadline > 0 && now_ns() >= timer->deadline);
        CHECK_EQ(timer->fired++, 0);
    }
    CHECK(sigtimedwait(&set_of, &info, &none) == -1 && errno == EAGAIN);
    return 0;
}
