/* SPDX-License-Identifier: MIT */
/* What a sender of a datagram says of it by control messages (IP_TTL, IP_TOS, IP_PKTINFO and those
 * of AF_INET6), as the receiver sees it; values that are refused; UDP-Lite beside UDP. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/user/lib/inet.h"

#ifndef SOL_UDPLITE
#define SOL_UDPLITE 136
#endif
#define SO_TIMESTAMP_OLD   29
#define SO_TIMESTAMPNS_OLD 35
#define SO_TIMESTAMP_NEW   63
#define SO_TIMESTAMPNS_NEW 64
#define SEND_CSCOV         10
#define RECV_CSCOV         11

/* One control message, or two of one kind. */
struct sent {
    int level, type;
    const void *value;
    size_t nbytes;
    int times;
};

static long send_with(int fd, struct sent sent)
{
    static union {
        struct cmsghdr first;
        char bytes[512];
    } control;
    struct iovec one = {(void *)(uintptr_t) "x", 1};
    struct msghdr header = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &control};
    struct cmsghdr *at;

    header.msg_controllen = CMSG_SPACE(sent.nbytes) * (size_t)sent.times;
    memset(&control, 0, sizeof(control));
    at = CMSG_FIRSTHDR(&header);
    for (int i = 0; i < sent.times; i++) {
        at->cmsg_level = sent.level;
        at->cmsg_type = sent.type;
        at->cmsg_len = CMSG_LEN(sent.nbytes);
        memcpy(CMSG_DATA(at), sent.value, sent.nbytes);
        at = (struct cmsghdr *)((char *)at + CMSG_SPACE(sent.nbytes));
    }
    return sendmsg(fd, &header, 0);
}

static long send_number(int fd, int level, int type, int value)
{
    return send_with(fd, (struct sent){level, type, &value, sizeof(value), 1});
}

/* The value of a datagram that came; -1: there is none of that kind. */
static int came_number(int fd, int level, int type, int *count)
{
    static union {
        struct cmsghdr first;
        char bytes[512];
    } control;
    char byte;
    struct iovec one = {&byte, 1};
    struct msghdr header = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &control};
    int value = -1, found = 0;

    header.msg_controllen = sizeof(control);
    CHECK_EQ(recvmsg(fd, &header, 0), 1);
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at)) {
        found++;
        if (at->cmsg_level == level && at->cmsg_type == type)
            value = at->cmsg_len == CMSG_LEN(1) ? *CMSG_DATA(at) : *(int *)CMSG_DATA(at);
    }
    if (count)
        *count = found;
    return value;
}

/* A socket that is connected to the other. */
static void pair(bool v6, int protocol, int fds[2])
{
    for (int i = 0; i < 2; i++) {
        fds[i] = (int)CHECK_OK(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, protocol));
        CHECK_OK(v6 ? v6_name(bind, fds[i], "::1", 0) : v4_bind(fds[i], INADDR_LOOPBACK, 0));
    }
    CHECK_OK(v6 ? v6_name(connect, fds[0], "::1", own_port(fds[1]))
                : v4_connect(fds[0], INADDR_LOOPBACK, own_port(fds[1])));
}

