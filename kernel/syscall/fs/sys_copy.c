/* SPDX-License-Identifier: MIT */
/*
 * Copying between files inside the kernel: sendfile, copy_file_range, splice.
 *
 * A chunk at a time, read into memory of the kernel's and written from there. The source moves on
 * by what was written, not by what was read, so that nothing is lost when the target takes less. No
 * lock is held over a chunk: others may read and write both files in between, as they may between
 * two calls. A signal ends the copy with what it has; so does a chunk that was taken in part.
 */
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"
#include "shared/linux/uio.h"

/* Bytes read at once: small enough for the allocator to have them, large enough that the cost of a
 * call of the file's operations does not show. */
#define CHUNK           16384
#define SPLICE_NONBLOCK 2 /* flags of splice */
#define SPLICE_FLAGS    15

/* The files of a call with two descriptors. */
struct pair {
    struct fd_ref in, out;
};

/* Both files for the length of a call. 0: both, for pair_put; -EBADF: neither. */
static int pair_find(struct task *self, int in_fd, int out_fd, struct pair *pair)
{
    pair->in = fd_find(self->files, in_fd);
    if (!pair->in.file)
        return -EBADF;
    pair->out = fd_find(self->files, out_fd);
    if (pair->out.file)
        return 0;
    fd_ref_put(pair->in);
    return -EBADF;
}

static void pair_put(struct pair *pair)
{
    fd_ref_put(pair->out);
    fd_ref_put(pair->in);
}

static uint32_t file_type_of(const struct file *file)
{
    return file_mode(file) & LX_S_IFMT;
}

/* A position that is either the file's own, or the program's. */
struct cursor {
    struct file *file;
    int64_t offset;
    bool own;
    const struct task *writer; /* written to: by whom */
};

static int64_t own_position(struct file *file)
{
    return file->access & FILE_POSITION ? file_seek(file, 0, LX_SEEK_CUR) : 0;
}

/* A program's offset is read once, here; it is written back by cursor_put after the copy. */
static int cursor_get(struct cursor *cursor, struct file *file, struct uptr user)
{
    cursor->file = file;
    cursor->own = user.va == 0;
    if (!cursor->own)
        return vm_user_read(&cursor->offset, user, sizeof(cursor->offset));
    cursor->offset = own_position(file);
    return 0;
}

/* Where the program, or the file, goes on from. A file that has no position keeps none. */
static int cursor_put(const struct cursor *cursor, struct uptr user)
{
    if (!cursor->own)
        return vm_user_write(user, &cursor->offset, sizeof(cursor->offset));
    if (cursor->file->access & FILE_POSITION) {
        int64_t at = file_seek(cursor->file, cursor->offset, LX_SEEK_SET);
        return at < 0 ? (int)at : 0;
    }
    return 0;
}

/* Limits and set-user-ID bits apply as for write(2) of the same task. */
static int64_t write_chunk(struct cursor *out, char *chunk, size_t nbytes)
{
    struct user_iter io;
    int64_t moved;

    user_iter_init_kernel(&io, chunk, nbytes);
    write_begin(out->writer, &io);
    if (!(out->file->access & FILE_POSITION))
        return file_write(out->file, &io);
    moved = file_pwrite(out->file, &io, out->offset);
    if (moved > 0)
        out->offset += moved;
    return moved;
}

/* Reads at the cursor, writes, and moves on by what was written: nothing read is lost. */
static int64_t copy_chunks(struct cursor *in, struct cursor *out, size_t nbytes)
{
    char *chunk = kmalloc(MIN(nbytes, CHUNK));
    int64_t total = 0;
    int64_t moved = 0;

    if (!chunk)
        return -ENOMEM;
    while (nbytes > 0) {
        int64_t got = file_read_kernel(in->file, chunk, MIN(nbytes, CHUNK), in->offset);

        /* The end of the source, or an error in it, ends the loop like a write that takes nothing.
         */
        moved = got > 0 ? write_chunk(out, chunk, (size_t)got) : got;
        if (moved <= 0)
            break;
        in->offset += moved;
        total += moved;
        nbytes -= (size_t)moved;
        sched_preempt_point();
        if (moved < got || waitq_interrupted())
            break;
    }
    kfree(chunk);
    /* An error after some bytes is not reported: the next call meets it again. */
    return total > 0 ? total : moved;
}

