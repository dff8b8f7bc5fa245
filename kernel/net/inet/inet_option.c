/* SPDX-License-Identifier: MIT */
/*
 * Options of IPPROTO_IP, IPPROTO_IPV6 and IPPROTO_TCP: ip(7), ipv6(7), tcp(7).
 *
 * Most of them have a meaning only on a wire. They are numbers that are checked as Linux checks
 * them, kept and shown; a row of the table says between which values. What a value of -1 stands
 * for is the initial one. Options that the table has not are ENOPROTOOPT.
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/net/interface.h"
#include "shared/linux/errno.h"

#define UDPLITE_SEND_CSCOV 10 /* bytes that a checksum is to cover; 0: all */
#define UDPLITE_RECV_CSCOV 11
#define MSS_IDLE           536
#define MSS_JOINED         32768
#define MTU                65536   /* of lo */
#define CONGESTION         "cubic" /* the name alone: nothing can be congested */

struct option_row {
    int32_t least, most, initial;
    uint8_t level, number;
    bool default_is_minus_one;
};

#define NUMBER(level, name, least, most, initial)                                                  \
    {                                                                                              \
        least, most, initial, level, name, false                                                   \
    }
#define OR_DEFAULT(level, name, least, most, initial)                                              \
    {                                                                                              \
        least, most, initial, level, name, true                                                    \
    }
#define TRUTH(level, name, initial) NUMBER(level, name, 0, 1, initial)

/* Truth values are those from 0 to 1: any other number is true. */
static const struct option_row rows[] = {
    [INET_TOS] = NUMBER(LX_IPPROTO_IP, LX_IP_TOS, 0, 255, 0),
    [INET_TTL] = OR_DEFAULT(LX_IPPROTO_IP, LX_IP_TTL, 1, 255, 64),
    [INET_PKTINFO] = TRUTH(LX_IPPROTO_IP, LX_IP_PKTINFO, 0),
    [INET_RECVTTL] = TRUTH(LX_IPPROTO_IP, LX_IP_RECVTTL, 0),
    [INET_RECVTOS] = TRUTH(LX_IPPROTO_IP, LX_IP_RECVTOS, 0),
    [INET_HOPS6] = OR_DEFAULT(LX_IPPROTO_IPV6, LX_IPV6_UNICAST_HOPS, 0, 255, 64),
    [INET_TCLASS6] = OR_DEFAULT(LX_IPPROTO_IPV6, LX_IPV6_TCLASS, 0, 255, 0),
    [INET_PKTINFO6] = TRUTH(LX_IPPROTO_IPV6, LX_IPV6_RECVPKTINFO, 0),
    [INET_RECVHOPS6] = TRUTH(LX_IPPROTO_IPV6, LX_IPV6_RECVHOPLIMIT, 0),
    [INET_RECVTCLASS6] = TRUTH(LX_IPPROTO_IPV6, LX_IPV6_RECVTCLASS, 0),
    NUMBER(LX_IPPROTO_IP, LX_IP_MTU_DISCOVER, 0, 5, 1),
    TRUTH(LX_IPPROTO_IP, LX_IP_RECVERR, 0),
    TRUTH(LX_IPPROTO_IP, LX_IP_FREEBIND, 0),
    NUMBER(LX_IPPROTO_IP, LX_IP_MINTTL, 0, 255, 0),
    TRUTH(LX_IPPROTO_IP, LX_IP_BIND_ADDRESS_NO_PORT, 0),
    OR_DEFAULT(LX_IPPROTO_IP, LX_IP_MULTICAST_TTL, 0, 255, 1),
    TRUTH(LX_IPPROTO_IP, LX_IP_MULTICAST_LOOP, 1),
    NUMBER(LX_IPPROTO_IP, LX_IP_MULTICAST_IF, INT32_MIN, INT32_MAX, 0), /* an address */
    TRUTH(LX_IPPROTO_IP, LX_IP_MULTICAST_ALL, 1),
    TRUTH(LX_IPPROTO_IPV6, LX_IPV6_MULTICAST_ALL, 1),
    NUMBER(LX_IPPROTO_IPV6, LX_IPV6_MULTICAST_IF, 0, INTERFACE_INDEX, 0),
    OR_DEFAULT(LX_IPPROTO_IPV6, LX_IPV6_MULTICAST_HOPS, 0, 255, 1),
    TRUTH(LX_IPPROTO_IPV6, LX_IPV6_MULTICAST_LOOP, 1),
    NUMBER(LX_IPPROTO_IPV6, LX_IPV6_MTU_DISCOVER, 0, 5, 1),
    TRUTH(LX_IPPROTO_IPV6, LX_IPV6_RECVERR, 0),
    NUMBER(LX_IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, 0, UINT16_MAX, 0),
    NUMBER(LX_IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV, 0, UINT16_MAX, 0),
    TRUTH(LX_IPPROTO_TCP, LX_TCP_NODELAY, 0),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_MAXSEG, 88, 32767, 0),
    TRUTH(LX_IPPROTO_TCP, LX_TCP_CORK, 0),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_KEEPIDLE, 1, 32767, 7200),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_KEEPINTVL, 1, 32767, 75),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_KEEPCNT, 1, 127, 9),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_SYNCNT, 1, 127, 6),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_LINGER2, INT32_MIN, INT32_MAX, 60),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_DEFER_ACCEPT, INT32_MIN, INT32_MAX, 0),
    TRUTH(LX_IPPROTO_TCP, LX_TCP_QUICKACK, 1),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_USER_TIMEOUT, 0, INT32_MAX, 0),
    NUMBER(LX_IPPROTO_TCP, LX_TCP_NOTSENT_LOWAT, INT32_MIN, INT32_MAX, 0),
};

