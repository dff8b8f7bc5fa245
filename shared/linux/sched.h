/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/sched.h - scheduling policies and what sched_setattr takes
 *
 * Used by: syscall; the ABI test compares with the host's <linux/sched.h>.
 */
#pragma once

#include <stdint.h>

#define LX_SCHED_NORMAL        0
#define LX_SCHED_FIFO          1
#define LX_SCHED_RR            2
#define LX_SCHED_BATCH         3
#define LX_SCHED_IDLE          5
#define LX_SCHED_DEADLINE      6
#define LX_SCHED_RESET_ON_FORK 0x40000000

#define LX_SCHED_FLAG_RESET_ON_FORK  0x01
#define LX_SCHED_FLAG_RECLAIM        0x02
#define LX_SCHED_FLAG_DL_OVERRUN     0x04
#define LX_SCHED_FLAG_KEEP_POLICY    0x08
#define LX_SCHED_FLAG_KEEP_PARAMS    0x10
#define LX_SCHED_FLAG_UTIL_CLAMP_MIN 0x20
#define LX_SCHED_FLAG_UTIL_CLAMP_MAX 0x40

#define LX_SCHED_ATTR_SIZE_VER0 48

struct lx_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* of SCHED_DEADLINE, in nanoseconds */
    uint32_t util_min, util_max;
};

_Static_assert(sizeof(struct lx_sched_attr) == 56, "struct sched_attr");
