/* SPDX-License-Identifier: MIT */
/*
 * Pipes. The ring starts again at its first frame whenever it runs empty, so that a conversation
 * of small messages needs one frame, and only a full pipe has all sixteen.
 */
#include "kernel/fs/pipe.h"
#include "kernel/fs/file.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/pipe_inside.h"
#include "kernel/fs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"

#define FAULTS_MAX     (2 * PIPE_ATOMIC) /* every byte of a small write in a page of its own */
#define NEVER_HANGS_UP (-1)

static struct slab_cache *pipe_cache;
static struct super_block pipe_super;

void pipe_init_cache(void)
{
    pipe_cache = slab_cache_create("pipe", sizeof(struct pipe));
    super_init(&pipe_super, "pipefs", LX_PIPEFS_MAGIC);
}

static struct pipe *pipe_alloc(void)
{
    struct pipe *pipe = slab_zalloc(pipe_cache);

    if (!pipe)
        return NULL;
    mutex_init(&pipe->lock, MUTEX_PIPE);
    waitq_init(&pipe->readable);
    waitq_init(&pipe->writable);
    waitq_init(&pipe->opened);
    poll_head_init(&pipe->poll);
    pipe->frames = pipe->few;
    pipe->capacity = PIPE_NBYTES;
    return pipe;
}

static void pipe_free(struct pipe *pipe)
{
    pipe_frames_free(pipe);
    slab_free(pipe_cache, pipe);
}

/* --- the ring --- */

static void ring_consume(struct pipe *pipe, size_t nbytes)
{
    pipe->nbytes -= (uint32_t)nbytes;
    pipe->head = pipe->nbytes ? (pipe->head + (uint32_t)nbytes) & (pipe->capacity - 1) : 0;
}

/* Copies nbytes behind the newest byte without making them part of the pipe. Short at a fault. */
static int64_t ring_copy_in(struct pipe *pipe, struct vm_io *io, size_t nbytes)
{
    uint32_t at = (pipe->head + pipe->nbytes) & (pipe->capacity - 1);
    size_t done = 0;

    while (done < nbytes) {
        size_t piece = ring_piece(at, nbytes - done);
        size_t moved;
        int err = ring_frame(pipe, at);

        if (err)
            return err;
        moved = vm_io_get_nofault(io, ring_address(pipe, at), piece);
        done += moved;
        if (moved < piece)
            break;
        at = (at + (uint32_t)piece) & (pipe->capacity - 1);
    }
    return (int64_t)done;
}

/* A copy stopped at a page that is not there: brings it in with the lock dropped, and puts io back
 * to where the piece began. Other readers and writers may have come in between. */
static int fault_in_locked(struct pipe *pipe, struct vm_io *io, const struct vm_io *before,
                           bool write, unsigned *faults)
{
    int err;

    if (++*faults > FAULTS_MAX)
        return -EFAULT;
    mutex_unlock(&pipe->lock);
    err = vm_io_fault_in(io, write);
    mutex_lock(&pipe->lock);
    *io = *before;
    return err;
}

/* --- reading --- */

static int64_t read_ready_locked(struct pipe *pipe, struct vm_io *io, unsigned *faults)
{
    int64_t total = 0;

    while (pipe->nbytes > 0 && io->left > 0) {
        struct vm_io before = *io;
        size_t piece = ring_piece(pipe->head, MIN(pipe->nbytes, io->left));

        if (vm_io_put_nofault(io, ring_address(pipe, pipe->head), piece) < piece) {
            int err = fault_in_locked(pipe, io, &before, true, faults);
            if (err)
                return total > 0 ? total : err;
            continue;
        }
        ring_consume(pipe, piece);
        total += (int64_t)piece;
    }
    return total;
}

