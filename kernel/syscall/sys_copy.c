/* SPDX-License-Identifier: MIT */
/* Copying between files inside the kernel. */
#include "kernel/fs/devfs.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/sys_write.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"
#include "shared/linux/uio.h"

#define CHUNK           16384
#define SPLICE_NONBLOCK 2 /* flags of splice */
#define SPLICE_FLAGS    15

struct pair {
    struct fd_ref in, out;
};

/* 0: both, for pair_put; -EBADF: neither. */
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

static uint32_t type_of(const struct file *file)
{
    return file_mode(file) & LX_S_IFMT;
}

/* A position that is either the file's own, or the program's. */
struct cursor {
    struct file *file;
    int64_t offset;
    bool own;
    uint64_t forbidden; /* written to: vm_io.forbidden */
};

static int cursor_get(struct cursor *cursor, struct file *file, struct uptr user)
{
    cursor->file = file;
    cursor->own = user.va == 0;
    if (!cursor->own)
        return vm_user_read(&cursor->offset, user, sizeof(cursor->offset));
    cursor->offset = file->access & FILE_POSITION ? file_seek(file, 0, LX_SEEK_CUR) : 0;
    return 0;
}

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

static int64_t write_chunk(struct cursor *out, char *chunk, size_t nbytes)
{
    struct vm_io io;
    int64_t moved;

    vm_io_init_kernel(&io, chunk, nbytes);
    io.forbidden = out->forbidden;
    if (!(out->file->access & FILE_POSITION))
        return file_write(out->file, &io);
    moved = file_pwrite(out->file, &io, out->offset);
    if (moved > 0)
        out->offset += moved;
    return moved;
}

/* Reads at the cursor, writes, and moves on by what was written: nothing read is lost. */
static int64_t copy(struct cursor *in, struct cursor *out, size_t nbytes)
{
    char *chunk = kmalloc(MIN(nbytes, CHUNK));
    int64_t total = 0;
    int64_t moved = 0;

    if (!chunk)
        return -ENOMEM;
    while (nbytes > 0) {
        int64_t got = file_read_kernel(in->file, chunk, MIN(nbytes, CHUNK), in->offset);

        moved = got > 0 ? write_chunk(out, chunk, (size_t)got) : got;
        if (moved <= 0)
            break;
        in->offset += moved;
        total += moved;
        nbytes -= (size_t)moved;
        if (moved < got || waitq_interrupted())
            break;
    }
    kfree(chunk);
    return total > 0 ? total : moved;
}

static int sendfile_check(const struct file *in, const struct file *out, struct uptr offset)
{
    if (!(in->access & FILE_READ))
        return -EBADF;
    if (!(in->access & FILE_POSITION))
        return offset.va ? -ESPIPE : -EINVAL;
    if (!(out->access & FILE_WRITE))
        return -EBADF;
    if (!in->ops->read || !out->ops->write || type_of(in) == LX_S_IFDIR ||
        (out->flags & LX_O_APPEND))
        return -EINVAL;
    return 0;
}

static int64_t sendfile(struct task *self, struct file *out, struct file *in, struct uptr offset,
                        size_t nbytes)
{
    struct uptr none = {0};
    struct cursor from, to;
    int64_t result;
    int err = cursor_get(&from, in, offset);

    if (err)
        return err;
    if (from.offset < 0)
        return -EINVAL;
    err = (int64_t)nbytes < 0 ? -EINVAL : sendfile_check(in, out, offset);
    if (!err)
        err = cursor_get(&to, out, none);
    if (err || nbytes == 0)
        return err;
    to.forbidden = write_forbidden(self);
    result = copy(&from, &to, MIN(nbytes, LX_MAX_RW_COUNT));
    write_finish(self, result);
    err = cursor_put(&from, offset);
    if (!err)
        err = cursor_put(&to, none);
    return err ? err : result;
}

int64_t sys_sendfile(struct task *self, int out_fd, int in_fd, struct uptr offset, size_t nbytes)
{
    struct pair pair;
    int64_t result = pair_find(self, in_fd, out_fd, &pair);

    if (result)
        return result;
    result = sendfile(self, pair.out.file, pair.in.file, offset, nbytes);
    pair_put(&pair);
    return result;
}

/* --- copy_file_range --- */

static int range_check_files(const struct file *in, const struct file *out)
{
    if (type_of(in) == LX_S_IFDIR || type_of(out) == LX_S_IFDIR)
        return -EISDIR;
    if (type_of(in) != LX_S_IFREG || type_of(out) != LX_S_IFREG)
        return -EINVAL;
    if (!(in->access & FILE_READ) || !(out->access & FILE_WRITE) || (out->flags & LX_O_APPEND))
        return -EBADF;
    return 0;
}

static int range_check(const struct cursor *from, const struct cursor *to, size_t *nbytes)
{
    uint64_t size = file_size(from->file);

    if (from->offset < 0 || to->offset < 0)
        return -EINVAL;
    if ((uint64_t)from->offset + *nbytes < *nbytes || (uint64_t)to->offset + *nbytes < *nbytes)
        return -EOVERFLOW;
    *nbytes = (uint64_t)from->offset >= size ? 0 : MIN(*nbytes, size - (uint64_t)from->offset);
    if (from->file->inode == to->file->inode && from->offset < to->offset + (int64_t)*nbytes &&
        to->offset < from->offset + (int64_t)*nbytes)
        return -EINVAL;
    return 0;
}

static int64_t copy_range(struct task *self, struct file *in, struct uptr in_offset,
                          struct file *out, struct uptr out_offset, size_t nbytes)
{
    struct cursor from, to;
    int64_t result;
    int err = cursor_get(&from, in, in_offset);

    if (!err)
        err = cursor_get(&to, out, out_offset);
    if (!err)
        err = range_check_files(in, out);
    if (!err)
        err = range_check(&from, &to, &nbytes);
    if (err || nbytes == 0)
        return err;
    to.forbidden = write_forbidden(self);
    result = copy(&from, &to, MIN(nbytes, LX_MAX_RW_COUNT));
    if (result <= 0)
        return write_finish(self, result);
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

    if (flags != 0)
        return -EINVAL;
    result = pair_find(self, in_fd, out_fd, &pair);
    if (result)
        return result;
    result = copy_range(self, pair.in.file, in_offset, pair.out.file, out_offset, nbytes);
    pair_put(&pair);
    return result;
}

/* --- splice --- */

static bool is_null(const struct file *file)
{
    return type_of(file) == LX_S_IFCHR && file->inode->device == DEVICE(1, 3);
}

/* From a pipe to where everything vanishes: readers that have seen enough let their writers go on
 * so. What other files answer is what those of Linux do that cannot be spliced. */
static int64_t splice(struct file *in, struct uptr in_offset, struct file *out,
                      struct uptr out_offset, size_t nbytes, unsigned flags)
{
    struct vm_io io;
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
    if (flags & SPLICE_NONBLOCK && !(in->ops->poll(in, NULL) & (LX_POLLIN | LX_POLLHUP)))
        return -EAGAIN;
    nbytes = MIN(nbytes, CHUNK);
    chunk = kmalloc(nbytes);
    if (!chunk)
        return -ENOMEM;
    vm_io_init_kernel(&io, chunk, nbytes);
    result = file_read(in, &io);
    kfree(chunk);
    return result;
}

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
