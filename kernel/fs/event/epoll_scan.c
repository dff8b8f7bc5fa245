/* SPDX-License-Identifier: MIT */
/*
 * Epoll: what is ready, and threads that wait for it.
 *
 * The ready list holds items that may be ready: each wake-up of a file puts its item there (once:
 * `queued`), whatever the number of items, so waiting costs what is ready and not what is watched.
 * A scan, one at a time under the epoll's lock, moves the list into one of its own, and takes item
 * after item out of that: polls the file, hands the event out, and puts a level-triggered item at
 * the end of the ready list again, where it gets its turn behind the others; an edge-triggered one
 * comes back with the next wake-up. What is left when the program's array is full goes to the front
 * again. Wake-ups meanwhile put items into the ready list, so no event is reported twice in a call,
 * and none is lost: an item is taken out before its file is polled.
 *
 * `scanning` stands for the items that a scan has taken: others that find the list empty wait for
 * the end of the scan, by its lock, before they say that nothing is there.
 *
 * One waiter is woken for an item; it passes the wake-up on if the list is not empty when it has
 * finished. Every way out of a wait goes through a look at the list, so a wake-up that comes
 * together with a signal or the end of the time is passed on, too.
 *
 * The event is copied to the program under the lock, with faults disabled: an item whose event
 * could not be written goes back to the front.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/event/epoll_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define FAULTS_MAX 16 /* times that a program may take its page away again */

uint32_t epoll_item_events_locked(const struct epoll_item *item, struct poll_waiter *waiter)
{
    ASSERT(mutex_is_held(&item->epoll->lock));
    return item->file->ops->poll(item->file, waiter) & item->event.events;
}

bool epoll_item_queue(struct epoll_item *item, uint32_t events)
{
    struct epoll *epoll = item->epoll;
    uint64_t flags = spin_lock_irqsave(&epoll->ready_lock);
    uint32_t wanted = item->event.events;

    if (!(wanted & ~EPOLL_MODES) || !(wanted & events)) {
        spin_unlock_irqrestore(&epoll->ready_lock, flags);
        return false;
    }
    if (!item->queued) {
        item->queued = true;
        list_push_back(&epoll->ready, &item->ready_link);
    }
    spin_unlock_irqrestore(&epoll->ready_lock, flags);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!waitq_is_empty(&epoll->queue))
        waitq_wake_one(&epoll->queue);
    return true;
}

/* Without the lock: `scanning` is set before the list is emptied. */
static bool epoll_may_be_ready(const struct epoll *epoll)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&epoll->ready.next, __ATOMIC_RELAXED) != &epoll->ready ||
           __atomic_load_n(&epoll->scanning, __ATOMIC_RELAXED);
}

/* Where the events go. */
struct epoll_sink {
    struct user_iter io;
    unsigned count, max;
    bool faulted;
};

static bool sink_put(struct epoll_sink *sink, const struct epoll_item *item, uint32_t events)
{
    struct lx_epoll_event event = {.events = events, .data = item->event.data};
    struct user_iter_place before = user_iter_place(&sink->io);

    if (user_iter_put_nofault(&sink->io, &event, sizeof(event)) < sizeof(event)) {
        user_iter_go_back(&sink->io, &before);
        sink->faulted = true;
        return false;
    }
    sink->count++;
    return true;
}

static void item_requeue_locked(struct epoll_item *item, struct list *list, bool front)
{
    ASSERT(spin_is_held(&item->epoll->ready_lock));
    if (item->queued) /* a wake-up has been faster */
        return;
    item->queued = true;
    if (front)
        list_push_front(list, &item->ready_link);
    else
        list_push_back(list, &item->ready_link);
}

static void list_move_all(struct list *from, struct list *to)
{
    if (!list_empty(from))
        list_move_front(from, from->prev, to);
}

/* One item that has been taken out of the list: false if the scan is to end with it. Interrupts and
 * ready_lock as the caller found them, dropped in between. */
static bool scan_item_locked(struct epoll *epoll, struct epoll_item *item, struct list *scan,
                             struct epoll_sink *sink, uint64_t *flags)
{
    uint32_t modes = item->event.events, events;
    bool taken;

    ASSERT(spin_is_held_inline(&epoll->ready_lock));
    list_remove(&item->ready_link);
    item->queued = false;
    spin_unlock_irqrestore(&epoll->ready_lock, *flags);
    events = modes & ~EPOLL_MODES ? epoll_item_events_locked(item, NULL) : 0;
    taken = events && sink && sink_put(sink, item, events);
    sched_preempt_point_inline();
    *flags = spin_lock_irqsave(&epoll->ready_lock);
    if (!events)
        return true;
    if (!taken)
        item_requeue_locked(item, scan, true);
    else if (modes & LX_EPOLLONESHOT)
        item->event.events &= EPOLL_MODES;
    else if (!(modes & LX_EPOLLET))
        item_requeue_locked(item, &epoll->ready, false);
    return taken;
}

