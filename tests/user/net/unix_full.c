/* SPDX-License-Identifier: MIT */
/* A datagram receiver whose queue is full: its connected senders are not writable, for poll and
 * epoll, until something makes room. A name that a failed bind has made is taken away again. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define NAME_SIZE (sizeof(sa_family_t) + 6) /* NUL and five digits */

struct name {
    struct sockaddr_un address;
    socklen_t nbytes;
};

/* A datagram socket with a name of the kernel's choice. */
static int named_socket(struct name *name)
{
    const sa_family_t family = AF_UNIX;
    int fd = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));

    CHECK_OK(bind(fd, (const struct sockaddr *)&family, sizeof(family)));
    name->nbytes = sizeof(name->address);
    CHECK_OK(getsockname(fd, (struct sockaddr *)&name->address, &name->nbytes));
    CHECK_EQ(name->nbytes, NAME_SIZE);
    return fd;
}

static void connect_to(int fd, const struct name *name)
{
    CHECK_OK(connect(fd, (const struct sockaddr *)&name->address, name->nbytes));
}

/* Many others fill it, so that the sender's own buffer stays empty: a host may have a queue of
 * hundreds (net.unix.max_dgram_qlen). */
static void fill(int fd)
{
    struct name name = {.nbytes = sizeof(name.address)};
    int helper, count = 0;
    long result = 0;

    CHECK_OK(getpeername(fd, (struct sockaddr *)&name.address, &name.nbytes));
    while (result >= 0) {
        helper = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
        for (int i = 0; i < 20 && result >= 0; i++)
            result =
                sendto(helper, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&name.address, name.nbytes);
        if (result < 0)
            CHECK_EQ(errno, EAGAIN);
        close(helper);
        CHECK(count++ < 10000);
    }
    CHECK_ERR(send(fd, "x", 1, MSG_DONTWAIT), EAGAIN);
}

static int writable(int fd, int timeout)
{
    struct pollfd entry = {.fd = fd, .events = POLLOUT};

    CHECK_OK(poll(&entry, 1, timeout));
    return entry.revents;
}

static void receive(int fd)
{
    char byte;

    CHECK_EQ(recv(fd, &byte, 1, MSG_DONTWAIT), 1);
}

/* A child that waits in poll until the socket can be written to, and does not hold the other. */
static pid_t poll_in_child(int fd, int receiver)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        alarm(60);
        close(receiver);
        CHECK_EQ(writable(fd, -1), POLLOUT);
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static int watch(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    int epoll = (int)CHECK_OK(epoll_create1(0));

    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    return epoll;
}

static int epoll_count(int epoll)
{
    struct epoll_event event;

    return (int)CHECK_OK(epoll_wait(epoll, &event, 1, 0));
}

