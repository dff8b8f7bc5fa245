/* SPDX-License-Identifier: MIT */
/*
 * tests/user/sched/rseq_ops.h - a restartable sequence that ends only when it is aborted
 *
 * Used by: rseq.c.
 */
#pragma once

#ifdef __ASSEMBLER__
#define RSEQ_SIGNATURE 0x53053053
#else
#include <stdint.h>

#define RSEQ_SIGNATURE 0x53053053U

struct rseq_area { /* as the kernel knows it, whatever headers say */
    uint32_t cpu_id_start, cpu_id;
    uint64_t rseq_cs;
    uint32_t flags, node_id, mm_cid, pad;
} __attribute__((aligned(32)));

struct rseq_sequence {
    uint32_t version, flags;
    uint64_t start_ip, post_commit_offset, abort_ip;
} __attribute__((aligned(32)));

/* Enters the sequence, counts, and leaves it when *stop is set: 0. Aborted: 1. */
int rseq_spin(struct rseq_area *area, const struct rseq_sequence *sequence,
              volatile uint64_t *count, const volatile uint32_t *stop);
extern const char rseq_start[], rseq_end[], rseq_abort[], rseq_abort_unsigned[];
#endif
