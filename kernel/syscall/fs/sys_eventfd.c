/* SPDX-License-Identifier: MIT */
/*
 * eventfd and eventfd2: a count that writes add to and reads take from.
 *
 * The count is one word that changes by compare-and-exchange; it never gets to its largest value. A
 * waiter enters its queue, then looks at the count; a change of the count looks for waiters
 * afterwards. Both have a full barrier in between.
 */
#include "kernel/fs/event/event_file.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/fs/eventfd.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/event.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
    uint64_t count; /* a */
    bool semaphore; /* I: a read takes one */
    struct waitq readable, writable;
    struct poll_head poll;
};

static struct eventfd *eventfd_of(const struct file *file)
{
    return file->private;
}

/* A semaphore gives one at a time, else a read takes all. One try: what was taken, 0 if there is
 * nothing. */
static uint64_t eventfd_take(struct eventfd *event)
{
    uint64_t count = __atomic_load_n(&event->count, __ATOMIC_SEQ_CST), taken;

    do
        taken = event->semaphore && count ? 1 : count;
    while (taken && !__atomic_compare_exchange_n(&event->count, &count, count - taken, false,
                                                 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return taken;
}

/* False: it would come to the largest value, which no count has. */
static bool eventfd_add(struct eventfd *event, uint64_t value)
{
    uint64_t count = __atomic_load_n(&event->count, __ATOMIC_SEQ_CST);

    do
        if (value > COUNT_MAX - count)
            return false;
    while (!__atomic_compare_exchange_n(&event->count, &count, count + value, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return true;
}

/* Takes, or adds `value` if that is not 0. The result of one try. */
static uint64_t eventfd_try(struct eventfd *event, uint64_t value)
{
    return value ? eventfd_add(event, value) : eventfd_take(event);
}

/* The same, tried again whenever the other side has changed the count. */
static int64_t eventfd_change(struct file *file, uint64_t value, uint64_t *done)
{
    struct eventfd *event = eventfd_of(file);
    struct waitq *queue = value ? &event->writable : &event->readable;
    int err = 0;

    *done = eventfd_try(event, value);
    if (!*done && file->flags & LX_O_NONBLOCK)
        return -EAGAIN;
    while (!*done && !err) {
        struct waiter self;

        waitq_enter(queue, &self);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        *done = eventfd_try(event, value);
        if (!*done)
            err = waitq_sleep(&self, 1, 0);
        waitq_leave(queue, &self);
    }
    return *done ? 0 : err;
}

static int64_t eventfd_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct eventfd *event = eventfd_of(file);
    uint64_t taken;
    int64_t err;

    (void)offset;
    if (io->left < sizeof(taken))
        return -EINVAL;
    err = eventfd_change(file, 0, &taken);
    if (err)
        return err;
    /* All of them: what there is room for now may be any of what they want to add. */
    if (!waitq_is_empty(&event->writable))
        waitq_wake_all(&event->writable);
    poll_notify_events(&event->poll, LX_POLLOUT);
    return user_iter_put(io, &taken, sizeof(taken)) < sizeof(taken) ? -EFAULT
                                                                    : (int64_t)sizeof(taken);
}

static int64_t eventfd_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct eventfd *event = eventfd_of(file);
    uint64_t value, done;
    int64_t err = 0;

    (void)offset;
    if (io->left < sizeof(value))
        return -EINVAL;
    if (user_iter_get(io, &value, sizeof(value)) < sizeof(value))
        return -EFAULT;
    if (value == UINT64_MAX)
        return -EINVAL;
    if (value) /* else there is nothing to wait for */
        err = eventfd_change(file, value, &done);
    if (err)
        return err;
    if (!waitq_is_empty(&event->readable))
        waitq_wake_all(&event->readable);
    poll_notify_events(&event->poll, LX_POLLIN);
    return sizeof(value);
}

/* Registered first: a change after the look reaches the waiter. */
static uint32_t eventfd_poll(struct file *file, struct poll_waiter *waiter)
{
    struct eventfd *event = eventfd_of(file);
    uint64_t count;

    poll_register(&event->poll, waiter);
    count = __atomic_load_n(&event->count, __ATOMIC_RELAXED);
    return (count > 0 ? LX_POLLIN : 0) | (count < COUNT_MAX ? LX_POLLOUT : 0);
}

static void eventfd_release(struct file *file)
{
    kfree(file->private);
}

static void eventfd_fdinfo(struct file *file, struct procfs_text *text)
{
    const struct eventfd *event = eventfd_of(file);

    procfs_print(text, "eventfd-count: %16llx\neventfd-semaphore: %d\n",
                 (unsigned long long)__atomic_load_n(&event->count, __ATOMIC_RELAXED),
                 event->semaphore);
}

static const struct file_ops eventfd_ops = {
    .release = eventfd_release,
    .read = eventfd_read,
    .write = eventfd_write,
    .seek = event_file_seek,
    .poll = eventfd_poll,
    .anon_name = "eventfd",
    .fdinfo = eventfd_fdinfo,
};

/* By its operations: no other file has them. */
bool file_is_eventfd(const struct file *file)
{
    return file->ops == &eventfd_ops;
}

/* As a write of 1 that does not wait: a reader that never comes must not keep the caller. */
void eventfd_signal(struct file *file)
{
    struct eventfd *event = eventfd_of(file);

    if (!eventfd_add(event, 1))
        return;
    if (!waitq_is_empty(&event->readable))
        waitq_wake_all(&event->readable);
    poll_notify_events(&event->poll, LX_POLLIN);
}

/* Honoured: SEMAPHORE, CLOEXEC, NONBLOCK. */
int64_t sys_eventfd2(struct task *self, unsigned count, int flags)
{
    struct eventfd *event;
    int fd;

    if ((uint32_t)flags & ~(LX_EFD_SEMAPHORE | LX_O_CLOEXEC | LX_O_NONBLOCK))
        return -EINVAL;
    event = kmalloc(sizeof(*event));
    if (!event)
        return -ENOMEM;
    event->count = count;
    event->semaphore = (uint32_t)flags & LX_EFD_SEMAPHORE;
    waitq_init(&event->readable);
    waitq_init(&event->writable);
    poll_head_init(&event->poll);
    fd = event_file_install(self->files, &eventfd_ops, event, (uint32_t)flags, &self->fs->cred);
    if (fd < 0)
        kfree(event);
    return fd;
}

int64_t sys_eventfd(struct task *self, unsigned count)
{
    return sys_eventfd2(self, count, 0);
}
