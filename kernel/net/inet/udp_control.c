/* SPDX-License-Identifier: MIT */
/*
 * UDP: what a receiver may ask to be told of a datagram, and a sender say of it: ip(7), ipv6(7).
 *
 * Where it was sent to and by which interface, how far it may go, how it is to be treated: each as
 * a control message, if the receiver has set the option. What the sender had set goes with it.
 */
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/net/interface.h"
#include "shared/linux/errno.h"

struct pktinfo {
    int32_t interface;
    uint32_t own, to; /* the address that an answer would come from; that of the header */
};

struct pktinfo6 {
    uint64_t to[2];
    int32_t interface;
};
#define PKTINFO6_NBYTES 20 /* without the compiler's gap behind it */

static int32_t option_value(const struct inet_socket *sock, enum inet_slot slot)
{
    return __atomic_load_n(&sock->options[slot], __ATOMIC_RELAXED);
}

/* The address that it comes from, which must be one of this machine; or none: the usual one. As
 * Linux says it, each family has an error of its own for that. */
static COLD int mark_source(struct inet_message *message, int32_t interface, struct inet_ip from)
{
    if (interface && interface != INTERFACE_INDEX)
        return -ENODEV;
    if (inet_ip_is_any(&from))
        from = inet_ip_loopback(inet_ip_is_v4(&from));
    if (inet_ip_is_v4(&from) != inet_ip_is_v4(&message->to.ip))
        return -EINVAL;
    if (!inet_ip_is_local(&from))
        return inet_ip_is_v4(&from) ? -ENETUNREACH : -EINVAL;
    message->from.ip = from;
    return 0;
}

static COLD int mark_source_v6(struct inet_message *message, const struct socket_control *sent)
{
    struct pktinfo6 info;

    if (sent->nbytes < PKTINFO6_NBYTES)
        return -EINVAL;
    memcpy(&info, sent->bytes, PKTINFO6_NBYTES);
    if (!(info.to[0] | info.to[1])) /* the one that there is stays */
        info.to[0] = message->from.ip.high, info.to[1] = message->from.ip.low;
    return mark_source(message, info.interface, (struct inet_ip){info.to[0], info.to[1]});
}

/* Of the family that it is sent by; those of other levels are passed over. -1 is the socket's own
 * value, with AF_INET6. */
static COLD int mark_by(const struct inet_socket *sender, const struct socket_control *sent,
                        struct inet_message *message)
{
    bool v4 = inet_ip_is_v4(&message->to.ip), is_byte = false;
    struct pktinfo info;
    int32_t value;

    if (sent->level == LX_IPPROTO_IPV6 && sent->type == LX_IPV6_PKTINFO &&
        sender->base.domain == LX_AF_INET6)
        return mark_source_v6(message, sent);
    if (sent->level != (v4 ? LX_IPPROTO_IP : LX_IPPROTO_IPV6))
        return 0;
    if (v4 && sent->type == LX_IP_PKTINFO) {
        if (sent->nbytes != sizeof(info))
            return -EINVAL;
        memcpy(&info, sent->bytes, sizeof(info));
        return mark_source(message, info.interface, inet_ip_v4(info.own));
    }
    is_byte = v4 && sent->type == LX_IP_TOS && sent->nbytes == 1;
    memcpy(&value, sent->bytes, sizeof(value));
    value = is_byte ? (uint8_t)value : value;
    if ((sent->nbytes != sizeof(value) && !is_byte) || value > 255 || value < (v4 ? 0 : -1))
        return -EINVAL;
    if (sent->type == (v4 ? LX_IP_TTL : LX_IPV6_HOPLIMIT) && !(v4 && value == 0))
        message->ttl = value < 0 ? message->ttl : (uint8_t)value;
    else if (sent->type == (v4 ? LX_IP_TOS : LX_IPV6_TCLASS))
        message->tos = value < 0 ? message->tos : (uint8_t)value;
    else
        return -EINVAL;
    return 0;
}

int udp_mark(const struct inet_socket *sender, const struct socket_controls *sent,
             struct inet_message *message)
{
    bool v4 = inet_ip_is_v4(&message->to.ip);
    int err = 0;

    /* The socket's own values first; the last of several for one thing counts. */
    message->ttl = (uint8_t)option_value(sender, v4 ? INET_TTL : INET_HOPS6);
    message->tos = (uint8_t)option_value(sender, v4 ? INET_TOS : INET_TCLASS6);
    for (uint32_t i = 0; sent && i < sent->count && !err; i++)
        err = mark_by(sender, &sent->list[i], message);
    return err;
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

/* Of a datagram of AF_INET a socket of AF_INET6 learns the address, and what it has asked for as
 * one of AF_INET. */
static void control_v6(const struct inet_socket *sock, const struct inet_message *message,
                       struct socket_controls *controls)
{
    struct pktinfo6 info = {{message->to.ip.high, message->to.ip.low}, INTERFACE_INDEX};
    int32_t hops = message->ttl, class = message->tos;
    bool v4 = inet_ip_is_v4(&message->to.ip);

    if (option_value(sock, INET_PKTINFO6))
        add(controls, LX_IPPROTO_IPV6, LX_IPV6_PKTINFO, &info, PKTINFO6_NBYTES);
    if (v4)
        control_v4(sock, message, controls);
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
