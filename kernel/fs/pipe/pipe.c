/* SPDX-License-Identifier: MIT */
/*
 * Pipes: reading, writing, polling.
 *
 * The ring is a row of frames, each allocated when the first byte comes to it; it begins again at
 * its first frame whenever it runs empty, so that a conversation of small messages needs one frame.
 * head, nbytes, the frames and the counts of ends change under pipe.lock only.
 *
 * A program's page may be missing while the lock is held, and bringing it in needs locks that come
 * before it: copies run with faults disabled. On a short copy the lock is dropped, the page brought
 * in, and the piece begun anew, from where the ring is by then. What was copied of it is not part
 * of the pipe until nbytes says so. The number of such rounds has a bound, since a program can take
 * its page away again each time.
 *
 * Packets (O_DIRECT) lie in the ring as other bytes do; where they end is noted apart
 * (pipe_packet.c), in pipes alone that have seen one.
 *
 * Waiting: a reader sleeps on `readable`, a writer on `writable`, each after looking under the
 * lock; the other side changes the ring under the lock, drops it, then wakes. poll reads single
 * words without the lock, after it has registered (fs/vfs/poll.c says why nothing is lost).
 */
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/pipe/pipe_internal.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"

#define FAULTS_MAX (2 * PIPE_ATOMIC) /* every byte of a small write in a page of its own */

/* --- the ring --- */

/* Copies nbytes behind the newest byte without making them part of the pipe. Short at a fault. */
static int64_t ring_copy_in(struct pipe *pipe, struct user_iter *io, size_t nbytes)
{
    uint32_t at = (pipe->head + pipe->nbytes) & (pipe->capacity - 1);
    size_t done = 0;

    while (done < nbytes) {
        size_t piece = ring_piece(at, nbytes - done);
        size_t moved;
        int err = ring_frame(pipe, at);

        if (err)
            return err;
        moved = user_iter_get_nofault(io, ring_address(pipe, at), piece);
        done += moved;
        if (moved < piece)
            break;
        at = (at + (uint32_t)piece) & (pipe->capacity - 1);
    }
    return (int64_t)done;
}

/* A copy stopped at a page that is not there: brings it in with the lock dropped, and puts io back
 * to where the piece began. Other readers and writers may have come in between. */
int pipe_fault_in_locked(struct pipe *pipe, struct user_iter *io,
                         const struct user_iter_place *before, bool write, unsigned *faults)
{
    int err;

    ASSERT(mutex_is_held(&pipe->lock));
    if (++*faults > FAULTS_MAX)
        return -EFAULT;
    mutex_unlock(&pipe->lock);
    err = user_iter_fault_in(io, write);
    mutex_lock(&pipe->lock);
    user_iter_go_back(io, before);
    return err;
}

/* --- waking --- */

struct pipe_wakes pipe_wakes_locked(struct pipe *pipe)
{
    ASSERT(mutex_is_held(&pipe->lock));
    return (struct pipe_wakes){
        .reader = pipe->nbytes > 0 && !waitq_is_empty(&pipe->readable),
        .writer = pipe->room >= PIPE_ATOMIC && !waitq_is_empty(&pipe->writable),
    };
}

void pipe_pass_on(struct pipe *pipe, struct pipe_wakes wakes)
{
    if (wakes.reader)
        waitq_wake_one(&pipe->readable);
    if (wakes.writer)
        waitq_wake_one(&pipe->writable);
}

/* --- reading --- */

static int64_t pipe_read_ready_locked(struct pipe *pipe, struct user_iter *io, unsigned *faults)
{
    int64_t total = 0;

    ASSERT(mutex_is_held(&pipe->lock));
    while (pipe->nbytes > 0 && io->left > 0) {
        struct user_iter_place before = user_iter_place(io);
        size_t piece = ring_piece(pipe->head, MIN(pipe->nbytes, io->left));
        bool is_packet = false;

        if (unlikely(pipe->runs)) {
            int64_t moved = pipe_read_run_locked(pipe, io, faults, &is_packet);

            if (moved < 0)
                return total > 0 ? total : moved;
            total += moved;
            if (is_packet)
                break;
            continue;
        }
        if (user_iter_put_nofault(io, ring_address(pipe, pipe->head), piece) < piece) {
            int err = pipe_fault_in_locked(pipe, io, &before, true, faults);
            if (err)
                return total > 0 ? total : err;
            continue;
        }
        ring_consume(pipe, piece);
        total += (int64_t)piece;
        if (io->left > 0)
            sched_preempt_point_inline();
    }
    return total;
}

