/* SPDX-License-Identifier: MIT */
/*
 * inotify: the queue of events that a program reads, and its file.
 *
 * Everything is under notify_lock (notify.c), bytes to the program excepted: a read takes an event
 * out of the queue, then copies it. Events that cannot be queued, since there are too many, or too
 * many bytes of all queues of the user, or no memory, are lost; the first of them puts an event
 * into the queue that says so, whose memory is the queue's own.
 *
 * Watches, queues and bytes are charged to the user that made the inotify.
 */
#include "kernel/fs/event/inotify.h"

#include "kernel/fs/event/event_file.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"

/* Memory over this is what the events in the queues of one user may take, so that several users
 * that fill theirs leave most of it to others. */
#define BYTES_SHARE 25

static int64_t bytes_max(void)
{
    return (int64_t)(pmm_total_count() * PAGE_SIZE / BYTES_SHARE);
}

static void inotify_put(struct inotify *group)
{
    if (__atomic_sub_fetch(&group->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    user_charge_put(group->charge);
    kfree(group);
}

/* --- the queue --- */

static char *event_name(struct notify_event *event)
{
    return (char *)(event + 1);
}

static uint32_t event_nbytes(const struct notify_event *event)
{
    uint32_t unit = sizeof(struct lx_inotify_event);

    return unit + (event->len ? ALIGN_UP(event->len + 1, unit) : 0);
}

/* What is charged for it: the memory, not what a read gives. */
static int64_t event_cost(const struct notify_event *event)
{
    return (int64_t)(sizeof(*event) + event->len);
}

/* The cookie does not count, as on Linux. An end stays apart: its number may come again. */
static bool event_is_same(struct notify_event *event, int wd, const struct notify_what *what)
{
    return event->wd == wd && event->mask == what->mask && !(event->mask & LX_IN_IGNORED) &&
           event->len == what->len &&
           (!event->len || !memcmp(event_name(event), what->name, event->len));
}

/* NULL: none can be had, for lack of memory or of the user's share of it. */
static struct notify_event *event_create(struct inotify *group, int wd,
                                         const struct notify_what *what)
{
    struct notify_event *event = kmalloc(sizeof(*event) + what->len);

    if (!event)
        return NULL;
    event->wd = wd;
    event->mask = what->mask;
    event->cookie = what->cookie;
    event->len = (uint32_t)what->len;
    if (what->len)
        memcpy(event_name(event), what->name, what->len);
    if (user_charge_add(group->charge, CHARGE_EVENT_BYTES, event_cost(event)) <= bytes_max())
        return event;
    user_charge_add(group->charge, CHARGE_EVENT_BYTES, -event_cost(event));
    kfree(event);
    return NULL;
}

static void event_free(struct inotify *group, struct notify_event *event)
{
    if (event == &group->overflow)
        return;
    user_charge_add(group->charge, CHARGE_EVENT_BYTES, -event_cost(event));
    kfree(event);
}

/* The caller wakes it behind the lock (inotify_wake), unless another thread is about to. */
static void mark_to_wake_locked(struct inotify *group, struct inotify **wake)
{
    ASSERT(spin_is_held(&notify_lock));
    if (group->waking)
        return;
    group->waking = true;
    __atomic_fetch_add(&group->refs, 1, __ATOMIC_RELAXED);
    group->wake_next = *wake;
    *wake = group;
}

void inotify_wake(struct inotify *wake)
{
    while (wake) {
        struct inotify *group = wake;

        /* No other thread changes the link before the mark is gone. */
        wake = group->wake_next;
        spin_lock(&notify_lock);
        group->waking = false;
        spin_unlock(&notify_lock);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!waitq_is_empty(&group->readable))
            waitq_wake_all(&group->readable);
        poll_notify_events(&group->poll, LX_POLLIN | LX_POLLRDNORM);
        inotify_put(group);
    }
}

void inotify_queue_locked(struct inotify_watch *watch, const struct notify_what *what,
                          struct inotify **wake)
{
    struct inotify *group = watch->group;
    struct notify_what seen = *what;
    struct notify_event *event = NULL;

    ASSERT(spin_is_held(&notify_lock));
    if (!group) {
        watch->file->owner->report(watch->file, LX_POLLMSG);
        return;
    }
    /* As on Linux these two never say that it was a directory. */
    if (seen.mask & (LX_IN_DELETE_SELF | LX_IN_MOVE_SELF))
        seen.mask &= ~LX_IN_ISDIR;
    if (group->nevents < INOTIFY_EVENTS_MAX) {
        if (!list_empty(&group->events) &&
            event_is_same(list_entry(group->events.prev, struct notify_event, link), watch->wd,
                          &seen))
            return;
        event = event_create(group, watch->wd, &seen);
    }
    if (!event) {
        if (!list_empty(&group->overflow.link))
            return;
        event = &group->overflow;
    }
    list_push_back(&group->events, &event->link);
    group->nevents++;
    group->nbytes += event_nbytes(event);
    mark_to_wake_locked(group, wake);
}

/* The oldest event, taken out. NULL: there is none, or (*too_long) it does not fit. */
static struct notify_event *event_take(struct inotify *group, size_t room, bool *too_long)
{
    struct notify_event *event = NULL;

    *too_long = false;
    spin_lock(&notify_lock);
    if (!list_empty(&group->events)) {
        event = list_entry(group->events.next, struct notify_event, link);
        *too_long = event_nbytes(event) > room;
        if (*too_long) {
            event = NULL;
        } else {
            list_remove(&event->link);
            group->nevents--;
            group->nbytes -= event_nbytes(event);
        }
    }
    spin_unlock(&notify_lock);
    return event;
}

/* -EINTR, -ERESTARTSYS, or 0: there may be an event. */
static int event_await(struct inotify *group)
{
    struct waiter self;
    int err = 0;

    waitq_enter(&group->readable, &self);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&group->nevents, __ATOMIC_RELAXED))
        err = waitq_sleep(&self, 1, 0);
    waitq_leave(&group->readable, &self);
    return err;
}