static int64_t pipe_read(struct file *file, struct vm_io *io, int64_t *offset)
{
    struct pipe *pipe = pipe_of(file);
    unsigned faults = 0;
    int64_t result = 0;

    (void)offset;
    if (io->left == 0)
        return 0;
    mutex_lock(&pipe->lock);
    for (;;) {
        result = read_ready_locked(pipe, io, &faults);
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
    mutex_unlock(&pipe->lock);
    if (result > 0)
        pipe_wake(pipe, &pipe->writable);
    return result;
}

/* --- writing --- */

/* What may go in now: a small write whole or not at all, a large one in pieces. */
static size_t write_room_locked(const struct pipe *pipe, size_t left, bool atomic)
{
    size_t room = pipe->capacity - pipe->nbytes;

    if (atomic)
        return room >= left ? left : 0;
    return MIN(MIN(room, left), PAGE_SIZE);
}

static int64_t write_piece_locked(struct pipe *pipe, struct vm_io *io, size_t nbytes,
                                  unsigned *faults)
{
    struct vm_io before = *io;
    int64_t moved = ring_copy_in(pipe, io, nbytes);

    if (moved < 0)
        return moved;
    if ((size_t)moved < nbytes)
        return fault_in_locked(pipe, io, &before, false, faults);
    pipe->nbytes += (uint32_t)nbytes;
    return moved;
}

/* One step: bytes written, 0 to try again, or an error. */
static int64_t write_step_locked(struct file *file, struct vm_io *io, bool atomic, unsigned *faults)
{
    struct pipe *pipe = pipe_of(file);
    size_t room;

    if (pipe->readers == 0)
        return -EPIPE;
    room = write_room_locked(pipe, io->left, atomic);
    if (room > 0)
        return write_piece_locked(pipe, io, room, faults);
    if (file->flags & LX_O_NONBLOCK)
        return -EAGAIN;
    /* What is in so far must be seen before this sleeps. */
    pipe_wake(pipe, &pipe->readable);
    return waitq_wait(&pipe->writable, &pipe->lock, 0);
}

static int64_t pipe_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    struct pipe *pipe = pipe_of(file);
    bool atomic = io->left <= PIPE_ATOMIC;
    unsigned faults = 0;
    int64_t total = 0;
    int64_t moved = 0;

    (void)offset;
    if (io->left == 0)
        return 0;
    mutex_lock(&pipe->lock);
    while (io->left > 0 && moved >= 0) {
        moved = write_step_locked(file, io, atomic, &faults);
        if (moved > 0) {
            total += moved;
            faults = 0;
        }
    }
    mutex_unlock(&pipe->lock);
    if (total > 0)
        pipe_wake(pipe, &pipe->readable);
    return total > 0 ? total : moved;
}

/* --- the rest of a pipe's operations --- */

/* No lock: each is one word, and whoever changes them notifies afterwards. */
static inline uint32_t poll_events(const struct file *file)
{
    const struct pipe *pipe = pipe_of(file);
    uint32_t nbytes = __atomic_load_n(&pipe->nbytes, __ATOMIC_RELAXED);
    uint32_t mask = 0;

    if (file->access & FILE_READ) {
        if (nbytes > 0)
            mask |= LX_POLLIN | LX_POLLRDNORM;
        /* A FIFO that nobody has opened for writing yet has not hung up. */
        if (__atomic_load_n(&pipe->writers, __ATOMIC_RELAXED) == 0 &&
            file->position != (int64_t)pipe->writer_opens)
            mask |= LX_POLLHUP;
    }
    if (file->access & FILE_WRITE) {
        if (__atomic_load_n(&pipe->capacity, __ATOMIC_RELAXED) - nbytes >= PIPE_ATOMIC)
            mask |= LX_POLLOUT | LX_POLLWRNORM;
        if (__atomic_load_n(&pipe->readers, __ATOMIC_RELAXED) == 0)
            mask |= LX_POLLERR;
    }
    return mask;
}

static NOINLINE uint32_t poll_registered(struct file *file, struct poll_waiter *waiter)
{
    poll_register(&pipe_of(file)->poll, waiter);
    return poll_events(file);
}

