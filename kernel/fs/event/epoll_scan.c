/* SPDX-License-Identifier: MIT */
/*
 * Epoll: what is ready, and threads that wait for it.
 *
 * Items that may be ready are queued once, whatever the number of wake-ups, so waiting costs what
 * is ready and not what is watched: first in `woken`, a stack to which wake-ups push without a
 * lock, since they come in any context; then in `ready`, a list, into which the epoll's lock lets
 * one thread at a time move all that is in the stack, in the order of the wake-ups.
 *
 * A scan, under that lock, goes through the list up to the item that was the last at its start. It
 * takes an item out, polls the file, hands the event out, and puts a level-triggered item at the
 * end of the list again, where it gets its turn behind the others; an edge-triggered one comes back
 * with the next wake-up. So no event is reported twice in a call. And none is lost: `queued` is
 * cleared, with a full barrier, before the file is polled, so a wake-up whose change the poll has
 * not seen finds the item unqueued and pushes it. What sets `queued` puts the item in: the one
 * that finds it set leaves that, and the wake-up of a waiter for what was put in, to the other.
 *
 * `scanning` stands for the item that a scan has taken out: others that find nothing queued wait
 * for the end of the scan, by its lock, before they say that nothing is there.
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

bool epoll_item_queue(struct epoll_item *item, uint32_t events)
{
    struct epoll *epoll = item->epoll;
    uint32_t wanted = __atomic_load_n(&item->event.events, __ATOMIC_RELAXED);

    if (!(wanted & ~EPOLL_MODES) || !(wanted & events))
        return false;
    if (!__atomic_exchange_n(&item->queued, 1, __ATOMIC_SEQ_CST)) {
        item->woken_next = __atomic_load_n(&epoll->woken, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&epoll->woken, &item->woken_next, item, true,
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
    }
    if (!waitq_is_empty(&epoll->queue))
        waitq_wake_one(&epoll->queue);
    return true;
}

/* From the stack to the end of the list. */
static NOINLINE void woken_move_locked(struct epoll *epoll)
{
    struct list *end = epoll->ready.prev;
    struct epoll_item *item, *next;

    ASSERT(mutex_is_held(&epoll->lock));
    /* The last that was pushed comes first, and has to be behind all others. */
    for (item = __atomic_exchange_n(&epoll->woken, NULL, __ATOMIC_SEQ_CST); item; item = next) {
        next = item->woken_next;
        list_insert_after(end, &item->ready_link);
        sched_preempt_point();
    }
}

static inline bool has_woken(const struct epoll *epoll)
{
    return __atomic_load_n(&epoll->woken, __ATOMIC_RELAXED) != NULL;
}

void epoll_item_dequeue_locked(struct epoll_item *item)
{
    ASSERT(mutex_is_held(&item->epoll->lock));
    if (has_woken(item->epoll))
        woken_move_locked(item->epoll);
    if (item->queued)
        list_unlink(&item->ready_link);
}

/* Without the lock: `scanning` is set before stack and list are emptied. */
static inline bool epoll_may_be_ready(const struct epoll *epoll)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&epoll->ready.next, __ATOMIC_RELAXED) != &epoll->ready ||
           has_woken(epoll) || __atomic_load_n(&epoll->scanning, __ATOMIC_RELAXED);
}

/* Where the events go. */
struct epoll_sink {
    struct uptr next;
    unsigned count, max;
    bool faulted;
};

static inline bool sink_put(struct epoll_sink *sink, const struct epoll_item *item, uint32_t events)
{
    if (vm_user_write_pair_nofault(sink->next, events, item->event.data)) {
        sink->faulted = true;
        return false;
    }
    sink->next.va += sizeof(struct lx_epoll_event);
    sink->count++;
    return true;
}

/* Behind a place in the list, unless a wake-up has been faster: then it is in the stack. */
static inline void item_requeue(struct epoll_item *item, struct list *where)
{
    if (!__atomic_exchange_n(&item->queued, 1, __ATOMIC_RELAXED))
        list_insert_after(where, &item->ready_link);
}

/* The first of the list, under the lock: false if the scan is to end with it. */
static inline bool scan_item(struct epoll *epoll, struct epoll_item *item, struct epoll_sink *sink)
{
    uint32_t modes = item->event.events, events = 0;
    bool taken;

    list_unlink(&item->ready_link);
    __atomic_exchange_n(&item->queued, 0, __ATOMIC_SEQ_CST);
    if (modes & ~EPOLL_MODES)
        events = item->file->ops->poll(item->file, NULL) & modes;
    taken = events && sink && sink_put(sink, item, events);
    sched_preempt_point_inline();
    if (!events)
        return true;
    if (!taken)
        item_requeue(item, &epoll->ready);
    else if (modes & LX_EPOLLONESHOT)
        __atomic_store_n(&item->event.events, modes & EPOLL_MODES, __ATOMIC_RELAXED);
    else if (!(modes & LX_EPOLLET))
        item_requeue(item, epoll->ready.prev);
    return taken;
}

/* Hands out events until the sink is full or refuses one. Without a sink the first item that is
 * ready ends the scan, and keeps its place: true if there was one. */
static bool epoll_scan_locked(struct epoll *epoll, struct epoll_sink *sink)
{
    const struct list *last, *node = &epoll->ready;
    bool stopped = false;

    ASSERT(mutex_is_held(&epoll->lock));
    __atomic_store_n(&epoll->scanning, 1, __ATOMIC_RELAXED);
    if (has_woken(epoll))
        woken_move_locked(epoll);
    last = epoll->ready.prev; /* the head itself if there is none */
    while (node != last && !stopped && (!sink || sink->count < sink->max)) {
        node = epoll->ready.next;
        stopped = !scan_item(epoll, list_entry(node, struct epoll_item, ready_link), sink);
    }
    __atomic_store_n(&epoll->scanning, 0, __ATOMIC_RELAXED);
    /* A thread that saw the list as it was before is in the queue: it looks again there. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!waitq_is_empty(&epoll->queue)) && epoll_may_be_ready(epoll))
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
        err = vm_user_fault_in(sink->next, sizeof(struct lx_epoll_event));
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

    if (file->ops != &epoll_ops)
        return -EINVAL;
    sink.next = events;
    sink.count = 0;
    sink.max = count;
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