/* The name is followed by NULs: one at least. */
static bool event_put_to_user(struct notify_event *event, struct user_iter *io)
{
    uint32_t named = event_nbytes(event) - (uint32_t)sizeof(struct lx_inotify_event);
    struct lx_inotify_event head = {event->wd, event->mask, event->cookie, named};

    return user_iter_put(io, &head, sizeof(head)) == sizeof(head) &&
           user_iter_put(io, event_name(event), event->len) == event->len &&
           user_iter_put_zero(io, named - event->len) == named - event->len;
}

/* As many events as there is room for. One that the program's memory does not take is lost, and the
 * error is all that the call says: as on Linux. */
static int64_t inotify_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct inotify *group = inotify_of(file);
    size_t before = io->left;

    (void)offset;
    for (;;) {
        bool too_long, good;
        struct notify_event *event = event_take(group, io->left, &too_long);
        int err;

        if (!event && io->left < before)
            return (int64_t)(before - io->left);
        if (too_long)
            return -EINVAL;
        if (!event) {
            err = file->flags & LX_O_NONBLOCK ? -EAGAIN : event_await(group);
            if (err)
                return err;
            continue;
        }
        good = event_put_to_user(event, io);
        event_free(group, event);
        if (!good)
            return -EFAULT;
        sched_preempt_point();
    }
}

/* Registered first: an event that is queued behind the look reaches the waiter. */
static uint32_t inotify_poll(struct file *file, struct poll_waiter *waiter)
{
    struct inotify *group = inotify_of(file);

    poll_register(&group->poll, waiter);
    return __atomic_load_n(&group->nevents, __ATOMIC_RELAXED) ? LX_POLLIN | LX_POLLRDNORM : 0;
}

/* FIONREAD alone: the bytes that a read of everything would give. */
static int64_t inotify_ioctl(struct file *file, uint32_t request, struct uptr argument)
{
    uint32_t nbytes = __atomic_load_n(&inotify_of(file)->nbytes, __ATOMIC_RELAXED);

    return request == LX_FIONREAD ? vm_user_write(argument, &nbytes, sizeof(nbytes)) : -ENOTTY;
}

/* --- the file --- */

/* Without watches nothing comes into the queue any more. */
static void inotify_release(struct file *file)
{
    struct inotify *group = inotify_of(file);
    struct notify_event *event;
    bool too_long;

    inotify_watches_free(group);
    while ((event = event_take(group, SIZE_MAX, &too_long))) {
        event_free(group, event);
        sched_preempt_point();
    }
    user_charge_add(group->charge, CHARGE_INOTIFIES, -1);
    inotify_put(group);
}

static const struct file_ops inotify_ops = {
    .release = inotify_release,
    .read = inotify_read,
    .seek = event_file_seek,
    .ioctl = inotify_ioctl,
    .poll = inotify_poll,
    .async = file_async_input,
    .anon_name = "inotify",
    .fdinfo = inotify_fdinfo,
};

bool file_is_inotify(const struct file *file)
{
    return file->ops == &inotify_ops;
}

/* Charged to the real user, as all that it will hold. */
static struct inotify *inotify_alloc(uint32_t uid)
{
    struct inotify *group = kzalloc(sizeof(*group));

    if (!group)
        return NULL;
    group->refs = 1;
    list_init(&group->events);
    list_init(&group->overflow.link);
    group->overflow.wd = -1;
    group->overflow.mask = LX_IN_Q_OVERFLOW;
    waitq_init(&group->readable);
    poll_head_init(&group->poll);
    group->charge = user_charge_get(uid);
    if (group->charge)
        return group;
    kfree(group);
    return NULL;
}

int inotify_create(uint32_t flags, const struct credentials *cred, struct file **out_file)
{
    struct inotify *group = inotify_alloc(cred->uid);
    int err = -EMFILE;

    if (!group)
        return -ENOMEM;
    if (user_charge_add(group->charge, CHARGE_INOTIFIES, 1) <= INOTIFY_INSTANCES_MAX)
        err = file_create_anon(&inotify_ops, group, 0600, LX_O_RDONLY | flags, cred, out_file);
    if (err) {
        user_charge_add(group->charge, CHARGE_INOTIFIES, -1);
        inotify_put(group);
    }
    return err;
}
