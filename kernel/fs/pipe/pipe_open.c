/* SPDX-License-Identifier: MIT */
/*
 * Pipes come and go: pipe2, FIFOs, the last close.
 *
 * A pipe belongs to its inode and lives as long as a file of it is open: nfiles, under the inode's
 * mutex, so that an opener of a FIFO either finds the pipe before its last file goes or makes a new
 * one. readers and writers, under the pipe's own lock, say which ends are open.
 *
 * Opening a FIFO waits for the other end. It may have come and gone before the waiter runs again,
 * so what is waited for is a change of the count of openings, not an open end.
 *
 * A pipe is charged to the user that made it with the pages it may hold (not those it does hold),
 * until it is freed.
 */
#include "kernel/fs/pipe/pipe_internal.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define NEVER_HANGS_UP UINT64_MAX

static struct slab_cache *pipe_cache;
static struct super_block pipe_super;

void pipe_init_cache(void)
{
    pipe_cache = slab_cache_create("pipe", sizeof(struct pipe));
    super_init(&pipe_super, "pipefs", LX_PIPEFS_MAGIC);
    pipe_user_soft = pipe_user_soft_initial();
}

static int pipe_alloc(uint32_t uid, bool privileged, struct pipe **out_pipe)
{
    struct pipe *pipe = slab_zalloc(pipe_cache);
    int err;

    if (!pipe)
        return -ENOMEM;
    err = pipe_charge_new(pipe, uid, privileged);
    if (err) {
        slab_free(pipe_cache, pipe);
        return err;
    }
    mutex_init(&pipe->lock, MUTEX_PIPE);
    waitq_init(&pipe->readable);
    waitq_init(&pipe->writable);
    waitq_init(&pipe->opened);
    poll_head_init(&pipe->poll);
    pipe->frames = pipe->few;
    pipe_room_update(pipe);
    *out_pipe = pipe;
    return 0;
}

static void pipe_free(struct pipe *pipe)
{
    pipe_frames_free(pipe);
    kfree(pipe->runs);
    pipe_uncharge(pipe);
    slab_free(pipe_cache, pipe);
}

/* --- files of a pipe --- */

/* Counts a file in. Under the inode's mutex, so that a FIFO's pipe cannot go meanwhile. */
static int pipe_join(struct inode *inode, const struct file *file, struct pipe **out_pipe)
{
    int err = 0;

    mutex_lock(&inode->lock);
    if (!inode->pipe)
        err = pipe_alloc(file->uid, file->access & FILE_PRIVILEGED, &inode->pipe);
    if (!err)
        inode->pipe->nfiles++;
    *out_pipe = inode->pipe;
    mutex_unlock(&inode->lock);
    return err;
}

/* The last file takes the pipe with it; an opener of the FIFO that comes later makes a new one. */
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

/* Under the pipe's lock, or before others know the pipe. */
static void pipe_count_ends(struct pipe *pipe, uint32_t access)
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

/* The last end of a kind matters to the other side alone: readers see the end of the input, writers
 * EPIPE, and poll both. */
void pipe_release(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    bool no_reader, no_writer;

    mutex_lock(&pipe->lock);
    no_reader = file->access & FILE_READ && --pipe->readers == 0;
    no_writer = file->access & FILE_WRITE && --pipe->writers == 0;
    mutex_unlock(&pipe->lock);
    if (no_writer)
        pipe_wake(pipe, &pipe->readable);
    if (no_reader)
        pipe_wake(pipe, &pipe->writable);
    pipe_leave(file->inode, pipe);
}

/* --- FIFOs --- */

/* Until the other end has been opened since. */
static int fifo_wait_for_other_locked(struct pipe *pipe, const uint32_t *opens)
{
    uint32_t seen = *opens;
    int err = 0;

    ASSERT(mutex_is_held(&pipe->lock));
    while (!err && *opens == seen)
        err = waitq_wait(&pipe->opened, &pipe->lock, 0);
    return err;
}

/* A pipe without a name, opened through /proc/PID/fd, does not wait. */
static int fifo_open_locked(struct file *file, struct pipe *pipe)
{
    bool nonblock = file->flags & LX_O_NONBLOCK, is_first;

    ASSERT(mutex_is_held(&pipe->lock));
    if (file->inode->super == &pipe_super) {
        pipe_count_ends(pipe, file->access);
        return 0;
    }
    /* POSIX: without a reader a writer that would not wait fails; a reader that would not wait
     * never does. */
    if (!(file->access & FILE_READ) && nonblock && pipe->readers == 0)
        return -ENXIO;
    /* No task waits for an end that another one has. */
    is_first = (file->access & FILE_READ && pipe->readers == 0) ||
               (file->access & FILE_WRITE && pipe->writers == 0);
    pipe_count_ends(pipe, file->access);
    if (is_first)
        waitq_wake_all(&pipe->opened);
    /* Until a first writer comes this reader sees an empty pipe, not the end of one (pipe_poll). */
    if (!(file->access & FILE_WRITE) && pipe->writers == 0) {
        file->private_state = pipe->writer_opens;
        return nonblock ? 0 : fifo_wait_for_other_locked(pipe, &pipe->writer_opens);
    }
    if (!(file->access & FILE_READ) && pipe->readers == 0)
        return fifo_wait_for_other_locked(pipe, &pipe->reader_opens);
    return 0;
}

/* -ENXIO leaves before the ends were counted, every other error after it. */
int pipe_fifo_open(struct file *file)
{
    struct pipe *pipe;
    int err;

    if (!(file->access & (FILE_READ | FILE_WRITE)))
        return -EINVAL;
    err = pipe_join(file->inode, file, &pipe);
    if (err)
        return err;
    file->private = pipe;
    file->private_state = NEVER_HANGS_UP;
    mutex_lock(&pipe->lock);
    err = fifo_open_locked(file, pipe);
    mutex_unlock(&pipe->lock);
    if (err == -ENXIO)
        pipe_leave(file->inode, pipe);
    else if (err)
        pipe_release(file);
    return err;
}

/* --- pipe2 --- */

static const struct inode_ops pipe_inode_ops = {0};

/* No other task knows the pipe yet: no lock. */
static inline int pipe_end(struct inode *inode, struct pipe *pipe, uint32_t flags,
                           const struct credentials *cred, struct file **out_file)
{
    int err = file_create(&fifo_file_ops, inode, NULL, flags, cred, out_file);

    if (err)
        return err;
    (*out_file)->private = pipe;
    (*out_file)->private_state = NEVER_HANGS_UP;
    pipe_count_ends(pipe, (*out_file)->access);
    pipe->nfiles++;
    return 0;
}

/* Once a file has the pipe, the file's last reference frees it; before that it is freed here. */
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
    err = pipe_alloc(cred->uid, credentials_unlimited(cred), &pipe);
    if (err) {
        inode_put(inode);
        return err;
    }
    /* Freed with its last file (pipe_leave), not with the inode. */
    inode->pipe = pipe;
    err = pipe_end(inode, pipe, flags | LX_O_RDONLY, cred, &reader);
    if (err) {
        pipe_free(pipe);
        inode_put(inode);
        return err;
    }
    err = pipe_end(inode, pipe, flags | LX_O_WRONLY, cred, out_writer);
    inode_put(inode);
    if (err) {
        /* Its release counts it out and, being the last file, frees the pipe. */
        file_put(reader);
        return err;
    }
    *out_reader = reader;
    return 0;
}