static int64_t pipe_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct pipe *pipe = pipe_of(file);
    struct pipe_wakes wakes;
    unsigned faults = 0;
    int64_t result = 0;

    (void)offset;
    if (io->left == 0)
        return 0;
    mutex_lock(&pipe->lock);
    for (;;) {
        result = pipe_read_ready_locked(pipe, io, &faults);
        /* Bytes, an error, or the end of the input: empty, and no writer is left. */
        if (result != 0 || (pipe->nbytes == 0 && pipe->writers == 0))
            break;
        if (pipe->nbytes > 0)
            continue;
        if (file->flags & LX_O_NONBLOCK)
            result = -EAGAIN;
        else
            result = waitq_wait(&pipe->readable, &pipe->lock, 0);
        if (result < 0)
            break;
    }
    wakes = pipe_wakes_locked(pipe);
    mutex_unlock(&pipe->lock);
    pipe_pass_on(pipe, wakes);
    if (result > 0)
        poll_notify_events(&pipe->poll, LX_POLLOUT | LX_POLLWRNORM);
    return result;
}

/* --- writing --- */

/* What may go in now: a small write or a packet whole or not at all, a large write in pieces. */
static size_t pipe_write_room(const struct pipe *pipe, size_t left, bool atomic, bool packet)
{
    if (unlikely(packet))
        return pipe->room >= MIN(left, PIPE_ATOMIC) ? MIN(left, PIPE_ATOMIC) : 0;
    if (atomic)
        return pipe->room >= left ? left : 0;
    return MIN(MIN(pipe->room, left), PAGE_SIZE);
}

static int64_t pipe_write_piece(struct pipe *pipe, struct user_iter *io, size_t nbytes, bool packet,
                                unsigned *faults)
{
    struct user_iter_place before = user_iter_place(io);
    int64_t moved = ring_copy_in(pipe, io, nbytes);

    if (moved < 0)
        return moved;
    if ((size_t)moved < nbytes)
        return pipe_fault_in_locked(pipe, io, &before, false, faults);
    /* Now the bytes are part of the pipe, all of the piece at once. */
    pipe->nbytes += (uint32_t)nbytes;
    pipe->room -= (uint32_t)nbytes;
    if (unlikely(pipe->runs))
        pipe_runs_add_locked(pipe, nbytes, packet);
    return moved;
}

/* Borders are kept from the first packet on until the pipe is empty and gets other bytes. */
static NOINLINE int pipe_borders_locked(struct pipe *pipe, bool packet)
{
    ASSERT(mutex_is_held(&pipe->lock));
    if (packet && !pipe->runs && pipe->nbytes < RUNS_NBYTES)
        return pipe_runs_begin_locked(pipe);
    if (!packet && !pipe->nbytes)
        pipe_runs_end_locked(pipe);
    return 0;
}

/* One step: bytes written, 0 to try again, or an error. */
static int64_t pipe_write_step_locked(struct file *file, struct user_iter *io, bool atomic,
                                      unsigned *faults)
{
    struct pipe *pipe = pipe_of(file);
    bool packet = file->flags & LX_O_DIRECT;
    size_t room;

    ASSERT(mutex_is_held(&pipe->lock));
    if (pipe->readers == 0)
        return -EPIPE;
    if (unlikely(packet || pipe->runs)) {
        int err = pipe_borders_locked(pipe, packet);
        if (err)
            return err;
    }
    room = pipe_write_room(pipe, io->left, atomic, packet);
    if (room > 0)
        return pipe_write_piece(pipe, io, room, packet, faults);
    if (file->flags & LX_O_NONBLOCK)
        return -EAGAIN;
    /* What is in so far must be seen before this sleeps. */
    pipe_pass_on(pipe, pipe_wakes_locked(pipe));
    poll_notify_events(&pipe->poll, LX_POLLIN | LX_POLLRDNORM);
    return waitq_wait(&pipe->writable, &pipe->lock, 0);
}

