/* SPDX-License-Identifier: MIT */
/*
 * Packets in a pipe (O_DIRECT): each write is one, of at most PIPE_ATOMIC bytes, and a read gets
 * one packet at most; what it has no room for is dropped.
 *
 * The bytes lie in the ring without gaps. How long each packet is, and how many bytes without
 * borders lie between two of them, is noted in a row of runs beside it. A pipe gets the row with
 * its first packet, and loses it when it is empty and is written to without O_DIRECT: pipes of
 * plain bytes have none and look at one pointer. A full row is a full pipe, as one whose buffers
 * are all used is on Linux.
 */
#include "kernel/fs/pipe/pipe_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"

static uint32_t *run_at(struct pipe_runs *runs, uint32_t number)
{
    return &runs->nbytes[(runs->first + number) % runs->max];
}

static struct pipe_runs *runs_alloc(uint32_t max)
{
    struct pipe_runs *runs = kmalloc(sizeof(*runs) + max * sizeof(runs->nbytes[0]));

    if (runs)
        *runs = (struct pipe_runs){.max = max};
    return runs;
}

COLD int pipe_runs_begin_locked(struct pipe *pipe)
{
    ASSERT(mutex_is_held(&pipe->lock));
    pipe->runs = runs_alloc(pipe->capacity / PAGE_SIZE);
    if (!pipe->runs)
        return -ENOMEM;
    if (pipe->nbytes)
        pipe_runs_add_locked(pipe, pipe->nbytes, false);
    pipe_room_update(pipe);
    return 0;
}

void pipe_runs_end_locked(struct pipe *pipe)
{
    ASSERT(mutex_is_held(&pipe->lock) && !pipe->nbytes);
    kfree(pipe->runs);
    pipe->runs = NULL;
    pipe_room_update(pipe);
}

/* There is a place for a new run: without one the pipe has no room. */
void pipe_runs_add_locked(struct pipe *pipe, size_t nbytes, bool packet)
{
    struct pipe_runs *runs = pipe->runs;
    uint32_t *last = runs->count ? run_at(runs, runs->count - 1) : NULL;

    ASSERT(mutex_is_held(&pipe->lock));
    if (!packet && last && !(*last & RUN_IS_PACKET)) {
        *last += (uint32_t)nbytes;
    } else {
        ASSERT(runs->count < runs->max);
        *run_at(runs, runs->count++) = (uint32_t)nbytes | (packet ? RUN_IS_PACKET : 0);
    }
    pipe_room_update(pipe);
}

void pipe_runs_extend_locked(struct pipe *pipe, size_t nbytes)
{
    uint32_t *last = run_at(pipe->runs, pipe->runs->count - 1);

    ASSERT(mutex_is_held(&pipe->lock));
    *last = (*last & ~RUN_IS_PACKET) + (uint32_t)nbytes;
}

/* What is left of a packet stays one. */
void pipe_runs_consume_locked(struct pipe *pipe, size_t nbytes)
{
    struct pipe_runs *runs = pipe->runs;

    ASSERT(mutex_is_held(&pipe->lock));
    while (nbytes) {
        uint32_t *run = run_at(runs, 0);
        uint32_t piece = (uint32_t)MIN(nbytes, *run & ~RUN_IS_PACKET);

        *run -= piece;
        nbytes -= piece;
        if (!(*run & ~RUN_IS_PACKET)) {
            runs->first = (runs->first + 1) % runs->max;
            runs->count--;
        }
    }
    pipe_room_update(pipe);
}

/* Bytes that come back to the front join what is there, without a border, or are a run of their
 * own. */
void pipe_runs_unread_locked(struct pipe *pipe, size_t nbytes)
{
    uint32_t *first = run_at(pipe->runs, 0);

    ASSERT(mutex_is_held(&pipe->lock));
    if (pipe->runs->count)
        *first = (*first & ~RUN_IS_PACKET) + (uint32_t)nbytes;
    else
        pipe_runs_add_locked(pipe, nbytes, false);
}

COLD int pipe_runs_resize_locked(struct pipe *pipe, uint32_t max)
{
    struct pipe_runs *old = pipe->runs, *runs;

    ASSERT(mutex_is_held(&pipe->lock));
    if (old->count > max)
        return -EBUSY;
    runs = runs_alloc(max);
    if (!runs)
        return -ENOMEM;
    while (runs->count < old->count) {
        runs->nbytes[runs->count] = *run_at(old, runs->count);
        runs->count++;
    }
    pipe->runs = runs;
    kfree(old);
    return 0;
}

/* All that the reader gets of the run is copied before it is taken: at a fault it is still there,
 * and by then it may be another. */
int64_t pipe_read_run_locked(struct pipe *pipe, struct user_iter *io, unsigned *faults,
                             bool *is_packet)
{
    struct user_iter_place before = user_iter_place(io);
    uint32_t run = *run_at(pipe->runs, 0), size = run & ~RUN_IS_PACKET, at = pipe->head;
    size_t left = MIN(size, io->left), wanted = MIN(left, PIPE_ATOMIC);

    ASSERT(mutex_is_held(&pipe->lock));
    for (left = wanted; left;) {
        size_t piece = ring_piece(at, left);

        if (user_iter_put_nofault(io, ring_address(pipe, at), piece) < piece)
            return pipe_fault_in_locked(pipe, io, &before, true, faults);
        left -= piece;
        at = (at + (uint32_t)piece) & (pipe->capacity - 1);
    }
    *is_packet = (run & RUN_IS_PACKET) != 0;
    ring_consume(pipe, *is_packet ? size : wanted);
    return (int64_t)wanted;
}
