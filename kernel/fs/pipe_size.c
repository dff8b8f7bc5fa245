/* SPDX-License-Identifier: MIT */
/* How much a pipe holds: F_SETPIPE_SZ. */
#include "kernel/fs/pipe_inside.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

void pipe_frames_free(struct pipe *pipe)
{
    for (size_t i = 0; i < pipe->capacity / PAGE_SIZE; i++)
        if (pipe->frames[i])
            frame_put(pipe->frames[i]);
    if (pipe->frames != pipe->few)
        kfree(pipe->frames);
}

/* What the pipe holds, put together at the beginning of other frames. */
static int ring_move_locked(struct pipe *pipe, struct frame **frames)
{
    struct pipe to = {.frames = frames};
    uint32_t piece;

    for (uint32_t done = 0; done < pipe->nbytes; done += piece) {
        uint32_t from = (pipe->head + done) & (pipe->capacity - 1);
        int err = ring_frame(&to, done);

        if (err)
            return err;
        piece = (uint32_t)ring_piece(done, ring_piece(from, pipe->nbytes - done));
        memcpy(ring_address(&to, done), ring_address(pipe, from), piece);
    }
    return 0;
}

static int resize_locked(struct pipe *pipe, uint32_t nbytes)
{
    struct pipe to = {.capacity = nbytes};
    int err;

    if (pipe->nbytes > nbytes)
        return -EBUSY;
    to.frames = kzalloc(nbytes / PAGE_SIZE * sizeof(struct frame *));
    if (!to.frames)
        return -ENOMEM;
    err = ring_move_locked(pipe, to.frames);
    pipe_frames_free(err ? &to : pipe);
    if (err)
        return err;
    pipe->frames = to.frames;
    pipe->capacity = nbytes;
    pipe->head = 0;
    return 0;
}

int64_t pipe_resize(struct file *file, uint32_t nbytes, bool privileged)
{
    struct pipe *pipe = pipe_of(file);
    uint64_t size = PAGE_SIZE;
    int err = 0;

    while (size < nbytes)
        size *= 2;
    if (size > PIPE_NBYTES_LIMIT)
        return -EINVAL;
    mutex_lock(&pipe->lock);
    if (size > pipe->capacity && size > PIPE_NBYTES_MAX && !privileged)
        err = -EPERM;
    else if (size != pipe->capacity)
        err = resize_locked(pipe, (uint32_t)size);
    mutex_unlock(&pipe->lock);
    if (!err)
        pipe_wake(pipe, &pipe->writable);
    return err ? err : (int64_t)size;
}

uint32_t pipe_capacity(struct file *file)
{
    return __atomic_load_n(&pipe_of(file)->capacity, __ATOMIC_RELAXED);
}
