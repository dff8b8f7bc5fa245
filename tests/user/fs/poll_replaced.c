/* SPDX-License-Identifier: MIT */
/* One task polls and selects descriptors that two others with the same table replace and close
 * meanwhile: what a call waits for is what its numbers stood for when it began. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NFDS   24
#define FIRST  100 /* numbers that nothing else gets */
#define SPARE  200 /* the readers as they were at first */
#define STACK  65536
#define ROUNDS 600

static volatile int stop;

static int change(void *argument)
{
    unsigned n = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; !stop; i++) {
        int fd = FIRST + (int)((n + i * 7) % NFDS), ends[2];

        if (raw2(SYS_pipe2, ends, 0) < 0)
            continue;
        raw2(SYS_dup2, ends[0], fd);
        raw1(SYS_close, ends[0]);
        raw2(SYS_dup2, SPARE + (fd - FIRST), fd); /* nothing names the pipe's reader any more */
        raw1(SYS_close, ends[1]);
    }
    return 0;
}

static void poll_once(void)
{
    struct pollfd list[NFDS];
    int ready;

    for (int i = 0; i < NFDS; i++)
        list[i] = (struct pollfd){.fd = FIRST + i, .events = POLLIN};
    ready = (int)CHECK_OK(poll(list, NFDS, 1));
    for (int i = 0; i < NFDS; i++) {
        CHECK(!list[i].revents || list[i].revents == POLLHUP); /* empty, or without writers */
        ready -= list[i].revents != 0;
    }
    CHECK_EQ(ready, 0);
}

static void select_once(void)
{
    struct timeval soon = {.tv_usec = 1000};
    fd_set set;
    int got;

    FD_ZERO(&set);
    for (int i = 0; i < NFDS; i++)
        FD_SET(FIRST + i, &set);
    got = select(FIRST + NFDS, &set, NULL, NULL, &soon);
    CHECK(got >= 0 || errno == EBADF);
}

int main(void)
{
    char *stacks =
        mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2], pids[2], status;

    CHECK(stacks != MAP_FAILED);
    CHECK_OK(pipe(ends));
    for (int i = 0; i < NFDS; i++) {
        CHECK_OK(dup2(ends[0], SPARE + i));
        CHECK_OK(dup2(ends[0], FIRST + i));
    }
    for (int i = 0; i < 2; i++)
        pids[i] =
            (int)CHECK_OK(clone(change, stacks + (i + 1) * STACK, CLONE_VM | CLONE_FILES | SIGCHLD,
                                (void *)(uintptr_t)(i * 5)));
    for (int i = 0; i < ROUNDS; i++) {
        poll_once();
        if (i % 4 == 0)
            select_once();
    }
    stop = 1;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
    return 0;
}
