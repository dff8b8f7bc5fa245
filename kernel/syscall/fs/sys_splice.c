/* SPDX-License-Identifier: MIT */
/*
 * splice, tee, vmsplice: bytes between a pipe and a file, another pipe, or memory.
 *
 * Pages are copied, never moved or shared: MOVE and GIFT are wishes that may be granted, and are
 * not. How bytes are kept from being lost on the way is told in fs/pipe/pipe_splice.c. The order of
 * the checks is Linux's.
 */
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/file_cursor.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"
#include "shared/linux/uio.h"

#define SPLICE_NONBLOCK 2
#define SPLICE_FLAGS    15 /* MOVE, NONBLOCK, MORE, GIFT */
#define TEE_CHUNK       65536

/* Files whose bytes go by read and write alone, and of those in memory without a name none. From
 * devices none goes but from those that take requests (terminals, random), from files of /proc
 * about the memory of a process none at all. */
static bool can_splice(const struct file *file, bool write)
{
    const struct file_ops *ops = file->ops;
    const struct inode *inode = file->inode;
    const struct procfs_entry *entry;

    if (write ? !ops->write : !ops->read)
        return false;
    switch (file_mode(file) & LX_S_IFMT) {
    case LX_S_IFSOCK:
        return true;
    case LX_S_IFREG:
        entry = inode->data_kind == INODE_PROCFS ? inode->data.procfs.entry : NULL;
        if (entry && (entry->own_ops ? entry->bound : !write && entry->guarded))
            return false;
        return !ops->anon_name;
    case LX_S_IFCHR:
        return !ops->anon_name && (write || ops->ioctl);
    default:
        return false;
    }
}

/* Read without a lock: a change by F_SETFL counts from the next call on. */
static bool has_nonblock(const struct file *file)
{
    return __atomic_load_n(&file->flags, __ATOMIC_RELAXED) & LX_O_NONBLOCK;
}

/* --- between two pipes --- */

/* Looked at first: a pipe that is empty, or has no room, is waited for without the other's lock. */
static int64_t pipe_to_pipe(struct file *in, struct file *out, size_t nbytes, bool waits)
{
    size_t size = MIN(nbytes, CURSOR_CHUNK);
    char *chunk = kmalloc(size);
    int64_t total = 0;
    int64_t moved = 0;

    if (!chunk)
        return -ENOMEM;
    while (nbytes > 0) {
        bool wait_now = waits && !total;
        int64_t room;
        int err;

        moved = pipe_peek(in, NULL, 0, wait_now);
        if (moved <= 0)
            break;
        room = pipe_reserve(out, MIN(MIN(nbytes, size), (size_t)moved), wait_now);
        if (room < 0) {
            moved = room;
            break;
        }
        moved = pipe_take(in, chunk, (size_t)room, false);
        err = pipe_put(out, chunk, moved > 0 ? (size_t)moved : 0, (size_t)room);
        if (moved > 0)
            err = pipe_take_end(in, chunk, (size_t)moved, err ? (size_t)moved : 0) ? -ENOMEM : err;
        if (err)
            moved = err;
        /* Another reader was faster: looked at again. */
        if (moved == -EAGAIN && wait_now)
            continue;
        if (moved <= 0)
            break;
        total += moved;
        nbytes -= (size_t)moved;
        sched_preempt_point();
    }
    kfree(chunk);
    return total > 0 ? total : moved;
}

/* --- splice --- */

/* From a pipe into a file: at the offset given, or at its own position, which moves on then. Not at
 * the end of one that only grows there: the offset would say something else than what happens. */
static int64_t splice_from(struct task *self, struct file *in, struct file *out,
                           struct uptr out_offset, size_t nbytes, bool waits)
{
    struct cursor to;
    int64_t result;
    int err = cursor_get(&to, out, out_offset);

    if (err)
        return err;
    if (!to.own && !(out->access & FILE_POSITION))
        return -EINVAL;
    if ((out->flags & LX_O_APPEND) || (int64_t)nbytes < 0 || cursor_ends_too_far(&to, nbytes))
        return -EINVAL;
    if (!can_splice(out, true))
        return -EINVAL;
    to.writer = self;
    result = cursor_from_pipe(in, &to, MIN(nbytes, LX_MAX_RW_COUNT), waits);
    err = cursor_put(&to, out_offset);
    return err ? err : write_finish(self, out, result);
}

/* From a file into a pipe. That there is nothing to be read (the end of a file, a closed socket) is
 * a success with 0 bytes. */
static int64_t splice_to(struct task *self, struct file *in, struct uptr in_offset,
                         struct file *out, size_t nbytes, bool waits)
{
    struct cursor from;
    int64_t result;
    int err = cursor_get(&from, in, in_offset);

    if (err)
        return err;
    if (!from.own && !(in->access & FILE_POSITION))
        return -EINVAL;
    nbytes = MIN(nbytes, LX_MAX_RW_COUNT);
    if (cursor_ends_too_far(&from, nbytes) || !can_splice(in, false))
        return -EINVAL;
    /* A source that may wait has no other way to be told not to. */
    if (!waits && in->ops->poll &&
        !(in->ops->poll(in, NULL) & (LX_POLLIN | LX_POLLHUP | LX_POLLERR)))
        return -EAGAIN;
    result = cursor_to_pipe(&from, out, nbytes, waits);
    err = cursor_put(&from, in_offset);
    return err ? err : write_finish(self, out, result);
}

