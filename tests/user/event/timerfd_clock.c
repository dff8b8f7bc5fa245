/* SPDX-License-Identifier: MIT */
/* Timers of real time follow when the clock is set; those that ask for it are cancelled. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static struct timespec now, begin;

static void set_clock(long seconds)
{
    struct timespec t;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &t));
    t.tv_sec += seconds;
    CHECK_OK(clock_settime(CLOCK_REALTIME, &t));
}

static int readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return (int)CHECK_OK(poll(&one, 1, 0));
}

int main(void)
{
    int real = (int)CHECK_OK(timerfd_create(CLOCK_REALTIME, 0));
    int relative = (int)CHECK_OK(timerfd_create(CLOCK_REALTIME, 0));
    int cancel = (int)CHECK_OK(timerfd_create(CLOCK_REALTIME, 0));
    struct itimerspec at = {.it_value.tv_sec = 0}, after = {.it_value.tv_sec = 1000};
    struct pollfd one = {.fd = real, .events = POLLIN};
    uint64_t ticks;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
    at.it_value.tv_sec = now.tv_sec + 1000;
    CHECK_OK(timerfd_settime(real, TFD_TIMER_ABSTIME, &at, NULL));
    CHECK_OK(timerfd_settime(relative, 0, &after, NULL));
    CHECK_OK(timerfd_settime(cancel, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL));
    CHECK_EQ(readable(real) + readable(relative) + readable(cancel), 0);
    set_clock(2000);
    CHECK_EQ(poll(&one, 1, 10000), 1);
    CHECK_EQ(read(real, &ticks, 8), 8);
    CHECK_EQ(ticks, 1);
    CHECK_EQ(readable(relative), 0);
    CHECK_EQ(readable(cancel), 1);
    CHECK_ERR(read(cancel, &ticks, 8), ECANCELED);
    at.it_value.tv_sec += 10000;
    CHECK_OK(timerfd_settime(cancel, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL));
    set_clock(-2000);
    /* Set anew without having been read: it says so, and is set. */
    CHECK_ERR(timerfd_settime(cancel, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL),
              ECANCELED);
    CHECK_EQ(readable(cancel), 0);
    return 0;
}
