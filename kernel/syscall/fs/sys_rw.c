/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing.
 *
 * The order of the checks is Linux's, since programs see which error wins: the offset of the p
 * calls, the descriptor and what it was opened for, whether the file can do it at all, the buffer's
 * place, then the end of the range. A buffer is checked to lie in user space as a whole before
 * anything moves; whether its pages are there shows while bytes move, and then what has moved
 * counts.
 *
 * One call moves at most LX_MAX_RW_COUNT bytes, and more is not an error. Long calls have
 * preemption points in the file's operations.
 */
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/signal.h"
#include "shared/linux/stat.h"
#include "shared/linux/uio.h"

#define AT_POSITION (-1) /* offset of preadv2 that means: the file's own */
#define RWF_ALL     (LX_RWF_HIPRI | LX_RWF_DSYNC | LX_RWF_SYNC | LX_RWF_NOWAIT | LX_RWF_APPEND)

/* Access mode first (EBADF), then whether such files can be read at all (EINVAL). */
/* Those of O_PATH have no access but that, so they are refused here with all others. */
static int may_read(const struct file *file)
{
    if (!(file->access & FILE_READ))
        return -EBADF;
    return file->ops->read ? 0 : -EINVAL;
}

static int may_write(const struct file *file)
{
    if (!(file->access & FILE_WRITE))
        return -EBADF;
    return file->ops->write ? 0 : -EINVAL;
}

/* One word, read without the process's lock: a change by another process counts from the next call
 * on. */
static uint64_t file_limit(const struct task *self)
{
    return self->process->limits[LX_RLIMIT_FSIZE].current;
}

/* What the write may not do, for the file system to apply: bytes beyond RLIMIT_FSIZE, and keeping
 * set-user-ID bits. `beyond_limit` counts from the largest file size downwards, so 0 means no
 * limit.
 */
void write_begin(const struct task *self, struct user_iter *io)
{
    uint64_t limit = file_limit(self);

    io->beyond_limit = likely(limit > INT64_MAX) ? 0 : INT64_MAX - limit;
    io->drops_set_id = !credentials_capable(&self->fs->cred, LX_CAP_FSETID);
}

/* No byte has a number above 2^63 - 1. At a file's own position, file_read and file_write look. */
static inline int range_check_end(int64_t offset, size_t nbytes)
{
    return (int64_t)((uint64_t)offset + nbytes) < 0 ? -EINVAL : 0;
}

/* As on Linux it looks as if the program had sent the signal itself. */
static void signal_raise(struct task *self, int number)
{
    const struct lx_siginfo info = {
        .signo = number,
        .code = LX_SI_USER,
        .sender = {.pid = self->process->pid, .uid = self->fs->cred.uid},
    };
    int err = signal_send_self(self, true, &info, false);

    ASSERT(!err); /* only what must be queued can fail */
}

/* A program that does not look at results ends: a reader that has gone away, a limit of its own. */
int64_t write_failed(struct task *self, const struct file *file, int64_t error)
{
    if (error == -EPIPE && !(file && file->access & FILE_NO_SIGPIPE))
        signal_raise(self, LX_SIGPIPE);
    else if (error == -EFBIG && file_limit(self) != LX_RLIM_INFINITY)
        signal_raise(self, LX_SIGXFSZ);
    return error;
}

int write_cut_to_limit(struct task *self, uint64_t offset, size_t *nbytes)
{
    uint64_t limit = file_limit(self);

    if (limit == LX_RLIM_INFINITY)
        return 0;
    if (offset >= limit)
        return (int)write_failed(self, NULL, -EFBIG);
    *nbytes = MIN(*nbytes, limit - offset);
    return 0;
}

/* For calls that set a size instead of writing bytes: shrinking is always allowed. */
int write_check_size(struct task *self, const struct inode *inode, uint64_t nbytes)
{
    if (nbytes <= inode->size || nbytes <= file_limit(self))
        return 0;
    return (int)write_failed(self, NULL, -EFBIG);
}

/* One buffer of a program. EFAULT for one that is not in user space, even where nothing would move.
 */
static inline int buffer_init(struct user_iter *io, struct uptr base, size_t nbytes)
{
    if (!user_range_is_user(base, nbytes))
        return -EFAULT;
    user_iter_init_buffer(io, base, MIN(nbytes, LX_MAX_RW_COUNT));
    return 0;
}

/* read, write and their p variants are written out instead of sharing a helper, for speed. */
int64_t sys_read(struct task *self, int fd, struct uptr buffer, size_t nbytes)
{
    struct fd_ref ref = fd_find_any_inline(self->files, fd);
    struct user_iter io;
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = may_read(ref.file);
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result)
        result = io_count(IO_READ, file_read(ref.file, &io));
    fd_ref_put(ref);
    return result;
}

int64_t sys_write(struct task *self, int fd, struct uptr buffer, size_t nbytes)
{
    struct fd_ref ref = fd_find_any_inline(self->files, fd);
    struct user_iter io;
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = may_write(ref.file);
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result) {
        /* Pipes and devices have no size to limit and no set-user-ID bits to drop. */
        if (ref.file->access & FILE_SERIAL)
            write_begin(self, &io);
        result = io_count(IO_WRITE, file_write(ref.file, &io));
        result = write_finish(self, ref.file, result);
    }
    fd_ref_put(ref);
    return result;
}

