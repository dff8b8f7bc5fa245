/* SPDX-License-Identifier: MIT */
/* timerfd: relative, absolute and periodic; poll and epoll; what is left; what is refused. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define MS 1000000L
#define S  1000000000L

static long now_ns(int clock)
{
    struct timespec t;

    CHECK_OK(clock_gettime(clock, &t));
    return t.tv_sec * S + t.tv_nsec;
}

static struct itimerspec times(long value, long interval)
{
    return (struct itimerspec){{interval / S, interval % S}, {value / S, value % S}};
}

static void set(int fd, int flags, long value, long interval)
{
    struct itimerspec new = times(value, interval);

    CHECK_OK(timerfd_settime(fd, flags, &new, NULL));
}

static uint64_t take(int fd)
{
    uint64_t ticks = 0;

    CHECK_EQ(read(fd, &ticks, sizeof(ticks)), 8);
    return ticks;
}

static int readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&one, 1, timeout_ms));
    return one.revents;
}

static void check_once(int clock)
{
    int fd = (int)CHECK_OK(timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC));
    struct itimerspec left;
    long begin = now_ns(CLOCK_MONOTONIC);
    uint64_t ticks;

    CHECK_ERR(read(fd, &ticks, 8), EAGAIN);
    CHECK_EQ(readable(fd, 0), 0);
    set(fd, 0, 30 * MS, 0);
    CHECK_OK(timerfd_gettime(fd, &left));
    CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 30 * MS);
    CHECK_ERR(read(fd, &ticks, 8), EAGAIN);
    CHECK_EQ(readable(fd, 10000), POLLIN);
    CHECK(now_ns(CLOCK_MONOTONIC) - begin >= 30 * MS);
    CHECK_EQ(take(fd), 1);
    CHECK_ERR(read(fd, &ticks, 8), EAGAIN);
    CHECK_OK(timerfd_gettime(fd, &left));
    CHECK_EQ(left.it_value.tv_sec + left.it_value.tv_nsec, 0);
    /* An absolute time, and one in the past. */
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    begin = now_ns(clock);
    set(fd, TFD_TIMER_ABSTIME, begin + 20 * MS, 0);
    CHECK_EQ(take(fd), 1);
    CHECK(now_ns(clock) >= begin + 20 * MS);
    set(fd, TFD_TIMER_ABSTIME, 1, 0);
    CHECK_EQ(take(fd), 1);
    /* Stopped before it comes, and set anew after it has come. */
    set(fd, 0, 1, 0);
    CHECK_EQ(readable(fd, 10000), POLLIN);
    set(fd, 0, 0, 0);
    CHECK_EQ(readable(fd, 20), 0);
    CHECK_ERR(read(fd, &ticks, 7), EINVAL);
    CHECK_ERR(write(fd, &ticks, 8), EINVAL);
    close(fd);
}

static void check_periodic(void)
{
    int fd = (int)CHECK_OK(timerfd_create(CLOCK_MONOTONIC, 0)), ep = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    struct itimerspec left, new = times(7 * S, 0);
    long begin = now_ns(CLOCK_MONOTONIC);
    uint64_t ticks;

    CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
    set(fd, 0, 10 * MS, 10 * MS);
    CHECK_EQ(epoll_wait(ep, &event, 1, 10000), 1);
    nanosleep(&(struct timespec){.tv_nsec = 35 * MS}, NULL);
    ticks = take(fd);
    CHECK(ticks >= 4 && ticks <= (uint64_t)(now_ns(CLOCK_MONOTONIC) - begin) / (10 * MS));
    CHECK_OK(timerfd_gettime(fd, &left));
    CHECK_EQ(left.it_interval.tv_nsec, 10 * MS);
    CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 10 * MS);
    CHECK_EQ(epoll_wait(ep, &event, 1, 10000), 1);
    CHECK_OK(timerfd_settime(fd, 0, &new, &left));
    CHECK_EQ(left.it_interval.tv_nsec, 10 * MS);
    CHECK_OK(timerfd_settime(fd, 0, &new, &left));
    CHECK(left.it_value.tv_sec == 6 && left.it_interval.tv_nsec == 0);
    /* So short that it would do nothing else. */
    set(fd, 0, 1, 1);
    nanosleep(&(struct timespec){.tv_nsec = 10 * MS}, NULL);
    CHECK(take(fd) >= 10 * MS);
    close(ep);
    close(fd);
}

static void check_waiting(void)
{
    int fd = (int)CHECK_OK(timerfd_create(CLOCK_MONOTONIC, 0)), status, pid = (int)fork();

    if (pid == 0) {
        CHECK_EQ(take(fd), 1);
        _exit(0);
    }
    asleep_await(pid);
    set(fd, 0, MS, 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(fd);
}

static void check_refused(void)
{
    int fd = (int)CHECK_OK(timerfd_create(CLOCK_REALTIME, 0)), other = (int)CHECK_OK(dup(0));
    struct itimerspec bad = {.it_value.tv_nsec = S}, good = times(S, 0);

    CHECK_ERR(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    CHECK_ERR(timerfd_create(CLOCK_MONOTONIC_RAW, 0), EINVAL);
    CHECK_ERR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    CHECK_ERR(timerfd_settime(fd, 0, &bad, NULL), EINVAL);
    CHECK_ERR(timerfd_settime(fd, 4, &good, NULL), EINVAL);
    CHECK_ERR(timerfd_settime(99, 0, &good, NULL), EBADF);
    CHECK_ERR(timerfd_settime(other, 0, &good, NULL), EINVAL);
    CHECK_ERR(timerfd_gettime(other, &good), EINVAL);
    CHECK_EQ(raw4(SYS_timerfd_settime, fd, 0, 8, 0), -EFAULT);
    CHECK_EQ(raw2(SYS_timerfd_gettime, fd, 8), -EFAULT);
    CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &good, NULL));
    CHECK_EQ(take(fd), 1);
    CHECK_OK(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &good, NULL));
    close(other);
    close(fd);
}

int main(void)
{
    check_once(CLOCK_MONOTONIC);
    check_once(CLOCK_REALTIME);
    check_once(CLOCK_BOOTTIME);
    check_periodic();
    check_waiting();
    check_refused();
    return 0;
}
