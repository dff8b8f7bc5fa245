/* SPDX-License-Identifier: MIT */
/*
 * UDP: what a receiver may ask to be told of a datagram: ip(7), ipv6(7).
 *
 * Where it was sent to and by which interface, how far it may go, how it is to be treated: each as
 * a control message, if the receiver has set the option. What the sender had set goes with it.
 */
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/net/interface.h"

struct pktinfo {
    int32_t interface;
    uint32_t own, to; /* the address that an answer would come from; that of the header */
};

struct pktinfo6 {
    uint64_t to[2];
    int32_t interface;
};

static int32_t option_value(const struct inet_socket *sock, enum inet_slot slot)
{
    return __atomic_load_n(&sock->options[slot], __ATOMIC_RELAXED);
}

void udp_mark(const struct inet_socket *sender, struct inet_message *message)
{
    bool v4 = inet_ip_is_v4(&message->to.ip);

    message->ttl = (uint8_t)option_value(sender, v4 ? INET_TTL : INET_HOPS6);
    message->tos = (uint8_t)option_value(sender, v4 ? INET_TOS : INET_TCLASS6);
}

/* There is room for all that one datagram can have. */
static void add(struct socket_controls *controls, int level, int type, const void *bytes,
                uint32_t nbytes)
{
    if (controls->count == SOCKET_CONTROLS_MAX)
        return;
    controls->list[controls->count].level = level;
    controls->list[controls->count].type = type;
    controls->list[controls->count].nbytes = nbytes;
    memcpy(controls->list[controls->count].bytes, bytes, nbytes);
    controls->count++;
}

/* As a socket of AF_INET is told. */
static void control_v4(const struct inet_socket *sock, const struct inet_message *message,
                       struct socket_controls *controls)
{
    uint32_t to = (uint32_t)(message->to.ip.low >> 32);
    struct pktinfo info = {INTERFACE_INDEX, to, to};
    int32_t ttl = message->ttl;

    if (option_value(sock, INET_PKTINFO))
        add(controls, LX_IPPROTO_IP, LX_IP_PKTINFO, &info, sizeof(info));
    if (option_value(sock, INET_RECVTTL))
        add(controls, LX_IPPROTO_IP, LX_IP_TTL, &ttl, sizeof(ttl));
    if (option_value(sock, INET_RECVTOS))
        add(controls, LX_IPPROTO_IP, LX_IP_TOS, &message->tos, sizeof(message->tos));
}

/* Of a datagram of AF_INET a socket of AF_INET6 learns the address alone. */
static void control_v6(const struct inet_socket *sock, const struct inet_message *message,
                       struct socket_controls *controls)
{
    struct pktinfo6 info = {{message->to.ip.high, message->to.ip.low}, INTERFACE_INDEX};
    int32_t hops = message->ttl, class = message->tos;
    bool v4 = inet_ip_is_v4(&message->to.ip);

    if (option_value(sock, INET_PKTINFO6))
        add(controls, LX_IPPROTO_IPV6, LX_IPV6_PKTINFO, &info, 20);
    if (!v4 && option_value(sock, INET_RECVHOPS6))
        add(controls, LX_IPPROTO_IPV6, LX_IPV6_HOPLIMIT, &hops, sizeof(hops));
    if (!v4 && option_value(sock, INET_RECVTCLASS6))
        add(controls, LX_IPPROTO_IPV6, LX_IPV6_TCLASS, &class, sizeof(class));
}

void udp_control(const struct inet_socket *sock, const struct inet_message *message,
                 struct socket_controls *controls)
{
    if (sock->base.domain == LX_AF_INET)
        control_v4(sock, message, controls);
    else
        control_v6(sock, message, controls);
}
