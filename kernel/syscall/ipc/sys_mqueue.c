/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify,
 * mq_getsetattr.
 *
 * The handlers copy names, attributes and messages, and find faults in Linux's order; everything
 * else is in proc/ipc/mqueue*.c. A message is copied before the queue is looked at, and out of the
 * queue for good before it is copied to the program: one that does not arrive there is lost, as on
 * Linux.
 */
#include "kernel/proc/ipc/mqueue.h"

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/signal.h"
#include "shared/linux/stat.h"
#include "shared/linux/time.h"

#define NS_PER_S     1000000000LL
#define SECONDS_MOST (INT64_MAX / NS_PER_S - 1) /* later than any machine runs */

/* Honoured: CREAT, EXCL, NONBLOCK, and the access mode; CLOEXEC is always set. */
COLD int64_t sys_mq_open(struct task *self, struct uptr name, int flags, uint32_t mode,
                         struct uptr attributes)
{
    struct lx_mq_attr attr;
    struct user_path path;
    struct file *file;
    int64_t fd;
    int err = attributes.va ? vm_user_read(&attr, attributes, sizeof(attr)) : 0;

    if (!err)
        err = user_path_get(&path, name);
    if (err)
        return err;
    /* The number first: once there is a queue, nothing can fail. */
    fd = path.text[0] ? fd_reserve(self->files, 0, true) : -ENOENT;
    if (fd >= 0) {
        err = mqueue_open(self, path.text, (uint32_t)flags, mode & LX_S_IALL,
                          attributes.va ? &attr : NULL, &file);
        if (err) {
            fd_unreserve(self->files, (int)fd);
            fd = err;
        } else {
            fd_fill(self->files, (int)fd, file);
        }
    }
    user_path_put(&path);
    return fd;
}

/* No flags. The queue itself goes with its last descriptor. */
COLD int64_t sys_mq_unlink(struct task *self, struct uptr name)
{
    struct user_path path;
    int err = user_path_get(&path, name);

    if (err)
        return err;
    err = path.text[0] ? mqueue_unlink(self, path.text) : -ENOENT;
    user_path_put(&path);
    return err;
}

/* -EBADF: no queue, or one that was not opened for that (enum file_access). */
static COLD int mqueue_fd_find(struct task *self, int fd, uint32_t access, struct fd_ref *out_ref)
{
    /* O_PATH files are no queues, either. */
    *out_ref = fd_find(self->files, fd);
    if (!out_ref->file)
        return -EBADF;
    if (out_ref->file->ops == &mqueue_file_ops && (out_ref->file->access & access) == access)
        return 0;
    fd_ref_put(*out_ref);
    return -EBADF;
}

/* Never 0, which stands for no deadline: it may end a nanosecond late. */
static COLD int deadline_read(struct uptr from, uint64_t *out_ns)
{
    struct lx_timespec time;

    *out_ns = 0;
    if (!from.va)
        return 0;
    if (vm_user_read(&time, from, sizeof(time)))
        return -EFAULT;
    if (time.sec < 0 || time.nsec < 0 || time.nsec >= NS_PER_S)
        return -EINVAL;
    *out_ns = (uint64_t)(MIN(time.sec, SECONDS_MOST) * NS_PER_S + time.nsec) | 1;
    return 0;
}

/* The priority is looked at before the descriptor, the length after it. A message that is longer
 * than the queue takes is not even read. */
COLD int64_t sys_mq_timedsend(struct task *self, int fd, struct uptr buffer, size_t nbytes,
                              unsigned priority, struct uptr deadline)
{
    struct mqueue_message *message;
    uint64_t deadline_ns;
    struct fd_ref ref;
    int err = deadline_read(deadline, &deadline_ns);

    if (!err && priority >= LX_MQ_PRIO_MAX)
        err = -EINVAL;
    if (!err)
        err = mqueue_fd_find(self, fd, FILE_WRITE, &ref);
    if (err)
        return err;
    /* Copied with no lock held: the program's page may have to be brought in. */
    err = nbytes > mqueue_of(ref.file->inode)->msgsize
              ? -EMSGSIZE
              : mqueue_message_create(buffer, nbytes, priority, &message);
    if (!err) {
        err = mqueue_send(ref.file, self, message, deadline_ns);
        /* Else it is the queue's, or a receiver has freed it by now. */
        if (err)
            mqueue_message_free(message);
    }
    fd_ref_put(ref);
    return err;
}

