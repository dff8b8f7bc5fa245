/* SPDX-License-Identifier: MIT */
/* Datagrams of UDP: names, sizes, the queue and its limit, refusals, who gets what at a shared
 * port. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/inet.h"

#define ANY      INADDR_ANY
#define LOOPBACK INADDR_LOOPBACK

static char big[70000];

static int datagram(int flags)
{
    return (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM | flags, 0));
}

static int bound(int flags)
{
    int fd = datagram(flags);

    CHECK_OK(v4_bind(fd, LOOPBACK, 0));
    return fd;
}

static long send_v4(int fd, const void *bytes, size_t nbytes, uint32_t address, int port)
{
    struct sockaddr_in name = v4_address(address, port);

    return sendto(fd, bytes, nbytes, 0, (struct sockaddr *)&name, sizeof(name));
}

static void check_names(void)
{
    struct sockaddr_in name = v4_address(LOOPBACK, 9);
    socklen_t nbytes = sizeof(name);
    int fd = datagram(0), other = bound(0);
    char text[8];

    CHECK_EQ(events_now(fd), POLLOUT);
    CHECK_ERR(send(fd, "x", 1, 0), EDESTADDRREQ);
    CHECK_ERR(write(fd, "x", 1), EDESTADDRREQ);
    CHECK_ERR(sendto(fd, "x", 1, 0, (struct sockaddr *)&name, 8), EINVAL);
    CHECK_ERR(send_v4(fd, "x", 1, LOOPBACK, 0), EINVAL);
    name.sin_family = AF_INET6;
    CHECK_ERR(sendto(fd, "x", 1, 0, (struct sockaddr *)&name, sizeof(name)), EAFNOSUPPORT);
    CHECK_ERR(send(other, "x", 1, MSG_OOB), EOPNOTSUPP);
    CHECK_ERR(recv(fd, text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(recv(fd, text, 1, MSG_ERRQUEUE), EAGAIN);
    CHECK_ERR(shutdown(other, SHUT_RD), ENOTCONN);
    close(other);
    other = bound(0);
    /* A sender gets a port by sending. */
    CHECK_EQ(send_v4(fd, "hello", 5, LOOPBACK, own_port(other)), 5);
    CHECK(own_port(fd) > 0);
    CHECK_EQ(recvfrom(other, text, sizeof(text), 0, (struct sockaddr *)&name, &nbytes), 5);
    CHECK_EQ(ntohs(name.sin_port), own_port(fd));
    CHECK_EQ(ntohl(name.sin_addr.s_addr), LOOPBACK);
    CHECK_EQ(nbytes, sizeof(name));
    CHECK_ERR(v4_bind(fd, LOOPBACK, 0), EINVAL);
    CHECK_ERR(getpeername(fd, (struct sockaddr *)&name, &nbytes), ENOTCONN);
    close(fd);
    close(other);
}

static void check_sizes(void)
{
    int fds[2] = {bound(0), bound(0)}, port = own_port(fds[1]), count;
    struct iovec parts[1];
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 1};
    char text[8];

    CHECK_OK(v4_connect(fds[0], LOOPBACK, port));
    CHECK_EQ(write(fds[0], "first", 5), 5);
    CHECK_EQ(send(fds[0], "", 0, 0), 0);
    CHECK_EQ(write(fds[0], "third", 5), 5);
    CHECK_EQ(events_now(fds[1]), POLLIN | POLLOUT);
    CHECK_OK(ioctl(fds[1], FIONREAD, &count));
    CHECK_EQ(count, 5);
    CHECK_EQ(recv(fds[1], text, 2, MSG_PEEK | MSG_TRUNC), 5);
    CHECK_EQ(read(fds[1], text, 2), 2);
    CHECK_EQ(recv(fds[1], text, 2, 0), 0);
    parts[0] = (struct iovec){text, 3};
    CHECK_EQ(recvmsg(fds[1], &header, 0), 3);
    CHECK_EQ(header.msg_flags, MSG_TRUNC);
    CHECK(memcmp(text, "thi", 3) == 0);
    CHECK_ERR(write(fds[0], big, 65508), EMSGSIZE);
    CHECK_ERR(write(fds[0], big, sizeof(big)), EMSGSIZE);
    big[65506] = 'z';
    CHECK_EQ(write(fds[0], big, 65507), 65507);
    big[65506] = 0;
    CHECK_EQ(read(fds[1], big, sizeof(big)), 65507);
    CHECK_EQ(big[65506], 'z');
    CHECK_OK(ioctl(fds[0], TIOCOUTQ, &count));
    CHECK_EQ(count, 0);
    /* What cannot be stored is lost. */
    CHECK_EQ(write(fds[0], "one", 3), 3);
    CHECK_EQ(write(fds[0], "two", 3), 3);
    CHECK_ERR(raw3(SYS_read, fds[1], 16, 3) == -EFAULT ? (errno = EFAULT, -1) : 0, EFAULT);
    CHECK_EQ(read(fds[1], text, 3), 3);
    CHECK(memcmp(text, "two", 3) == 0);
    close(fds[0]);
    close(fds[1]);
}