static void check_receive(void)
{
    struct name name;
    int receiver = named_socket(&name), level, edge, one, other;
    pid_t first, second;

    one = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    other = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_EQ(writable(one, 0), POLLOUT);
    connect_to(one, &name);
    connect_to(other, &name);
    level = watch(one, EPOLLOUT);
    edge = watch(other, EPOLLOUT | EPOLLET);
    CHECK_EQ(epoll_count(level), 1);
    CHECK_EQ(epoll_count(edge), 1);
    CHECK_EQ(epoll_count(edge), 0);
    fill(one);
    /* EAGAIN alone makes the edge come, without a look before. */
    CHECK_ERR(send(other, "x", 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(writable(one, 0), 0);
    CHECK_EQ(epoll_count(level), 0);
    CHECK_EQ(epoll_count(edge), 0);
    receive(receiver);
    CHECK_EQ(writable(one, 0), POLLOUT);
    CHECK_EQ(epoll_count(level), 1);
    CHECK_EQ(epoll_count(edge), 1);
    CHECK_EQ(epoll_count(edge), 0);
    fill(one);
    CHECK_EQ(writable(other, 0), 0);
    first = poll_in_child(one, receiver);
    second = poll_in_child(other, receiver);
    receive(receiver);
    CHECK_EQ(child_end(first), 0);
    CHECK_EQ(child_end(second), 0);
    /* One that is not connected is writable whatever happens. */
    fill(other);
    close(one);
    one = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_EQ(writable(one, 0), POLLOUT);
    CHECK_ERR(sendto(one, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&name.address, name.nbytes),
              EAGAIN);
    close(one);
    close(other);
    close(level);
    close(edge);
    close(receiver);
}

/* What else ends the wait: the receiver goes or connects to the sender, the sender to another. */
static void check_other_ends(void)
{
    struct name to, from, third;
    int receiver = named_socket(&to), sender = named_socket(&from), spare = named_socket(&third);
    pid_t child;

    connect_to(sender, &to);
    fill(sender);
    CHECK_EQ(writable(sender, 0), 0);
    connect_to(receiver, &from); /* a pair has no limit but the buffer */
    CHECK_EQ(writable(sender, 0), POLLOUT);
    CHECK_EQ(send(sender, "x", 1, MSG_DONTWAIT), 1);
    close(sender);
    while (recv(receiver, &(char){0}, 1, MSG_DONTWAIT) == 1)
        continue;
    /* To another one. */
    sender = named_socket(&from);
    close(receiver);
    receiver = named_socket(&to);
    connect_to(sender, &to);
    fill(sender);
    CHECK_EQ(writable(sender, 0), 0);
    child = poll_in_child(sender, receiver);
    connect_to(sender, &third);
    CHECK_EQ(child_end(child), 0);
    CHECK_EQ(send(sender, "x", 1, MSG_DONTWAIT), 1);
    CHECK_EQ(writable(sender, 0), POLLOUT);
    connect_to(sender, &to);
    CHECK_EQ(writable(sender, 0), 0);
    child = poll_in_child(sender, receiver);
    close(receiver);
    CHECK_EQ(child_end(child), 0);
    CHECK_ERR(send(sender, "x", 1, MSG_DONTWAIT), ECONNREFUSED);
    CHECK_EQ(writable(sender, 0), POLLOUT);
    close(sender);
    close(spare);
}

/* A sender that sleeps for room goes on as well. */
static void check_sleeping_sender(void)
{
    struct name to, from;
    int receiver = named_socket(&to), sender = named_socket(&from);
    pid_t child;

    connect_to(sender, &to);
    fill(sender);
    child = (pid_t)CHECK_OK(fork());
    if (child == 0) {
        alarm(60);
        CHECK_EQ(send(sender, "y", 1, 0), 1);
        CHECK_EQ(send(sender, "y", 1, 0), 1);
        _exit(0);
    }
    asleep_await(child);
    receive(receiver);
    receive(receiver);
    CHECK_EQ(child_end(child), 0);
    close(receiver);
    close(sender);
}

/* Two processes give one socket a name at the same time: one of them gets its way, and the other
 * leaves nothing behind. */
static void check_bind_twice(void)
{
    struct sockaddr_un address[2] = {{.sun_family = AF_UNIX}, {.sun_family = AF_UNIX}};

    for (int i = 0; i < 2; i++)
        snprintf(address[i].sun_path, sizeof(address[i].sun_path), "/tmp/unix_full.%d.%d",
                 (int)getpid(), i);
    for (int round = 0; round < 50; round++) {
        int fd = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0)), bound[2];
        pid_t child = (pid_t)CHECK_OK(fork());

        if (child == 0)
            _exit(bind(fd, (struct sockaddr *)&address[0], sizeof(address[0])) ? errno : 0);
        bound[1] = bind(fd, (struct sockaddr *)&address[1], sizeof(address[1])) == 0;
        if (!bound[1])
            CHECK_EQ(errno, EINVAL);
        bound[0] = child_end(child) == 0;
        CHECK_EQ(bound[0] + bound[1], 1);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(access(address[i].sun_path, F_OK) == 0, bound[i]);
            unlink(address[i].sun_path);
        }
        close(fd);
    }
    /* What is there already comes first. */
    int named = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK_OK(bind(named, (struct sockaddr *)&address[0], sizeof(address[0])));
    CHECK_ERR(bind(named, (struct sockaddr *)&address[0], sizeof(address[0])), EADDRINUSE);
    CHECK_ERR(bind(named, (struct sockaddr *)&address[1], sizeof(address[1])), EINVAL);
    CHECK_ERR(access(address[1].sun_path, F_OK), ENOENT);
    CHECK_OK(unlink(address[0].sun_path));
    close(named);
}

int main(void)
{
    alarm(120);
    check_receive();
    check_other_ends();
    check_sleeping_sender();
    check_bind_twice();
    return 0;
}
