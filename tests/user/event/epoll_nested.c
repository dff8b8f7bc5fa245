/* SPDX-License-Identifier: MIT */
/* Epolls that watch epolls: what comes through, by poll as well; loops and depth. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

static int add(int ep, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
}

static int ready(int ep)
{
    struct epoll_event events[4];

    return (int)CHECK_OK(epoll_wait(ep, events, 4, 0));
}

static int polled(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return (int)CHECK_OK(poll(&one, 1, 0));
}

static void put(int fd)
{
    uint64_t one = 1;

    CHECK_EQ(write(fd, &one, 8), 8);
}

static void take(int fd)
{
    uint64_t one;

    CHECK_EQ(read(fd, &one, 8), 8);
}

static void check_levels(void)
{
    int ep[5], fd = eventfd(0, EFD_NONBLOCK), status, pid;
    struct epoll_event event;

    for (int i = 0; i < 5; i++)
        ep[i] = (int)CHECK_OK(epoll_create1(0));
    CHECK_OK(add(ep[4], fd, EPOLLIN));
    for (int i = 3; i >= 0; i--)
        CHECK_OK(add(ep[i], ep[i + 1], EPOLLIN));
    CHECK_EQ(ready(ep[0]) + polled(ep[0]), 0);
    put(fd);
    CHECK_EQ(polled(ep[0]), 1);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(ready(ep[i]), 1);
    take(fd);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(ready(ep[i]) + polled(ep[i]), 0);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(epoll_wait(ep[0], &event, 1, -1), 1);
        CHECK_EQ(event.data.fd, ep[1]);
        _exit(0);
    }
    asleep_await(pid);
    put(fd);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(ep[2]); /* the chain is cut */
    CHECK_EQ(ready(ep[1]), 0);
    CHECK_EQ(ready(ep[3]), 1);
    close(fd);
    CHECK_EQ(ready(ep[3]) + ready(ep[4]), 0);
    for (int i = 0; i < 5; i++)
        close(ep[i]);
}

static void check_edge(void)
{
    int outer = (int)CHECK_OK(epoll_create1(0)), inner = (int)CHECK_OK(epoll_create1(0));
    int fd = eventfd(0, EFD_NONBLOCK);

    CHECK_OK(add(inner, fd, EPOLLIN));
    CHECK_OK(add(outer, inner, EPOLLIN | EPOLLET));
    put(fd);
    CHECK_EQ(ready(outer), 1);
    CHECK_EQ(ready(outer), 0);
    put(fd);
    CHECK_EQ(ready(outer), 1);
    CHECK_EQ(ready(inner), 1);
    close(fd);
    close(inner);
    close(outer);
}

static void check_refused(void)
{
    int ep[7], fd = eventfd(0, EFD_NONBLOCK);

    for (int i = 0; i < 7; i++)
        ep[i] = (int)CHECK_OK(epoll_create1(0));
    CHECK_OK(add(ep[4], fd, EPOLLIN));
    for (int i = 3; i >= 0; i--)
        CHECK_OK(add(ep[i], ep[i + 1], EPOLLIN));
    CHECK_ERR(add(ep[4], ep[0], EPOLLIN), ELOOP);
    CHECK_ERR(add(ep[1], ep[0], EPOLLIN), ELOOP);
    CHECK_EQ(add(ep[5], ep[0], EPOLLIN), -1); /* Linux: EINVAL or ELOOP, by version */
    CHECK(errno == ELOOP || errno == EINVAL);
    CHECK_OK(add(ep[5], ep[1], EPOLLIN)); /* as deep as ep[0] */
    CHECK_OK(add(ep[0], ep[3], EPOLLIN)); /* a second, shorter way */
    CHECK_ERR(add(ep[0], ep[6], EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    for (int i = 0; i < 7; i++)
        close(ep[i]);
    close(fd);
}

int main(void)
{
    check_levels();
    check_edge();
    check_refused();
    return 0;
}