static void check_limit(void)
{
    int fd = bound(SOCK_NONBLOCK), sender = datagram(0), got = 0;
    char block[100];

    CHECK_OK(set_number(fd, SOL_SOCKET, SO_RCVBUF, 4096));
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_RCVBUF), 8192);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(send_v4(sender, block, sizeof(block), LOOPBACK, own_port(fd)), sizeof(block));
    while (read(fd, block, sizeof(block)) > 0)
        got++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(got >= 2 && got < 100);
    CHECK_EQ(send_v4(sender, block, 1, LOOPBACK, own_port(fd)), 1);
    CHECK_EQ(read(fd, block, sizeof(block)), 1);
    close(fd);
    close(sender);
}

static void check_refused(void)
{
    int fd = datagram(SOCK_NONBLOCK), other = bound(0), port = own_port(other);
    char byte;

    close(other);
    CHECK_EQ(send_v4(fd, "x", 1, LOOPBACK, port), 1);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_OK(v4_connect(fd, LOOPBACK, port));
    CHECK_EQ(write(fd, "x", 1), 1);
    await_events(fd, POLLOUT | POLLERR);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    CHECK_EQ(write(fd, "x", 1), 1);
    await_events(fd, POLLOUT | POLLERR);
    CHECK_ERR(read(fd, &byte, 1), ECONNREFUSED);
    CHECK_ERR(read(fd, &byte, 1), EAGAIN);
    CHECK_EQ(write(fd, "x", 1), 1);
    await_events(fd, POLLOUT | POLLERR);
    CHECK_ERR(write(fd, "x", 1), ECONNREFUSED);
    CHECK_EQ(write(fd, "x", 1), 1);
    close(fd);
    /* A socket that is connected elsewhere does not have the port for others. */
    fd = datagram(SOCK_NONBLOCK);
    other = bound(0);
    CHECK_OK(v4_connect(other, LOOPBACK, port));
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(other)));
    CHECK_EQ(write(fd, "x", 1), 1);
    await_events(fd, POLLOUT | POLLERR);
    close(fd);
    close(other);
}

