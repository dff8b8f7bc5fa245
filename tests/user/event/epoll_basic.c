/* SPDX-License-Identifier: MIT */
/* epoll: level, edge, one-shot; who may be watched; what dup, fork and close do to a registration.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

static int control(int ep, int operation, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};

    return epoll_ctl(ep, operation, fd, &event);
}

static int add(int ep, int fd, uint32_t events)
{
    return control(ep, EPOLL_CTL_ADD, fd, events, (uint64_t)fd);
}

static void signal_event(int fd)
{
    uint64_t one = 1;

    CHECK_EQ(write(fd, &one, 8), 8);
}

static void drain(int fd)
{
    uint64_t value;

    CHECK_EQ(read(fd, &value, 8), 8);
}

/* The number of events now, the first in *event. */
static int ready(int ep, struct epoll_event *event)
{
    struct epoll_event events[8];
    int count = (int)CHECK_OK(epoll_wait(ep, events, 8, 0));

    if (event)
        *event = events[0];
    return count;
}

static void check_level(void)
{
    int ep = (int)CHECK_OK(epoll_create1(EPOLL_CLOEXEC)), fd = eventfd(0, EFD_NONBLOCK);
    struct epoll_event event;

    CHECK_EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
    CHECK_OK(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0x123456789abcdef0ul));
    CHECK_EQ(ready(ep, NULL), 0);
    signal_event(fd);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ready(ep, &event), 1);
        CHECK_EQ(event.events, EPOLLIN);
        CHECK_EQ(event.data.u64, 0x123456789abcdef0);
    }
    CHECK_OK(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 7));
    CHECK_EQ(ready(ep, &event), 1);
    CHECK_EQ(event.events, EPOLLIN | EPOLLOUT);
    CHECK_EQ(event.data.u64, 7);
    CHECK_OK(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 7));
    drain(fd);
    CHECK_EQ(ready(ep, NULL), 0);
    CHECK_OK(control(ep, EPOLL_CTL_MOD, fd, 0, 7));
    signal_event(fd);
    CHECK_EQ(ready(ep, NULL), 0);
    CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), ENOENT);
    close(fd);
    close(ep);
}

static void check_edge(void)
{
    int ep = (int)CHECK_OK(epoll_create1(0)), fd = eventfd(1, EFD_NONBLOCK | EFD_SEMAPHORE);

    CHECK_OK(add(ep, fd, EPOLLIN | EPOLLET));
    CHECK_EQ(ready(ep, NULL), 1);
    CHECK_EQ(ready(ep, NULL), 0);
    signal_event(fd);
    CHECK_EQ(ready(ep, NULL), 1);
    CHECK_EQ(ready(ep, NULL), 0);
    drain(fd); /* one is left, and that is no edge for a reader */
    CHECK_EQ(ready(ep, NULL), 0);
    CHECK_OK(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, 0));
    CHECK_EQ(ready(ep, NULL), 1);
    close(fd);
    close(ep);
}

static void check_oneshot(void)
{
    int ep = (int)CHECK_OK(epoll_create1(0)), fd = eventfd(1, EFD_NONBLOCK);

    CHECK_OK(add(ep, fd, EPOLLIN | EPOLLONESHOT));
    CHECK_EQ(ready(ep, NULL), 1);
    signal_event(fd);
    CHECK_EQ(ready(ep, NULL), 0);
    CHECK_OK(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 0));
    CHECK_EQ(ready(ep, NULL), 1);
    CHECK_EQ(ready(ep, NULL), 0);
    close(fd);
    close(ep);
}

static void check_hang_up(void)
{
    int ep = (int)CHECK_OK(epoll_create1(0)), p[2];
    struct epoll_event event;

    CHECK_OK(pipe(p));
    CHECK_OK(add(ep, p[0], 0));
    CHECK_OK(add(ep, p[1], EPOLLOUT));
    CHECK_EQ(ready(ep, &event), 1);
    CHECK_EQ(event.events, EPOLLOUT);
    close(p[1]);
    CHECK_EQ(ready(ep, &event), 1);
    CHECK_EQ(event.events, EPOLLHUP);
    CHECK_EQ(event.data.u64, (uint64_t)p[0]);
    close(p[0]);
    CHECK_EQ(ready(ep, NULL), 0);
    close(ep);
}

