/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/socket.h - sockets: families, types, options, messages
 *
 * Used by: kernel/net, syscall.
 */
#pragma once

#include <stdint.h>

#define LX_AF_UNSPEC  0
#define LX_AF_UNIX    1
#define LX_AF_INET    2
#define LX_AF_INET6   10
#define LX_AF_NETLINK 16
#define LX_AF_MAX     46

#define LX_SOCK_STREAM    1
#define LX_SOCK_DGRAM     2
#define LX_SOCK_RAW       3
#define LX_SOCK_SEQPACKET 5
#define LX_SOCK_TYPE_MASK 0xfu
#define LX_SOCK_TYPE_MAX  11
#define LX_SOCK_CLOEXEC   02000000u
#define LX_SOCK_NONBLOCK  04000u

#define LX_SOMAXCONN 4096

#define LX_SHUT_RD   0
#define LX_SHUT_RDWR 2

#define LX_MSG_OOB          0x1u
#define LX_MSG_PEEK         0x2u
#define LX_MSG_CTRUNC       0x8u
#define LX_MSG_TRUNC        0x20u
#define LX_MSG_DONTWAIT     0x40u
#define LX_MSG_EOR          0x80u
#define LX_MSG_WAITALL      0x100u
#define LX_MSG_ERRQUEUE     0x2000u
#define LX_MSG_NOSIGNAL     0x4000u
#define LX_MSG_WAITFORONE   0x10000u
#define LX_MSG_CMSG_CLOEXEC 0x40000000u
#define LX_MSG_CMSG_COMPAT  0x80000000u

#define LX_SOL_SOCKET      1
#define LX_SCM_RIGHTS      1
#define LX_SCM_CREDENTIALS 2
#define LX_SCM_MAX_FD      253

#define LX_SO_REUSEADDR   2
#define LX_SO_TYPE        3
#define LX_SO_ERROR       4
#define LX_SO_DONTROUTE   5
#define LX_SO_BROADCAST   6
#define LX_SO_SNDBUF      7
#define LX_SO_RCVBUF      8
#define LX_SO_KEEPALIVE   9
#define LX_SO_OOBINLINE   10
#define LX_SO_NO_CHECK    11
#define LX_SO_PRIORITY    12
#define LX_SO_LINGER      13
#define LX_SO_REUSEPORT   15
#define LX_SO_PASSCRED    16
#define LX_SO_PEERCRED    17
#define LX_SO_RCVLOWAT    18
#define LX_SO_SNDLOWAT    19
#define LX_SO_RCVTIMEO    20
#define LX_SO_SNDTIMEO    21
#define LX_SO_TIMESTAMP   29
#define LX_SO_ACCEPTCONN  30
#define LX_SO_SNDBUFFORCE 32
#define LX_SO_RCVBUFFORCE 33
#define LX_SO_TIMESTAMPNS 35
#define LX_SO_PROTOCOL    38
#define LX_SO_DOMAIN      39
/* With times of 64 bits, as the others have them here. */
#define LX_SO_TIMESTAMP_NEW   63
#define LX_SO_TIMESTAMPNS_NEW 64

#define LX_SIOCOUTQ   0x5411u
#define LX_SIOCATMARK 0x8905u

struct lx_sockaddr_un {
    uint16_t family;
    char path[108];
};

struct lx_ucred {
    int32_t pid;
    uint32_t uid, gid;
};

struct lx_linger {
    int32_t on, seconds;
};

struct lx_msghdr {
    uint64_t name;
    int32_t name_nbytes;
    uint32_t pad;
    uint64_t iov;
    uint64_t iov_count;
    uint64_t control;
    uint64_t control_nbytes;
    uint32_t flags;
    uint32_t pad2;
};

struct lx_mmsghdr {
    struct lx_msghdr header;
    uint32_t nbytes;
    uint32_t pad;
};

struct lx_cmsghdr {
    uint64_t nbytes; /* with the header */
    int32_t level, type;
};

#define LX_CMSG_ALIGN(nbytes) (((nbytes) + 7) & ~7ULL)

_Static_assert(sizeof(struct lx_msghdr) == 56, "the ABI's layout");
_Static_assert(sizeof(struct lx_mmsghdr) == 64, "the ABI's layout");
