/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/futex.h - waiting for a word of memory; robust lists; restartable sequences
 *
 * Used by: proc, syscall; the ABI test compares the values with the host's <linux/futex.h> and
 *          <linux/rseq.h>.
 */
#pragma once

#include <stdint.h>

#define LX_FUTEX_WAIT        0
#define LX_FUTEX_WAKE        1
#define LX_FUTEX_REQUEUE     3
#define LX_FUTEX_CMP_REQUEUE 4
#define LX_FUTEX_WAKE_OP     5
#define LX_FUTEX_LOCK_PI     6
#define LX_FUTEX_UNLOCK_PI   7
#define LX_FUTEX_TRYLOCK_PI  8
#define LX_FUTEX_WAIT_BITSET 9
#define LX_FUTEX_WAKE_BITSET 10

#define LX_FUTEX_WAIT_REQUEUE_PI 11
#define LX_FUTEX_CMP_REQUEUE_PI  12
#define LX_FUTEX_LOCK_PI2        13

#define LX_FUTEX_PRIVATE_FLAG   128
#define LX_FUTEX_CLOCK_REALTIME 256

#define LX_FUTEX_BITSET_MATCH_ANY 0xffffffff

/* The word of a lock that follows the protocol of robust lists. */
#define LX_FUTEX_WAITERS    0x80000000
#define LX_FUTEX_OWNER_DIED 0x40000000
#define LX_FUTEX_TID_MASK   0x3fffffff

/* FUTEX_WAKE_OP: operation and comparison. */
#define LX_FUTEX_OP_SET         0
#define LX_FUTEX_OP_ADD         1
#define LX_FUTEX_OP_OR          2
#define LX_FUTEX_OP_ANDN        3
#define LX_FUTEX_OP_XOR         4
#define LX_FUTEX_OP_OPARG_SHIFT 8
#define LX_FUTEX_OP_CMP_EQ      0
#define LX_FUTEX_OP_CMP_NE      1
#define LX_FUTEX_OP_CMP_LT      2
#define LX_FUTEX_OP_CMP_LE      3
#define LX_FUTEX_OP_CMP_GT      4
#define LX_FUTEX_OP_CMP_GE      5

struct lx_robust_list_head {
    uint64_t list; /* address of the first entry; an entry begins with the address of the next */
    int64_t futex_offset;
    uint64_t list_op_pending;
};

/* futex_waitv: how many words, and one of them. */
#define LX_FUTEX_WAITV_MAX 128
#define LX_FUTEX_32        2

struct lx_futex_waitv {
    uint64_t value, address;
    uint32_t flags, reserved;
};

_Static_assert(sizeof(struct lx_futex_waitv) == 24, "struct futex_waitv");

#define LX_RSEQ_FLAG_UNREGISTER 1

/* What a task registers; node_id and mm_cid came later, in what was left of the 32 bytes. */
struct lx_rseq {
    uint32_t cpu_id_start, cpu_id;
    uint64_t rseq_cs; /* address of a struct lx_rseq_cs, or 0 */
    uint32_t flags;
    uint32_t node_id, mm_cid, pad;
};

_Static_assert(sizeof(struct lx_rseq) == 32, "struct rseq");

struct lx_rseq_cs {
    uint32_t version, flags;
    uint64_t start_ip, post_commit_offset, abort_ip;
};
