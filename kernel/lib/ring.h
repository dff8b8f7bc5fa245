/* SPDX-License-Identifier: MIT */
/*
 * lib/ring.h - bytes in, bytes out, in order: pipes, terminals, logs
 *
 * Rule:    size is a power of two. The positions count bytes ever read and written and never wrap
 *          in practice (64 bits); their difference is what is in the ring.
 * Context: any; the caller holds whatever lock guards the ring.
 * Tests:   tests/host/ring_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct ring {
    char *bytes;
    size_t size;
    uint64_t read_position;
    uint64_t write_position;
};

/* A piece of the ring's memory without a break in it. */
struct ring_span {
    char *bytes;
    size_t nbytes;
};

/* The memory stays the caller's. */
void ring_init(struct ring *ring, void *memory, size_t size);

static inline size_t ring_used(const struct ring *ring)
{
    return (size_t)(ring->write_position - ring->read_position);
}

static inline size_t ring_free(const struct ring *ring)
{
    return ring->size - ring_used(ring);
}

/* The next bytes to read, or the next room to write to, as far as it is contiguous; nbytes is 0
 * only if there is none at all. Copy there, then tell how much with ring_advance_*. */
struct ring_span ring_readable(const struct ring *ring);
struct ring_span ring_writable(const struct ring *ring);

/* At most ring_used, at most ring_free bytes. */
void ring_advance_read(struct ring *ring, size_t nbytes);
void ring_advance_write(struct ring *ring, size_t nbytes);

/* Copies as much as there is (or fits), up to nbytes; returns how much. */
size_t ring_get(struct ring *ring, void *dst, size_t nbytes);
size_t ring_put(struct ring *ring, const void *src, size_t nbytes);

/* For logs: room is made by dropping the oldest bytes. Of more than size bytes the last remain. */
void ring_put_over(struct ring *ring, const void *src, size_t nbytes);
