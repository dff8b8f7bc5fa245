/* SPDX-License-Identifier: MIT */
/* The urgent byte of TCP and of AF_UNIX (MSG_OOB): where it lies in the stream, what takes it, what
 * poll, select, epoll and ioctl say of it, and SIGURG. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/inet.h"

static char text[64];
static volatile sig_atomic_t signals, handler_fd, handler_got;

static void pair(bool tcp, int fds[2])
{
    if (tcp)
        tcp_pair(fds);
    else
        CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static void both_close(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static int at_mark(int fd)
{
    int answer = -1;

    CHECK_OK(ioctl(fd, SIOCATMARK, &answer));
    return answer;
}

static int input(int fd)
{
    int answer = -1;

    CHECK_OK(ioctl(fd, FIONREAD, &answer));
    return answer;
}

static void await_urgent(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLPRI};

    CHECK_EQ(poll(&entry, 1, 10000), 1);
    CHECK_EQ(entry.revents, POLLPRI);
}

static void await_input(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    CHECK_EQ(poll(&entry, 1, 10000), 1);
}

static void expect(int fd, int flags, const char *bytes)
{
    size_t nbytes = strlen(bytes);

    memset(text, 0, sizeof(text));
    CHECK_EQ(recv(fd, text, sizeof(text), flags | MSG_DONTWAIT), nbytes);
    CHECK(!memcmp(text, bytes, nbytes));
}

/* The stream stops in front of it, and goes on behind. */
static void check_stream(bool tcp)
{
    int fds[2];

    pair(tcp, fds);
    CHECK_ERR(recv(fds[1], text, 1, MSG_OOB), EINVAL);
    CHECK_EQ(at_mark(fds[1]), 0);
    CHECK_EQ(send(fds[0], "abc", 3, MSG_OOB), 3);
    await_urgent(fds[1]);
    CHECK_EQ(send(fds[0], "def", 3, 0), 3);
    CHECK_EQ(at_mark(fds[1]), 0);
    expect(fds[1], MSG_PEEK, "ab");
    expect(fds[1], MSG_OOB | MSG_PEEK, "c");
    expect(fds[1], MSG_OOB, "c");
    CHECK_ERR(recv(fds[1], text, 1, MSG_OOB), EINVAL);
    expect(fds[1], 0, "ab");
    if (tcp)
        CHECK_EQ(at_mark(fds[1]), 1);
    await_input(fds[1]);
    expect(fds[1], 0, "def");
    CHECK_EQ(at_mark(fds[1]), 0);
    CHECK_ERR(recv(fds[1], text, 1, MSG_DONTWAIT), EAGAIN);
    both_close(fds);
}

/* What is not taken goes with the next receive, or is a part of it. */
static void check_lost_and_inline(bool tcp)
{
    int fds[2];

    pair(tcp, fds);
    CHECK_EQ(send(fds[0], "x", 1, MSG_OOB), 1);
    await_urgent(fds[1]);
    CHECK_EQ(at_mark(fds[1]), 1);
    CHECK_EQ(send(fds[0], "yz", 2, 0), 2);
    await_events(fds[1], POLLIN | POLLOUT | POLLPRI);
    expect(fds[1], 0, "yz");
    CHECK_ERR(recv(fds[1], text, 1, MSG_OOB), EINVAL);
    CHECK_EQ(events_now(fds[1]), POLLOUT);
    CHECK_OK(set_number(fds[1], SOL_SOCKET, SO_OOBINLINE, 1));
    CHECK_EQ(send(fds[0], "abc", 3, MSG_OOB), 3);
    await_urgent(fds[1]);
    CHECK_EQ(send(fds[0], "d", 1, 0), 1);
    while (input(fds[1]) < 4)
        usleep(500);
    CHECK_ERR(recv(fds[1], text, 1, MSG_OOB), EINVAL);
    expect(fds[1], 0, "ab");
    CHECK_EQ(at_mark(fds[1]), 1);
    expect(fds[1], 0, "cd");
    CHECK_EQ(at_mark(fds[1]), 0);
    CHECK_EQ(events_now(fds[1]), POLLOUT);
    both_close(fds);
}

/* The one before becomes an ordinary byte. */
static void check_second(bool tcp)
{
    int fds[2];

    pair(tcp, fds);
    CHECK_EQ(send(fds[0], "ab", 2, MSG_OOB), 2);
    await_urgent(fds[1]);
    CHECK_EQ(send(fds[0], "cd", 2, MSG_OOB), 2);
    while (recv(fds[1], text, 1, MSG_OOB | MSG_PEEK) != 1 || text[0] != 'd')
        usleep(500);
    expect(fds[1], 0, "abc");
    CHECK_EQ(at_mark(fds[1]), 1);
    expect(fds[1], MSG_OOB, "d");
    both_close(fds);
}

/* Of TCP: one that is the next to be read is lost when another comes; reading it out of band leaves
 * a gap; a buffer of nothing. */