_Static_assert(ARRAY_SIZE(rows) <= INET_OPTIONS, "a value a row");

void inet_options_init(struct inet_socket *sock)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        sock->options[i] = rows[i].initial;
}

/* Those of TCP are a stream's alone, those of IPv6 only AF_INET6 has. */
static COLD bool has_level(const struct inet_socket *sock, int level)
{
    if (level == LX_IPPROTO_TCP)
        return inet_is_stream(sock);
    if (level == LX_IPPROTO_UDPLITE)
        return sock->base.protocol == level;
    return level == LX_IPPROTO_IP || (level == LX_IPPROTO_IPV6 && sock->base.domain == LX_AF_INET6);
}

#define NO_ROW ARRAY_SIZE(rows)

/* The row's index, or NO_ROW. */
static COLD unsigned find_row(const struct inet_socket *sock, int level, int option)
{
    if (!has_level(sock, level))
        return NO_ROW;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].level == level && rows[i].number == option)
            return i;
    return NO_ROW;
}

/* Of IPPROTO_IP one byte is enough: ip(7). */
static COLD int read_number(int level, struct uptr value, unsigned nbytes, int *number)
{
    uint8_t byte = 0;
    int err;

    if (nbytes >= sizeof(*number))
        return vm_user_read(number, value, sizeof(*number));
    if (level != LX_IPPROTO_IP)
        return -EINVAL;
    err = nbytes ? vm_user_read(&byte, value, sizeof(byte)) : 0;
    *number = byte;
    return err;
}

/* Which ports a socket shares with AF_INET is decided when it is bound. */
static COLD int set_v6only(struct inet_socket *sock, int number)
{
    int err = 0;

    mutex_lock(&sock->lock);
    if (sock->bind)
        err = -EINVAL;
    else
        sock->v6only = number != 0;
    mutex_unlock(&sock->lock);
    return err;
}

/* A connection to an address of AF_INET turns the socket into one of that family, for good:
 * ipv6(7). Its ends have that family's form already. */
static COLD int become_v4(struct inet_socket *sock, int number)
{
    int err = 0;

    if (number != LX_AF_INET)
        return -EINVAL;
    mutex_lock(&sock->lock);
    if (sock->state != LX_TCP_ESTABLISHED)
        err = -ENOTCONN;
    else if (sock->v6only || !inet_ip_is_v4(&sock->remote.ip))
        err = -EADDRNOTAVAIL;
    else
        sock->base.domain = LX_AF_INET;
    mutex_unlock(&sock->lock);
    return err;
}

/* Only one algorithm can be had, under its name. */
static COLD int set_congestion(struct uptr value, unsigned nbytes)
{
    char name[16] = {0};
    int err;

    if (nbytes < 1)
        return -EINVAL;
    err = vm_user_read(name, value, MIN(nbytes, (unsigned)sizeof(name) - 1));
    if (err)
        return err;
    return strcmp(name, CONGESTION) == 0 ? 0 : -ENOENT;
}

/* An address alone, or one behind a group, and the number of the interface behind both. */
static COLD int multicast_address(const struct inet_socket *sock, struct uptr value,
                                  unsigned nbytes, int *out_address)
{
    uint32_t words[3] = {0, 0, 0}, address;
    struct inet_ip ip;
    int err;

    if (nbytes < sizeof(address) || inet_is_stream(sock))
        return -EINVAL;
    err = vm_user_read(words, value, MIN(nbytes, sizeof(words)));
    address = words[nbytes >= sizeof(words) - sizeof(address)];
    ip = inet_ip_v4(address);
    if (!err && (nbytes >= sizeof(words) && words[2] ? words[2] != INTERFACE_INDEX
                                                     : address && !inet_ip_is_local(&ip)))
        err = -EADDRNOTAVAIL;
    *out_address = (int)address;
    return err;
}

