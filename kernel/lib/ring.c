/* SPDX-License-Identifier: MIT */
/*
 * Ring of bytes for one reader and one writer under the caller's lock.
 *
 * Positions are 64 bits wide, only grow, and are masked at each access; their difference is what
 * the ring holds. So full and empty differ without a spare byte, and the size is a power of two.
 */
#include "kernel/lib/ring.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

/* The memory is the caller's. */
void ring_init(struct ring *ring, void *memory, size_t size)
{
    ASSERT(size > 0 && (size & (size - 1)) == 0);
    *ring = (struct ring){.bytes = memory, .size = size};
}

/* At most nbytes from position on, without passing the end of the memory. */
static struct ring_span span_at(const struct ring *ring, uint64_t position, size_t nbytes)
{
    size_t offset = (size_t)position & (ring->size - 1);
    struct ring_span span = {ring->bytes + offset, MIN(nbytes, ring->size - offset)};

    return span;
}

/* What wraps around is returned by a second call, after the first part was advanced over. */
struct ring_span ring_readable(const struct ring *ring)
{
    return span_at(ring, ring->read_position, ring_used(ring));
}

struct ring_span ring_writable(const struct ring *ring)
{
    return span_at(ring, ring->write_position, ring_free(ring));
}

void ring_advance_read(struct ring *ring, size_t nbytes)
{
    ASSERT(nbytes <= ring_used(ring));
    ring->read_position += nbytes;
}

void ring_advance_write(struct ring *ring, size_t nbytes)
{
    ASSERT(nbytes <= ring_free(ring));
    ring->write_position += nbytes;
}

/* Two rounds at most: up to the end of the memory, then from its start. */
size_t ring_get(struct ring *ring, void *dst, size_t nbytes)
{
    size_t done = 0;

    while (done < nbytes) {
        struct ring_span span = ring_readable(ring);
        size_t n = MIN(span.nbytes, nbytes - done);

        if (n == 0)
            break;
        memcpy((char *)dst + done, span.bytes, n);
        ring_advance_read(ring, n);
        done += n;
    }
    return done;
}

size_t ring_put(struct ring *ring, const void *src, size_t nbytes)
{
    size_t done = 0;

    while (done < nbytes) {
        struct ring_span span = ring_writable(ring);
        size_t n = MIN(span.nbytes, nbytes - done);

        if (n == 0)
            break;
        memcpy(span.bytes, (const char *)src + done, n);
        ring_advance_write(ring, n);
        done += n;
    }
    return done;
}

/* The newest bytes win: the oldest ones are dropped, and of a piece larger than the ring its front.
 */
void ring_put_over(struct ring *ring, const void *src, size_t nbytes)
{
    size_t skip = nbytes > ring->size ? nbytes - ring->size : 0;
    size_t kept = nbytes - skip;

    if (kept > ring_free(ring))
        ring_advance_read(ring, kept - ring_free(ring));
    ring_put(ring, (const char *)src + skip, kept);
}