static void check_tcp(void)
{
    struct iovec none = {text, 0};
    struct msghdr header = {.msg_iov = &none, .msg_iovlen = 1};
    int fds[2], listener = tcp_listener(1);

    CHECK_ERR(recv(listener, text, 1, MSG_OOB), ENOTCONN);
    close(listener);
    tcp_pair(fds);
    CHECK_EQ(send(fds[0], "a", 1, MSG_OOB), 1);
    await_urgent(fds[1]);
    CHECK_EQ(events_now(fds[1]), POLLOUT | POLLPRI);
    CHECK_EQ(input(fds[1]), 0);
    CHECK_EQ(recvmsg(fds[1], &header, MSG_OOB | MSG_PEEK), 0);
    CHECK_EQ(header.msg_flags, MSG_OOB | MSG_TRUNC);
    CHECK_EQ(send(fds[0], "bc", 2, MSG_OOB), 2);
    while (recv(fds[1], text, 1, MSG_OOB | MSG_PEEK) != 1 || text[0] != 'c')
        usleep(500);
    CHECK_EQ(input(fds[1]), 1);
    expect(fds[1], 0, "b");
    CHECK_EQ(at_mark(fds[1]), 1);
    expect(fds[1], MSG_OOB, "c");
    CHECK_EQ(at_mark(fds[1]), 1);
    CHECK_EQ(send(fds[0], "de", 2, 0), 2);
    await_input(fds[1]);
    expect(fds[1], MSG_PEEK, "de");
    expect(fds[1], MSG_WAITALL, "de");
    /* MSG_WAITALL and a low water stop at the mark, too. */
    CHECK_OK(set_number(fds[1], SOL_SOCKET, SO_RCVLOWAT, 10));
    CHECK_EQ(send(fds[0], "fgh", 3, MSG_OOB), 3);
    await_urgent(fds[1]);
    CHECK_EQ(recv(fds[1], text, 10, MSG_WAITALL), 2);
    /* It stays when the peer is gone. */
    close(fds[0]);
    await_events(fds[1], POLLIN | POLLOUT | POLLRDHUP | POLLPRI);
    expect(fds[1], MSG_OOB, "h");
    CHECK_EQ(recv(fds[1], text, 1, 0), 0);
    close(fds[1]);
}

static void check_unix(void)
{
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_ERR(send(fds[0], "x", 0, MSG_OOB), EOPNOTSUPP);
    CHECK_EQ(send(fds[0], "x", 1, MSG_OOB), 1);
    CHECK_EQ(events_now(fds[1]), POLLIN | POLLOUT | POLLPRI);
    CHECK_EQ(input(fds[1]), 1);
    close(fds[0]);
    expect(fds[1], MSG_OOB, "x");
    CHECK_EQ(recv(fds[1], text, 1, 0), 0);
    close(fds[1]);
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
    CHECK_ERR(send(fds[0], "x", 1, MSG_OOB), EOPNOTSUPP);
    CHECK_ERR(recv(fds[1], text, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
    both_close(fds);
}

static void check_waiters(bool tcp)
{
    struct epoll_event event = {.events = EPOLLPRI};
    struct timeval none = {0, 0};
    int fds[2], epoll = (int)CHECK_OK(epoll_create1(0));
    fd_set except;

    pair(tcp, fds);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[1], &event));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    CHECK_EQ(send(fds[0], "x", 1, MSG_OOB), 1);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 10000), 1);
    CHECK_EQ(event.events, EPOLLPRI);
    FD_ZERO(&except);
    FD_SET(fds[1], &except);
    CHECK_EQ(select(fds[1] + 1, NULL, NULL, &except, &none), 1);
    CHECK(FD_ISSET(fds[1], &except));
    expect(fds[1], MSG_OOB, "x");
    CHECK_EQ(select(fds[1] + 1, NULL, NULL, &except, &none), 0);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    close(epoll);
    both_close(fds);
}

static void handler(int number)
{
    (void)number;
    signals++;
    handler_got = (sig_atomic_t)recv(handler_fd, text + 32, 1, MSG_OOB);
}

/* A reader that sleeps in front of it is interrupted, and the handler finds it. */
static void check_signal(bool tcp, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    pid_t self = getpid(), child;
    int fds[2];

    pair(tcp, fds);
    CHECK_OK(sigaction(SIGURG, &action, NULL));
    CHECK_OK(fcntl(fds[1], F_SETOWN, self));
    handler_fd = fds[1];
    signals = 0;
    child = (pid_t)CHECK_OK(fork());
    if (child == 0) {
        asleep_await(self);
        CHECK_EQ(send(fds[0], "u", 1, MSG_OOB), 1);
        asleep_await(self);
        CHECK_EQ(send(fds[0], "v", 1, 0), 1);
        _exit(0);
    }
    if (!(flags & SA_RESTART)) {
        CHECK_ERR(recv(fds[1], text, 1, 0), EINTR);
        CHECK_EQ(signals, 1);
    }
    CHECK_EQ(recv(fds[1], text, 1, 0), 1);
    CHECK_EQ(text[0], 'v');
    CHECK_EQ(signals, 1);
    CHECK_EQ(handler_got, 1);
    CHECK_EQ(text[32], 'u');
    CHECK_EQ(child_end(child), 0);
    both_close(fds);
}

int main(void)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        check_stream(tcp);
        check_lost_and_inline(tcp);
        check_second(tcp);
        check_waiters(tcp);
        check_signal(tcp, 0);
        check_signal(tcp, SA_RESTART);
    }
    check_tcp();
    check_unix();
    return 0;
}
