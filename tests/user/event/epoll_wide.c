/* SPDX-License-Identifier: MIT */
/*
 * Layers of epolls, each of which watches the whole layer below: one event is passed on once to
 * each of them, and not once for each of the ways that lead there. What that costs is the writer's
 * time, however busy the machine is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define LAYERS 5
#define WIDTH  32 /* 33 million ways */

static int layers[LAYERS][WIDTH];

/* Linux bounds the ways instead, and refuses: false. */
static int watch(int ep, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0)
        return 1;
    CHECK_EQ(errno, EINVAL);
    return 0;
}

static int build(int fd)
{
    for (int layer = 0; layer < LAYERS; layer++)
        for (int i = 0; i < WIDTH; i++)
            layers[layer][i] = (int)CHECK_OK(epoll_create1(0));
    for (int layer = 0; layer < LAYERS; layer++)
        for (int i = 0; i < WIDTH; i++)
            for (int j = 0; j < (layer ? WIDTH : 1); j++)
                if (!watch(layers[layer][i], layer ? layers[layer - 1][j] : fd))
                    return 0;
    return 1;
}

static double now(void)
{
    struct timespec time;

    CHECK_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(void)
{
    int fd = (int)CHECK_OK(eventfd(0, EFD_NONBLOCK));
    struct epoll_event event;
    uint64_t one = 1;
    double begin;

    if (!build(fd))
        return 0;
    begin = now();
    CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
    CHECK(now() - begin < 1);
    for (int i = 0; i < WIDTH; i++)
        CHECK_EQ(epoll_wait(layers[LAYERS - 1][i], &event, 1, 0), 1);
    return 0;
}
