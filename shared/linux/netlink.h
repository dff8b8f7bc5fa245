/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/netlink.h - AF_NETLINK: headers, attributes, what NETLINK_ROUTE is asked
 *
 * Used by: kernel/net/netlink.
 */
#pragma once

#include <stdint.h>

#define LX_NETLINK_ROUTE     0
#define LX_NETLINK_SOCK_DIAG 4
#define LX_NETLINK_MAX       32
#define LX_SOL_NETLINK       270

#define LX_NLM_REQUEST 0x1u
#define LX_NLM_MULTI   0x2u
#define LX_NLM_ACK     0x4u
#define LX_NLM_DUMP    0x300u

#define LX_NLMSG_ERROR 2
#define LX_NLMSG_DONE  3
#define LX_NLMSG_MIN   16 /* types below are netlink's own */

#define LX_RTM_NEWLINK  16
#define LX_RTM_GETLINK  18
#define LX_RTM_SETLINK  19
#define LX_RTM_NEWADDR  20
#define LX_RTM_GETADDR  22
#define LX_RTM_NEWROUTE 24
#define LX_RTM_GETROUTE 26
#define LX_RTM_GETNEIGH 30
#define LX_RTM_GETRULE  34
#define LX_RTM_MAX      124

#define LX_IFLA_ADDRESS   1
#define LX_IFLA_BROADCAST 2
#define LX_IFLA_IFNAME    3
#define LX_IFLA_MTU       4
#define LX_IFLA_QDISC     6
#define LX_IFLA_TXQLEN    13
#define LX_IFLA_OPERSTATE 16
#define LX_IFLA_LINKMODE  17
#define LX_IFLA_GROUP     27
#define LX_IFLA_CARRIER   33

#define LX_IFA_ADDRESS   1
#define LX_IFA_LOCAL     2
#define LX_IFA_LABEL     3
#define LX_IFA_CACHEINFO 6
#define LX_IFA_FLAGS     8
#define LX_IFA_PERMANENT 0x80u

#define LX_RTA_DST       1
#define LX_RTA_OIF       4
#define LX_RTA_PREFSRC   7
#define LX_RTA_TABLE     15
#define LX_RT_LOCAL      255 /* table */
#define LX_RT_HOST       254 /* scope */
#define LX_RTPROT_KERNEL 2
#define LX_RTN_LOCAL     2

#define LX_IFF_LOWER_UP 0x10000u

#define LX_NL_ALIGN(nbytes) (((nbytes) + 3) & ~3u)

struct lx_sockaddr_nl {
    uint16_t family, pad;
    uint32_t port, groups;
};

struct lx_nlmsghdr {
    uint32_t nbytes; /* with the header */
    uint16_t type, flags;
    uint32_t sequence, port;
};

struct lx_nlattr {
    uint16_t nbytes, type; /* with this */
};

struct lx_ifinfomsg {
    uint8_t family, pad;
    uint16_t type;
    int32_t index;
    uint32_t flags, change;
};

struct lx_ifaddrmsg {
    uint8_t family, prefix, flags, scope;
    uint32_t index;
};

struct lx_rtmsg {
    uint8_t family, to_prefix, from_prefix, tos, table, protocol, scope, type;
    uint32_t flags;
};

/* NETLINK_SOCK_DIAG. */
#define LX_SOCK_DIAG_BY_FAMILY 20

#define LX_INET_DIAG_SHUTDOWN 8
#define LX_INET_DIAG_V6ONLY   11
#define LX_UNIX_DIAG_NAME     0
#define LX_UNIX_DIAG_PEER     2
#define LX_UNIX_DIAG_RQLEN    4
#define LX_UNIX_DIAG_SHUTDOWN 6
#define LX_UDIAG_SHOW_NAME    0x1u
#define LX_UDIAG_SHOW_PEER    0x4u
#define LX_UDIAG_SHOW_RQLEN   0x10u

struct lx_inet_diag_id {
    uint16_t port, to_port; /* as on the wire, as the addresses */
    uint32_t address[4], to_address[4];
    uint32_t interface, cookie[2];
};

struct lx_inet_diag_req {
    uint8_t family, protocol, extensions, pad;
    uint32_t states; /* one bit each */
    struct lx_inet_diag_id id;
};

struct lx_inet_diag_msg {
    uint8_t family, state, timer, retransmits;
    struct lx_inet_diag_id id;
    uint32_t expires, input, output, uid, ino;
};

struct lx_unix_diag_req {
    uint8_t family, protocol;
    uint16_t pad;
    uint32_t states, ino, show, cookie[2];
};

struct lx_unix_diag_msg {
    uint8_t family, type, state, pad;
    uint32_t ino, cookie[2];
};

_Static_assert(sizeof(struct lx_inet_diag_req) == 56, "the ABI's layout");
_Static_assert(sizeof(struct lx_inet_diag_msg) == 72, "the ABI's layout");