static void check_v4(int protocol)
{
    struct in_pktinfo info = {.ipi_ifindex = 0, .ipi_spec_dst.s_addr = htonl(0x7f000005)};
    struct sockaddr_in from;
    socklen_t nbytes = sizeof(from);
    unsigned char byte = 0x10;
    int fds[2], count, zero = 0;
    char text;

    pair(false, protocol, fds);
    CHECK_OK(set_number(fds[1], IPPROTO_IP, IP_RECVTTL, 1));
    CHECK_EQ(send_number(fds[0], IPPROTO_IP, IP_TTL, 7), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IP, IP_TTL, &count), 7);
    CHECK_EQ(count, 1);
    CHECK_EQ(send(fds[0], "x", 1, 0), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IP, IP_TTL, NULL), 64);
    CHECK_ERR(send_number(fds[0], IPPROTO_IP, IP_TTL, 0), EINVAL);
    CHECK_ERR(send_number(fds[0], IPPROTO_IP, IP_TTL, 256), EINVAL);
    CHECK_ERR(send_number(fds[0], IPPROTO_IP, IP_TTL, -1), EINVAL);
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IP, IP_TTL, &byte, 1, 1}), EINVAL);
    CHECK_ERR(send_number(fds[0], IPPROTO_IP, IP_MTU, 1), EINVAL);
    CHECK_ERR(send_number(fds[0], SOL_SOCKET, SO_KEEPALIVE, 1), EINVAL);
    CHECK_OK(set_number(fds[1], IPPROTO_IP, IP_RECVTOS, 1));
    CHECK_EQ(send_number(fds[0], IPPROTO_IP, IP_TOS, 0x20), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IP, IP_TOS, &count), 0x20);
    CHECK_EQ(count, 2);
    CHECK_EQ(send_with(fds[0], (struct sent){IPPROTO_IP, IP_TOS, &byte, 1, 1}), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IP, IP_TOS, NULL), 0x10);
    CHECK_EQ(send_with(fds[0], (struct sent){IPPROTO_IP, IP_TOS, &byte, 1, 3}), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IP, IP_TOS, NULL), 0x10);
    CHECK_ERR(send_number(fds[0], IPPROTO_IP, IP_TOS, 256), EINVAL);
    /* Of other levels nothing is said; rights are none here. */
    CHECK_EQ(send_number(fds[0], IPPROTO_IPV6, IPV6_HOPLIMIT, 1000), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IP, IP_TTL, NULL), 64);
    CHECK_EQ(send_with(fds[0], (struct sent){SOL_SOCKET, SCM_RIGHTS, &zero, sizeof(zero), 1}), 1);
    CHECK_EQ(came_number(fds[1], SOL_SOCKET, SCM_RIGHTS, NULL), -1);
    /* Where it comes from. */
    close(fds[0]);
    fds[0] = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, protocol));
    CHECK_OK(v4_connect(fds[0], INADDR_LOOPBACK, own_port(fds[1])));
    CHECK_EQ(send_with(fds[0], (struct sent){IPPROTO_IP, IP_PKTINFO, &info, sizeof(info), 1}), 1);
    CHECK_EQ(recvfrom(fds[1], &text, 1, 0, (struct sockaddr *)&from, &nbytes), 1);
    CHECK_EQ(ntohl(from.sin_addr.s_addr), 0x7f000005);
    info.ipi_spec_dst.s_addr = htonl(0x08080808);
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IP, IP_PKTINFO, &info, sizeof(info), 1}),
              ENETUNREACH);
    info.ipi_spec_dst.s_addr = 0;
    info.ipi_ifindex = 12345;
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IP, IP_PKTINFO, &info, sizeof(info), 1}),
              ENODEV);
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IP, IP_PKTINFO, &info, 8, 1}), EINVAL);
    CHECK_ERR(recv(fds[1], &text, 1, MSG_DONTWAIT), EAGAIN);
    close(fds[0]);
    close(fds[1]);
}

static void check_v6(int protocol)
{
    struct in6_pktinfo info = {.ipi6_ifindex = 12345};
    int fds[2];

    pair(true, protocol, fds);
    CHECK_OK(set_number(fds[1], IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    CHECK_OK(set_number(fds[1], IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
    CHECK_EQ(send_number(fds[0], IPPROTO_IPV6, IPV6_HOPLIMIT, 7), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IPV6, IPV6_HOPLIMIT, NULL), 7);
    CHECK_EQ(send_number(fds[0], IPPROTO_IPV6, IPV6_HOPLIMIT, -1), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IPV6, IPV6_HOPLIMIT, NULL), 64);
    CHECK_EQ(send_number(fds[0], IPPROTO_IPV6, IPV6_TCLASS, 9), 1);
    CHECK_EQ(came_number(fds[1], IPPROTO_IPV6, IPV6_TCLASS, NULL), 9);
    CHECK_ERR(send_number(fds[0], IPPROTO_IPV6, IPV6_TCLASS, 256), EINVAL);
    CHECK_ERR(send_number(fds[0], IPPROTO_IPV6, IPV6_HOPLIMIT, -2), EINVAL);
    CHECK_ERR(send_number(fds[0], IPPROTO_IPV6, IPV6_UNICAST_HOPS, 5), EINVAL);
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IPV6, IPV6_PKTINFO, &info, 20, 1}), ENODEV);
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IPV6, IPV6_PKTINFO, &info, 19, 1}), EINVAL);
    info.ipi6_ifindex = 0;
    CHECK_EQ(send_with(fds[0], (struct sent){IPPROTO_IPV6, IPV6_PKTINFO, &info, 20, 1}), 1);
    CHECK_EQ(inet_pton(AF_INET6, "2001:db8::1", &info.ipi6_addr), 1);
    CHECK_ERR(send_with(fds[0], (struct sent){IPPROTO_IPV6, IPV6_PKTINFO, &info, 20, 1}), EINVAL);
    close(fds[0]);
    close(fds[1]);
}

