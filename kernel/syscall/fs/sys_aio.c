/* SPDX-License-Identifier: MIT */
/*
 * io_setup, io_destroy, io_submit, io_cancel, io_getevents, io_pgetevents.
 *
 * Files are in memory: a request is done when io_submit returns, as those of Linux are that need
 * not wait for a disk, and its event can be read. So there is never one to be cancelled. What is
 * wrong with the request itself is an error of io_submit; what happens to its bytes is in the
 * event.
 */
#include "kernel/fs/event/aio_context.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/eventfd.h"
#include "kernel/syscall/fs/poll_scan.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"
#include "shared/linux/uio.h"

#define EVENTS_MOST 0x400000 /* of io_setup: what Linux's ring would have room for */
#define RWF_ALL     (LX_RWF_HIPRI | LX_RWF_DSYNC | LX_RWF_SYNC | LX_RWF_NOWAIT | LX_RWF_APPEND)

/* The number comes back in a word that has to be 0 before: a program that has not cleared it is
 * told so. */
COLD int64_t sys_io_setup(struct task *self, unsigned nrequests, struct uptr result)
{
    struct vm_space *space = self->thread.space;
    uint64_t id;
    int err = vm_user_read(&id, result, sizeof(id));

    if (err)
        return err;
    if (id || nrequests == 0 || 2 * nrequests > 2 * EVENTS_MOST) /* 32 bits, as Linux */
        return -EINVAL;
    err = aio_context_create(space, nrequests, &id);
    if (err)
        return err;
    err = vm_user_write(result, &id, sizeof(id));
    if (err) {
        struct aio_context *context = aio_context_find(space, id);

        if (context) {
            aio_context_kill(space, context, id);
            aio_context_put(context);
        }
    }
    return err;
}

/* Tasks that wait in it for events wait for nothing, and get EINVAL. */
int64_t sys_io_destroy(struct task *self, uint64_t id)
{
    struct aio_context *context = aio_context_find(self->thread.space, id);
    int err;

    if (!context)
        return -EINVAL;
    err = aio_context_kill(self->thread.space, context, id) ? 0 : -EINVAL;
    aio_context_put(context);
    return err;
}

/* --- requests --- */

/* The bytes of a request: one buffer, or a vector of them. */
static int request_buffer(const struct lx_iocb *iocb, struct user_vector *vector,
                          struct user_iter *io)
{
    struct uptr base = {iocb->aio_buf};
    bool is_vector = iocb->aio_lio_opcode >= LX_IOCB_CMD_PREADV;
    int err;

    vector->segments = vector->few;
    vector->nbytes = MIN(iocb->aio_nbytes, LX_MAX_RW_COUNT);
    if (!is_vector) {
        if (!user_range_is_user(base, vector->nbytes))
            return -EFAULT;
        vector->few[0] = (struct user_iter_segment){base, vector->nbytes};
    } else {
        err = user_vector_get(vector, base, (uint32_t)iocb->aio_nbytes);
        if (err)
            return err;
    }
    user_iter_init_user(io, vector->segments, vector->nbytes);
    return 0;
}

/* A file without a position (a pipe, a socket) is read and written as it comes, and may wait; so it
 * does on Linux. */
static int64_t request_move(struct task *self, struct file *file, const struct lx_iocb *iocb,
                            struct user_iter *io, bool write)
{
    bool seeks = file->access & FILE_POSITION;

    if (io->left == 0)
        return 0;
    if (!write)
        return seeks ? file_pread(file, io, iocb->aio_offset) : file_read(file, io);
    write_begin(self, io);
    io->appends = (iocb->aio_rw_flags & LX_RWF_APPEND) != 0;
    return write_finish(self, file,
                        seeks ? file_pwrite(file, io, iocb->aio_offset) : file_write(file, io));
}

