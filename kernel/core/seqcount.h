/* SPDX-License-Identifier: MIT */
/*
 * core/seqcount.h - data that is read without a lock, and read again when it changed meanwhile
 *
 * Owns:    a sequence number: odd while the data is being changed.
 * Rule:    writers exclude each other by a lock of their own. A reader takes the number, reads, and
 *          asks whether what it read was one consistent state. Until it knows, it may have seen any
 *          mixture of old and new: it must not act on it, nor follow a pointer that could have been
 *          freed (sched/rcu.h keeps such memory). A reader does not wait for an even number: it
 *          may try a few times, then takes the lock, since the writer may have been interrupted.
 * Order:   the writer's stores lie between its two stores of the number; the reader's loads lie
 *          between its two loads. On x86 both need no instruction, only a compiler that keeps them.
 * Context: any.
 */
#pragma once

#include "kernel/lib/util.h"

struct seqcount {
    uint32_t sequence; /* [a] */
};

static inline uint32_t seqcount_read(const struct seqcount *count)
{
    return __atomic_load_n(&count->sequence, __ATOMIC_ACQUIRE);
}

/* Whether anything was changed since `seen` was read, or was being changed even then. */
static inline bool seqcount_changed(const struct seqcount *count, uint32_t seen)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return (seen & 1) || __atomic_load_n(&count->sequence, __ATOMIC_RELAXED) != seen;
}

static inline bool seqcount_is_writing(const struct seqcount *count)
{
    return __atomic_load_n(&count->sequence, __ATOMIC_RELAXED) & 1;
}

static inline void seqcount_write_begin(struct seqcount *count)
{
    __atomic_store_n(&count->sequence, count->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void seqcount_write_end(struct seqcount *count)
{
    __atomic_store_n(&count->sequence, count->sequence + 1, __ATOMIC_RELEASE);
}
