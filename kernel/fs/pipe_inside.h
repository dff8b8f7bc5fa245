/* SPDX-License-Identifier: MIT */
/*
 * fs/pipe_inside.h - the ring of a pipe
 *
 * Owns:    struct pipe, and where in its frames a byte is.
 * Used by: pipe.c, pipe_size.c.
 * Locks:   pipe.lock, a mutex, rank PIPE.
 * Context: thread.
 * Tests:   tests/host/fs_pipe_test.c
 */
#pragma once

#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/poll.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define NFRAMES (PIPE_NBYTES / PAGE_SIZE)

/* p lock   i mutex of the inode */
struct pipe {
    struct mutex lock;
    struct waitq readable, writable, opened;
    struct poll_head poll;
    uint32_t readers, writers;           /* [p] open files */
    uint32_t reader_opens, writer_opens; /* [p] ever: an opener waits for a change */
    uint32_t nfiles;                     /* [i] */
    uint32_t capacity;                   /* [p] bytes, a power of two of pages */
    uint32_t head;                       /* [p] where the oldest byte is, below capacity */
    uint32_t nbytes;                     /* [p] */
    struct frame **frames; /* [p] `few`, or memory of their own; NULL: not needed yet */
    struct frame *few[NFRAMES];
};

static inline struct pipe *pipe_of(const struct file *file)
{
    return file->context;
}

/* Bytes from ring position `at` to the end of its frame, at most nbytes; NULL frame: none yet. */
static inline size_t ring_piece(uint32_t at, size_t nbytes)
{
    return MIN(nbytes, PAGE_SIZE - (at & PAGE_MASK));
}

static inline char *ring_address(struct pipe *pipe, uint32_t at)
{
    return (char *)frame_address(pipe->frames[at >> PAGE_SHIFT]) + (at & PAGE_MASK);
}

static inline int ring_frame(struct pipe *pipe, uint32_t at)
{
    struct frame **frame = &pipe->frames[at >> PAGE_SHIFT];

    if (!*frame)
        *frame = pmm_alloc(0, PMM_PLAIN);
    return *frame ? 0 : -ENOMEM;
}

static inline void pipe_wake(struct pipe *pipe, struct waitq *queue)
{
    waitq_wake_all(queue);
    poll_notify(&pipe->poll);
}

void pipe_frames_free(struct pipe *pipe);
