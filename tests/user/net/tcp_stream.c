/* SPDX-License-Identifier: MIT */
/* Connections of TCP: how they come, what moves through them, how each side sees them end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/inet.h"

#define LOOPBACK INADDR_LOOPBACK

static int stream(int flags)
{
    return (int)CHECK_OK(socket(AF_INET, SOCK_STREAM | flags, 0));
}

static int tcp_state(int fd)
{
    struct tcp_info info;
    socklen_t nbytes = sizeof(info);

    CHECK_OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &nbytes));
    return info.tcpi_state;
}

/* The other side's answers may take a while. */
static void await_state(int fd, int state)
{
    for (int i = 0; i < 20000 && tcp_state(fd) != state; i++)
        usleep(500);
    CHECK_EQ(tcp_state(fd), state);
}

/* A port that nothing listens at, for as long as the socket is there. */
static int closed_port(int *fd)
{
    *fd = stream(0);
    CHECK_OK(v4_bind(*fd, LOOPBACK, 0));
    return own_port(*fd);
}

static int dissolve(int fd)
{
    struct sockaddr name = {.sa_family = AF_UNSPEC};

    return connect(fd, &name, sizeof(name));
}

static void check_connect(void)
{
    struct sockaddr_in name;
    socklen_t nbytes = sizeof(name);
    int unused, port = closed_port(&unused), listener = tcp_listener(4), fd = stream(0), other;

    CHECK_EQ(events_now(fd), POLLOUT | POLLHUP);
    CHECK_ERR(recv(fd, &name, 1, 0), ENOTCONN);
    CHECK_ERR(send(fd, &name, 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERR(shutdown(fd, SHUT_WR), ENOTCONN);
    close(fd);
    fd = stream(0);
    CHECK_ERR(v4_connect(fd, LOOPBACK, port), ECONNREFUSED);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_EQ(events_now(fd), POLLOUT | POLLHUP);
    /* The same one again, with success. */
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(listener)));
    CHECK_ERR(v4_connect(fd, LOOPBACK, own_port(listener)), EISCONN);
    CHECK_EQ(events_now(fd), POLLOUT);
    CHECK_EQ(tcp_state(fd), TCP_ESTABLISHED);
    await_events(listener, POLLIN);
    nbytes = sizeof(name);
    other = (int)CHECK_OK(accept4(listener, (struct sockaddr *)&name, &nbytes, SOCK_NONBLOCK));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK_EQ(ntohs(name.sin_port), own_port(fd));
    CHECK_EQ(ntohl(name.sin_addr.s_addr), LOOPBACK);
    CHECK_EQ(own_port(other), own_port(listener));
    CHECK_EQ(fcntl(other, F_GETFL), O_RDWR | O_NONBLOCK);
    CHECK_EQ(events_now(listener), 0);
    CHECK_ERR(recv(other, &name, 1, 0), EAGAIN);
    CHECK_OK(getpeername(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(ntohs(name.sin_port), own_port(listener));
    /* Dissolved: the other side is reset, and the socket can be connected again. */
    CHECK_OK(dissolve(fd));
    await_events(other, POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_EQ(number_option(other, SOL_SOCKET, SO_ERROR), ECONNRESET);
    CHECK_ERR(getpeername(other, (struct sockaddr *)&name, &nbytes), ENOTCONN);
    CHECK_ERR(getpeername(fd, (struct sockaddr *)&name, &nbytes), ENOTCONN);
    CHECK_OK(v4_connect(fd, 0x7f000005, port) ? 0 : -1);
    CHECK_EQ(errno, ECONNREFUSED);
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(listener)));
    close(other);
    close(fd);
    close(listener);
    close(unused);
}

static void check_nonblocking(void)
{
    int unused, port = closed_port(&unused), listener = tcp_listener(4), fd, accepted;

    fcntl(listener, F_SETFL, O_NONBLOCK);
    CHECK_ERR(accept(listener, NULL, NULL), EAGAIN);
    fd = stream(SOCK_NONBLOCK);
    CHECK_ERR(v4_connect(fd, LOOPBACK, own_port(listener)), EINPROGRESS);
    await_events(fd, POLLOUT);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(listener)));
    CHECK_ERR(v4_connect(fd, LOOPBACK, own_port(listener)), EISCONN);
    await_events(listener, POLLIN);
    accepted = (int)CHECK_OK(accept(listener, NULL, NULL));
    CHECK_EQ(fcntl(accepted, F_GETFL), O_RDWR);
    close(accepted);
    close(fd);
    /* Refused: told by poll, and once by SO_ERROR or by another call. */
    fd = stream(SOCK_NONBLOCK);
    CHECK_ERR(v4_connect(fd, LOOPBACK, port), EINPROGRESS);
    await_events(fd, POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_ERR(v4_connect(fd, LOOPBACK, port), ECONNABORTED);
    CHECK_ERR(v4_connect(fd, LOOPBACK, port), EINPROGRESS);
    await_events(fd, POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_ERR(v4_connect(fd, LOOPBACK, port), ECONNREFUSED);
    close(fd);
    close(listener);
    close(unused);
}

/* More calls than the backlog takes: they wait until others are accepted. */
static void check_backlog(void)
{
    int listener = tcp_listener(1), fds[3], accepted[3], unused;
    struct timeval time = {0, 20000};

    for (int i = 0; i < 3; i++) {
        fds[i] = stream(SOCK_NONBLOCK);
        CHECK_ERR(v4_connect(fds[i], LOOPBACK, own_port(listener)), EINPROGRESS);
        if (i < 2)
            await_events(fds[i], POLLOUT);
    }
    CHECK_EQ(events_now(fds[2]), 0);
    CHECK_ERR(v4_connect(fds[2], LOOPBACK, own_port(listener)), EALREADY);
    CHECK_EQ(tcp_state(fds[2]), TCP_SYN_SENT);
    CHECK_ERR(send(fds[2], "x", 1, MSG_NOSIGNAL), EAGAIN);
    CHECK_ERR(recv(fds[2], &time, 1, 0), EAGAIN);
    unused = stream(0);
    CHECK_OK(setsockopt(unused, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
    CHECK_ERR(v4_connect(unused, LOOPBACK, own_port(listener)), EINPROGRESS);
    close(unused);
    for (int i = 0; i < 3; i++)
        accepted[i] = (int)CHECK_OK(accept(listener, NULL, NULL));
    await_events(fds[2], POLLOUT);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
        close(accepted[i]);
    }
    close(listener);
}

static void check_data(void)
{
    char text[64];
    int fds[2], count;

    tcp_pair(fds);
    CHECK_EQ(write(fds[0], "hello", 5), 5);
    CHECK_EQ(send(fds[0], "world", 5, MSG_MORE), 5);
    CHECK_EQ(send(fds[0], "", 0, 0), 0);
    while (ioctl(fds[1], FIONREAD, &count) == 0 && count < 10)
        usleep(500);
    CHECK_EQ(events_now(fds[1]), POLLIN | POLLOUT);
    CHECK_EQ(recv(fds[1], text, 7, MSG_PEEK), 7);
    CHECK(memcmp(text, "hellowo", 7) == 0);
    CHECK_EQ(recv(fds[1], text, 3, 0), 3);
    CHECK_EQ(recv(fds[1], text, 2, MSG_TRUNC), 2);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 5);
    CHECK(memcmp(text, "world", 5) == 0);
    CHECK_ERR(recv(fds[1], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(recv(fds[1], text, 0, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(recv(fds[1], text, 1, MSG_OOB), EINVAL);
    CHECK_ERR(recv(fds[1], text, 1, MSG_ERRQUEUE), EAGAIN);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_ERR(read(fds[1], (void *)16, 1), EFAULT);
    CHECK_EQ(read(fds[1], text, 1), 1);
    CHECK_ERR(write(fds[0], (void *)16, 1), EFAULT);
    CHECK_OK(ioctl(fds[1], FIONREAD, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(ioctl(fds[0], TIOCOUTQ, &count));
    CHECK_EQ(count, 0);
    /* A name to send to is passed over. */
    struct sockaddr_in name = v4_address(0x08080808, 1);
    CHECK_EQ(sendto(fds[0], "to", 2, 0, (struct sockaddr *)&name, sizeof(name)), 2);
    CHECK_EQ(recv(fds[1], text, 2, MSG_WAITALL), 2);
    /* Many small ones are one stream. */
    for (int i = 0; i < 20000; i++)
        CHECK_EQ(write(fds[0], text, 1), 1);
    for (int got = 0; got < 20000;)
        got += (int)CHECK_OK(read(fds[1], text, sizeof(text)));
    close(fds[0]);
    close(fds[1]);
}

/* Fewer bytes than SO_RCVLOWAT are not worth waking for. */
static void check_low_water(void)
{
    char text[8];
    int fds[2];

    tcp_pair(fds);
    CHECK_OK(set_number(fds[1], SOL_SOCKET, SO_RCVLOWAT, 5));
    CHECK_EQ(number_option(fds[1], SOL_SOCKET, SO_RCVLOWAT), 5);
    CHECK_EQ(write(fds[0], "abc", 3), 3);
    CHECK_EQ(events_now(fds[1]), POLLOUT);
    CHECK_EQ(recv(fds[1], text, 8, MSG_PEEK | MSG_DONTWAIT), 3);
    CHECK_EQ(write(fds[0], "de", 2), 2);
    await_events(fds[1], POLLIN | POLLOUT);
    CHECK_EQ(read(fds[1], text, 8), 5);
    CHECK_EQ(write(fds[0], "f", 1), 1);
    CHECK_OK(shutdown(fds[0], SHUT_WR));
    CHECK_EQ(read(fds[1], text, 8), 1);
    close(fds[0]);
    close(fds[1]);
}

static void check_half_close(void)
{
    char text[64];
    int fds[2];

    tcp_pair(fds);
    CHECK_EQ(write(fds[0], "end", 3), 3);
    CHECK_OK(shutdown(fds[0], SHUT_WR));
    await_events(fds[1], POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(events_now(fds[0]), POLLOUT);
    await_state(fds[0], TCP_FIN_WAIT2);
    await_state(fds[1], TCP_CLOSE_WAIT);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 3);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 0);
    CHECK_EQ(write(fds[1], "back", 4), 4);
    CHECK_EQ(recv(fds[0], text, 4, MSG_WAITALL), 4);
    CHECK_ERR(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERR(shutdown(fds[0], 3), EINVAL);
    CHECK_OK(shutdown(fds[1], SHUT_WR));
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    await_state(fds[0], TCP_CLOSE);
    CHECK_EQ(read(fds[0], text, 1), 0);
    CHECK_ERR(shutdown(fds[0], SHUT_RDWR), ENOTCONN);
    close(fds[0]);
    close(fds[1]);
    /* The direction to receive is nothing that the other side learns of. */
    tcp_pair(fds);
    CHECK_OK(shutdown(fds[1], SHUT_RD));
    CHECK_EQ(events_now(fds[1]), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(read(fds[1], text, 1), 0);
    CHECK_EQ(write(fds[0], "late", 4), 4);
    CHECK_EQ(recv(fds[1], text, 4, MSG_WAITALL), 4);
    CHECK_EQ(read(fds[1], text, 1), 0);
    CHECK_EQ(events_now(fds[0]), POLLOUT);
    close(fds[0]);
    close(fds[1]);
}

static void check_reset(void)
{
    struct linger linger = {1, 0};
    char text[8];
    int fds[2];

    /* Bytes that were not read. */
    tcp_pair(fds);
    CHECK_EQ(write(fds[0], "lost", 4), 4);
    await_events(fds[1], POLLIN | POLLOUT);
    CHECK_EQ(write(fds[1], "seen", 4), 4);
    close(fds[1]);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_EQ(read(fds[0], text, 8), 4);
    CHECK_ERR(read(fds[0], text, 1), ECONNRESET);
    CHECK_EQ(read(fds[0], text, 1), 0);
    CHECK_ERR(send(fds[0], text, 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]);
    /* A send learns it, too. */
    tcp_pair(fds);
    CHECK_OK(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
    close(fds[1]);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_ERR(send(fds[0], text, 1, 0), ECONNRESET);
    CHECK_ERR(send(fds[0], text, 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]);
    /* The first bytes to a closed socket are lost, the next ones refused. */
    tcp_pair(fds);
    close(fds[1]);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(send(fds[0], text, 1, MSG_NOSIGNAL), 1);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_EQ(read(fds[0], text, 1), 0);
    CHECK_ERR(send(fds[0], text, 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(number_option(fds[0], SOL_SOCKET, SO_ERROR), 0);
    close(fds[0]);
    /* A listener that goes resets what was not accepted. */
    fds[1] = tcp_listener(2);
    fds[0] = stream(0);
    CHECK_OK(v4_connect(fds[0], LOOPBACK, own_port(fds[1])));
    close(fds[1]);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_ERR(read(fds[0], text, 1), ECONNRESET);
    close(fds[0]);
}

static void write_to_nobody(void)
{
    char text[8] = {0};
    int fds[2];

    tcp_pair(fds);
    close(fds[1]);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(write(fds[0], text, 1), 1);
    await_events(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_EQ(write(fds[0], text, 1), 1);
}

static void check_buffer(void)
{
    static char block[1000];
    long sent = 0, received = 0, part;
    int fds[2], count;

    tcp_pair(fds);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    CHECK_OK(set_number(fds[0], SOL_SOCKET, SO_SNDBUF, 10000));
    CHECK_EQ(number_option(fds[0], SOL_SOCKET, SO_SNDBUF), 20000);
    while ((part = write(fds[0], block, sizeof(block))) > 0)
        sent += part;
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent >= 20000);
    CHECK_EQ(events_now(fds[0]), 0);
    CHECK_OK(ioctl(fds[0], TIOCOUTQ, &count));
    CHECK(count > 0);
    CHECK_OK(shutdown(fds[0], SHUT_WR));
    while ((part = read(fds[1], block, sizeof(block))) > 0)
        received += part;
    CHECK_EQ(received, sent);
    close(fds[0]);
    close(fds[1]);
}

/* A writer and a reader that wait for each other, over far more than a buffer. */
static void check_blocking(void)
{
    static char block[50000];
    const long whole = 200;
    int fds[2], status;
    pid_t pid;

    tcp_pair(fds);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        for (long i = 0; i < whole; i++) {
            memset(block, (int)i, sizeof(block));
            CHECK_EQ(write(fds[0], block, sizeof(block)), sizeof(block));
        }
        _exit(0);
    }
    close(fds[0]);
    for (long i = 0; i < whole; i++) {
        CHECK_EQ(recv(fds[1], block, sizeof(block), MSG_WAITALL), sizeof(block));
        CHECK(bytes_are(block, (int)i, sizeof(block)));
    }
    CHECK_EQ(recv(fds[1], block, sizeof(block), MSG_WAITALL), 0);
    status = child_end(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fds[1]);
}

/* What a sleeping call learns: the end, a shutdown by its own side, the end of the listener. */
static void check_wake(void)
{
    char byte;
    int fds[2], listener, status;
    pid_t pid;

    tcp_pair(fds);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(read(fds[0], &byte, 1), 0);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(shutdown(fds[0], SHUT_RD));
    status = child_end(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fds[0]);
    close(fds[1]);

    listener = tcp_listener(1);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_ERR(accept(listener, NULL, NULL), EINVAL);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(shutdown(listener, SHUT_RDWR));
    status = child_end(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(listener);
}

static void check_inheritance(void)
{
    struct linger linger = {1, 7};
    socklen_t nbytes = sizeof(linger);
    int listener = tcp_listener(1), fd = stream(0), accepted;

    CHECK_OK(set_number(listener, IPPROTO_TCP, TCP_NODELAY, 1));
    CHECK_OK(set_number(listener, SOL_SOCKET, SO_KEEPALIVE, 1));
    CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(listener)));
    accepted = (int)CHECK_OK(accept(listener, NULL, NULL));
    CHECK_EQ(number_option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(number_option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    linger.l_linger = 0;
    CHECK_OK(getsockopt(accepted, SOL_SOCKET, SO_LINGER, &linger, &nbytes));
    CHECK_EQ(linger.l_linger, 7);
    close(accepted);
    close(fd);
    close(listener);
}

int main(void)
{
    int status;

    check_connect();
    check_nonblocking();
    check_backlog();
    check_data();
    check_low_water();
    check_half_close();
    check_reset();
    status = child_status(write_to_nobody);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    check_buffer();
    check_blocking();
    check_wake();
    check_inheritance();
    return 0;
}
