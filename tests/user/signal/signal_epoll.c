/* SPDX-License-Identifier: MIT */
/*
 * A file of signalfd in an epoll: an item watches the signals of the process that added it, by
 * level and by edge, also those of timers; in epolls within epolls; across fork and exec; and the
 * epoll outlives the process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define ROUNDS 100

static int epoll, fd;
static sigset_t set;

static void add(int to, int what, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)what};

    CHECK_OK(epoll_ctl(to, EPOLL_CTL_ADD, what, &event));
}

static int events_now(int of)
{
    struct epoll_event event;
    int count = (int)CHECK_OK(epoll_wait(of, &event, 1, 0));

    if (count)
        CHECK_EQ(event.events, EPOLLIN);
    return count;
}

static void take(int number)
{
    struct signalfd_siginfo got;

    CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
    CHECK_EQ(got.ssi_signo, number);
}

/* epoll_wait that has to wait for it. */
static void await(int of)
{
    struct epoll_event event;

    CHECK_EQ(epoll_wait(of, &event, 1, 10000), 1);
    CHECK_EQ(event.events, EPOLLIN);
}

static void test_level(void)
{
    CHECK_EQ(events_now(epoll), 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(events_now(epoll), 1);
    CHECK_EQ(events_now(epoll), 1);
    take(SIGUSR1);
    CHECK_EQ(events_now(epoll), 0);
    CHECK_OK(kill(getpid(), SIGUSR2));
    CHECK_EQ(events_now(epoll), 1);
    take(SIGUSR2);
    CHECK_OK(kill(getpid(), SIGWINCH)); /* not of the set */
    CHECK_EQ(events_now(epoll), 0);
    CHECK_OK(raise(SIGUSR1)); /* before it is added */
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
    CHECK_EQ(events_now(epoll), 0);
    add(epoll, fd, EPOLLIN);
    CHECK_EQ(events_now(epoll), 1);
    take(SIGUSR1);
}

/* An edge for each signal that begins to wait. */
static void test_edge(void)
{
    int edge = (int)CHECK_OK(epoll_create1(0));

    add(edge, fd, EPOLLIN | EPOLLET);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(events_now(edge), 1);
    CHECK_EQ(events_now(edge), 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(events_now(edge), 0);
    CHECK_OK(raise(SIGUSR2));
    CHECK_EQ(events_now(edge), 1);
    CHECK_OK(raise(SIGRTMIN));
    CHECK_EQ(events_now(edge), 1);
    CHECK_OK(raise(SIGRTMIN));
    CHECK_EQ(events_now(edge), 1);
    take(SIGUSR1);
    CHECK_EQ(events_now(edge), 0);
    take(SIGUSR2);
    take(SIGRTMIN);
    take(SIGRTMIN);
    close(edge);
}

static void test_sleep(void)
{
    int outer = (int)CHECK_OK(epoll_create1(0));
    struct pollfd poll_fd = {.fd = outer, .events = POLLIN};
    struct itimerval soon = {.it_value.tv_usec = 20000};
    pid_t parent = getpid(), pid;

    add(outer, epoll, EPOLLIN);
    for (int i = 0; i < 3; i++) {
        pid = (pid_t)CHECK_OK(fork());
        if (pid == 0) {
            asleep_await(parent);
            _exit(kill(parent, SIGUSR1));
        }
        if (i == 0)
            await(epoll);
        else if (i == 1)
            await(outer);
        else
            CHECK_EQ(poll(&poll_fd, 1, 10000), 1);
        CHECK_EQ(child_end(pid), 0);
        take(SIGUSR1);
    }
    CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
    await(outer);
    take(SIGALRM);
    close(outer);
}

/* The child's signals do not wake the parent's item, nor those of a parent that has gone anything.
 */
static void test_fork(void)
{
    int edge = (int)CHECK_OK(epoll_create1(0));
    pid_t pid;

    CHECK_EQ(events_now(epoll), 0); /* else it would be looked at in the child */
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(raise(SIGUSR1));
        CHECK_EQ(events_now(epoll), 0);
        add(edge, fd, EPOLLIN); /* but those of what it adds itself */
        CHECK_EQ(events_now(edge), 1);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(events_now(edge), 0);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(events_now(epoll), 1);
    CHECK_EQ(events_now(edge), 0); /* the item of a process that is gone */
    take(SIGUSR1);
    CHECK_OK(epoll_ctl(edge, EPOLL_CTL_DEL, fd, NULL));
    add(edge, fd, EPOLLIN);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(events_now(edge), 1);
    take(SIGUSR1);
    close(edge);
}

/* Processes that add end while others signal them, and the epoll goes now before, now behind. */
static void test_ends(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        int many = (int)CHECK_OK(epoll_create1(0));
        int copy = (int)CHECK_OK(dup(fd));
        pid_t pid = (pid_t)CHECK_OK(fork());

        if (pid == 0) {
            add(many, fd, EPOLLIN | EPOLLET);
            add(many, copy, EPOLLIN);
            _exit(0);
        }
        for (int j = 0; j < 20; j++)
            kill(pid, SIGUSR1);
        if (i % 2)
            close(many);
        CHECK_EQ(child_end(pid), 0);
        if (i % 2 == 0)
            close(many);
        close(copy);
    }
}

/* More items than are woken at once. */
static void test_many(void)
{
    enum { ITEMS = 200 };
    int last, all = (int)CHECK_OK(epoll_create1(0)), fds[ITEMS];

    for (int i = 0; i < ITEMS; i++) {
        fds[i] = (int)CHECK_OK(dup(fd));
        add(all, fds[i], EPOLLIN);
    }
    last = (int)CHECK_OK(epoll_create1(0));
    add(last, fds[0], EPOLLIN);
    CHECK_OK(raise(SIGUSR1));
    await(all);
    await(last);
    take(SIGUSR1);
    for (int i = 0; i < ITEMS; i++)
        close(fds[i]);
    close(all);
    close(last);
}

static void test_exec(char **argv)
{
    char text[2] = {(char)('0' + epoll), 0}, text_fd[2] = {(char)('0' + fd), 0};
    char *arguments[] = {argv[0], text, text_fd, NULL};
    pid_t pid;

    CHECK(epoll < 10 && fd < 10);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
        add(epoll, fd, EPOLLIN);
        execv(argv[0], arguments);
        _exit(1);
    }
    CHECK_EQ(child_end(pid), 0);
}

int main(int argc, char **argv)
{
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGALRM);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    if (argc == 3) {
        epoll = argv[1][0] - '0';
        fd = argv[2][0] - '0';
        test_level();
        return 0;
    }
    epoll = (int)CHECK_OK(epoll_create1(0));
    fd = (int)CHECK_OK(signalfd(-1, &set, SFD_NONBLOCK));
    add(epoll, fd, EPOLLIN);
    test_level();
    test_edge();
    test_sleep();
    test_fork();
    test_ends();
    test_many();
    test_exec(argv);
    return 0;
}