/* Offsets of pipes, then the pointers, then what the descriptors were opened for, then the kinds of
 * files. The offset is read again where it is used: a program that changes it meanwhile gets one of
 * the two. */
static int64_t splice(struct task *self, struct file *in, struct uptr in_offset, struct file *out,
                      struct uptr out_offset, size_t nbytes, bool waits)
{
    bool from_pipe = file_is_pipe(in), to_pipe = file_is_pipe(out);
    int64_t offset;

    if ((from_pipe && in_offset.va) || (to_pipe && out_offset.va))
        return -ESPIPE;
    if ((out_offset.va && vm_user_read(&offset, out_offset, sizeof(offset))) ||
        (in_offset.va && vm_user_read(&offset, in_offset, sizeof(offset))))
        return -EFAULT;
    if (!(in->access & FILE_READ) || !(out->access & FILE_WRITE))
        return -EBADF;
    if (from_pipe && to_pipe) {
        if (in->inode == out->inode)
            return -EINVAL;
        waits = waits && !has_nonblock(in) && !has_nonblock(out);
        return write_finish(self, out, pipe_to_pipe(in, out, MIN(nbytes, LX_MAX_RW_COUNT), waits));
    }
    if (from_pipe)
        return splice_from(self, in, out, out_offset, nbytes, waits && !has_nonblock(in));
    if (to_pipe)
        return splice_to(self, in, in_offset, out, nbytes, waits && !has_nonblock(out));
    return -EINVAL;
}

/* Length 0 succeeds before anything is checked, as on Linux. Honoured: NONBLOCK. */
int64_t sys_splice(struct task *self, int in_fd, struct uptr in_offset, int out_fd,
                   struct uptr out_offset, size_t nbytes, unsigned flags)
{
    struct file_pair pair;
    int64_t result;

    if (nbytes == 0)
        return 0;
    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    result = file_pair_find(self, in_fd, out_fd, &pair);
    if (result)
        return result;
    result = splice(self, pair.in.file, in_offset, pair.out.file, out_offset, nbytes,
                    !(flags & SPLICE_NONBLOCK));
    file_pair_put(&pair);
    return result;
}

/* --- tee --- */

/* One piece, of as much as a pipe holds that was not made larger. Room comes first, since it may be
 * waited for; what there is to copy then may be less than before, or taken by another reader: a
 * call that may wait begins again. */
static int64_t tee(struct file *in, struct file *out, size_t nbytes, bool waits)
{
    int64_t result, room;
    char *chunk;
    int err;

    do {
        sched_preempt_point();
        result = pipe_peek(in, NULL, 0, waits);
        if (result <= 0)
            return result;
        room = pipe_reserve(out, MIN(MIN(nbytes, TEE_CHUNK), (size_t)result), waits);
        if (room < 0)
            return room;
        chunk = kmalloc((size_t)room);
        result = chunk ? pipe_peek(in, chunk, (size_t)room, false) : -ENOMEM;
        err = pipe_put(out, chunk, result > 0 ? (size_t)result : 0, (size_t)room);
        kfree(chunk);
    } while (!err && result == -EAGAIN && waits);
    return err ? err : result;
}

/* Honoured: NONBLOCK. */
int64_t sys_tee(struct task *self, int in_fd, int out_fd, size_t nbytes, unsigned flags)
{
    struct file_pair pair;
    struct file *in, *out;
    int64_t result;

    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    if (nbytes == 0)
        return 0;
    result = file_pair_find(self, in_fd, out_fd, &pair);
    if (result)
        return result;
    in = pair.in.file;
    out = pair.out.file;
    if (!(in->access & FILE_READ) || !(out->access & FILE_WRITE))
        result = -EBADF;
    else if (!file_is_pipe(in) || !file_is_pipe(out) || in->inode == out->inode)
        result = -EINVAL;
    else
        result = write_finish(
            self, out,
            tee(in, out, nbytes,
                !(flags & SPLICE_NONBLOCK) && !has_nonblock(in) && !has_nonblock(out)));
    file_pair_put(&pair);
    return result;
}

/* --- vmsplice --- */

/* An empty vector is no error, even for what is no pipe. A pipe in memory that is not there ends
 * the call with what has moved; what was taken out for it goes back. */
static int64_t vmsplice(struct task *self, struct file *file, struct user_vector *vector,
                        bool waits)
{
    struct user_iter io;
    struct cursor memory = {.memory = &io};

    if (vector->nbytes == 0)
        return 0;
    if (!file_is_pipe(file))
        return -EBADF;
    user_iter_init_user(&io, vector->segments, vector->nbytes);
    if (file->access & FILE_WRITE)
        return write_finish(self, file, cursor_to_pipe(&memory, file, vector->nbytes, waits));
    return cursor_from_pipe(file, &memory, vector->nbytes, waits);
}

/* Into the pipe by a descriptor that is open for writing, out of it by another. Honoured: NONBLOCK.
 */
int64_t sys_vmsplice(struct task *self, int fd, struct uptr segments, uint64_t count,
                     unsigned flags)
{
    struct fd_ref ref;
    struct user_vector vector;
    int64_t result = 0;

    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    if (!(ref.file->access & (FILE_READ | FILE_WRITE)))
        result = -EBADF;
    if (!result)
        result = user_vector_get(&vector, segments, (uint32_t)count);
    if (!result) {
        result = vmsplice(self, ref.file, &vector, !(flags & SPLICE_NONBLOCK));
        user_vector_put(&vector);
    }
    fd_ref_put(ref);
    return result;
}