static int64_t pipe_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct pipe *pipe = pipe_of(file);
    /* POSIX: a write of up to PIPE_BUF bytes is not torn; pieces of a longer one may lie among
     * those of others. */
    bool atomic = io->left <= PIPE_ATOMIC;
    struct pipe_wakes wakes;
    unsigned faults = 0;
    int64_t total = 0;
    int64_t moved = 0;

    (void)offset;
    if (io->left == 0)
        return 0;
    mutex_lock(&pipe->lock);
    while (io->left > 0 && moved >= 0) {
        moved = pipe_write_step_locked(file, io, atomic, &faults);
        if (moved > 0) {
            total += moved;
            faults = 0;
            if (io->left > 0)
                sched_preempt_point_inline();
        }
    }
    wakes = pipe_wakes_locked(pipe);
    mutex_unlock(&pipe->lock);
    pipe_pass_on(pipe, wakes);
    if (total > 0)
        poll_notify_events(&pipe->poll, LX_POLLIN | LX_POLLRDNORM);
    return total > 0 ? total : moved;
}

/* --- the rest of a pipe's operations --- */

/* No lock: each is one word, and a change is followed by a notification. */
static inline uint32_t pipe_poll_events(const struct file *file)
{
    const struct pipe *pipe = pipe_of(file);
    uint32_t nbytes = __atomic_load_n(&pipe->nbytes, __ATOMIC_RELAXED);
    uint32_t mask = 0;

    if (file->access & FILE_READ) {
        if (nbytes > 0)
            mask |= LX_POLLIN | LX_POLLRDNORM;
        /* A FIFO that has not been opened for writing yet has not hung up. */
        if (__atomic_load_n(&pipe->writers, __ATOMIC_RELAXED) == 0 &&
            file->private_state != pipe->writer_opens)
            mask |= LX_POLLHUP;
    }
    if (file->access & FILE_WRITE) {
        if (__atomic_load_n(&pipe->room, __ATOMIC_RELAXED) >= PIPE_ATOMIC)
            mask |= LX_POLLOUT | LX_POLLWRNORM;
        if (__atomic_load_n(&pipe->readers, __ATOMIC_RELAXED) == 0)
            mask |= LX_POLLERR;
    }
    return mask;
}

static NOINLINE uint32_t pipe_poll_registered(struct file *file, struct poll_waiter *waiter)
{
    poll_register(&pipe_of(file)->poll, waiter);
    return pipe_poll_events(file);
}

/* Mostly just a look, which then needs no register that C preserves. */
static uint32_t pipe_poll(struct file *file, struct poll_waiter *waiter)
{
    return waiter ? pipe_poll_registered(file, waiter) : pipe_poll_events(file);
}

/* Each read is reported to the writers, each write to the readers. */
static uint32_t pipe_async(struct file *file, uint32_t events)
{
    uint32_t mine =
        (file->access & FILE_READ ? LX_POLLIN : 0) | (file->access & FILE_WRITE ? LX_POLLOUT : 0);

    return events & mine;
}

uint64_t pipe_nbytes_ready(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    uint64_t nbytes;

    mutex_lock(&pipe->lock);
    nbytes = pipe->nbytes;
    mutex_unlock(&pipe->lock);
    return nbytes;
}

static int64_t pipe_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    uint32_t nbytes;

    if (request != LX_FIONREAD)
        return -ENOTTY;
    nbytes = (uint32_t)pipe_nbytes_ready(file);
    return vm_user_write(arg, &nbytes, sizeof(nbytes));
}

const struct file_ops fifo_file_ops = {
    .open = pipe_fifo_open,
    .release = pipe_release,
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .async = pipe_async,
    .ioctl = pipe_ioctl,
    .anon_name = "pipe",
};

bool file_is_pipe(const struct file *file)
{
    return file->ops == &fifo_file_ops;
}
