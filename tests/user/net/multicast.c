/* SPDX-License-Identifier: MIT */
/* Memberships of multicast groups on the loopback: joined once, left once, refused for what is no
 * group, no interface, a stream; by which interface one sends; what a listener's children have. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>

#include "tests/user/lib/inet.h"

static int membership(int fd, int option, uint32_t group, uint32_t address, int interface,
                      socklen_t nbytes)
{
    struct ip_mreqn request = {{htonl(group)}, {htonl(address)}, interface};

    return setsockopt(fd, IPPROTO_IP, option, &request, nbytes);
}

static void check_v4(void)
{
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
    const socklen_t shorter = sizeof(struct ip_mreq), longer = sizeof(struct ip_mreqn);
    const uint32_t group = 0xe0010203, own = INADDR_LOOPBACK;
    struct in_addr address = {htonl(own)};
    socklen_t nbytes = sizeof(address);

    CHECK_OK(membership(fd, IP_ADD_MEMBERSHIP, group, own, 0, shorter));
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, group, own, 0, shorter), EADDRINUSE);
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, group, 0, 1, longer), EADDRINUSE);
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, group + 1, 0, 99999, longer), ENODEV);
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, group + 1, 0x08080808, 0, shorter), ENODEV);
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, own, own, 0, shorter), EINVAL);
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, group, own, 0, 4), EINVAL);
    CHECK_OK(membership(fd, IP_ADD_MEMBERSHIP, group + 1, 0, 1, longer));
    CHECK_OK(membership(fd, IP_DROP_MEMBERSHIP, group, own, 0, shorter));
    CHECK_ERR(membership(fd, IP_DROP_MEMBERSHIP, group, own, 0, shorter), EADDRNOTAVAIL);
    for (uint32_t i = 0; i < 19; i++)
        CHECK_OK(membership(fd, IP_ADD_MEMBERSHIP, group + 10 + i, own, 0, shorter));
    CHECK_ERR(membership(fd, IP_ADD_MEMBERSHIP, group, own, 0, shorter), ENOBUFS);
    CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof(address)));
    address.s_addr = 0;
    CHECK_OK(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, &nbytes));
    CHECK_EQ(ntohl(address.s_addr), own);
    address.s_addr = htonl(0x08080808);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, 4), EADDRNOTAVAIL);
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, 3), EINVAL);
    address.s_addr = 0;
    CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, 4));
    CHECK_EQ(number_option(fd, IPPROTO_IP, IP_MULTICAST_ALL), 1);
    close(fd);
}

static void check_v6(void)
{
    int fd = (int)CHECK_OK(socket(AF_INET6, SOCK_DGRAM, 0));
    struct ipv6_mreq request = {.ipv6mr_interface = 1};

    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)), EINVAL);
    CHECK_EQ(inet_pton(AF_INET6, "ff02::1234", &request.ipv6mr_multiaddr), 1);
    CHECK_OK(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)));
    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)), EADDRINUSE);
    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, 19), EINVAL);
    CHECK_OK(setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &request, sizeof(request)));
    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &request, sizeof(request)),
              EADDRNOTAVAIL);
    request.ipv6mr_interface = 99999;
    CHECK_ERR(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request)), ENODEV);
    CHECK_OK(set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1));
    CHECK_EQ(number_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF), 1);
    CHECK_ERR(set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 99999), ENODEV);
    close(fd);
}

/* A listener may join by the option of both families; what is accepted has joined nothing. */
static void check_stream(void)
{
    int listener = tcp_listener(2), caller = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0)), fd;
    struct group_req request = {.gr_interface = 1};
    struct sockaddr_in name = v4_address(0xe0000000, 0);

    memcpy(&request.gr_group, &name, sizeof(name));
    CHECK_ERR(membership(listener, IP_ADD_MEMBERSHIP, 0xe0000000, INADDR_LOOPBACK, 0,
                         sizeof(struct ip_mreq)),
              EPROTO);
    CHECK_OK(setsockopt(listener, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request)));
    CHECK_ERR(setsockopt(listener, IPPROTO_IP, MCAST_JOIN_GROUP, &request, 100), EINVAL);
    CHECK_OK(v4_connect(caller, INADDR_LOOPBACK, own_port(listener)));
    fd = (int)CHECK_OK(accept(listener, NULL, NULL));
    CHECK_ERR(setsockopt(fd, IPPROTO_IP, MCAST_LEAVE_GROUP, &request, sizeof(request)),
              EADDRNOTAVAIL);
    CHECK_OK(setsockopt(listener, IPPROTO_IP, MCAST_LEAVE_GROUP, &request, sizeof(request)));
    close(fd);
    close(caller);
    close(listener);
}

int main(void)
{
    check_v4();
    check_v6();
    check_stream();
    return 0;
}