int64_t sys_pread64(struct task *self, int fd, struct uptr buffer, size_t nbytes, int64_t offset)
{
    struct fd_ref ref;
    struct user_iter io;
    int64_t result;

    if (offset < 0)
        return -EINVAL;
    ref = fd_find_inline(self->files, fd);
    if (!ref.file)
        return -EBADF;
    result = ref.file->access & FILE_POSITION ? may_read(ref.file) : -ESPIPE;
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result)
        result = range_check_end(offset, nbytes);
    if (!result)
        result = io_count(IO_READ, file_pread(ref.file, &io, offset));
    fd_ref_put(ref);
    return result;
}

int64_t sys_pwrite64(struct task *self, int fd, struct uptr buffer, size_t nbytes, int64_t offset)
{
    struct fd_ref ref;
    struct user_iter io;
    int64_t result;

    if (offset < 0)
        return -EINVAL;
    ref = fd_find_inline(self->files, fd);
    if (!ref.file)
        return -EBADF;
    result = ref.file->access & FILE_POSITION ? may_write(ref.file) : -ESPIPE;
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result)
        result = range_check_end(offset, nbytes);
    if (!result) {
        write_begin(self, &io);
        result = io_count(IO_WRITE, file_pwrite(ref.file, &io, offset));
        result = write_finish(self, ref.file, result);
    }
    fd_ref_put(ref);
    return result;
}

/* --- vectors --- */

/* An empty vector is checked and moves nothing, without calling the file's operations. */
static int64_t move_vector(struct task *self, struct file *file, struct user_vector *vector,
                           int64_t offset, int flags, bool write)
{
    struct user_iter io;

    if (vector->nbytes == 0)
        return 0;
    if (offset != AT_POSITION && range_check_end(offset, vector->nbytes))
        return -EINVAL;
    if (flags & ~RWF_ALL)
        return -EOPNOTSUPP;
    /* What is in memory never waits; of the others it cannot be said. */
    if ((flags & LX_RWF_NOWAIT) && (file_mode(file) & LX_S_IFMT) != LX_S_IFREG)
        return -EOPNOTSUPP;
    user_iter_init_user(&io, vector->segments, vector->nbytes);
    io.appends = (flags & LX_RWF_APPEND) != 0;
    if (write)
        write_begin(self, &io);
    if (write)
        return write_finish(self, file,
                            offset == AT_POSITION ? file_write(file, &io)
                                                  : file_pwrite(file, &io, offset));
    return offset == AT_POSITION ? file_read(file, &io) : file_pread(file, &io, offset);
}

/* All six calls. offset is AT_POSITION or not negative; flags are looked at last, as on Linux. */
static int64_t vectored(struct task *self, int fd, struct uptr from, uint64_t count, int64_t offset,
                        int flags, bool write)
{
    struct fd_ref ref = fd_find(self->files, fd);
    struct user_vector vector;
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = offset != AT_POSITION && !(ref.file->access & FILE_POSITION) ? -ESPIPE : 0;
    if (!result)
        result = write ? may_write(ref.file) : may_read(ref.file);
    if (!result)
        result = user_vector_get(&vector, from, (uint32_t)count);
    if (!result) {
        result = move_vector(self, ref.file, &vector, offset, flags, write);
        user_vector_put(&vector);
    }
    io_count(write, result);
    fd_ref_put(ref);
    return result;
}

int64_t sys_readv(struct task *self, int fd, struct uptr vector, uint64_t count)
{
    return vectored(self, fd, vector, count, AT_POSITION, 0, false);
}

int64_t sys_writev(struct task *self, int fd, struct uptr vector, uint64_t count)
{
    return vectored(self, fd, vector, count, AT_POSITION, 0, true);
}

/* A negative offset is EINVAL in preadv; only preadv2 reads -1 as the file's own position. */
int64_t sys_preadv(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                   uint64_t high)
{
    (void)high; /* only where registers have 32 bits */
    return (int64_t)low < 0 ? -EINVAL : vectored(self, fd, vector, count, (int64_t)low, 0, false);
}

int64_t sys_pwritev(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                    uint64_t high)
{
    (void)high;
    return (int64_t)low < 0 ? -EINVAL : vectored(self, fd, vector, count, (int64_t)low, 0, true);
}

/* Honoured: HIPRI, DSYNC, SYNC, NOWAIT (memory needs none of them), and for writing APPEND. */
int64_t sys_preadv2(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                    uint64_t high, int flags)
{
    (void)high;
    if ((int64_t)low < AT_POSITION)
        return -EINVAL;
    return vectored(self, fd, vector, count, (int64_t)low, flags, false);
}

int64_t sys_pwritev2(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                     uint64_t high, int flags)
{
    (void)high;
    if ((int64_t)low < AT_POSITION)
        return -EINVAL;
    return vectored(self, fd, vector, count, (int64_t)low, flags, true);
}

/* A file without a position (pipe, terminal) is ESPIPE, in file_seek. */
int64_t sys_lseek(struct task *self, int fd, int64_t offset, int whence)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = file_seek(ref.file, offset, whence);
    fd_ref_put(ref);
    return result;
}