/* Hands out events until the sink is full or refuses one. Without a sink the first item that is
 * ready ends the scan, and keeps its place: true if there was one. */
static bool epoll_scan_locked(struct epoll *epoll, struct epoll_sink *sink)
{
    struct list scan;
    bool stopped = false, more;
    uint64_t flags;

    ASSERT(mutex_is_held(&epoll->lock));
    list_init(&scan);
    flags = spin_lock_irqsave(&epoll->ready_lock);
    __atomic_store_n(&epoll->scanning, 1, __ATOMIC_RELAXED);
    list_move_all(&epoll->ready, &scan);
    while (!stopped && !list_empty(&scan) && (!sink || sink->count < sink->max))
        stopped = !scan_item_locked(epoll, list_entry(scan.next, struct epoll_item, ready_link),
                                    &scan, sink, &flags);
    list_move_all(&epoll->ready, &scan);
    list_move_all(&scan, &epoll->ready);
    __atomic_store_n(&epoll->scanning, 0, __ATOMIC_RELAXED);
    more = !list_empty(&epoll->ready);
    spin_unlock_irqrestore(&epoll->ready_lock, flags);
    if (more && !waitq_is_empty(&epoll->queue))
        waitq_wake_one(&epoll->queue);
    return stopped;
}

/* The epoll as a file that is polled itself. */
uint32_t epoll_poll(struct file *file, struct poll_waiter *waiter)
{
    struct epoll *epoll = epoll_of(file);
    bool ready = false;

    poll_register(&epoll->poll, waiter);
    if (epoll_may_be_ready(epoll)) {
        mutex_lock(&epoll->lock);
        ready = epoll_scan_locked(epoll, NULL);
        mutex_unlock(&epoll->lock);
    }
    return ready ? LX_POLLIN | LX_POLLRDNORM : 0;
}

/* How many events were written; -EFAULT if not even the first could be. */
static int epoll_collect(struct epoll *epoll, struct epoll_sink *sink)
{
    for (unsigned faults = 0; faults < FAULTS_MAX; faults++) {
        int err;

        sink->faulted = false;
        mutex_lock(&epoll->lock);
        epoll_scan_locked(epoll, sink);
        mutex_unlock(&epoll->lock);
        if (sink->count || !sink->faulted)
            return (int)sink->count;
        err = user_iter_fault_in(&sink->io, true);
        if (err)
            return err;
    }
    return -EFAULT;
}

static int epoll_sleep(struct epoll *epoll, uint64_t deadline_ns)
{
    struct waiter self;
    int err = 0;

    waitq_enter(&epoll->queue, &self);
    if (!epoll_may_be_ready(epoll))
        err = waitq_sleep(&self, 1, deadline_ns);
    else if (waitq_interrupted()) /* scans of others may never leave it a moment to sleep */
        err = -EINTR;
    else if (deadline_ns && clock_monotonic_ns() >= deadline_ns)
        err = -ETIMEDOUT;
    waitq_leave(&epoll->queue, &self);
    return err;
}

int epoll_wait_for(struct file *file, struct uptr events, unsigned count, bool no_wait,
                   uint64_t deadline_ns)
{
    struct epoll *epoll = epoll_of(file);
    struct epoll_sink sink;
    int err = no_wait ? -ETIMEDOUT : 0;

    sink.count = 0;
    sink.max = count;
    user_iter_init_buffer(&sink.io, events, count * sizeof(struct lx_epoll_event));
    for (;;) {
        int result = epoll_may_be_ready(epoll) ? epoll_collect(epoll, &sink) : 0;

        if (result)
            return result;
        if (err)
            return err == -ETIMEDOUT ? 0 : -EINTR;
        err = epoll_sleep(epoll, deadline_ns);
    }
}

int epoll_find_target(struct file *file, int fd, uint32_t skip, const void **out_file)
{
    struct epoll *epoll;
    int err = -ENOENT;

    if (!file_is_epoll(file))
        return -EINVAL;
    epoll = epoll_of(file);
    mutex_lock(&epoll->lock);
    for (const struct rb_node *node = rb_first(&epoll->items); node && err; node = rb_next(node)) {
        const struct epoll_item *item = rb_entry(node, const struct epoll_item, node);

        sched_preempt_point();
        if (item->fd != fd || skip-- > 0)
            continue;
        *out_file = item->file;
        err = 0;
    }
    mutex_unlock(&epoll->lock);
    return err;
}