/* No byte has a number above 2^63 - 1. */
static bool cursor_ends_too_far(const struct cursor *cursor, size_t nbytes)
{
    return cursor->offset < 0 || (int64_t)((uint64_t)cursor->offset + nbytes) < 0;
}

/* A source without a position is EINVAL, or ESPIPE if an offset was given for it. */
static int sendfile_check_in(const struct file *in, struct uptr offset)
{
    if (!(in->access & FILE_READ))
        return -EBADF;
    return offset.va && !(in->access & FILE_POSITION) ? -ESPIPE : 0;
}

/* With no bytes to move nothing is asked of the files' operations. */
static int sendfile_check_out(const struct file *in, const struct file *out, size_t nbytes)
{
    bool moves = nbytes || file_is_pipe(out);

    if (!(out->access & FILE_WRITE))
        return -EBADF;
    if (!(in->access & FILE_POSITION) || (out->flags & LX_O_APPEND))
        return -EINVAL;
    if (moves && (!in->ops->read || !out->ops->write || file_type_of(in) == LX_S_IFDIR))
        return -EINVAL;
    return 0;
}

/* Positions are stored also after a short copy: what has moved counts. */
static int64_t sendfile(struct task *self, struct file *out, struct cursor from, struct uptr offset,
                        size_t nbytes)
{
    struct uptr none = {0};
    struct cursor to;
    int64_t result;
    int err = sendfile_check_out(from.file, out, nbytes);

    if (!err)
        err = cursor_get(&to, out, none);
    if (!err && cursor_ends_too_far(&to, MIN(nbytes, LX_MAX_RW_COUNT)))
        err = -EINVAL;
    if (err || nbytes == 0)
        return err;
    to.writer = self;
    result = copy_chunks(&from, &to, MIN(nbytes, LX_MAX_RW_COUNT));
    write_finish(self, out, result);
    /* A bad pointer for the offset is EFAULT although bytes have moved, as on Linux. */
    err = cursor_put(&from, offset);
    if (!err)
        err = cursor_put(&to, none);
    return err ? err : result;
}

/* The offset is read first, and all about the source is checked before the target is looked at, as
 * on Linux. */
int64_t sys_sendfile(struct task *self, int out_fd, int in_fd, struct uptr offset, size_t nbytes)
{
    struct fd_ref in, out = {0};
    struct cursor from = {.own = offset.va == 0};
    int64_t result = from.own ? 0 : vm_user_read(&from.offset, offset, sizeof(from.offset));

    if (result)
        return result;
    in = fd_find(self->files, in_fd);
    if (!in.file)
        return -EBADF;
    from.file = in.file;
    if (from.own)
        from.offset = own_position(in.file);
    result = sendfile_check_in(in.file, offset);
    if (!result && ((int64_t)nbytes < 0 || cursor_ends_too_far(&from, nbytes)))
        result = -EINVAL;
    if (!result) {
        out = fd_find(self->files, out_fd);
        result = out.file ? sendfile(self, out.file, from, offset, nbytes) : -EBADF;
    }
    fd_ref_put(out);
    fd_ref_put(in);
    return result;
}

/* --- copy_file_range --- */

static int range_check_files(const struct file *in, const struct file *out)
{
    if (file_type_of(in) == LX_S_IFDIR || file_type_of(out) == LX_S_IFDIR)
        return -EISDIR;
    if (file_type_of(in) != LX_S_IFREG || file_type_of(out) != LX_S_IFREG)
        return -EINVAL;
    if (!(in->access & FILE_READ) || !(out->access & FILE_WRITE) || (out->flags & LX_O_APPEND))
        return -EBADF;
    return 0;
}

/* Cut at the end of the source, as reading would be, and at the last byte that the target can have;
 * the order of the errors is Linux's. */
