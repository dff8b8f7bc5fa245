/* SPDX-License-Identifier: MIT */
/*
 * Copying between files inside the kernel: sendfile, copy_file_range.
 *
 * What splice does with pipes is in sys_splice.c, what they share in file_cursor.c.
 */
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/file_cursor.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"
#include "shared/linux/uio.h"

static uint32_t file_type_of(const struct file *file)
{
    return file_mode(file) & LX_S_IFMT;
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
    nbytes = MIN(nbytes, LX_MAX_RW_COUNT);
    result = file_is_pipe(out) ? cursor_to_pipe(&from, out, nbytes, true)
                               : cursor_copy(&from, &to, nbytes);
    io_count(IO_READ, result);
    write_finish(self, out, io_count(IO_WRITE, result));
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
        from.offset = cursor_own_position(in.file);
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
    /* Among them files of /proc, whose size is 0 though there is something to be read. */
    return in->inode->super == out->inode->super ? 0 : -EXDEV;
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
    result = cursor_copy(&from, &to, MIN(nbytes, LX_MAX_RW_COUNT));
    io_count(IO_READ, result);
    io_count(IO_WRITE, result);
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
    struct file_pair pair;
    int64_t result;

    result = file_pair_find(self, in_fd, out_fd, &pair);
    if (result)
        return result;
    result = copy_range(self, pair.in.file, in_offset, pair.out.file, out_offset, nbytes, flags);
    file_pair_put(&pair);
    return result;
}