/* The value is read before the option is known, as on Linux: a bad address is EFAULT. */
COLD int inet_set_option(struct socket *socket, int level, int option, struct uptr value,
                         unsigned nbytes)
{
    struct inet_socket *sock = inet_of(socket);
    unsigned row;
    int number, err;

    if (!has_level(sock, level))
        return -ENOPROTOOPT;
    if (level == LX_IPPROTO_TCP && option == LX_TCP_CONGESTION)
        return set_congestion(value, nbytes);
    err = read_number(level, value, nbytes, &number);
    if (err)
        return err;
    if (level == LX_IPPROTO_IPV6 && option == LX_IPV6_V6ONLY)
        return set_v6only(sock, number);
    if (level == LX_IPPROTO_IPV6 && option == LX_IPV6_ADDRFORM)
        return become_v4(sock, number);
    if (level == LX_IPPROTO_IP || level == LX_IPPROTO_IPV6) {
        err = inet_set_membership(sock, level, option, value, nbytes);
        if (err <= 0)
            return err;
    }
    if (level == LX_IPPROTO_IP && option == LX_IP_MULTICAST_IF) {
        err = multicast_address(sock, value, nbytes, &number);
        if (err)
            return err;
    }
    row = find_row(sock, level, option);
    if (row == NO_ROW)
        return -ENOPROTOOPT;
    if (level == LX_IPPROTO_IPV6 && option == LX_IPV6_MULTICAST_IF && number & ~INTERFACE_INDEX)
        return -ENODEV;
    if (rows[row].least == 0 && rows[row].most == 1)
        number = number != 0;
    else if (rows[row].default_is_minus_one && number == -1)
        number = rows[row].initial;
    else if (level == LX_IPPROTO_IP && option == LX_IP_TOS)
        number &= 0xff;
    else if (level == LX_IPPROTO_UDPLITE && number) /* the header at least, all at most */
        number = MIN(MAX(number, 8), (int)UINT16_MAX);
    if (number < rows[row].least || number > rows[row].most)
        return -EINVAL;
    __atomic_store_n(&sock->options[row], number, __ATOMIC_RELAXED);
    return 0;
}

/* --- reading them --- */

/* As much of it as there is room for. */
static COLD int option_put(struct uptr to, unsigned *nbytes, const void *value, size_t size)
{
    *nbytes = MIN(*nbytes, (unsigned)size);
    return vm_user_write(to, value, *nbytes);
}

/* A small number fits into a byte, if that is all the room there is: ip(7). */
static COLD int option_put_number(int level, struct uptr to, unsigned *nbytes, int number)
{
    uint8_t byte = (uint8_t)number;

    if (level == LX_IPPROTO_IP && *nbytes > 0 && *nbytes < sizeof(number) && number == byte)
        return option_put(to, nbytes, &byte, sizeof(byte));
    return option_put(to, nbytes, &number, sizeof(number));
}

/* Connected, or on its way to the end of that. */
static COLD bool is_joined(const struct inet_socket *sock)
{
    uint32_t state = inet_peek(&sock->state);

    return state != LX_TCP_CLOSE && state != LX_TCP_LISTEN && state != LX_TCP_SYN_SENT;
}

/* There is no wire to measure: all but the state and the sizes is zero. */
static COLD int option_put_tcp_info(struct inet_socket *sock, struct uptr to, unsigned *nbytes)
{
    struct lx_tcp_info info = {
        .state = (uint8_t)inet_peek(&sock->state),
        .retransmit_timeout = 1000000,
        .send_mss = is_joined(sock) ? MSS_JOINED : MSS_IDLE,
        .receive_mss = MSS_IDLE,
    };

    return option_put(to, nbytes, &info, sizeof(info));
}

/* TCP_MAXSEG of a connection is what the loopback carries at once, whatever was set. */
COLD int inet_get_option(struct socket *socket, int level, int option, struct uptr value,
                         unsigned *nbytes)
{
    struct inet_socket *sock = inet_of(socket);
    unsigned row = find_row(sock, level, option);
    int number;

    if (!has_level(sock, level)) /* each family has its own word for it */
        return sock->base.domain == LX_AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT;
    if (level == LX_IPPROTO_TCP && option == LX_TCP_CONGESTION)
        return option_put(value, nbytes, (const char[16]){CONGESTION}, 16);
    if (level == LX_IPPROTO_TCP && option == LX_TCP_INFO)
        return option_put_tcp_info(sock, value, nbytes);
    if (level == LX_IPPROTO_IPV6 && option == LX_IPV6_V6ONLY)
        return option_put_number(level, value, nbytes, sock->v6only);
    if ((level == LX_IPPROTO_IP && option == LX_IP_MTU) ||
        (level == LX_IPPROTO_IPV6 && option == LX_IPV6_MTU))
        return is_joined(sock) ? option_put_number(level, value, nbytes, MTU) : -ENOTCONN;
    if (row == NO_ROW)
        return -ENOPROTOOPT;
    number = __atomic_load_n(&sock->options[row], __ATOMIC_RELAXED);
    if (level == LX_IPPROTO_TCP && option == LX_TCP_MAXSEG && (is_joined(sock) || !number))
        number = is_joined(sock) ? MSS_JOINED : MSS_IDLE;
    return option_put_number(level, value, nbytes, number);
}
