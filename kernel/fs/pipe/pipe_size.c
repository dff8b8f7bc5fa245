/* SPDX-License-Identifier: MIT */
/*
 * How much a pipe holds: F_SETPIPE_SZ, and what the pipes of one user hold together.
 *
 * As pipe(7) has it: beyond the soft limit, PIPE_USER_SOFT pages, pipes do not grow and new ones
 * get two pages; beyond the hard limit there are no new ones. Both are lower on small machines, and
 * Linux's default has no hard limit: there, too many pipes of two pages end in an OOM kill.
 * Each change is charged first, then compared, then taken back: two at a time may both be refused
 * at the limit, but never go beyond it together.
 */
#include "kernel/fs/pipe/pipe_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"

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

    ASSERT(mutex_is_held(&pipe->lock));
    for (uint32_t done = 0; done < pipe->nbytes; done += piece) {
        uint32_t from = (pipe->head + done) & (pipe->capacity - 1);
        /* Frames of the new row come one by one as bytes reach them, as in a pipe that is written
         * to. */
        int err = ring_frame(&to, done);

        if (err)
            return err;
        piece = (uint32_t)ring_piece(done, ring_piece(from, pipe->nbytes - done));
        memcpy(ring_address(&to, done), ring_address(pipe, from), piece);
    }
    return 0;
}

uint64_t pipe_nbytes_max = PIPE_NBYTES_MAX;
uint64_t pipe_user_soft;

/* Limits are in pages, as the charges are. */
uint64_t pipe_user_soft_initial(void)
{
    return MIN(PIPE_USER_SOFT, pmm_total_count() * 3 / 8);
}

/* 0 is none. */
static int64_t soft_limit(void)
{
    uint64_t npages = __atomic_load_n(&pipe_user_soft, __ATOMIC_RELAXED);

    return npages ? (int64_t)npages : INT64_MAX;
}

int64_t pipe_hard_limit(void)
{
    return (int64_t)(pipe_user_soft_initial() + pmm_total_count() / 16);
}

/* The user's new total, in pages. */
static int64_t pipe_charge(struct pipe *pipe, int64_t nbytes)
{
    return user_charge_add(pipe->charged, CHARGE_PIPE_PAGES, nbytes / (int64_t)PAGE_SIZE);
}

int pipe_charge_new(struct pipe *pipe, uint32_t uid, bool privileged)
{
    int64_t npages;

    pipe->charged = user_charge_get(uid);
    if (!pipe->charged)
        return -ENOMEM;
    pipe->capacity = PIPE_NBYTES;
    if (!privileged)
        pipe->capacity = (uint32_t)MIN(PIPE_NBYTES, pipe_nbytes_max);
    npages = pipe_charge(pipe, pipe->capacity);
    if (likely(npages <= soft_limit() || privileged))
        return 0;
    /* Beyond the soft limit, as on Linux: two pages, which is enough to work with. */
    npages = pipe_charge(pipe, PIPE_NBYTES_LATE - (int64_t)pipe->capacity);
    pipe->capacity = PIPE_NBYTES_LATE;
    if (npages <= pipe_hard_limit())
        return 0;
    pipe_uncharge(pipe);
    return -ENFILE;
}

void pipe_uncharge(struct pipe *pipe)
{
    pipe_charge(pipe, -(int64_t)pipe->capacity);
    user_charge_put(pipe->charged);
}

/* The new row of frames is complete before the old one goes: when memory is short, the pipe is as
 * it was. Its capacity is at least what it holds, so that each byte has a place. */
static int pipe_resize_locked(struct pipe *pipe, uint32_t nbytes)
{
    struct pipe to = {.capacity = nbytes};
    int err;

    ASSERT(mutex_is_held(&pipe->lock));
    if (pipe->nbytes + (uint64_t)pipe->reserved > nbytes)
        return -EBUSY;
    to.frames = kzalloc(nbytes / PAGE_SIZE * sizeof(struct frame *));
    if (!to.frames)
        return -ENOMEM;
    err = ring_move_locked(pipe, to.frames);
    if (!err && pipe->runs)
        err = pipe_runs_resize_locked(pipe, nbytes / PAGE_SIZE);
    pipe_frames_free(err ? &to : pipe);
    if (err)
        return err;
    pipe->frames = to.frames;
    pipe->capacity = nbytes;
    pipe->head = 0;
    pipe_room_update(pipe);
    return 0;
}

/* Charged for the new size meanwhile. */
static int pipe_resize_charged_locked(struct pipe *pipe, uint32_t nbytes, bool privileged)
{
    int64_t more = (int64_t)nbytes - pipe->capacity;
    int64_t npages = pipe_charge(pipe, more);
    int err;

    ASSERT(mutex_is_held(&pipe->lock));
    if (more > 0 && npages > soft_limit() && !privileged)
        err = -EPERM;
    else
        err = pipe_resize_locked(pipe, nbytes);
    if (err)
        pipe_charge(pipe, -more);
    return err;
}

/* A larger pipe may have room for a writer that waits. */
int64_t pipe_resize(struct file *file, uint32_t nbytes, bool privileged)
{
    struct pipe *pipe = pipe_of(file);
    uint64_t size = PAGE_SIZE;
    int err = 0;

    /* A power of two, which the ring's positions rely on; F_SETPIPE_SZ returns what it became. */
    while (size < nbytes)
        size *= 2;
    if (size > PIPE_NBYTES_LIMIT)
        return -EINVAL;
    mutex_lock(&pipe->lock);
    /* Only growing is limited: what root made large, others may still make smaller. */
    if (size > pipe->capacity && size > pipe_nbytes_max && !privileged)
        err = -EPERM;
    else if (size != pipe->capacity)
        err = pipe_resize_charged_locked(pipe, (uint32_t)size, privileged);
    mutex_unlock(&pipe->lock);
    if (!err)
        pipe_wake(pipe, &pipe->writable);
    return err ? err : (int64_t)size;
}

uint32_t pipe_capacity(struct file *file)
{
    return __atomic_load_n(&pipe_of(file)->capacity, __ATOMIC_RELAXED);
}
