/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/inet.h - AF_INET and AF_INET6: addresses, protocols, options
 *
 * Used by: kernel/net/inet.
 */
#pragma once

#include <stdint.h>

#define LX_IPPROTO_IP      0
#define LX_IPPROTO_TCP     6
#define LX_IPPROTO_UDP     17
#define LX_IPPROTO_IPV6    41
#define LX_IPPROTO_UDPLITE 136
#define LX_IPPROTO_RAW     255
#define LX_IPPROTO_MAX     263

/* States of a connection, as TCP_INFO and /proc/net/tcp number them. */
#define LX_TCP_ESTABLISHED 1
#define LX_TCP_SYN_SENT    2
#define LX_TCP_FIN_WAIT2   5
#define LX_TCP_CLOSE       7
#define LX_TCP_CLOSE_WAIT  8
#define LX_TCP_LISTEN      10

#define LX_IP_TOS                  1
#define LX_IP_TTL                  2
#define LX_IP_PKTINFO              8
#define LX_IP_MTU_DISCOVER         10
#define LX_IP_RECVERR              11
#define LX_IP_RECVTTL              12
#define LX_IP_RECVTOS              13
#define LX_IP_MTU                  14
#define LX_IP_FREEBIND             15
#define LX_IP_MINTTL               21
#define LX_IP_BIND_ADDRESS_NO_PORT 24
#define LX_IP_MULTICAST_IF         32
#define LX_IP_MULTICAST_TTL        33
#define LX_IP_MULTICAST_LOOP       34
#define LX_IP_ADD_MEMBERSHIP       35
#define LX_IP_DROP_MEMBERSHIP      36
#define LX_MCAST_JOIN_GROUP        42 /* of both families, as the next */
#define LX_MCAST_LEAVE_GROUP       45
#define LX_IP_MULTICAST_ALL        49

#define LX_IPV6_UNICAST_HOPS   16
#define LX_IPV6_MULTICAST_HOPS 18
#define LX_IPV6_MULTICAST_LOOP 19
#define LX_IPV6_JOIN_GROUP     20
#define LX_IPV6_LEAVE_GROUP    21
#define LX_IPV6_MULTICAST_ALL  29
#define LX_IPV6_MULTICAST_IF   17
#define LX_GROUP_REQ_NBYTES    136
#define LX_IPV6_MTU_DISCOVER   23
#define LX_IPV6_MTU            24
#define LX_IPV6_RECVERR        25
#define LX_IPV6_ADDRFORM       1
#define LX_IPV6_V6ONLY         26
#define LX_IPV6_RECVPKTINFO    49
#define LX_IPV6_PKTINFO        50
#define LX_IPV6_RECVHOPLIMIT   51
#define LX_IPV6_HOPLIMIT       52
#define LX_IPV6_RECVTCLASS     66
#define LX_IPV6_TCLASS         67

#define LX_TCP_NODELAY       1
#define LX_TCP_MAXSEG        2
#define LX_TCP_CORK          3
#define LX_TCP_KEEPIDLE      4
#define LX_TCP_KEEPINTVL     5
#define LX_TCP_KEEPCNT       6
#define LX_TCP_SYNCNT        7
#define LX_TCP_LINGER2       8
#define LX_TCP_DEFER_ACCEPT  9
#define LX_TCP_INFO          11
#define LX_TCP_QUICKACK      12
#define LX_TCP_CONGESTION    13
#define LX_TCP_USER_TIMEOUT  18
#define LX_TCP_NOTSENT_LOWAT 25

/* Ports and addresses are as on the wire: the byte of the highest value first. */
struct lx_sockaddr_in {
    uint16_t family, port;
    uint32_t address;
    uint8_t zero[8];
};

struct lx_sockaddr_in6 {
    uint16_t family, port;
    uint32_t flow;
    uint64_t address[2];
    uint32_t scope;
};
#define LX_SOCKADDR_IN6_MIN 24 /* without the scope, as it once was */

/* The head of it; the rest is zero here. */
struct lx_tcp_info {
    uint8_t state, congestion_state, retransmits, probes, backoff, options, scales, flags;
    uint32_t retransmit_timeout, acknowledge_timeout, send_mss, receive_mss;
    uint32_t zero[46];
    uint64_t zero_too[2];
};

_Static_assert(sizeof(struct lx_sockaddr_in) == 16, "the ABI's layout");