static int range_check(struct task *self, const struct cursor *from, const struct cursor *to,
                       size_t *nbytes)
{
    int err;

    uint64_t size = file_size(from->file), in = (uint64_t)from->offset, out = (uint64_t)to->offset;

    if (in + *nbytes < in || out + *nbytes < out)
        return -EOVERFLOW;
    if (from->offset < 0 || to->offset < 0)
        return -EINVAL;
    *nbytes = in >= size ? 0 : MIN(*nbytes, size - in);
    /* Also where nothing is left to be copied. */
    err = write_cut_to_limit(self, out, nbytes);
    if (err)
        return err;
    if (out >= INT64_MAX)
        return -EFBIG;
    *nbytes = MIN(*nbytes, INT64_MAX - out);
    /* Both ends are at most 2^63 - 1 here: the sums do not wrap. */
    if (from->file->inode == to->file->inode && in < out + *nbytes && out < in + *nbytes)
        return -EINVAL;
    return 0;
}

static int64_t copy_range(struct task *self, struct file *in, struct uptr in_offset,
                          struct file *out, struct uptr out_offset, size_t nbytes, unsigned flags)
{
    struct cursor from, to;
    int64_t result;
    int err = cursor_get(&from, in, in_offset);

    if (!err)
        err = cursor_get(&to, out, out_offset);
    if (!err && flags) /* behind descriptors and offsets, as on Linux */
        err = -EINVAL;
    if (!err)
        err = range_check_files(in, out);
    if (!err)
        err = range_check(self, &from, &to, &nbytes);
    if (err || nbytes == 0)
        return err;
    to.writer = self;
    result = copy_chunks(&from, &to, MIN(nbytes, LX_MAX_RW_COUNT));
    if (result <= 0)
        return write_finish(self, out, result);
    err = cursor_put(&from, in_offset);
    if (!err)
        err = cursor_put(&to, out_offset);
    return err ? err : result;
}

/* No flags are defined. */
int64_t sys_copy_file_range(struct task *self, int in_fd, struct uptr in_offset, int out_fd,
                            struct uptr out_offset, size_t nbytes, unsigned flags)
{
    struct pair pair;
    int64_t result;

    result = pair_find(self, in_fd, out_fd, &pair);
    if (result)
        return result;
    result = copy_range(self, pair.in.file, in_offset, pair.out.file, out_offset, nbytes, flags);
    pair_put(&pair);
    return result;
}

/* --- splice --- */

/* The inode's device number, not its name: /dev/null may be anywhere. */
static bool is_null(const struct file *file)
{
    return file_type_of(file) == LX_S_IFCHR && file->inode->device == DEVICE(1, 3);
}

/* From a pipe to where everything vanishes: readers that have seen enough let their writers go on
 * so. What other files answer is what those of Linux do that cannot be spliced. */
static int64_t splice(struct file *in, struct uptr in_offset, struct file *out,
                      struct uptr out_offset, size_t nbytes, unsigned flags)
{
    struct user_iter io;
    int64_t offset, result;
    char *chunk;

    if ((file_is_pipe(in) && in_offset.va) || (file_is_pipe(out) && out_offset.va))
        return -ESPIPE;
    if ((in_offset.va && vm_user_read(&offset, in_offset, sizeof(offset))) ||
        (out_offset.va && vm_user_read(&offset, out_offset, sizeof(offset))))
        return -EFAULT;
    if (!(in->access & FILE_READ) || !(out->access & FILE_WRITE))
        return -EBADF;
    if (!file_is_pipe(in) || !is_null(out))
        return -EINVAL;
    nbytes = MIN(nbytes, CHUNK);
    chunk = kmalloc(nbytes);
    if (!chunk)
        return -ENOMEM;
    user_iter_init_kernel(&io, chunk, nbytes);
    result = flags & SPLICE_NONBLOCK ? pipe_read_now(in, &io) : file_read(in, &io);
    kfree(chunk);
    return result;
}

/* Length 0 succeeds before anything is checked, as on Linux. */
int64_t sys_splice(struct task *self, int in_fd, struct uptr in_offset, int out_fd,
                   struct uptr out_offset, size_t nbytes, unsigned flags)
{
    struct pair pair;
    int64_t result;

    if (nbytes == 0)
        return 0;
    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    result = pair_find(self, in_fd, out_fd, &pair);
    if (result)
        return result;
    result = splice(pair.in.file, in_offset, pair.out.file, out_offset, nbytes, flags);
    pair_put(&pair);
    return result;
}