/* The buffer has to be as long as the queue's messages can be, whatever the next one is: so none is
 * ever cut, and none is taken out for which there is no room. */
COLD int64_t sys_mq_timedreceive(struct task *self, int fd, struct uptr buffer, size_t nbytes,
                                 struct uptr priority, struct uptr deadline)
{
    struct mqueue_message *message;
    uint64_t deadline_ns;
    struct fd_ref ref;
    int64_t result = deadline_read(deadline, &deadline_ns);

    if (!result)
        result = mqueue_fd_find(self, fd, FILE_READ, &ref);
    if (result)
        return result;
    result = nbytes < mqueue_of(ref.file->inode)->msgsize
                 ? -EMSGSIZE
                 : mqueue_receive(ref.file, deadline_ns, &message);
    fd_ref_put(ref);
    if (result)
        return result;
    /* The caller's alone from here on. The priority comes first, as on Linux: a bad pointer to it
     * leaves the buffer as it was. */
    if (priority.va)
        result = vm_user_write(priority, &message->priority, sizeof(message->priority));
    if (!result)
        result = mqueue_message_write(message, buffer);
    if (!result)
        result = (int64_t)message->nbytes;
    mqueue_message_free(message);
    return result;
}

/* The cookie, and a place for it in the socket's queue. */
static COLD int cookie_read(struct task *self, const struct lx_sigevent *event,
                            struct mqueue_notice *notice)
{
    char cookie[LX_NOTIFY_COOKIE_LEN];

    if (vm_user_read(cookie, (struct uptr){event->value}, sizeof(cookie)))
        return -EFAULT;
    /* The file is kept, not the number: the program may close that. */
    notice->socket = fd_get(self->files, event->signo);
    if (!notice->socket)
        return -EBADF;
    return netlink_notice_create(notice->socket, cookie, sizeof(cookie), &notice->cookie);
}

/* What is registered, and for SIGEV_THREAD all that it needs: nothing can fail any more once the
 * queue has it. Signal 0 is accepted, and none is sent, as on Linux. */
static COLD int notice_read(struct task *self, struct uptr from, struct mqueue_notice *notice)
{
    struct lx_sigevent event;

    if (vm_user_read(&event, from, sizeof(event)))
        return -EFAULT;
    *notice = (struct mqueue_notice){.kind = event.notify};
    switch (event.notify) {
    case LX_SIGEV_NONE:
        return 0;
    case LX_SIGEV_SIGNAL:
        notice->signo = event.signo;
        notice->value = event.value;
        return (uint32_t)event.signo > LX_NSIG ? -EINVAL : 0;
    case LX_SIGEV_THREAD:
        return cookie_read(self, &event, notice);
    default:
        return -EINVAL;
    }
}

/* Without an event the registration of the calling process ends, if it has one. */
COLD int64_t sys_mq_notify(struct task *self, int fd, struct uptr event)
{
    struct mqueue_notice notice = {0};
    struct fd_ref ref;
    int err = event.va ? notice_read(self, event, &notice) : 0;

    if (!err)
        err = mqueue_fd_find(self, fd, 0, &ref);
    if (!err) {
        err = mqueue_notify(ref.file->inode, self, event.va ? &notice : NULL);
        fd_ref_put(ref);
    }
    /* Also what notice_read has come to before it failed. */
    if (err)
        mqueue_notice_free(&notice);
    return err;
}

/* O_NONBLOCK alone can be changed; what else a program has put into the structure is ignored. What
 * was before is told, of the queue as of the descriptor. */
COLD int64_t sys_mq_getsetattr(struct task *self, int fd, struct uptr new, struct uptr old)
{
    struct lx_mq_attr attr, before;
    struct fd_ref ref;
    int err = new.va ? vm_user_read(&attr, new, sizeof(attr)) : 0;

    if (!err && new.va && (attr.flags & ~(int64_t)LX_O_NONBLOCK))
        err = -EINVAL;
    if (!err)
        err = mqueue_fd_find(self, fd, 0, &ref);
    if (err)
        return err;
    mqueue_stat(ref.file, &before);
    if (new.va)
        mqueue_set_flags(ref.file, (uint32_t)attr.flags);
    fd_ref_put(ref);
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}