static void check_refused(void)
{
    int ep = (int)CHECK_OK(epoll_create(1)), fd = eventfd(0, 0), file, dir;
    struct epoll_event event = {.events = EPOLLIN};

    file = (int)CHECK_OK(open("/tmp", O_TMPFILE | O_RDWR, 0600));
    dir = (int)CHECK_OK(open("/", O_RDONLY | O_DIRECTORY));
    CHECK_EQ(raw1(SYS_epoll_create, 0), -EINVAL);
    CHECK_EQ(raw1(SYS_epoll_create, -1), -EINVAL);
    CHECK_ERR(epoll_create1(1), EINVAL);
    CHECK_ERR(add(ep, file, EPOLLIN), EPERM);
    CHECK_ERR(add(ep, dir, EPOLLIN), EPERM);
    CHECK_ERR(add(ep, ep, EPOLLIN), EINVAL);
    CHECK_ERR(add(fd, ep, EPOLLIN), EINVAL);
    CHECK_ERR(add(ep, 99, EPOLLIN), EBADF);
    CHECK_ERR(add(99, fd, EPOLLIN), EBADF);
    CHECK_ERR(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0), ENOENT);
    CHECK_ERR(control(ep, 0, fd, EPOLLIN, 0), EINVAL);
    CHECK_ERR(control(ep, 4, fd, EPOLLIN, 0), EINVAL);
    CHECK_OK(add(ep, fd, EPOLLIN));
    CHECK_ERR(add(ep, fd, EPOLLIN), EEXIST);
    CHECK_EQ(raw4(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fd, 8), -EFAULT);
    CHECK_ERR(epoll_wait(ep, &event, 0, 0), EINVAL);
    CHECK_ERR(epoll_wait(ep, &event, -1, 0), EINVAL);
    CHECK_EQ(raw4(SYS_epoll_wait, ep, &event, 0x7fffffff, 0), -EINVAL);
    CHECK_ERR(epoll_wait(fd, &event, 1, 0), EINVAL);
    CHECK_ERR(epoll_wait(99, &event, 1, 0), EBADF);
    signal_event(fd);
    CHECK_EQ(raw4(SYS_epoll_wait, ep, 8, 1, 0), -EFAULT);
    CHECK_EQ(ready(ep, NULL), 1); /* it is still there */
    CHECK_ERR(read(ep, &event, sizeof(event)), EINVAL);
    CHECK_ERR(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
    CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    CHECK_ERR(add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
    CHECK_OK(add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
    CHECK_EQ(ready(ep, NULL), 1);
    CHECK_ERR(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0), EINVAL);
    close(file);
    close(dir);
    close(fd);
    close(ep);
}

/* Events are written across pages that are not there yet, and in part where only some have room. */
static void check_pages(void)
{
    enum { PAGE = 4096, FILES = 3 };
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ep = (int)CHECK_OK(epoll_create1(0)), fds[FILES];
    struct epoll_event *across = (struct epoll_event *)(pages + PAGE - 4), event;

    CHECK(pages != MAP_FAILED);
    CHECK_OK(munmap(pages + 2 * PAGE, PAGE));
    for (int i = 0; i < FILES; i++) {
        fds[i] = (int)CHECK_OK(eventfd(1, 0));
        CHECK_OK(add(ep, fds[i], EPOLLIN));
    }
    pages[PAGE - 8] = 1; /* the first page is there, the second is not */
    CHECK_EQ(epoll_wait(ep, across, 1, 0), 1);
    memcpy(&event, across, sizeof(event));
    CHECK_EQ(event.events, EPOLLIN);
    CHECK_EQ(event.data.u64, fds[0]);
    /* Room for one and a half: what did not fit comes first in the next call. */
    across = (struct epoll_event *)(pages + 2 * PAGE - 18);
    CHECK_EQ(epoll_wait(ep, across, FILES, 0), 1);
    memcpy(&event, across, sizeof(event));
    CHECK_EQ(event.data.u64, fds[1]);
    CHECK_EQ(epoll_wait(ep, &event, 1, 0), 1);
    CHECK_EQ(event.data.u64, fds[2]);
    CHECK_ERR(epoll_wait(ep, (struct epoll_event *)(pages + 2 * PAGE - 4), 1, 0), EFAULT);
    CHECK_EQ(epoll_wait(ep, &event, 1, 0), 1);
    CHECK_EQ(event.data.u64, fds[0]);
    for (int i = 0; i < FILES; i++)
        close(fds[i]);
    close(ep);
    CHECK_OK(munmap(pages, 2 * PAGE));
}

/* A registration is by file and number, and lasts as long as the file. */
static void check_descriptors(void)
{
    int ep = (int)CHECK_OK(epoll_create1(0)), fd = eventfd(1, EFD_NONBLOCK), copy, status, pid;
    struct epoll_event event;

    copy = (int)CHECK_OK(dup(fd));
    CHECK_OK(add(ep, fd, EPOLLIN));
    CHECK_OK(add(ep, copy, EPOLLIN));
    CHECK_EQ(ready(ep, NULL), 2);
    CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL));
    CHECK_EQ(ready(ep, &event), 1);
    close(fd); /* the file is open by the copy */
    CHECK_EQ(ready(ep, &event), 1);
    CHECK_EQ(event.data.u64, (uint64_t)fd);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), EBADF);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(ready(ep, NULL), 1);
        close(copy);
        CHECK_EQ(ready(ep, NULL), 1); /* open in the parent */
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(ready(ep, NULL), 1);
    close(copy);
    CHECK_EQ(ready(ep, NULL), 0);
    close(ep);
}

