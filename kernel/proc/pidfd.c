/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of processes.
 *
 * All descriptors of a process lead to one struct pidfd, made with the first of them and freed with
 * the last: process->pidfd and pidfd->process point to each other, both under process_tree_lock,
 * until the process is unlinked or the last file goes. So a process without descriptors pays for a
 * pointer, and descriptors of processes that are gone hold some bytes and no number.
 *
 * The end: exit sets `ended` under the tree lock, in the hold that makes the process a zombie,
 * takes a reference and wakes the pollers after the lock has been dropped, as they may be many. A
 * poller registers before it looks.
 */
#include "kernel/proc/pidfd.h"

#include "kernel/fs/event/event_file.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"

static struct pidfd *pidfd_alloc(void)
{
    struct pidfd *pidfd = kzalloc(sizeof(*pidfd));

    if (pidfd)
        poll_head_init(&pidfd->poll);
    return pidfd;
}

static void pidfd_put(struct pidfd *pidfd)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool is_last = --pidfd->refs == 0;

    if (is_last && pidfd->process)
        pidfd->process->pidfd = NULL;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (is_last)
        kfree(pidfd);
}

/* A reference to that of the process, which becomes `fresh` if there was none. */
static struct pidfd *pidfd_get_locked(struct process *process, struct pidfd *fresh)
{
    ASSERT(process_tree_is_held());
    if (!process->pidfd) {
        fresh->process = process;
        fresh->ended = process->zombie;
        process->pidfd = fresh;
    }
    process->pidfd->refs++;
    return process->pidfd;
}

/* --- the file --- */

static uint32_t pidfd_poll(struct file *file, struct poll_waiter *waiter)
{
    struct pidfd *pidfd = file->private;

    poll_register(&pidfd->poll, waiter);
    return __atomic_load_n(&pidfd->ended, __ATOMIC_ACQUIRE) ? LX_POLLIN | LX_POLLRDNORM : 0;
}

static void pidfd_release(struct file *file)
{
    pidfd_put(file->private);
}

static void pidfd_fdinfo(struct file *file, struct procfs_text *text)
{
    const struct pidfd *pidfd = file->private;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int number = pidfd->process ? pidfd->process->pid : -1;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    procfs_print(text, "Pid:\t%d\nNSpid:\t%d\n", number, number);
}

static const struct file_ops pidfd_ops = {
    .release = pidfd_release,
    .seek = event_file_seek,
    .poll = pidfd_poll,
    .anon_name = "pidfd",
    .fdinfo = pidfd_fdinfo,
};

struct pidfd *pidfd_of(const struct file *file)
{
    return file->ops == &pidfd_ops ? file->private : NULL;
}

/* --- made --- */

int pidfd_reserve(struct task *self, struct process *process, struct pidfd_new *out_new)
{
    struct pidfd *pidfd = pidfd_alloc();
    struct file *file;
    int err, fd;

    if (!pidfd)
        return -ENOMEM;
    fd = fd_reserve(self->files, 0, true);
    if (fd < 0) {
        kfree(pidfd);
        return fd;
    }
    err = file_create_anon(&pidfd_ops, pidfd, 0600, LX_O_RDWR, &self->fs->cred, &file);
    if (err) {
        fd_unreserve(self->files, fd);
        kfree(pidfd);
        return err;
    }
    /* Without the lock: neither is known to others. */
    pidfd->refs = 1;
    pidfd->process = process;
    process->pidfd = pidfd;
    *out_new = (struct pidfd_new){fd, file};
    return 0;
}

void pidfd_fill(struct task *self, const struct pidfd_new *new)
{
    fd_fill(self->files, new->fd, new->file);
}

void pidfd_cancel(struct task *self, const struct pidfd_new *new)
{
    fd_unreserve(self->files, new->fd);
    file_put(new->file);
}

/* A number that is in use, though no process has it. */
static int refusal_locked(const struct pid *pid)
{
    ASSERT(process_tree_is_held());
    return pid && (pid->task || pid->group.count || pid->session.groups) ? -EINVAL : -ESRCH;
}

int pidfd_open(struct task *self, int number, uint32_t flags)
{
    struct pidfd *fresh = pidfd_alloc(), *pidfd = NULL;
    struct process *process;
    uint64_t tree;
    int fd = 0;

    if (!fresh)
        return -ENOMEM;
    tree = spin_lock_irqsave(&process_tree_lock);
    process = process_find_locked(number);
    if (process)
        pidfd = pidfd_get_locked(process, fresh);
    else
        fd = refusal_locked(pid_find_locked(number));
    spin_unlock_irqrestore(&process_tree_lock, tree);
    if (pidfd != fresh)
        kfree(fresh);
    if (!pidfd)
        return fd;
    fd = event_file_install(self->files, &pidfd_ops, pidfd, flags | LX_O_CLOEXEC, &self->fs->cred);
    if (fd < 0)
        pidfd_put(pidfd);
    return fd;
}

/* --- the end of the process --- */

struct pidfd *pidfd_end_locked(struct process *process)
{
    struct pidfd *pidfd = process->pidfd;

    ASSERT(process_tree_is_held());
    if (pidfd) {
        pidfd->refs++;
        __atomic_store_n(&pidfd->ended, 1, __ATOMIC_RELEASE);
    }
    return pidfd;
}

void pidfd_wake(struct pidfd *pidfd)
{
    poll_notify_events(&pidfd->poll, LX_POLLIN | LX_POLLRDNORM);
    pidfd_put(pidfd);
}

void pidfd_leave_locked(struct process *process)
{
    ASSERT(process_tree_is_held());
    process->pidfd->process = NULL;
    process->pidfd = NULL;
}
