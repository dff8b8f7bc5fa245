/* SPDX-License-Identifier: MIT */
/*
 * fs/pipe/pipe_internal.h - the ring of a pipe
 *
 * Owns:    struct pipe, and where in its frames a byte is.
 * Used by: pipe.c, pipe_open.c, pipe_size.c.
 * Locks:   pipe.lock, a mutex, rank PIPE.
 * Context: thread.
 * Tests:   tests/host/fs_pipe_test.c
 */
#pragma once

#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define NFRAMES            (PIPE_NBYTES / PAGE_SIZE)
#define PIPE_RESERVE_SHIFT 5 /* a thirty-second */

struct user_charge;

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
    struct user_charge *charged;         /* [I] counted, with capacity */
    struct frame **frames; /* [p] `few`, or memory of their own; NULL: not needed yet */
    struct frame *few[NFRAMES];
};

static inline struct pipe *pipe_of(const struct file *file)
{
    return file->private;
}

/* Pipes leave a part of memory to programs, which cannot be killed for what their pipes hold. */
static inline bool pipe_memory_is_left(void)
{
    return pmm_has_more_than(pmm_total_count() >> PIPE_RESERVE_SHIFT);
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

    if (!*frame && pipe_memory_is_left())
        *frame = pmm_alloc(0, PMM_PLAIN);
    return *frame ? 0 : -ENOMEM;
}

static inline void pipe_wake(struct pipe *pipe, struct waitq *queue)
{
    waitq_wake_all(queue);
    poll_notify(&pipe->poll);
}

void pipe_frames_free(struct pipe *pipe);

/* What the user's pipes hold grows by a new one, whose capacity this decides. -ENFILE, -ENOMEM. */
MUST_CHECK int pipe_charge_new(struct pipe *pipe, uint32_t uid, bool privileged);
void pipe_uncharge(struct pipe *pipe);

int pipe_fifo_open(struct file *file);
void pipe_release(struct file *file);