/* With room for one event every ready file gets its turn. */
static void check_fairness(void)
{
    int ep = (int)CHECK_OK(epoll_create1(0)), fds[5], seen[64] = {0};
    struct epoll_event event;

    for (int i = 0; i < 5; i++) {
        fds[i] = eventfd(1, EFD_NONBLOCK);
        CHECK_OK(add(ep, fds[i], EPOLLIN));
    }
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(epoll_wait(ep, &event, 1, 0), 1);
        seen[event.data.u64]++;
    }
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(seen[fds[i]], 2);
        close(fds[i]);
    }
    close(ep);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_signal(int number)
{
    (void)number;
}

static void check_waiting(void)
{
    int ep = (int)CHECK_OK(epoll_create1(0)), fd = eventfd(0, EFD_NONBLOCK), status, pid;
    struct timespec t = {.tv_nsec = 30000000}, bad = {.tv_nsec = -1};
    struct epoll_event event;
    long begin = now_ms();
    sigset_t none;

    CHECK_OK(add(ep, fd, EPOLLIN));
    CHECK_EQ(epoll_wait(ep, &event, 1, 50), 0);
    CHECK(now_ms() - begin >= 50);
    begin = now_ms();
    CHECK_EQ(raw6(SYS_epoll_pwait2, ep, &event, 1, &t, 0, 0), 0);
    CHECK(now_ms() - begin >= 29);
    CHECK_EQ(raw6(SYS_epoll_pwait2, ep, &event, 1, &bad, 0, 0), -EINVAL);
    CHECK_EQ(raw6(SYS_epoll_pwait2, ep, &event, 1, 8, 0, 0), -EFAULT);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(epoll_wait(ep, &event, 1, -1), 1);
        _exit(0);
    }
    asleep_await(pid);
    signal_event(fd);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    drain(fd);
    /* A handler ends the wait, also with SA_RESTART; a mask lets the signal in. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t blocked;

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigemptyset(&none);
    CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
    raise(SIGUSR1);
    CHECK_ERR(epoll_pwait(ep, &event, 1, -1, &none), EINTR);
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &none));
    CHECK(sigismember(&none, SIGUSR1));
    CHECK_EQ(raw6(SYS_epoll_pwait, ep, &event, 1, 0, &none, 4), -EINVAL);
    close(fd);
    close(ep);
}

int main(void)
{
    check_level();
    check_edge();
    check_oneshot();
    check_hang_up();
    check_refused();
    check_pages();
    check_descriptors();
    check_fairness();
    check_waiting();
    return 0;
}
