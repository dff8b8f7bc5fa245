/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/inet.h - sockets of the loopback, in a line each
 *
 * Used by: tests of AF_INET and AF_INET6.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static inline struct sockaddr_in v4_address(uint32_t address, int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(address)};
}

static inline int v4_bind(int fd, uint32_t address, int port)
{
    struct sockaddr_in name = v4_address(address, port);

    return bind(fd, (struct sockaddr *)&name, sizeof(name));
}

static inline int v4_connect(int fd, uint32_t address, int port)
{
    struct sockaddr_in name = v4_address(address, port);

    return connect(fd, (struct sockaddr *)&name, sizeof(name));
}

static inline int v6_name(int (*call)(int, const struct sockaddr *, socklen_t), int fd,
                          const char *text, int port)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    CHECK_EQ(inet_pton(AF_INET6, text, &name.sin6_addr), 1);
    return call(fd, (struct sockaddr *)&name, sizeof(name));
}

/* Of either family: the port stands at the same place. */
static inline int own_port(int fd)
{
    struct sockaddr_in6 name;
    socklen_t nbytes = sizeof(name);

    CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &nbytes));
    return ntohs(name.sin6_port);
}

static inline int number_option(int fd, int level, int option)
{
    int number = 0;
    socklen_t nbytes = sizeof(number);

    CHECK_OK(getsockopt(fd, level, option, &number, &nbytes));
    return number;
}

static inline int set_number(int fd, int level, int option, int number)
{
    return setsockopt(fd, level, option, &number, sizeof(number));
}

#define POLL_ALL (POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

static inline int events_now(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLL_ALL};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents;
}

/* What Linux does in steps is waited for. */
static inline void await_events(int fd, int wanted)
{
    for (int i = 0; i < 20000 && events_now(fd) != wanted; i++)
        usleep(500);
    CHECK_EQ(events_now(fd), wanted);
}

static inline int tcp_listener(int backlog)
{
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));

    CHECK_OK(v4_bind(fd, INADDR_LOOPBACK, 0));
    CHECK_OK(listen(fd, backlog));
    return fd;
}

/* The caller's side and the accepted one. */
static inline void tcp_pair(int fds[2])
{
    int listener = tcp_listener(1);

    fds[0] = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_OK(v4_connect(fds[0], INADDR_LOOPBACK, own_port(listener)));
    fds[1] = (int)CHECK_OK(accept(listener, NULL, NULL));
    close(listener);
}
