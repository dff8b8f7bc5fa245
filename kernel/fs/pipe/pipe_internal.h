/* SPDX-License-Identifier: MIT */
/*
 * fs/pipe/pipe_internal.h - the ring of a pipe
 *
 * Owns:    struct pipe, where in its frames a byte is, and where a packet ends.
 * Used by: pipe.c, pipe_open.c, pipe_size.c, pipe_splice.c, pipe_packet.c.
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

/* What a pipe that has seen a packet holds, in order, from its oldest byte on: packets, and between
 * them bytes without borders. As many as the pipe has frames. */
struct pipe_runs {
    uint32_t first, count, max;
    uint32_t nbytes[]; /* of each; RUN_IS_PACKET beside it */
};

#define RUN_IS_PACKET 0x80000000u
#define RUNS_NBYTES   0x40000000u /* about so much is held beside runs: their counts do not wrap */

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
    uint32_t reserved;                   /* [p] room of those that splice: pipe_splice.c */
    uint32_t room;                       /* [p] for bytes to come: see pipe_room_update */
    struct pipe_runs *runs;              /* [p] NULL: bytes without borders */
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

/* After every change of what it is made of, unless bytes without borders just come or go. poll and
 * writers look at this one word. */
static inline void pipe_room_update(struct pipe *pipe)
{
    pipe->room = pipe->capacity - pipe->nbytes - pipe->reserved;
    if (unlikely(pipe->runs) &&
        (pipe->runs->count == pipe->runs->max || pipe->nbytes >= RUNS_NBYTES))
        pipe->room = 0;
}

void pipe_runs_consume_locked(struct pipe *pipe, size_t nbytes);

/* The oldest bytes go, and what becomes of their room is the caller's matter. An empty ring begins
 * at 0 again: small messages stay in one frame, and in the cache. */
static inline void ring_advance(struct pipe *pipe, size_t nbytes)
{
    pipe->nbytes -= (uint32_t)nbytes;
    pipe->head = pipe->nbytes ? (pipe->head + (uint32_t)nbytes) & (pipe->capacity - 1) : 0;
}

static inline void ring_consume(struct pipe *pipe, size_t nbytes)
{
    ring_advance(pipe, nbytes);
    pipe->room += (uint32_t)nbytes;
    if (unlikely(pipe->runs))
        pipe_runs_consume_locked(pipe, nbytes);
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
    uint32_t not_of = queue == &pipe->readable ? POLL_WRITE_EVENTS : POLL_READ_EVENTS;

    waitq_wake_all(queue);
    poll_notify_events(&pipe->poll, ~not_of);
}

void pipe_frames_free(struct pipe *pipe);

/* Of many that wait one is woken: a reader if there are bytes, a writer if any small write fits.
 * That one, or what came before it, passes the wake-up on when it leaves and there is more. Decided
 * under the lock, done without it. */
struct pipe_wakes {
    bool reader, writer;
};
struct pipe_wakes pipe_wakes_locked(struct pipe *pipe);
void pipe_pass_on(struct pipe *pipe, struct pipe_wakes wakes);

int pipe_fault_in_locked(struct pipe *pipe, struct user_iter *io,
                         const struct user_iter_place *before, bool write, unsigned *faults);

/* pipe_packet.c: all with the pipe's lock. From begin on there are runs; -ENOMEM. */
MUST_CHECK int pipe_runs_begin_locked(struct pipe *pipe);
void pipe_runs_end_locked(struct pipe *pipe);
void pipe_runs_add_locked(struct pipe *pipe, size_t nbytes, bool packet);
void pipe_runs_extend_locked(struct pipe *pipe, size_t nbytes); /* the last run */
void pipe_runs_unread_locked(struct pipe *pipe, size_t nbytes);
MUST_CHECK int pipe_runs_resize_locked(struct pipe *pipe, uint32_t max);
/* One run or a part of it: bytes read, 0 to try again. *is_packet: one has been read. */
int64_t pipe_read_run_locked(struct pipe *pipe, struct user_iter *io, unsigned *faults,
                             bool *is_packet);

/* What the user's pipes hold grows by a new one, whose capacity this decides. -ENFILE, -ENOMEM. */
uint64_t pipe_user_soft_initial(void);
MUST_CHECK int pipe_charge_new(struct pipe *pipe, uint32_t uid, bool privileged);
void pipe_uncharge(struct pipe *pipe);

int pipe_fifo_open(struct file *file);
void pipe_release(struct file *file);
