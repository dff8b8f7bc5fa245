/* SPDX-License-Identifier: MIT */
/* Reading and writing. The descriptor is judged before the buffer, as on Linux. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/sys_write.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/signal.h"
#include "shared/linux/uio.h"

#define AT_POSITION   (-1) /* offset of preadv2 that means: the file's own */
#define RWF_NO_EFFECT (LX_RWF_HIPRI | LX_RWF_DSYNC | LX_RWF_SYNC)

static bool range_is_user(struct uptr base, uint64_t nbytes)
{
    return nbytes <= USER_END && base.va <= USER_END - nbytes;
}

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

static uint64_t file_limit(const struct task *self)
{
    return self->process->limits[LX_RLIMIT_FSIZE].current;
}

uint64_t write_forbidden(const struct task *self)
{
    uint64_t limit = file_limit(self);

    return likely(limit > INT64_MAX) ? 0 : INT64_MAX - limit;
}

int64_t write_finish(struct task *self, int64_t result)
{
    if (unlikely(result == -EPIPE))
        signal_send_task(self, LX_SIGPIPE);
    else if (unlikely(result == -EFBIG) && file_limit(self) != LX_RLIM_INFINITY)
        signal_send_task(self, LX_SIGXFSZ);
    return result;
}

int write_check_size(struct task *self, const struct inode *inode, uint64_t nbytes)
{
    if (nbytes <= inode->size || nbytes <= file_limit(self))
        return 0;
    return (int)write_finish(self, -EFBIG);
}

/* One buffer of a program. */
static inline int buffer_init(struct vm_io *io, struct uptr base, size_t nbytes)
{
    if (!range_is_user(base, nbytes))
        return -EFAULT;
    vm_io_init_buffer(io, base, MIN(nbytes, LX_MAX_RW_COUNT));
    return 0;
}

int64_t sys_read(struct task *self, int fd, struct uptr buffer, size_t nbytes)
{
    struct fd_ref ref = fd_find(self->files, fd);
    struct vm_io io;
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = may_read(ref.file);
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result)
        result = file_read(ref.file, &io);
    fd_ref_put(ref);
    return result;
}

int64_t sys_write(struct task *self, int fd, struct uptr buffer, size_t nbytes)
{
    struct fd_ref ref = fd_find(self->files, fd);
    struct vm_io io;
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = may_write(ref.file);
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result) {
        io.forbidden = write_forbidden(self);
        result = write_finish(self, file_write(ref.file, &io));
    }
    fd_ref_put(ref);
    return result;
}

int64_t sys_pread64(struct task *self, int fd, struct uptr buffer, size_t nbytes, int64_t offset)
{
    struct fd_ref ref;
    struct vm_io io;
    int64_t result;

    if (offset < 0)
        return -EINVAL;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    result = ref.file->access & FILE_POSITION ? may_read(ref.file) : -ESPIPE;
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result)
        result = file_pread(ref.file, &io, offset);
    fd_ref_put(ref);
    return result;
}

int64_t sys_pwrite64(struct task *self, int fd, struct uptr buffer, size_t nbytes, int64_t offset)
{
    struct fd_ref ref;
    struct vm_io io;
    int64_t result;

    if (offset < 0)
        return -EINVAL;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    result = ref.file->access & FILE_POSITION ? may_write(ref.file) : -ESPIPE;
    if (!result)
        result = buffer_init(&io, buffer, nbytes);
    if (!result) {
        io.forbidden = write_forbidden(self);
        result = write_finish(self, file_pwrite(ref.file, &io, offset));
    }
    fd_ref_put(ref);
    return result;
}

/* --- vectors --- */

struct vector {
    struct vm_io_segment *segments;
    size_t nbytes;
    struct vm_io_segment few[LX_UIO_FASTIOV];
};