static void check_connect(void)
{
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    struct sockaddr_in name;
    socklen_t nbytes = sizeof(name);
    int fd = datagram(0), one = bound(0), other = bound(0);
    char text[8];

    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(one)));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(ntohl(name.sin_addr.s_addr), LOOPBACK);
    CHECK_OK(getpeername(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(ntohs(name.sin_port), own_port(one));
    /* Only the peer's datagrams come; the connected socket may still send elsewhere. */
    CHECK_EQ(send_v4(other, "other", 5, LOOPBACK, own_port(fd)), 5);
    CHECK_EQ(send_v4(one, "one", 3, LOOPBACK, own_port(fd)), 3);
    CHECK_EQ(recv(fd, text, sizeof(text), 0), 3);
    CHECK_EQ(send_v4(fd, "elsewhere", 9, LOOPBACK, own_port(other)), 9);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 8);
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(other)));
    CHECK_EQ(write(fd, "again", 5), 5);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 5);
    CHECK_OK(connect(fd, &unspecified, sizeof(unspecified)));
    CHECK_ERR(getpeername(fd, (struct sockaddr *)&name, &nbytes), ENOTCONN);
    CHECK_EQ(own_port(fd), 0);
    CHECK_ERR(write(fd, "x", 1), EDESTADDRREQ);
    CHECK(own_port(fd) > 0);
    /* Both directions shut down: what was sent comes, then nothing. */
    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(one)));
    CHECK_OK(shutdown(fd, SHUT_RDWR));
    CHECK_EQ(events_now(fd), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(recv(fd, text, 1, 0), 0);
    CHECK_ERR(recv(fd, text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(write(fd, "x", 1), EPIPE);
    close(fd);
    close(one);
    close(other);
}

static int second_bind(int option, uint32_t first, uint32_t second)
{
    int one = datagram(0), other = datagram(0), result;

    if (option) {
        CHECK_OK(set_number(one, SOL_SOCKET, option, 1));
        CHECK_OK(set_number(other, SOL_SOCKET, option, 1));
    }
    CHECK_OK(v4_bind(one, first, 0));
    result = v4_bind(other, second, own_port(one)) ? errno : 0;
    close(one);
    close(other);
    return result;
}

static void check_sharing(void)
{
    int fds[3], sender = bound(SOCK_NONBLOCK), port;
    char byte;

    CHECK_EQ(second_bind(0, LOOPBACK, LOOPBACK), EADDRINUSE);
    CHECK_EQ(second_bind(0, LOOPBACK, ANY), EADDRINUSE);
    CHECK_EQ(second_bind(0, LOOPBACK, LOOPBACK + 1), 0);
    CHECK_EQ(second_bind(SO_REUSEADDR, LOOPBACK, LOOPBACK), 0);
    CHECK_EQ(second_bind(SO_REUSEPORT, LOOPBACK, LOOPBACK), 0);
    /* The address decides before the wildcard, the connected one before all. */
    for (int i = 0; i < 3; i++) {
        fds[i] = datagram(SOCK_NONBLOCK);
        CHECK_OK(set_number(fds[i], SOL_SOCKET, SO_REUSEADDR, 1));
    }
    CHECK_OK(v4_bind(fds[0], ANY, 0));
    port = own_port(fds[0]);
    CHECK_OK(v4_bind(fds[1], LOOPBACK, port));
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK, port), 1);
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK + 1, port), 1);
    CHECK_EQ(read(fds[1], &byte, 1), 1);
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    CHECK_OK(v4_bind(fds[2], ANY, port));
    CHECK_OK(v4_connect(fds[2], LOOPBACK, own_port(sender)));
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK, port), 1);
    CHECK_EQ(read(fds[2], &byte, 1), 1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    close(sender);
}

static void check_v6(void)
{
    struct sockaddr_in6 name;
    socklen_t nbytes = sizeof(name);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), other = datagram(0);
    char text[8];

    if (fd < 0 || v6_name(bind, fd, "::", 0) < 0)
        return;
    CHECK_EQ(send_v4(other, "four", 4, LOOPBACK, own_port(fd)), 4);
    CHECK_EQ(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&name, &nbytes), 4);
    CHECK(IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK_EQ(sendto(fd, "back", 4, 0, (struct sockaddr *)&name, sizeof(name)), 4);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 4);
    CHECK_EQ(send_v4(fd, "six", 3, LOOPBACK, own_port(other)), 3);
    CHECK_EQ(recv(other, text, sizeof(text), 0), 3);
    CHECK_OK(v6_name(connect, fd, "::1", own_port(fd)));
    CHECK_EQ(write(fd, "self", 4), 4);
    CHECK_EQ(read(fd, text, sizeof(text)), 4);
    close(fd);
    close(other);
}

/* The first control message of that kind, or NULL. */
static void *control_of(struct msghdr *header, int level, int type)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at))
        if (at->cmsg_level == level && at->cmsg_type == type)
            return CMSG_DATA(at);
    return NULL;
}

static long receive_header(int fd, struct msghdr *header, void *control, size_t nbytes)
{
    static char text[8];
    static struct iovec part = {text, sizeof(text)};

    *header = (struct msghdr){
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = nbytes};
    return recvmsg(fd, header, 0);
}

