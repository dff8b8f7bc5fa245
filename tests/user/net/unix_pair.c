/* SPDX-License-Identifier: MIT */
/* Socket pairs of each type: bytes and packets, peeks, truncation, shutdown, signals, counts. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static int events(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents;
}

static void check_kinds(void)
{
    int fds[2];

    CHECK_ERR(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
    CHECK_ERR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_UNIX, 0xe, 0), EINVAL);
    CHECK_ERR(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
    CHECK_ERR(socket(45, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERR(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERR(listen(0, 1), ENOTSOCK);
    CHECK_ERR(listen(999, 1), EBADF);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
    CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fds[1], F_GETFL), O_RDWR | O_NONBLOCK);
    close(fds[0]);
    close(fds[1]);
}

static void check_stream(void)
{
    struct stat info;
    char text[64];
    int fds[2], count;

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_OK(fstat(fds[0], &info));
    CHECK(S_ISSOCK(info.st_mode));
    CHECK_EQ(lseek(fds[0], 0, SEEK_CUR), -1);
    CHECK_EQ(errno, ESPIPE);
    CHECK_EQ(events(fds[0]), POLLOUT);
    CHECK_EQ(write(fds[0], "hello", 5), 5);
    CHECK_EQ(send(fds[0], "world", 5, 0), 5);
    CHECK_EQ(events(fds[1]), POLLIN | POLLOUT);
    CHECK_OK(ioctl(fds[1], FIONREAD, &count));
    CHECK_EQ(count, 10);
    CHECK_EQ(recv(fds[1], text, 7, MSG_PEEK), 7);
    CHECK(memcmp(text, "hellowo", 7) == 0);
    CHECK_EQ(recv(fds[1], text, 3, 0), 3);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 7);
    CHECK(memcmp(text, "loworld", 7) == 0);
    CHECK_ERR(recv(fds[1], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(recv(fds[1], (void *)16, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_ERR(read(fds[1], (void *)16, 1), EFAULT);
    CHECK_EQ(read(fds[1], text, 1), 1);
    CHECK_ERR(write(fds[0], (void *)16, 1), EFAULT);
    /* Half-close: what was sent comes, then the end. */
    CHECK_EQ(write(fds[0], "end", 3), 3);
    CHECK_OK(shutdown(fds[0], SHUT_WR));
    CHECK_EQ(events(fds[1]), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 3);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 0);
    CHECK_EQ(write(fds[1], "back", 4), 4);
    CHECK_EQ(read(fds[0], text, sizeof(text)), 4);
    CHECK_ERR(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERR(shutdown(fds[0], 3), EINVAL);
    close(fds[0]);
    CHECK_EQ(events(fds[1]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_ERR(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fds[1]);
    /* What was not read is lost, and the sender learns it. */
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_EQ(write(fds[0], "lost", 4), 4);
    close(fds[1]);
    CHECK_ERR(read(fds[0], text, 1), ECONNRESET);
    CHECK_EQ(read(fds[0], text, 1), 0);
    close(fds[0]);
}

static void write_to_nobody(void)
{
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    close(fds[0]);
    CHECK_EQ(write(fds[1], "x", 1), 1);
}

static void write_packet_to_nobody(void)
{
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
    close(fds[0]);
    CHECK_ERR(write(fds[1], "x", 1), EPIPE);
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    close(fds[0]);
    CHECK_ERR(write(fds[1], "x", 1), ECONNREFUSED);
    CHECK_ERR(write(fds[1], "x", 1), ENOTCONN);
}

static void check_packets(int type)
{
    static char big[300000];
    struct iovec parts[2];
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    char one[3], two[64];
    int fds[2], count;

    CHECK_OK(socketpair(AF_UNIX, type, 0, fds));
    CHECK_EQ(write(fds[0], "first", 5), 5);
    CHECK_EQ(send(fds[0], "", 0, 0), 0);
    CHECK_EQ(write(fds[0], "third one", 9), 9);
    CHECK_EQ(recv(fds[1], two, 2, MSG_PEEK | MSG_TRUNC), 5);
    CHECK_OK(ioctl(fds[1], FIONREAD, &count));
    CHECK_EQ(count, type == SOCK_DGRAM ? 5 : 14);
    CHECK_EQ(read(fds[1], two, 2), 2);
    CHECK_EQ(recv(fds[1], two, 2, 0), 0);
    parts[0] = (struct iovec){one, sizeof(one)};
    parts[1] = (struct iovec){two, 4};
    CHECK_EQ(recvmsg(fds[1], &header, 0), 7);
    CHECK_EQ(header.msg_flags, MSG_TRUNC);
    CHECK(memcmp(one, "thi", 3) == 0 && memcmp(two, "rd o", 4) == 0);
    CHECK_ERR(send(fds[0], big, sizeof(big), 0), EMSGSIZE);
    CHECK_ERR(recv(fds[1], two, 1, MSG_DONTWAIT), EAGAIN);
    close(fds[0]);
    if (type == SOCK_SEQPACKET)
        CHECK_EQ(read(fds[1], two, 1), 0);
    close(fds[1]);
}

static void check_buffer(void)
{
    static char block[1000];
    long sent = 0, received = 0, part;
    int fds[2], size = 10000;
    socklen_t nbytes = sizeof(size);

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    CHECK_OK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
    CHECK_OK(getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, &nbytes));
    CHECK_EQ(size, 20000);
    while ((part = write(fds[0], block, sizeof(block))) > 0)
        sent += part;
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent >= 5000 && sent <= 40000);
    CHECK_EQ(events(fds[0]), 0);
    while ((part = read(fds[1], block, sizeof(block))) > 0)
        received += part;
    CHECK_EQ(received, sent);
    CHECK_EQ(events(fds[0]), POLLOUT);
    close(fds[0]);
    close(fds[1]);
}

/* A writer and a reader that wait for each other, over far more than a buffer. */
static void check_blocking(void)
{
    static char block[50000];
    const long whole = 100;
    int fds[2], status;
    pid_t pid;

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
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

static void check_timeouts(void)
{
    struct timeval time = {0, 20000};
    socklen_t nbytes = sizeof(time);
    char byte;
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_OK(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    CHECK_ERR(read(fds[0], &byte, 1), EAGAIN);
    time = (struct timeval){0, 1000000};
    CHECK_ERR(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)), EDOM);
    CHECK_OK(getsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &time, &nbytes));
    CHECK_EQ(time.tv_usec, 20000);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    int status;

    check_kinds();
    check_stream();
    status = child_status(write_to_nobody);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    status = child_status(write_packet_to_nobody);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    check_packets(SOCK_SEQPACKET);
    check_packets(SOCK_DGRAM);
    check_buffer();
    check_blocking();
    check_timeouts();
    return 0;
}
