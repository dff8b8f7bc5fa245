/* SPDX-License-Identifier: MIT */
/*
 * Addresses of AF_INET and AF_INET6: from programs, to programs, and which of them there are.
 *
 * The loopback is the only interface: 127.0.0.0/8 and ::1 are addresses of this machine, and no
 * other can be bound or reached. Inside, every address has the form of AF_INET6, that of AF_INET
 * being ::ffff:a.b.c.d, so that one comparison serves both and a socket of AF_INET6 speaks to both.
 */
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet_internal.h"
#include "shared/linux/errno.h"

/* As little-endian words: the last eight bytes on the wire. */
#define MAPPED_LOW    0xffff0000u                        /* before the four bytes of AF_INET */
#define LOOPBACK_LOW6 (1ULL << 56)                       /* ::1 */
#define LOOPBACK_V4   (MAPPED_LOW | 0x0100007fULL << 32) /* 127.0.0.1 */
#define BROADCAST_V4  0xffffff7fu                        /* 127.255.255.255 */

bool inet_ip_is_v4(const struct inet_ip *ip)
{
    return ip->high == 0 && (uint32_t)ip->low == MAPPED_LOW;
}

bool inet_ip_is_any(const struct inet_ip *ip)
{
    return ip->high == 0 && (ip->low == 0 || ip->low == MAPPED_LOW);
}

bool inet_ip_equal(const struct inet_ip *one, const struct inet_ip *other)
{
    return one->low == other->low && one->high == other->high;
}

bool inet_ip_is_local(const struct inet_ip *ip)
{
    uint32_t v4 = (uint32_t)(ip->low >> 32);

    if (inet_ip_is_v4(ip))
        return (v4 & 0xff) == 127 && v4 != BROADCAST_V4;
    return ip->high == 0 && ip->low == LOOPBACK_LOW6;
}

struct inet_ip inet_ip_any(int domain)
{
    return (struct inet_ip){0, domain == LX_AF_INET ? MAPPED_LOW : 0};
}

struct inet_ip inet_ip_loopback(bool v4)
{
    return (struct inet_ip){0, v4 ? LOOPBACK_V4 : LOOPBACK_LOW6};
}

struct inet_ip inet_ip_v4(uint32_t address)
{
    return (struct inet_ip){0, MAPPED_LOW | (uint64_t)address << 32};
}

static struct inet_end end_of(const struct socket_address *address, bool v4)
{
    struct lx_sockaddr_in in;
    struct lx_sockaddr_in6 in6;

    if (v4) {
        memcpy(&in, address->bytes, sizeof(in));
        return (struct inet_end){inet_ip_v4(in.address), __builtin_bswap16(in.port)};
    }
    memcpy(&in6, address->bytes, sizeof(in6));
    return (struct inet_end){{in6.address[0], in6.address[1]}, __builtin_bswap16(in6.port)};
}

COLD int inet_address_to_bind(const struct inet_socket *sock, const struct socket_address *address,
                              struct inet_end *out_end)
{
    bool v6 = sock->base.domain == LX_AF_INET6;

    if (address->nbytes < (v6 ? LX_SOCKADDR_IN6_MIN : sizeof(struct lx_sockaddr_in)))
        return -EINVAL;
    *out_end = end_of(address, !v6);
    /* Old programs leave the family out, for the unspecified address. */
    if (address->family != sock->base.domain &&
        (v6 || address->family != LX_AF_UNSPEC || !inet_ip_is_any(&out_end->ip)))
        return -EAFNOSUPPORT;
    if (v6 && sock->v6only && inet_ip_is_v4(&out_end->ip))
        return -EINVAL;
    if (!inet_ip_is_any(&out_end->ip) && !inet_ip_is_local(&out_end->ip))
        return -EADDRNOTAVAIL;
    return 0;
}

/* Datagrams of a socket of AF_INET6 may have an address of AF_INET. */
int inet_address_to_reach(const struct inet_socket *sock, const struct socket_address *address,
                          struct inet_end *out_end)
{
    bool v6 = sock->base.domain == LX_AF_INET6;
    bool v4_address = address->family == LX_AF_INET && (!v6 || !inet_is_stream(sock));

    if (address->nbytes < sizeof(struct lx_sockaddr_in) ||
        (v6 && !v4_address && address->nbytes < LX_SOCKADDR_IN6_MIN))
        return -EINVAL;
    if (!v4_address && (!v6 || address->family != LX_AF_INET6))
        return -EAFNOSUPPORT;
    *out_end = end_of(address, v4_address);
    if (v6 && sock->v6only && inet_ip_is_v4(&out_end->ip))
        return -ENETUNREACH;
    if (inet_ip_is_any(&out_end->ip))
        out_end->ip = inet_ip_loopback(inet_ip_is_v4(&out_end->ip));
    return inet_ip_is_local(&out_end->ip) ? 0 : -ENETUNREACH;
}

void inet_address_show(int domain, const struct inet_end *end, struct socket_address *address)
{
    memset(address, 0, sizeof(*address));
    if (domain == LX_AF_INET) {
        struct lx_sockaddr_in in = {.family = LX_AF_INET,
                                    .port = __builtin_bswap16(end->port),
                                    .address = (uint32_t)(end->ip.low >> 32)};
        memcpy(address->bytes, &in, sizeof(in));
        address->nbytes = sizeof(in);
    } else {
        struct lx_sockaddr_in6 in6 = {.family = LX_AF_INET6,
                                      .port = __builtin_bswap16(end->port),
                                      .address = {end->ip.high, end->ip.low}};
        memcpy(address->bytes, &in6, sizeof(in6));
        address->nbytes = LX_SOCKADDR_IN6_MIN + sizeof(in6.scope);
    }
}