static void check_controls(void)
{
    _Alignas(8) char control[128];
    int fd = datagram(0), sender = datagram(0), six, port;
    struct in6_pktinfo *six_info;
    struct in_pktinfo *info;
    struct msghdr header;

    CHECK_OK(v4_bind(fd, ANY, 0));
    port = own_port(fd);
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK + 1, port), 1);
    CHECK_EQ(receive_header(fd, &header, control, sizeof(control)), 1);
    CHECK_EQ(header.msg_controllen, 0);
    CHECK_OK(set_number(fd, IPPROTO_IP, IP_PKTINFO, 1));
    CHECK_OK(set_number(fd, IPPROTO_IP, IP_RECVTTL, 1));
    CHECK_OK(set_number(fd, IPPROTO_IP, IP_RECVTOS, 1));
    CHECK_OK(set_number(sender, IPPROTO_IP, IP_TTL, 33));
    CHECK_OK(set_number(sender, IPPROTO_IP, IP_TOS, 0x10));
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK + 1, port), 1);
    CHECK_EQ(receive_header(fd, &header, control, sizeof(control)), 1);
    info = control_of(&header, IPPROTO_IP, IP_PKTINFO);
    CHECK(info && ntohl(info->ipi_addr.s_addr) == LOOPBACK + 1 && info->ipi_ifindex == 1);
    CHECK_EQ(*(int *)control_of(&header, IPPROTO_IP, IP_TTL), 33);
    CHECK_EQ(*(unsigned char *)control_of(&header, IPPROTO_IP, IP_TOS), 0x10);
    CHECK_EQ(header.msg_flags, 0);
    CHECK_EQ(header.msg_controllen, 32 + 24 + 24);
    /* Without room for all of them. */
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK + 1, port), 1);
    CHECK_EQ(receive_header(fd, &header, control, 32 + 18), 1);
    CHECK_EQ(header.msg_flags, MSG_CTRUNC);
    CHECK_EQ(header.msg_controllen, 32 + 18);
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK + 1, port), 1);
    CHECK_EQ(receive_header(fd, &header, NULL, 0), 1);
    CHECK_EQ(header.msg_flags, MSG_CTRUNC);
    close(fd);
    close(sender);

    six = socket(AF_INET6, SOCK_DGRAM, 0);
    if (six < 0 || v6_name(bind, six, "::1", 0) < 0)
        return;
    CHECK_OK(set_number(six, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    CHECK_OK(set_number(six, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    CHECK_OK(v6_name(connect, six, "::1", own_port(six)));
    CHECK_EQ(write(six, "x", 1), 1);
    CHECK_EQ(receive_header(six, &header, control, sizeof(control)), 1);
    six_info = control_of(&header, IPPROTO_IPV6, IPV6_PKTINFO);
    CHECK(six_info && six_info->ipi6_addr.s6_addr[15] == 1 && six_info->ipi6_ifindex == 1);
    CHECK_EQ(*(int *)control_of(&header, IPPROTO_IPV6, IPV6_HOPLIMIT), 64);
    close(six);
}

/* Many messages in one call. */
static void check_many(void)
{
    struct mmsghdr headers[3];
    struct iovec parts[3];
    char text[3][4];
    struct timespec left = {1000, 0};
    int fds[2] = {bound(0), bound(0)};

    CHECK_OK(v4_connect(fds[0], LOOPBACK, own_port(fds[1])));
    memset(headers, 0, sizeof(headers));
    for (int i = 0; i < 3; i++) {
        parts[i] = (struct iovec){(char *)"abc", (size_t)i + 1};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    CHECK_EQ(sendmmsg(fds[0], headers, 3, 0), 3);
    CHECK_EQ(headers[2].msg_len, 3);
    for (int i = 0; i < 3; i++)
        parts[i] = (struct iovec){text[i], 4};
    CHECK_EQ(recvmmsg(fds[1], headers, 3, MSG_WAITFORONE, &left), 3);
    CHECK(left.tv_sec >= 900 && left.tv_sec < 1000); /* what is left of it */
    for (int i = 0; i < 3; i++)
        CHECK_EQ(headers[i].msg_len, i + 1);
    close(fds[0]);
    close(fds[1]);
}

/* A reader that sleeps learns of a refusal. */
static void check_wake_refused(void)
{
    int fd = datagram(0), other = bound(0), status;
    char byte;
    pid_t pid;

    CHECK_OK(v4_connect(fd, LOOPBACK, own_port(other)));
    close(other);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_ERR(read(fd, &byte, 1), ECONNREFUSED);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_EQ(write(fd, "x", 1), 1);
    status = child_end(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fd);
}

static void check_wake(void)
{
    int fd = bound(0), sender = datagram(0), status;
    char byte;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_EQ(read(fd, &byte, 1), 1);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_EQ(send_v4(sender, "x", 1, LOOPBACK, own_port(fd)), 1);
    status = child_end(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fd);
    close(sender);
}

/* Nothing here makes checksums that could be left out: the wish is kept. */
static void check_no_check(void)
{
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0)), value = 5;
    socklen_t nbytes = sizeof(value);

    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &value, nbytes));
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &value, &nbytes));
    CHECK_EQ(value, 1);
    close(fd);
}

int main(void)
{
    check_no_check();
    check_names();
    check_sizes();
    check_limit();
    check_refused();
    check_connect();
    check_sharing();
    check_v6();
    check_controls();
    check_many();
    check_wake();
    check_wake_refused();
    return 0;
}