/* Mostly just a look, which then needs no register that C preserves. */
static uint32_t pipe_poll(struct file *file, struct poll_waiter *waiter)
{
    return waiter ? poll_registered(file, waiter) : poll_events(file);
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

/* Counts a file in. Under the inode's mutex, so that a FIFO's pipe cannot go meanwhile. */
static int pipe_join(struct inode *inode, struct pipe **out_pipe)
{
    int err = 0;

    mutex_lock(&inode->lock);
    if (!inode->pipe)
        inode->pipe = pipe_alloc();
    if (inode->pipe)
        inode->pipe->nfiles++;
    else
        err = -ENOMEM;
    *out_pipe = inode->pipe;
    mutex_unlock(&inode->lock);
    return err;
}

static void pipe_leave(struct inode *inode, struct pipe *pipe)
{
    bool last;

    mutex_lock(&inode->lock);
    last = --pipe->nfiles == 0;
    if (last)
        inode->pipe = NULL;
    mutex_unlock(&inode->lock);
    if (last)
        pipe_free(pipe);
}

static void count_ends_locked(struct pipe *pipe, uint32_t access)
{
    if (access & FILE_READ) {
        pipe->readers++;
        pipe->reader_opens++;
    }
    if (access & FILE_WRITE) {
        pipe->writers++;
        pipe->writer_opens++;
    }
}

static void pipe_release(struct file *file)
{
    struct pipe *pipe = pipe_of(file);

    mutex_lock(&pipe->lock);
    pipe->readers -= (file->access & FILE_READ) != 0;
    pipe->writers -= (file->access & FILE_WRITE) != 0;
    mutex_unlock(&pipe->lock);
    pipe_wake(pipe, &pipe->readable);
    pipe_wake(pipe, &pipe->writable);
    pipe_leave(file->inode, pipe);
}

/* --- FIFOs --- */

/* Waits until somebody opens the other end: a counter, since they may be gone again. */
static int wait_for_other_locked(struct pipe *pipe, const uint32_t *opens)
{
    uint32_t seen = *opens;
    int err = 0;

    while (!err && *opens == seen)
        err = waitq_wait(&pipe->opened, &pipe->lock, 0);
    return err;
}

/* A pipe without a name, opened through /proc/PID/fd, waits for nobody. */
static int fifo_open_locked(struct file *file, struct pipe *pipe)
{
    bool nonblock = file->flags & LX_O_NONBLOCK;

    if (file->inode->super == &pipe_super) {
        count_ends_locked(pipe, file->access);
        return 0;
    }
    if (!(file->access & FILE_READ) && nonblock && pipe->readers == 0)
        return -ENXIO;
    count_ends_locked(pipe, file->access);
    waitq_wake_all(&pipe->opened);
    if (!(file->access & FILE_WRITE) && pipe->writers == 0) {
        file->position = pipe->writer_opens;
        return nonblock ? 0 : wait_for_other_locked(pipe, &pipe->writer_opens);
    }
    if (!(file->access & FILE_READ) && pipe->readers == 0)
        return wait_for_other_locked(pipe, &pipe->reader_opens);
    return 0;
}

static int fifo_open(struct file *file)
{
    struct pipe *pipe;
    int err;

    if (!(file->access & (FILE_READ | FILE_WRITE)))
        return -EINVAL;
    err = pipe_join(file->inode, &pipe);
    if (err)
        return err;
    file->context = pipe;
    file->position = NEVER_HANGS_UP;
    mutex_lock(&pipe->lock);
    err = fifo_open_locked(file, pipe);
    mutex_unlock(&pipe->lock);
    if (err == -ENXIO)
        pipe_leave(file->inode, pipe);
    else if (err)
        pipe_release(file);
    return err;
}

const struct file_ops fifo_file_ops = {
    .open = fifo_open,
    .release = pipe_release,
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .anon_name = "pipe",
};

bool file_is_pipe(const struct file *file)
{
    return file->ops == &fifo_file_ops;
}

/* --- pipe2 --- */

static const struct inode_ops pipe_inode_ops = {0};

static int pipe_end(struct inode *inode, struct pipe *pipe, uint32_t flags, struct file **out_file)
{
    int err = file_create(&fifo_file_ops, inode, NULL, flags, out_file);

    if (err)
        return err;
    (*out_file)->context = pipe;
    (*out_file)->position = NEVER_HANGS_UP;
    count_ends_locked(pipe, (*out_file)->access);
    pipe->nfiles++;
    return 0;
}

int pipe_create(uint32_t flags, const struct credentials *cred, struct file **out_reader,
                struct file **out_writer)
{
    struct inode *inode;
    struct pipe *pipe;
    struct file *reader;
    int err = inode_create(&pipe_super, &pipe_inode_ops, LX_S_IFIFO | 0600, cred, &inode);

    if (err)
        return err;
    inode->file_ops = &fifo_file_ops;
    inode->pipe = pipe = pipe_alloc();
    if (!pipe) {
        inode_put(inode);
        return -ENOMEM;
    }
    err = pipe_end(inode, pipe, flags | LX_O_RDONLY, &reader);
    if (err) {
        pipe_free(pipe);
        inode_put(inode);
        return err;
    }
    err = pipe_end(inode, pipe, flags | LX_O_WRONLY, out_writer);
    inode_put(inode);
    if (err) {
        file_put(reader);
        return err;
    }
    *out_reader = reader;
    return 0;
}
