/* SPDX-License-Identifier: MIT */
/* A socket of TCP that is connected to itself; and the names that are left when a connection is
 * over.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>

#include "tests/user/lib/inet.h"

static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

static int stream(void)
{
    return (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
}

static bool has_peer(int fd)
{
    struct sockaddr_in name;
    socklen_t nbytes = sizeof(name);

    return getpeername(fd, (struct sockaddr *)&name, &nbytes) == 0;
}

static void check_self(bool ends)
{
    int fd = stream(), port;
    char text[8];

    CHECK_OK(v4_bind(fd, INADDR_LOOPBACK, 0));
    port = own_port(fd);
    CHECK_OK(v4_connect(fd, INADDR_LOOPBACK, port));
    CHECK_ERR(v4_connect(fd, INADDR_LOOPBACK, port), EISCONN);
    CHECK(has_peer(fd));
    CHECK_EQ(send(fd, "hello", 5, 0), 5);
    await_events(fd, POLLIN | POLLOUT);
    CHECK_EQ(recv(fd, text, 8, 0), 5);
    CHECK(!memcmp(text, "hello", 5));
    if (ends) {
        CHECK_OK(shutdown(fd, SHUT_WR));
        CHECK_EQ(recv(fd, text, 8, 0), 0);
        CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
    } else {
        CHECK_EQ(send(fd, "lost", 4, 0), 4);
    }
    close(fd);
}

/* The port that it had is shown until there is another one; the address, if the program chose it or
 * the connection has been one. */
static void check_names(void)
{
    int listener = tcp_listener(4), fd = stream(), port, other;
    struct sockaddr_in name;
    socklen_t nbytes = sizeof(name);
    char byte;

    CHECK_OK(v4_connect(fd, INADDR_LOOPBACK, own_port(listener)));
    port = own_port(fd);
    other = (int)CHECK_OK(accept(listener, NULL, NULL));
    CHECK_OK(shutdown(other, SHUT_WR));
    CHECK_EQ(recv(fd, &byte, 1, 0), 0);
    CHECK_OK(shutdown(fd, SHUT_WR));
    CHECK_EQ(recv(other, &byte, 1, 0), 0);
    await_events(other, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(own_port(fd), port);
    CHECK_EQ(own_port(other), own_port(listener));
    CHECK(!has_peer(other));
    close(fd);
    close(other);
    fd = stream();
    CHECK_OK(v4_connect(fd, INADDR_LOOPBACK, own_port(listener)));
    port = own_port(fd);
    CHECK_OK(connect(fd, &nowhere, sizeof(nowhere)));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(ntohs(name.sin_port), port);
    CHECK_EQ(name.sin_addr.s_addr, 0);
    CHECK(!has_peer(fd));
    /* It may be bound anew, or gets another one. */
    CHECK_OK(v4_bind(fd, INADDR_LOOPBACK, 0));
    CHECK(own_port(fd) != 0);
    close(fd);
    close(listener);
}

int main(void)
{
    check_self(true);
    check_self(false);
    check_names();
    return 0;
}