/* The result goes to *out; an error is that of the request. */
static int request_transfer(struct task *self, struct file *file, const struct lx_iocb *iocb,
                            int64_t *out)
{
    bool write =
        iocb->aio_lio_opcode == LX_IOCB_CMD_PWRITE || iocb->aio_lio_opcode == LX_IOCB_CMD_PWRITEV;
    struct user_vector vector;
    struct user_iter io;
    int err;

    if (iocb->aio_rw_flags & ~RWF_ALL)
        return -EOPNOTSUPP;
    if ((iocb->aio_rw_flags & LX_RWF_NOWAIT) && (file_mode(file) & LX_S_IFMT) != LX_S_IFREG)
        return -EOPNOTSUPP;
    if (!(file->access & (write ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    if ((write ? !file->ops->write : !file->ops->read) ||
        (file_mode(file) & LX_S_IFMT) == LX_S_IFDIR)
        return -EINVAL;
    err = request_buffer(iocb, &vector, &io);
    if (err)
        return err;
    if ((file->access & FILE_POSITION) &&
        (iocb->aio_offset < 0 || (int64_t)((uint64_t)iocb->aio_offset + vector.nbytes) < 0))
        err = -EINVAL;
    else
        *out = request_move(self, file, iocb, &io, write);
    user_vector_put(&vector);
    if (!err && restart_is_code(*out))
        *out = -EINTR; /* the call goes on with the next request */
    return err;
}

/* Of a request that has no bytes all fields that would be theirs are 0. */
COLD static int request_sync(struct file *file, const struct lx_iocb *iocb, int64_t *out)
{
    if (iocb->aio_buf || iocb->aio_offset || iocb->aio_nbytes || iocb->aio_rw_flags)
        return -EINVAL;
    if (!file->ops->sync)
        return -EINVAL;
    *out = file->ops->sync(file);
    return 0;
}

static int request_do(struct task *self, struct file *file, const struct lx_iocb *iocb,
                      int64_t *out)
{
    switch (iocb->aio_lio_opcode) {
    case LX_IOCB_CMD_PREAD:
    case LX_IOCB_CMD_PWRITE:
    case LX_IOCB_CMD_PREADV:
    case LX_IOCB_CMD_PWRITEV:
        return request_transfer(self, file, iocb, out);
    case LX_IOCB_CMD_FSYNC:
    case LX_IOCB_CMD_FDSYNC:
        return request_sync(file, iocb, out);
    default:
        return -EINVAL;
    }
}

/* The event is there before the eventfd says so. */
static int request_complete(struct task *self, struct aio_context *context,
                            const struct lx_iocb *iocb, uint64_t address, struct file *notified)
{
    struct lx_io_event event = {.data = iocb->aio_data, .obj = address};
    struct uptr key = {address + offsetof(struct lx_iocb, aio_key)};
    const uint32_t no_key = 0; /* nothing is ever cancelled by it */
    struct fd_ref ref = fd_find(self->files, (int)iocb->aio_fildes);
    int err = -EBADF;

    if (ref.file)
        err = vm_user_write(key, &no_key, sizeof(no_key));
    if (!err)
        err = request_do(self, ref.file, iocb, &event.res);
    fd_ref_put(ref);
    if (err)
        return err;
    aio_event_complete(context, &event);
    if (notified)
        eventfd_signal(notified);
    return 0;
}

/* The place for the event comes first: a request that has begun can only be completed. Until the
 * files are found everything can still be refused, and then the place is given back. */
static int request_submit(struct task *self, struct aio_context *context, uint64_t address)
{
    struct fd_ref notified = {0};
    struct lx_iocb iocb;
    int err = vm_user_read(&iocb, (struct uptr){address}, sizeof(iocb));

    if (err)
        return err;
    if (iocb.aio_reserved2 || (int64_t)iocb.aio_nbytes < 0)
        return -EINVAL;
    if (!aio_event_reserve(context))
        return -EAGAIN;
    if (iocb.aio_flags & LX_IOCB_FLAG_RESFD) {
        notified = fd_find(self->files, (int)iocb.aio_resfd);
        if (!notified.file)
            err = -EBADF;
        else if (!file_is_eventfd(notified.file))
            err = -EINVAL;
    }
    if (!err)
        err = request_complete(self, context, &iocb, address, notified.file);
    if (err)
        aio_event_unreserve(context);
    fd_ref_put(notified);
    return err;
}

/* How many were begun; the error of the first only where none was. Opcodes: PREAD, PWRITE, PREADV,
 * PWRITEV, FSYNC, FDSYNC; flags: RESFD, and what pwritev2 has. */
int64_t sys_io_submit(struct task *self, uint64_t id, int64_t count, struct uptr list)
{
    struct aio_context *context;
    int64_t done = 0;
    int err = 0;

    if (count < 0)
        return -EINVAL;
    context = aio_context_find(self->thread.space, id);
    if (!context)
        return -EINVAL;
    /* More than there are places for is cut, so what lies behind in the list is not looked at. */
    count = MIN(count, aio_context_places(context));
    for (; done < count; done++) {
        uint64_t address;

        err = vm_user_read(&address, (struct uptr){list.va + (uint64_t)done * sizeof(address)},
                           sizeof(address));
        if (!err)
            err = request_submit(self, context, address);
        if (err || vm_kill_pending())
            break;
        sched_preempt_point();
    }
    aio_context_put(context);
    return done ? done : err;
}

/* Every request has been done already. */
COLD int64_t sys_io_cancel(struct task *self, uint64_t id, struct uptr iocb, struct uptr result)
{
    struct aio_context *context;
    uint32_t key;
    int err =
        vm_user_read(&key, (struct uptr){iocb.va + offsetof(struct lx_iocb, aio_key)}, sizeof(key));

    (void)result;
    if (err)
        return err;
    context = aio_context_find(self->thread.space, id);
    if (context)
        aio_context_put(context);
    return -EINVAL;
}

/* --- events --- */

/* The time comes before the context, so that is what a bad pointer to it says. */
static int64_t events_get(struct task *self, uint64_t id, int64_t least, int64_t most,
                          struct uptr events, struct poll_timeout timeout)
{
    struct aio_context *context = aio_context_find(self->thread.space, id);
    int64_t result = -EINVAL;

    if (!context)
        return -EINVAL;
    if (least >= 0 && least <= most)
        result =
            aio_events_read(context, least, most, events, timeout.no_wait, timeout.deadline_ns);
    aio_context_put(context);
    return result == -ERESTARTSYS ? -EINTR : result;
}

int64_t sys_io_getevents(struct task *self, uint64_t id, int64_t least, int64_t most,
                         struct uptr events, struct uptr time)
{
    struct poll_timeout timeout;
    int err = poll_timeout_read(time, &timeout);

    return err ? err : events_get(self, id, least, most, events, timeout);
}

/* mask: where the mask is, and its size; both in two words. */
int64_t sys_io_pgetevents(struct task *self, uint64_t id, int64_t least, int64_t most,
                          struct uptr events, struct uptr time, struct uptr mask)
{
    struct poll_timeout timeout;
    uint64_t words[2] = {0, 0}, saved;
    int64_t result = poll_timeout_read(time, &timeout);

    if (!result && mask.va)
        result = vm_user_read(words, mask, sizeof(words));
    if (!result)
        result = poll_mask_begin(self, (struct uptr){words[0]}, words[1], &saved);
    if (result)
        return result;
    result = events_get(self, id, least, most, events, timeout);
    result = result == -EINTR ? -ERESTARTNOHAND : result;
    poll_mask_end(self, result, saved);
    return result;
}
