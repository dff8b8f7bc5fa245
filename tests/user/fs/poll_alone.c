/* SPDX-License-Identifier: MIT */
/* poll, ppoll and select with nobody else around: what is ready, what is not, and how long. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define MS 1000000L

static int p[2], file;

static long now_ns(void)
{
    struct timespec t;

    CHECK_EQ(raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void check_readiness(void)
{
    struct pollfd list[] = {{.fd = p[0], .events = POLLIN | POLLOUT},
                            {.fd = p[1], .events = POLLIN | POLLOUT},
                            {.fd = file, .events = POLLIN | POLLOUT},
                            {.fd = -1, .events = POLLIN},
                            {.fd = 99, .events = POLLIN}};
    char byte = 'x';

    CHECK_EQ(poll(list, 5, 0), 3);
    CHECK_EQ(list[0].revents, 0);
    CHECK_EQ(list[1].revents, POLLOUT);
    CHECK_EQ(list[2].revents, POLLIN | POLLOUT); /* files are always ready */
    CHECK_EQ(list[3].revents, 0);
    CHECK_EQ(list[4].revents, POLLNVAL);
    CHECK_EQ(write(p[1], &byte, 1), 1);
    CHECK_EQ(poll(list, 1, -1), 1);
    CHECK_EQ(list[0].revents, POLLIN);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(poll(NULL, 0, 0), 0);
    CHECK_EQ(raw3(SYS_poll, 8, 1, 0), -EFAULT);
}

static void check_waiting(void)
{
    struct pollfd one = {.fd = p[0], .events = POLLIN};
    struct timespec t = {.tv_nsec = 30 * MS};
    long begin = now_ns();

    CHECK_EQ(poll(&one, 1, 50), 0);
    CHECK(now_ns() - begin >= 50 * MS && now_ns() - begin < 5000 * MS);
    begin = now_ns();
    CHECK_EQ(ppoll(&one, 1, &t, NULL), 0);
    CHECK(now_ns() - begin >= 30 * MS && now_ns() - begin < 5000 * MS);
    t.tv_nsec = -1;
    CHECK_EQ(raw6(SYS_ppoll, &one, 1, &t, 0, 8, 0), -EINVAL);
}

static void check_select(void)
{
    struct timeval t = {.tv_usec = 30000};
    fd_set in, out;
    char byte = 'x';

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    CHECK_EQ(select(p[1] + 1, &in, &out, NULL, &t), 1);
    CHECK(!FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out));
    CHECK_EQ(write(p[1], &byte, 1), 1);
    FD_SET(p[0], &in);
    CHECK_EQ(select(p[1] + 1, &in, NULL, NULL, NULL), 1);
    CHECK(FD_ISSET(p[0], &in));
    CHECK_EQ(read(p[0], &byte, 1), 1);
    t = (struct timeval){.tv_usec = 20000};
    long begin = now_ns();
    CHECK_EQ(select(p[0] + 1, &in, NULL, NULL, &t), 0);
    CHECK(now_ns() - begin >= 20 * MS);
    CHECK(!FD_ISSET(p[0], &in));
    FD_SET(50, &in); /* below 64: Linux does not look at numbers beyond its table */
    CHECK_ERR(select(60, &in, NULL, NULL, &t), EBADF);
    CHECK_ERR(select(-1, &in, NULL, NULL, &t), EINVAL);
}

static void check_hang_up(void)
{
    struct pollfd one = {.fd = p[0], .events = POLLIN};
    struct pollfd two = {.fd = p[1], .events = POLLOUT};
    int q[2];

    CHECK_OK(close(p[1]));
    CHECK_EQ(poll(&one, 1, -1), 1);
    CHECK_EQ(one.revents, POLLHUP);
    CHECK_OK(pipe(q));
    CHECK_OK(close(q[0]));
    two.fd = q[1];
    CHECK_EQ(poll(&two, 1, -1), 1);
    CHECK_EQ(two.revents, POLLOUT | POLLERR);
}

/* Descriptors far apart, in several sets at a time, many words of them. */
static void check_select_far(void)
{
    struct timeval none = {0};
    fd_set in, out, except;
    int path = (int)CHECK_OK(open("/", O_PATH));

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    CHECK_EQ(dup2(p[1], 130), 130);
    CHECK_EQ(dup2(p[0], 700), 700);
    FD_SET(130, &in); /* the writing end is never ready for reading */
    FD_SET(130, &out);
    FD_SET(700, &in);
    FD_SET(700, &except);
    CHECK_EQ(select(701, &in, &out, &except, &none), 1);
    CHECK(FD_ISSET(130, &out) && !FD_ISSET(130, &in));
    CHECK(!FD_ISSET(700, &in) && !FD_ISSET(700, &except));
    FD_SET(700, &in);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(select(701, &in, &out, NULL, &none), 2);
    CHECK(FD_ISSET(130, &out) && FD_ISSET(700, &in));
    CHECK_EQ(select(700, &in, NULL, NULL, &none), 0); /* 700 itself lies behind the end */
    CHECK_EQ(read(p[0], &(char){0}, 1), 1);
    close(700);
    FD_SET(700, &in);
    CHECK_ERR(select(701, &in, NULL, NULL, &none), EBADF);
    close(130);
    FD_ZERO(&in);
    FD_SET(path, &in); /* open, but without a file that could be waited for */
    CHECK_EQ(select(path + 1, &in, NULL, NULL, NULL), 1);
    close(path);
}

static void nap(long ms)
{
    struct timespec t = {.tv_nsec = ms * MS};

    CHECK_EQ(nanosleep(&t, NULL), 0);
}

/* A process that shares the descriptors closes one of those that are waited for, then answers. */
static pid_t start_closer(int victim)
{
    int parent = getpid();
    pid_t child = (pid_t)CHECK_OK(raw2(SYS_clone, CLONE_FILES | SIGCHLD, 0));

    if (child > 0)
        return child;
    asleep_await(parent); /* a closed one is an error before the wait, but not within */
    CHECK_EQ(close(victim), 0);
    nap(10);
    CHECK_EQ(write(p[1], "x", 1), 1);
    _exit(0);
}

static void check_shared_table(void)
{
    for (int call = 0; call < 2; call++) {
        int victim = 100 + call, other[2], status;
        struct pollfd list[] = {
            {.fd = p[0], .events = POLLIN}, {.fd = -1}, {.fd = victim, .events = POLLIN}};
        fd_set in;
        pid_t child;

        CHECK_OK(pipe(other));
        CHECK_EQ(dup2(other[0], victim), victim);
        FD_ZERO(&in);
        FD_SET(p[0], &in);
        FD_SET(victim, &in);
        child = start_closer(victim);
        if (call == 0)
            CHECK_EQ(poll(list, 3, -1) >= 1, 1);
        else
            CHECK_EQ(select(victim + 1, &in, NULL, NULL, NULL) >= 1, 1);
        CHECK(call == 0 ? list[0].revents == POLLIN : FD_ISSET(p[0], &in));
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        CHECK_EQ(read(p[0], &(char){0}, 1), 1);
        close(other[0]);
        close(other[1]);
    }
}

int main(void)
{
    CHECK_OK(pipe(p));
    file = (int)CHECK_OK(open("/etc/passwd", O_RDONLY));
    check_readiness();
    check_waiting();
    check_select();
    check_select_far();
    check_shared_table();
    check_hang_up();
    return 0;
}
