/* SPDX-License-Identifier: MIT */
/* EPOLLEXCLUSIVE: of several epolls that wait for one file, a change wakes one, and each further
 * change another; those without the flag are woken all the same. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define WAITERS 4

static int fd;
static volatile int *woken; /* shared: how many have come back */

static pid_t waiter_start(uint32_t mode)
{
    struct epoll_event event = {.events = EPOLLIN | mode};
    pid_t pid = (pid_t)CHECK_OK(fork());
    int epoll;

    if (pid == 0) {
        epoll = (int)CHECK_OK(epoll_create1(0));
        CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
        CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
        __atomic_fetch_add(woken, 1, __ATOMIC_SEQ_CST);
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void change(void)
{
    uint64_t one = 1;

    CHECK_EQ(write(fd, &one, sizeof(one)), 8);
}

/* Not its own child's status alone: which of them it is does not matter. */
static pid_t one_ended(void)
{
    int status;
    pid_t pid = (pid_t)CHECK_OK(wait(&status));

    CHECK_EQ(status, 0);
    return pid;
}

int main(void)
{
    pid_t waiters[WAITERS], common;

    woken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(woken != MAP_FAILED);
    fd = (int)CHECK_OK(eventfd(0, 0));
    for (int i = 0; i < WAITERS; i++)
        waiters[i] = waiter_start(EPOLLEXCLUSIVE);
    for (int ended = 1; ended <= WAITERS; ended++) {
        pid_t pid;

        change();
        pid = one_ended();
        for (int i = 0; i < WAITERS; i++) {
            if (waiters[i] == pid)
                waiters[i] = 0;
            /* What is ready is still there: one that had been woken would not sleep. */
            if (waiters[i])
                asleep_await(waiters[i]);
        }
        CHECK_EQ(*woken, ended);
    }

    uint64_t count;
    CHECK_EQ(read(fd, &count, sizeof(count)), 8);
    CHECK_EQ(count, WAITERS);
    waiters[0] = waiter_start(EPOLLEXCLUSIVE);
    common = waiter_start(0);
    change();
    CHECK(one_ended() != one_ended()); /* both */
    CHECK(common > 0);
    return 0;
}
