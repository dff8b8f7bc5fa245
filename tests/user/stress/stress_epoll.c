/* SPDX-License-Identifier: MIT */
/* Close against epoll_wait and epoll_ctl, by processes that share one table of descriptors: files
 * come and go, are watched by two epolls of which one watches the other, and are written to. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define EPOLLS  4
#define FILES   12
#define FIRST   10 /* numbers: the epolls, then the files */
#define STACK   65536
#define WORKERS 6
#define STEPS   4000

static unsigned seeds;

static void put(int fd)
{
    uint64_t one = 1;
    ssize_t done = write(fd, &one, sizeof(one));

    (void)done;
}

/* What is refused is fine: the others change the table all the time. */
static void make_anew(int fd, uint32_t random)
{
    int made, p[2];

    if (fd < FIRST + EPOLLS) {
        made = epoll_create1(0);
    } else if (random & 1) {
        made = eventfd(random & 1, EFD_NONBLOCK);
    } else if (pipe2(p, O_NONBLOCK) == 0) {
        close(p[1]);
        made = p[0];
    } else {
        return;
    }
    if (made < 0)
        return;
    dup2(made, fd); /* closes what was there */
    close(made);
}

static void step(uint64_t *state)
{
    struct epoll_event events[8] = {{.events = EPOLLIN}};
    uint32_t random = random_next(state);
    int ep = FIRST + (int)(random % EPOLLS);
    int fd = FIRST + (int)(random / 16 % (EPOLLS + FILES));
    uint64_t value;

    events[0].data.fd = fd;
    if (random >> 12 & 1)
        events[0].events |= EPOLLET;
    if (random >> 13 & 1)
        events[0].events |= EPOLLOUT;
    switch (random >> 16 & 15) {
    case 0:
        make_anew(fd, random >> 20);
        break;
    case 1:
        close(fd);
        break;
    case 2:
    case 3:
    case 4:
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, events);
        break;
    case 5:
        epoll_ctl(ep, EPOLL_CTL_DEL, fd, events);
        break;
    case 6:
        epoll_ctl(ep, EPOLL_CTL_MOD, fd, events);
        break;
    case 7:
    case 8:
        put(fd);
        break;
    case 9:
        if (fd >= FIRST + EPOLLS) {
            ssize_t done = read(fd, &value, sizeof(value));
            (void)done;
        }
        break;
    case 10:
        epoll_wait(ep, events, 8, 1);
        break;
    case 11: {
        struct pollfd one = {.fd = ep, .events = POLLIN};
        poll(&one, 1, 1);
        break;
    }
    default:
        epoll_wait(ep, events, 1 + (int)(random >> 20 & 7), 0);
    }
}

static int worker(void *argument)
{
    uint64_t state = (uint64_t)(uintptr_t)argument;

    /* A read of an epoll's number may block when it has just become another file. */
    for (int i = 0; i < STEPS; i++)
        step(&state);
    raw1(SYS_exit, 0);
    return 0;
}

static void one_round(void)
{
    static char *stacks;
    int status;

    if (!stacks)
        stacks =
            mmap(NULL, WORKERS * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stacks != MAP_FAILED);
    for (int fd = FIRST; fd < FIRST + EPOLLS + FILES; fd++)
        make_anew(fd, (uint32_t)fd);
    /* No CLONE_VM needed: the table of descriptors alone is shared. */
    for (int i = 0; i < WORKERS; i++)
        CHECK_OK(clone(worker, stacks + (i + 1) * STACK, CLONE_FILES | SIGCHLD,
                       (void *)(uintptr_t)(++seeds)));
    for (int i = 0; i < WORKERS; i++) {
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
    for (int fd = 3; fd < FIRST + EPOLLS + FILES + 64; fd++)
        close(fd);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    while (stress_goes_on())
        one_round();
    return 0;
}
