/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a pipe for calls that move bytes between it and something else.
 *
 * The other side may be a file, whose mutex comes before the pipe's lock: so bytes go through a
 * buffer of the caller's, and the lock is not held while that side works. Two promises keep bytes
 * from being lost:
 *   - Room is reserved before bytes are read from the other side, which may not take them back;
 *     other writers leave it alone.
 *   - The room of bytes that were taken out stays reserved until the other side has them. Those
 *     that it does not take come back to the front, where their room is.
 * Another reader may get later bytes in between, as it may between two calls.
 */
#include "kernel/fs/pipe/pipe_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"

/* Frames for the bytes from ring position `at` on. */
static int ring_frames(struct pipe *pipe, uint32_t at, size_t nbytes)
{
    int err = 0;

    for (size_t done = 0; done < nbytes && !err;) {
        err = ring_frame(pipe, at);
        done += ring_piece(at, nbytes - done);
        at = (at & ~(uint32_t)PAGE_MASK) + PAGE_SIZE;
        at &= pipe->capacity - 1;
    }
    return err;
}

/* Between memory of the kernel's and the ring, where it has frames. */
static void ring_copy(struct pipe *pipe, uint32_t at, char *to, const char *from, size_t nbytes)
{
    for (size_t done = 0; done < nbytes;) {
        size_t piece = ring_piece(at, nbytes - done);

        if (to)
            memcpy(to + done, ring_address(pipe, at), piece);
        else
            memcpy(ring_address(pipe, at), from + done, piece);
        done += piece;
        at = (at + (uint32_t)piece) & (pipe->capacity - 1);
    }
}

/* Events of 0: nothing that a scan would see has changed. */
static void pipe_unlock_and_wake(struct pipe *pipe, uint32_t events)
{
    struct pipe_wakes wakes = pipe_wakes_locked(pipe);

    mutex_unlock(&pipe->lock);
    pipe_pass_on(pipe, wakes);
    if (events)
        poll_notify_events(&pipe->poll, events);
}

int64_t pipe_reserve(struct file *file, size_t nbytes, bool waits)
{
    struct pipe *pipe = pipe_of(file);
    int64_t result = 0;

    mutex_lock(&pipe->lock);
    while (!result) {
        if (pipe->readers == 0)
            result = -EPIPE;
        else if (pipe->room)
            result = (int64_t)MIN(nbytes, pipe->room);
        else if (!waits || file->flags & LX_O_NONBLOCK)
            result = -EAGAIN;
        else
            result = waitq_wait(&pipe->writable, &pipe->lock, 0);
    }
    if (result > 0) {
        pipe->reserved += (uint32_t)result;
        pipe_room_update(pipe);
    }
    pipe_unlock_and_wake(pipe, 0);
    return result;
}

/* A run that has been added by others meanwhile may have taken the last place: then the bytes join
 * it, and a reader finds fewer borders than there were. */
static void runs_add_locked(struct pipe *pipe, size_t nbytes)
{
    ASSERT(mutex_is_held(&pipe->lock));
    if (pipe->runs->count < pipe->runs->max)
        pipe_runs_add_locked(pipe, nbytes, false);
    else
        pipe_runs_extend_locked(pipe, nbytes);
}

/* Ends a reservation, with bytes in a part of it, at the end of the pipe or at its front. */
static int pipe_fill_reserved(struct pipe *pipe, const char *bytes, size_t nbytes, size_t reserved,
                              bool front)
{
    uint32_t at;
    int err;

    mutex_lock(&pipe->lock);
    ASSERT(nbytes <= reserved && reserved <= pipe->reserved);
    at = front ? pipe->head - (uint32_t)nbytes : pipe->head + pipe->nbytes;
    at &= pipe->capacity - 1;
    err = ring_frames(pipe, at, nbytes);
    pipe->reserved -= (uint32_t)reserved;
    if (!err && nbytes) {
        ring_copy(pipe, at, NULL, bytes, nbytes);
        pipe->head = front ? at : pipe->head;
        pipe->nbytes += (uint32_t)nbytes;
        if (unlikely(pipe->runs)) {
            if (front)
                pipe_runs_unread_locked(pipe, nbytes);
            else
                runs_add_locked(pipe, nbytes);
        }
    }
    pipe_room_update(pipe);
    pipe_unlock_and_wake(pipe, LX_POLLIN | LX_POLLRDNORM | LX_POLLOUT | LX_POLLWRNORM);
    return err;
}

int pipe_put(struct file *file, const char *bytes, size_t nbytes, size_t reserved)
{
    return pipe_fill_reserved(pipe_of(file), bytes, nbytes, reserved, false);
}

int pipe_take_end(struct file *file, const char *bytes, size_t taken, size_t nback)
{
    return pipe_fill_reserved(pipe_of(file), bytes + taken - nback, nback, taken, true);
}

/* Until there are bytes: how many, or 0 when none can come. */
static int64_t pipe_await_bytes_locked(struct file *file, bool waits)
{
    struct pipe *pipe = pipe_of(file);
    int err = 0;

    ASSERT(mutex_is_held(&pipe->lock));
    while (!err && !pipe->nbytes && pipe->writers) {
        if (!waits || file->flags & LX_O_NONBLOCK)
            err = -EAGAIN;
        else
            err = waitq_wait(&pipe->readable, &pipe->lock, 0);
    }
    return err ? err : (int64_t)pipe->nbytes;
}

int64_t pipe_take(struct file *file, char *bytes, size_t nbytes, bool waits)
{
    struct pipe *pipe = pipe_of(file);
    int64_t result;

    mutex_lock(&pipe->lock);
    result = pipe_await_bytes_locked(file, waits);
    if (result > 0) {
        result = (int64_t)MIN((size_t)result, nbytes);
        ring_copy(pipe, pipe->head, bytes, NULL, (size_t)result);
        /* Their room is reserved: pipe.room stays as it is, for observers without the lock, too. */
        pipe->reserved += (uint32_t)result;
        ring_advance(pipe, (size_t)result);
        if (unlikely(pipe->runs))
            pipe_runs_consume_locked(pipe, (size_t)result);
    }
    /* Waiting readers: there may be more than this one has taken. */
    pipe_unlock_and_wake(pipe, 0);
    return result;
}

int64_t pipe_peek(struct file *file, char *bytes, size_t nbytes, bool waits)
{
    struct pipe *pipe = pipe_of(file);
    int64_t result;

    mutex_lock(&pipe->lock);
    result = pipe_await_bytes_locked(file, waits);
    if (result > 0 && nbytes) {
        result = (int64_t)MIN((size_t)result, nbytes);
        ring_copy(pipe, pipe->head, bytes, NULL, (size_t)result);
    }
    /* Another reader that waits may have what is still there. */
    pipe_unlock_and_wake(pipe, 0);
    return result;
}