/* A socket of AF_INET6 that speaks to AF_INET says and learns what AF_INET has. */
static void check_both(void)
{
    int from = (int)CHECK_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    int to = (int)CHECK_OK(socket(AF_INET6, SOCK_DGRAM, 0));

    CHECK_OK(v6_name(bind, to, "::ffff:127.0.0.1", 0));
    CHECK_OK(set_number(to, IPPROTO_IP, IP_RECVTTL, 1));
    CHECK_OK(set_number(to, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    CHECK_OK(v6_name(connect, from, "::ffff:127.0.0.1", own_port(to)));
    CHECK_EQ(send_number(from, IPPROTO_IP, IP_TTL, 9), 1);
    CHECK_EQ(came_number(to, IPPROTO_IP, IP_TTL, NULL), 9);
    CHECK_EQ(send_number(from, IPPROTO_IPV6, IPV6_HOPLIMIT, 9), 1);
    CHECK_EQ(came_number(to, IPPROTO_IP, IP_TTL, NULL), 64);
    close(from);
    close(to);
}

/* The time of a datagram, in one of four forms; one at a time. */
static void check_stamps(void)
{
    static const int options[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SO_TIMESTAMP_NEW,
                                  SO_TIMESTAMPNS_NEW};
    int fds[2];

    for (int i = 0; i < 2; i++) {
        if (i)
            CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
        else
            pair(false, 0, fds);
        for (int k = 0; k < 4; k++) {
            struct timespec now;
            int seconds;

            CHECK_OK(set_number(fds[1], SOL_SOCKET, options[k], 1));
            for (int other = 0; other < 4; other++)
                CHECK_EQ(number_option(fds[1], SOL_SOCKET, options[other]),
                         other == k || (k == 3 && other == 2));
            CHECK_EQ(send(fds[0], "x", 1, 0), 1);
            CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
            seconds = came_number(fds[1], SOL_SOCKET, options[k], NULL);
            CHECK(seconds >= (int)now.tv_sec - 1 && seconds <= (int)now.tv_sec + 5);
        }
        CHECK_OK(set_number(fds[1], SOL_SOCKET, SO_TIMESTAMP_OLD, 0));
        CHECK_EQ(send(fds[0], "x", 1, 0), 1);
        CHECK_EQ(came_number(fds[1], SOL_SOCKET, SO_TIMESTAMPNS_NEW, NULL), -1);
        close(fds[0]);
        close(fds[1]);
    }
}

/* Its ports are its own. */
static void check_udplite(void)
{
    int lite = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE));
    int udp = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
    char text;

    CHECK_EQ(number_option(lite, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDPLITE);
    CHECK_OK(v4_bind(lite, INADDR_LOOPBACK, 0));
    CHECK_OK(v4_bind(udp, INADDR_LOOPBACK, own_port(lite)));
    CHECK_OK(v4_connect(udp, INADDR_LOOPBACK, own_port(lite)));
    CHECK_EQ(send(udp, "u", 1, 0), 1);
    CHECK_ERR(recv(lite, &text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(number_option(lite, SOL_UDPLITE, SEND_CSCOV), 0);
    CHECK_OK(set_number(lite, SOL_UDPLITE, SEND_CSCOV, 20));
    CHECK_EQ(number_option(lite, SOL_UDPLITE, SEND_CSCOV), 20);
    CHECK_OK(set_number(lite, SOL_UDPLITE, RECV_CSCOV, 1));
    CHECK_EQ(number_option(lite, SOL_UDPLITE, RECV_CSCOV), 8);
    CHECK_OK(set_number(lite, SOL_UDPLITE, SEND_CSCOV, 100000));
    CHECK_EQ(number_option(lite, SOL_UDPLITE, SEND_CSCOV), 65535);
    CHECK_ERR(set_number(udp, SOL_UDPLITE, SEND_CSCOV, 20), ENOPROTOOPT);
    CHECK_ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDPLITE), EPROTONOSUPPORT);
    close(lite);
    close(udp);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        check_v4(i ? IPPROTO_UDPLITE : 0);
        check_v6(i ? IPPROTO_UDPLITE : 0);
    }
    check_both();
    check_stamps();
    check_udplite();
    return 0;
}
