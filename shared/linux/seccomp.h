/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/seccomp.h - seccomp(2): operations, actions of filters, what filters see
 *
 * Used by: proc/seccomp, ptrace, lib/bpf.c; the ABI test compares with the host's headers.
 */
#pragma once

#include <stdint.h>

#define LX_SECCOMP_MODE_DISABLED 0
#define LX_SECCOMP_MODE_STRICT   1
#define LX_SECCOMP_MODE_FILTER   2

#define LX_SECCOMP_SET_MODE_STRICT  0
#define LX_SECCOMP_SET_MODE_FILTER  1
#define LX_SECCOMP_GET_ACTION_AVAIL 2
#define LX_SECCOMP_GET_NOTIF_SIZES  3

#define LX_SECCOMP_FILTER_FLAG_TSYNC              0x01u
#define LX_SECCOMP_FILTER_FLAG_LOG                0x02u
#define LX_SECCOMP_FILTER_FLAG_SPEC_ALLOW         0x04u
#define LX_SECCOMP_FILTER_FLAG_NEW_LISTENER       0x08u
#define LX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH        0x10u
#define LX_SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 0x20u

/* What a program returns: an action, and 16 bits for it. As signed numbers the smaller counts. */
#define LX_SECCOMP_RET_KILL_PROCESS 0x80000000u
#define LX_SECCOMP_RET_KILL_THREAD  0x00000000u
#define LX_SECCOMP_RET_TRAP         0x00030000u
#define LX_SECCOMP_RET_ERRNO        0x00050000u
#define LX_SECCOMP_RET_USER_NOTIF   0x7fc00000u
#define LX_SECCOMP_RET_TRACE        0x7ff00000u
#define LX_SECCOMP_RET_LOG          0x7ffc0000u
#define LX_SECCOMP_RET_ALLOW        0x7fff0000u
#define LX_SECCOMP_RET_ACTION_FULL  0xffff0000u
#define LX_SECCOMP_RET_DATA         0x0000ffffu

/* What a program reads. */
struct lx_seccomp_data {
    int32_t number;
    uint32_t arch; /* LX_AUDIT_ARCH_X86_64 */
    uint64_t rip;  /* behind the instruction of the call */
    uint64_t args[6];
};

_Static_assert(sizeof(struct lx_seccomp_data) == 64, "struct seccomp_data");

/* One instruction of a classic BPF program. */
struct lx_sock_filter {
    uint16_t code;
    uint8_t jt, jf; /* conditional jumps: instructions that are left out */
    uint32_t k;
};

struct lx_sock_fprog {
    uint16_t len; /* instructions */
    uint64_t filter;
};

/* PTRACE_SECCOMP_GET_METADATA. */
struct lx_seccomp_metadata {
    uint64_t filter_off; /* which: 0 the first that was set */
    uint64_t flags;      /* LX_SECCOMP_FILTER_FLAG_LOG */
};

/* A call that waits for its supervisor. */
struct lx_seccomp_notif {
    uint64_t id;
    uint32_t pid, flags;
    struct lx_seccomp_data data;
};

/* The supervisor's answer. */
struct lx_seccomp_notif_resp {
    uint64_t id;
    int64_t val;
    int32_t error;
    uint32_t flags;
};

#define LX_SECCOMP_USER_NOTIF_FLAG_CONTINUE 1u /* the call is made */

/* A descriptor for the one that waits. */
struct lx_seccomp_notif_addfd {
    uint64_t id;
    uint32_t flags;
    uint32_t srcfd;       /* the supervisor's */
    uint32_t newfd;       /* with SETFD, the other's */
    uint32_t newfd_flags; /* O_CLOEXEC */
};

#define LX_SECCOMP_ADDFD_FLAG_SETFD 1u
#define LX_SECCOMP_ADDFD_FLAG_SEND  2u /* it is the answer, too */

#define LX_SECCOMP_IOCTL_NOTIF_RECV               0xc0502100u
#define LX_SECCOMP_IOCTL_NOTIF_SEND               0xc0182101u
#define LX_SECCOMP_IOCTL_NOTIF_ID_VALID           0x40082102u
#define LX_SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR 0x80082102u
#define LX_SECCOMP_IOCTL_NOTIF_ADDFD              0x40182103u
#define LX_IOCSIZE_MASK                           0x3fff0000u /* of a command: its argument's size */

/* GET_NOTIF_SIZES. */
struct lx_seccomp_notif_sizes {
    uint16_t notif, resp, data;
};