/* The sum is cut at what one call moves at most; what lies behind is checked all the same. */
static int vector_check(struct vector *vector, size_t count)
{
    vector->nbytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct vm_io_segment *segment = &vector->segments[i];

        if ((int64_t)segment->nbytes < 0)
            return -EINVAL;
        if (!range_is_user(segment->base, segment->nbytes))
            return -EFAULT;
        segment->nbytes = MIN(segment->nbytes, LX_MAX_RW_COUNT - vector->nbytes);
        vector->nbytes += segment->nbytes;
    }
    return 0;
}

static void vector_put(struct vector *vector)
{
    if (vector->segments != vector->few)
        kfree(vector->segments);
}

/* Linux looks at the lower half of the count only. */
static int vector_get(struct vector *vector, struct uptr from, uint32_t count)
{
    int err;

    if (count > LX_UIO_MAXIOV)
        return -EINVAL;
    vector->segments = vector->few;
    if (count > LX_UIO_FASTIOV)
        vector->segments = kmalloc(count * sizeof(struct vm_io_segment));
    if (!vector->segments)
        return -ENOMEM;
    err = vm_user_read(vector->segments, from, count * sizeof(struct vm_io_segment));
    if (!err)
        err = vector_check(vector, count);
    if (err)
        vector_put(vector);
    return err;
}

static int64_t move_vector(struct task *self, struct file *file, struct vector *vector,
                           int64_t offset, bool write)
{
    int64_t result = write ? may_write(file) : may_read(file);
    struct vm_io io;

    if (result || vector->nbytes == 0)
        return result;
    vm_io_init_user(&io, vector->segments, vector->nbytes);
    io.forbidden = write ? write_forbidden(self) : 0;
    if (write)
        return write_finish(self, offset == AT_POSITION ? file_write(file, &io)
                                                        : file_pwrite(file, &io, offset));
    return offset == AT_POSITION ? file_read(file, &io) : file_pread(file, &io, offset);
}

/* All six calls. offset is AT_POSITION or not negative. */
static int64_t vectored(struct task *self, int fd, struct uptr from, uint64_t count, int64_t offset,
                        bool write)
{
    struct fd_ref ref = fd_find(self->files, fd);
    struct vector vector;
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = offset != AT_POSITION && !(ref.file->access & FILE_POSITION) ? -ESPIPE : 0;
    if (!result)
        result = vector_get(&vector, from, (uint32_t)count);
    if (!result) {
        result = move_vector(self, ref.file, &vector, offset, write);
        vector_put(&vector);
    }
    fd_ref_put(ref);
    return result;
}

int64_t sys_readv(struct task *self, int fd, struct uptr vector, uint64_t count)
{
    return vectored(self, fd, vector, count, AT_POSITION, false);
}

int64_t sys_writev(struct task *self, int fd, struct uptr vector, uint64_t count)
{
    return vectored(self, fd, vector, count, AT_POSITION, true);
}

int64_t sys_preadv(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                   uint64_t high)
{
    (void)high; /* only where registers have 32 bits */
    return (int64_t)low < 0 ? -EINVAL : vectored(self, fd, vector, count, (int64_t)low, false);
}

int64_t sys_pwritev(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                    uint64_t high)
{
    (void)high;
    return (int64_t)low < 0 ? -EINVAL : vectored(self, fd, vector, count, (int64_t)low, true);
}

/* Honoured: HIPRI, DSYNC, SYNC (memory needs none of them). */
int64_t sys_preadv2(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                    uint64_t high, int flags)
{
    (void)high;
    if ((int64_t)low < AT_POSITION)
        return -EINVAL;
    if (flags & ~RWF_NO_EFFECT)
        return -EOPNOTSUPP;
    return vectored(self, fd, vector, count, (int64_t)low, false);
}

int64_t sys_pwritev2(struct task *self, int fd, struct uptr vector, uint64_t count, uint64_t low,
                     uint64_t high, int flags)
{
    (void)high;
    if ((int64_t)low < AT_POSITION)
        return -EINVAL;
    if (flags & ~RWF_NO_EFFECT)
        return -EOPNOTSUPP;
    return vectored(self, fd, vector, count, (int64_t)low, true);
}

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
