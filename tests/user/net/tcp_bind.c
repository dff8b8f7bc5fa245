/* SPDX-License-Identifier: MIT */
/* Kinds of sockets, addresses, ports: what may be bound, who may share it, what is connected to. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include "tests/user/lib/inet.h"

#define ANY      INADDR_ANY
#define LOOPBACK INADDR_LOOPBACK

static int stream(int domain)
{
    return (int)CHECK_OK(socket(domain, SOCK_STREAM, 0));
}

static void check_kinds(void)
{
    int fds[2];

    CHECK_ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    CHECK_ERR(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
    CHECK_ERR(socket(AF_INET, SOCK_STREAM, 99), EPROTONOSUPPORT);
    CHECK_ERR(socket(AF_INET, SOCK_STREAM, 300), EINVAL);
    CHECK_ERR(socket(AF_INET, SOCK_STREAM, -1), EINVAL);
    CHECK_ERR(socket(AF_INET, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_INET6, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_INET, SOCK_RAW, 0), EPROTONOSUPPORT);
    CHECK_ERR(socketpair(AF_INET, SOCK_STREAM, 0, fds), EOPNOTSUPP);
    fds[0] = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    CHECK_EQ(number_option(fds[0], SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    CHECK_EQ(number_option(fds[0], SOL_SOCKET, SO_DOMAIN), AF_INET);
    CHECK_EQ(number_option(fds[0], SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    close(fds[0]);
}

static void check_addresses(void)
{
    struct sockaddr_in name = v4_address(LOOPBACK, 0);
    struct sockaddr_in6 long_name;
    socklen_t nbytes = sizeof(long_name);
    int fd = stream(AF_INET);

    CHECK_ERR(bind(fd, (struct sockaddr *)&name, 8), EINVAL);
    name.sin_family = AF_INET6;
    CHECK_ERR(bind(fd, (struct sockaddr *)&name, sizeof(name)), EAFNOSUPPORT);
    name.sin_family = AF_UNSPEC;
    CHECK_ERR(bind(fd, (struct sockaddr *)&name, sizeof(name)), EAFNOSUPPORT);
    CHECK_ERR(v4_bind(fd, 0x08080808, 0), EADDRNOTAVAIL);
    CHECK_ERR(bind(fd, (struct sockaddr *)16, sizeof(name)), EFAULT);
    CHECK_OK(getsockname(fd, (struct sockaddr *)&long_name, &nbytes));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK_EQ(long_name.sin6_port, 0);
    CHECK_ERR(getpeername(fd, (struct sockaddr *)&long_name, &nbytes), ENOTCONN);
    name = v4_address(ANY, 0);
    name.sin_family = AF_UNSPEC;
    CHECK_OK(bind(fd, (struct sockaddr *)&name, sizeof(name)));
    CHECK(own_port(fd) >= 1024);
    CHECK_ERR(v4_bind(fd, ANY, 0), EINVAL);
    CHECK_ERR(v4_connect(fd, 0xe0000001, 80), ENETUNREACH);
    close(fd);

    fd = stream(AF_INET);
    CHECK_OK(v4_bind(fd, 0x7f010203, 0));
    nbytes = sizeof(name);
    CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(ntohl(name.sin_addr.s_addr), 0x7f010203);
    close(fd);
}

/* Without IPv6 in the kernel there is nothing to see. */
static void check_v6(void)
{
    struct sockaddr_in6 name;
    socklen_t nbytes = sizeof(name);
    int fd = socket(AF_INET6, SOCK_STREAM, 0), other, port;

    if (fd < 0 || v6_name(bind, fd, "::1", 0) < 0)
        return;
    CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK_EQ(name.sin6_addr.s6_addr[15], 1);
    CHECK_ERR(set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), EINVAL);
    close(fd);

    fd = stream(AF_INET6);
    CHECK_ERR(bind(fd, (struct sockaddr *)&name, 20), EINVAL);
    CHECK_ERR(v4_bind(fd, LOOPBACK, 0), EINVAL);
    CHECK_ERR(v6_name(bind, fd, "fd00:1234::77", 0), EADDRNOTAVAIL);
    CHECK_EQ(number_option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    CHECK_OK(set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    CHECK_EQ(number_option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    CHECK_ERR(v6_name(bind, fd, "::ffff:127.0.0.1", 0), EINVAL);
    CHECK_OK(v6_name(bind, fd, "::", 0));
    port = own_port(fd);
    /* The other family's port is free, and stays so with its own listener. */
    other = stream(AF_INET);
    CHECK_OK(v4_bind(other, ANY, port));
    CHECK_OK(listen(fd, 1));
    CHECK_OK(listen(other, 1));
    close(fd);
    close(other);

    /* One for both families. */
    fd = stream(AF_INET6);
    CHECK_OK(v6_name(bind, fd, "::", 0));
    CHECK_OK(listen(fd, 4));
    port = own_port(fd);
    other = stream(AF_INET);
    CHECK_ERR(v4_bind(other, ANY, port), EADDRINUSE);
    CHECK_ERR(v4_bind(other, LOOPBACK, port), EADDRINUSE);
    CHECK_OK(v4_connect(other, LOOPBACK, port));
    close(other);
    nbytes = sizeof(name);
    other = (int)CHECK_OK(accept(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK(IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
    CHECK_EQ(name.sin6_addr.s6_addr[15], 1);
    close(other);
    other = stream(AF_INET6);
    CHECK_OK(v6_name(connect, other, "::", port));
    nbytes = sizeof(name);
    CHECK_OK(getpeername(other, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(name.sin6_addr.s6_addr[15], 1);
    CHECK_EQ(name.sin6_addr.s6_addr[10], 0);
    close(other);
    other = stream(AF_INET6);
    CHECK_OK(v6_name(connect, other, "::ffff:127.0.0.9", port));
    nbytes = sizeof(name);
    CHECK_OK(getsockname(other, (struct sockaddr *)&name, &nbytes));
    CHECK(IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
    close(other);
    close(fd);
}

/* Two sockets at one port, with those options set on both: whether the second one can have it. */
static int second_bind(int option, uint32_t first, uint32_t second, int listens)
{
    int one = stream(AF_INET), other = stream(AF_INET), result;

    if (option) {
        CHECK_OK(set_number(one, SOL_SOCKET, option, 1));
        CHECK_OK(set_number(other, SOL_SOCKET, option, 1));
    }
    CHECK_OK(v4_bind(one, first, 0));
    if (listens)
        CHECK_OK(listen(one, 1));
    result = v4_bind(other, second, own_port(one)) ? errno : 0;
    if (!result && listen(other, 1))
        result = -errno;
    if (!result && !listens && option == SO_REUSEADDR)
        CHECK_ERR(listen(one, 1), EADDRINUSE);
    close(one);
    close(other);
    return result;
}

static void check_sharing(void)
{
    CHECK_EQ(second_bind(0, LOOPBACK, LOOPBACK, 0), EADDRINUSE);
    CHECK_EQ(second_bind(0, ANY, LOOPBACK, 1), EADDRINUSE);
    CHECK_EQ(second_bind(0, LOOPBACK, ANY, 1), EADDRINUSE);
    CHECK_EQ(second_bind(0, LOOPBACK, LOOPBACK + 1, 1), 0);
    CHECK_EQ(second_bind(SO_REUSEADDR, LOOPBACK, LOOPBACK, 0), 0);
    CHECK_EQ(second_bind(SO_REUSEADDR, LOOPBACK, ANY, 1), EADDRINUSE);
    CHECK_EQ(second_bind(SO_REUSEPORT, LOOPBACK, LOOPBACK, 1), 0);
}

/* A connection that the listener's side has ended first keeps the port from others for a while. */
static void check_time_wait(void)
{
    int listener = tcp_listener(1), port = own_port(listener), caller, accepted, again;
    char byte;

    caller = stream(AF_INET);
    CHECK_OK(v4_connect(caller, LOOPBACK, port));
    accepted = (int)CHECK_OK(accept(listener, NULL, NULL));
    close(listener);
    again = stream(AF_INET);
    CHECK_ERR(v4_bind(again, LOOPBACK, port), EADDRINUSE);
    close(accepted);
    CHECK_EQ(read(caller, &byte, 1), 0);
    close(caller);
    CHECK_ERR(v4_bind(again, LOOPBACK, port), EADDRINUSE);
    CHECK_OK(v4_bind(again, LOOPBACK + 1, port));
    close(again);
}

static void check_listen(void)
{
    int fd = stream(AF_INET), datagram = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

    CHECK_ERR(accept(fd, NULL, NULL), EINVAL);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK_OK(listen(fd, 1)); /* a port is found */
    CHECK(own_port(fd) > 0);
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    CHECK_OK(listen(fd, 5));
    CHECK_EQ(events_now(fd), 0);
    CHECK_ERR(v4_connect(fd, LOOPBACK, own_port(fd)), EISCONN);
    CHECK_ERR(read(fd, &datagram, 0) < 0 ? -1 : read(fd, &datagram, 1), ENOTCONN);
    CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_OK(shutdown(fd, SHUT_RD));
    CHECK_ERR(accept(fd, NULL, NULL), EINVAL);
    CHECK_OK(listen(fd, 1));
    CHECK_ERR(listen(datagram, 1), EOPNOTSUPP);
    CHECK_ERR(accept(datagram, NULL, NULL), EOPNOTSUPP);
    close(datagram);
    close(fd);
}

/* A connection to an address of AF_INET turns its socket into one of that family. */
static void check_form(void)
{
    int listener = stream(AF_INET6), caller = stream(AF_INET), fd, other;
    struct sockaddr_in name;
    socklen_t nbytes = sizeof(name);

    CHECK_ERR(set_number(listener, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET), ENOTCONN);
    CHECK_OK(v6_name(bind, listener, "::", 0));
    CHECK_OK(listen(listener, 2));
    CHECK_OK(v4_connect(caller, INADDR_LOOPBACK, own_port(listener)));
    fd = (int)CHECK_OK(accept(listener, NULL, NULL));
    CHECK_ERR(set_number(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET6), EINVAL);
    CHECK_OK(set_number(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET));
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    CHECK_OK(getpeername(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK_EQ(name.sin_family, AF_INET);
    CHECK_EQ(ntohl(name.sin_addr.s_addr), INADDR_LOOPBACK);
    CHECK_EQ(ntohs(name.sin_port), own_port(caller));
    CHECK_ERR(set_number(fd, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET), ENOPROTOOPT);
    /* It is one of AF_INET when it is used anew. */
    name.sin_family = AF_UNSPEC;
    CHECK_OK(connect(fd, (struct sockaddr *)&name, sizeof(name)));
    CHECK_OK(v4_bind(fd, INADDR_ANY, 0));
    CHECK_OK(listen(fd, 1));
    other = stream(AF_INET);
    CHECK_OK(v4_connect(other, INADDR_LOOPBACK, own_port(fd)));
    close(accept(fd, NULL, NULL));
    close(other);
    close(caller);
    close(fd);
    caller = stream(AF_INET6);
    CHECK_OK(v6_name(connect, caller, "::1", own_port(listener)));
    CHECK_ERR(set_number(caller, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET), EADDRNOTAVAIL);
    close(caller);
    close(listener);
}

static void check_options(void)
{
    static const struct {
        int option, initial, good, bad;
    } rows[] = {
        {TCP_NODELAY, 0, 1, 0},       {TCP_CORK, 0, 1, 0},
        {TCP_KEEPIDLE, 7200, 100, 0}, {TCP_KEEPINTVL, 75, 32767, 32768},
        {TCP_KEEPCNT, 9, 127, 128},   {TCP_USER_TIMEOUT, 0, 1000, -1},
        {TCP_SYNCNT, 6, 5, 200},      {TCP_MAXSEG, 536, 1000, 5},
    };
    int fd = stream(AF_INET), datagram = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
    struct tcp_info info;
    socklen_t nbytes = sizeof(info);

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_EQ(number_option(fd, IPPROTO_TCP, rows[i].option), rows[i].initial);
        CHECK_OK(set_number(fd, IPPROTO_TCP, rows[i].option, rows[i].good));
        CHECK_EQ(number_option(fd, IPPROTO_TCP, rows[i].option), rows[i].good);
        if (rows[i].bad != 0 || rows[i].initial == 7200)
            CHECK_ERR(set_number(fd, IPPROTO_TCP, rows[i].option, rows[i].bad), EINVAL);
    }
    CHECK_OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &nbytes));
    CHECK_EQ(info.tcpi_state, TCP_CLOSE);
    CHECK_EQ(number_option(fd, IPPROTO_IP, IP_TTL), 64);
    CHECK_ERR(set_number(fd, IPPROTO_IP, IP_TTL, 256), EINVAL);
    CHECK_ERR(set_number(fd, IPPROTO_IP, IP_TTL, 0), EINVAL);
    CHECK_OK(set_number(fd, IPPROTO_IP, IP_TTL, 33));
    CHECK_EQ(number_option(fd, IPPROTO_IP, IP_TTL), 33);
    CHECK_OK(set_number(fd, IPPROTO_IP, IP_TTL, -1));
    CHECK_EQ(number_option(fd, IPPROTO_IP, IP_TTL), 64);
    CHECK_ERR(set_number(fd, IPPROTO_TCP, 999, 1), ENOPROTOOPT);
    CHECK_ERR(set_number(fd, 77, 1, 1), ENOPROTOOPT);
    CHECK_ERR(getsockopt(fd, 77, 1, &info, &nbytes), EOPNOTSUPP);
    CHECK_ERR(getsockopt(fd, IPPROTO_UDP, 1, &info, &nbytes), EOPNOTSUPP);
    CHECK_ERR(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &info, &nbytes), EOPNOTSUPP);
    CHECK_ERR(getsockopt(datagram, IPPROTO_TCP, TCP_NODELAY, &info, &nbytes), EOPNOTSUPP);
    CHECK_ERR(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &info, 2), EINVAL);
    CHECK_ERR(set_number(datagram, IPPROTO_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
    CHECK_OK(set_number(fd, SOL_SOCKET, SO_RCVBUF, 20000));
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_RCVBUF), 40000);
    CHECK_OK(set_number(fd, SOL_SOCKET, SO_SNDBUF, 20000));
    CHECK_EQ(number_option(fd, SOL_SOCKET, SO_SNDBUF), 40000);
    close(fd);
    close(datagram);
}

int main(void)
{
    check_kinds();
    check_addresses();
    check_v6();
    check_sharing();
    check_time_wait();
    check_listen();
    check_form();
    check_options();
    return 0;
}
