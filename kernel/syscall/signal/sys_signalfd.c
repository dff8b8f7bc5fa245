/* SPDX-License-Identifier: MIT */
/*
 * signalfd4: blocked signals of the reading task, as records in a file.
 *
 * The file has a set and nothing else: the signals are those of the task that reads or polls, taken
 * by the same function as sigtimedwait takes them. A poll that waits marks the set in its own task
 * (sig_wait), and a blocked signal of the set ends its sleep. An epoll waits in no task: it is
 * woken by the signals of the process that added the file (signal_poll.h), and asks then what is
 * pending for the task that waits in it, as on Linux.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/signal/signal_poll.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"

/* Which signals: the file's private state. One word, so that signalfd may change it while another
 * task reads; a reader that waits keeps to the set it began with. */
static uint64_t set_of(const struct file *file)
{
    return __atomic_load_n(&file->private_state, __ATOMIC_RELAXED);
}

static void set_store(struct file *file, uint64_t set)
{
    __atomic_store_n(&file->private_state, set & ~SIGNAL_UNBLOCKABLE, __ATOMIC_RELAXED);
}

/* Which fields are set depends on the origin of the signal (signalfd(2)). */
static struct lx_signalfd_siginfo record_of(const struct lx_siginfo *info)
{
    struct lx_signalfd_siginfo record = {
        .signo = (uint32_t)info->signo, .error = info->error, .code = info->code};

    if (info->code == LX_SI_TIMER) {
        record.timer = info->timer.id;
        record.overrun = info->timer.overrun;
        record.value = info->timer.value;
        record.number = (int32_t)record.value;
        return record;
    }
    if (info->code == LX_SI_SIGIO ||
        (info->signo != LX_SIGCHLD && info->code >= LX_POLL_IN && info->code <= LX_POLL_HUP)) {
        record.band = (uint32_t)info->poll.band;
        record.fd = info->poll.fd;
        return record;
    }
    record.pid = info->sender.pid;
    record.uid = info->sender.uid;
    if (info->signo == LX_SIGCHLD && info->code > 0) {
        record.status = info->child.status;
        record.utime = info->child.utime;
        record.stime = info->child.stime;
        return record;
    }
    record.value = info->sender.value;
    record.number = (int32_t)record.value;
    return record;
}

static int64_t signalfd_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct lx_signalfd_siginfo record;
    int64_t total = 0;

    (void)offset;
    if (io->left < sizeof(record))
        return -EINVAL;
    do {
        /* The first one is waited for: a time in the past is one look. */
        uint64_t deadline_ns = total || file->flags & LX_O_NONBLOCK ? 1 : 0;
        struct lx_siginfo info;
        int number = signal_wait_for(task_current(), set_of(file), deadline_ns, &info);

        /* Signals that have been taken cannot be put back: those before this one count. */
        if (number <= 0)
            return total ? total : number;
        record = record_of(&info);
        if (user_iter_put(io, &record, sizeof(record)) < sizeof(record))
            return total ? total : -EFAULT;
        total += (int64_t)sizeof(record);
    } while (io->left >= sizeof(record));
    return total;
}

/* A signal of the set ends the poll's sleep as it would end sigtimedwait's. */
static uint32_t signalfd_poll(struct file *file, struct poll_waiter *waiter)
{
    struct task *self = task_current();

    if (waiter && waiter->outlasts_call)
        waiter->add(waiter, signal_poll_head(self));
    else if (waiter)
        signal_set_wait(self, self->sig_wait | set_of(file));
    return signal_pending(self) & set_of(file) ? LX_POLLIN | LX_POLLRDNORM : 0;
}

static const struct file_ops signalfd_ops = {
    .read = signalfd_read,
    .poll = signalfd_poll,
    .anon_name = "signalfd",
};

/* Only a file of this kind: anything else is EINVAL. */
static int signalfd_change(struct task *self, int fd, uint64_t set)
{
    struct file *file = fd_get(self->files, fd);
    int err = 0;

    if (!file)
        return -EBADF;
    if (file->ops == &signalfd_ops)
        set_store(file, set);
    else
        err = -EINVAL;
    file_put(file);
    return err;
}

/* Honoured: CLOEXEC, NONBLOCK. */
int64_t sys_signalfd4(struct task *self, int fd, struct uptr user_set, size_t nbytes, int flags)
{
    struct file *file;
    uint64_t set;
    int err;

    if (nbytes != sizeof(set))
        return -EINVAL;
    err = vm_user_read(&set, user_set, sizeof(set));
    if (err)
        return err;
    if ((uint32_t)flags & ~(LX_O_CLOEXEC | LX_O_NONBLOCK))
        return -EINVAL;
    if (fd != -1) {
        err = signalfd_change(self, fd, set);
        return err ? err : fd;
    }
    fd = fd_reserve(self->files, 0, (uint32_t)flags & LX_O_CLOEXEC);
    if (fd < 0)
        return fd;
    /* The number was reserved first: nothing can fail once the file exists. */
    err = file_create_anon(&signalfd_ops, NULL, 0600, LX_O_RDWR | ((uint32_t)flags & LX_O_NONBLOCK),
                           &self->fs->cred, &file);
    if (err) {
        fd_unreserve(self->files, fd);
        return err;
    }
    set_store(file, set);
    fd_fill(self->files, fd, file);
    return fd;
}
