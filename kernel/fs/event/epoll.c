/* SPDX-License-Identifier: MIT */
/*
 * Epoll: what is watched, and how long.
 *
 * An item is a pair of file and number that an epoll watches: in the epoll's tree, in the file's
 * list, and with hooks in the file's poll heads. It counts no reference to its file, since a file
 * leaves its epolls when its last descriptor is closed; and an epoll leaves its files likewise. So
 * either may go first:
 * - An item is removed with its epoll's lock held: the hooks first, then the file's list, which is
 *   the last that touches the file. file_put finds the list empty, or comes here
 *   (epoll_file_is_gone) and removes what is in it, and only then releases the file with its heads.
 *   So a scan, which has the epoll's lock, can poll every file that it finds an item of.
 * - The file's list is under the lock of the graph, which comes after the epolls' locks. To get
 * from a file to an epoll's lock, the epoll is referenced under the lock of the graph, that
 * dropped, and the list looked at again: the epoll may have given up the item by itself meanwhile.
 * - A wake-up that goes on to the heads of an epoll (poll_relay) holds a reference to it.
 *
 * Epolls that watch epolls are a graph without loops, at most LEVELS_MAX deep: checked where an
 * edge is made, under its lock. A scan of an epoll polls those inside with its own lock held, so
 * locks of epolls are taken from the outside to the inside, and the graph keeps that an order.
 *
 * Items are charged to the user that made the epoll, and bounded by a part of memory.
 */
#include "kernel/fs/event/epoll.h"

#include "kernel/fs/event/epoll_internal.h"
#include "kernel/fs/event/event_file.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define LEVELS_MAX   5  /* epolls on one way from an epoll to a file */
#define ITEMS_SHARE  25 /* a user's items take at most a 25th of memory, as on Linux */
#define ITEM_NBYTES  192
#define FDINFO_ITEMS 64 /* that are shown of one epoll */

static struct slab_cache *item_cache;
static struct mutex graph_lock = MUTEX_INIT(MUTEX_EPOLL_GRAPH);
static uint64_t last_visit; /* [graph_lock] */
static int64_t items_max;   /* constant after start-up */

void epoll_init_cache(void)
{
    item_cache = slab_cache_create("epoll_item", sizeof(struct epoll_item));
    items_max = (int64_t)(pmm_total_count() * PAGE_SIZE / ITEMS_SHARE / ITEM_NBYTES);
}

/* --- life of an epoll --- */

static void epoll_put(struct epoll *epoll)
{
    if (__atomic_sub_fetch(&epoll->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(epoll);
}

static void epoll_relay_done(struct poll_relay *relay)
{
    epoll_put(container_of(relay, struct epoll, relay));
}

/* Whether one waiter is enough for the events, as Linux has it: where only one direction is ready,
 * and the item asks for that. What may be an end or an error is for all. */
static bool is_for_one(const struct epoll_item *item, uint32_t events)
{
    uint32_t directions = events & (LX_POLLIN | LX_POLLOUT);

    return (directions == LX_POLLIN || directions == LX_POLLOUT) &&
           (item->event.events & directions);
}

/* A file that an item's epoll watches has changed. The epoll is there as long as the hook is. A
 * waiter that is about to leave looks at the list once more (epoll_wait_for): it counts as one. */
static bool epoll_wake(struct poll_hook *hook, uint32_t events, struct poll_chain *chain)
{
    struct epoll_item *item = container_of(hook, struct epoll_hook, hook)->item;
    struct epoll *epoll = item->epoll;
    bool one = hook->exclusive && !waitq_is_empty(&epoll->queue) && is_for_one(item, events);

    if (!epoll_item_queue(item, events))
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (likely(list_empty(&epoll->poll.hooks)))
        return one;
    __atomic_fetch_add(&epoll->refs, 1, __ATOMIC_RELAXED);
    if (!poll_chain_add(chain, &epoll->relay))
        epoll_put(epoll);
    return one;
}

/* --- items --- */

static int item_compare(const struct epoll_item *item, const struct file *file, int fd)
{
    if (item->file != file)
        return item->file < file ? -1 : 1;
    return (item->fd > fd) - (item->fd < fd);
}

/* The item, or NULL and the place for it. */
static struct epoll_item *item_find_locked(struct epoll *epoll, const struct file *file, int fd,
                                           struct rb_node **parent, struct rb_node ***link)
{
    ASSERT(mutex_is_held(&epoll->lock));
    *parent = NULL;
    for (*link = &epoll->items.root; **link;) {
        struct epoll_item *item = rb_entry(**link, struct epoll_item, node);
        int order = item_compare(item, file, fd);

        if (order == 0)
            return item;
        *parent = **link;
        *link = order < 0 ? &(*parent)->right : &(*parent)->left;
    }
    return NULL;
}

/* What a file's poll operation registers with while an item is made. */
struct item_waiter {
    struct poll_waiter waiter;
    struct epoll_item *item;
    int error;
};

static void item_hook_add(struct poll_waiter *waiter, struct poll_head *head)
{
    struct item_waiter *adding = container_of(waiter, struct item_waiter, waiter);
    struct epoll_item *item = adding->item;
    struct epoll_hook *hook = &item->hook;

    if (!head) {
        adding->error = -ENOMEM;
        return;
    }
    if (item->hooked) {
        hook = kmalloc(sizeof(*hook));
        if (!hook) {
            adding->error = -ENOMEM;
            return;
        }
        hook->next = item->more;
        item->more = hook;
    }
    item->hooked = true;
    hook->item = item;
    hook->hook.exclusive = item->event.events & LX_EPOLLEXCLUSIVE;
    if (head->hold)
        head->hold(head, true);
    poll_hook_add(&hook->hook, head, epoll_wake);
}

static void item_hook_remove(struct poll_hook *hook)
{
    struct poll_head *head = hook->head;

    poll_hook_remove(hook);
    if (head->hold)
        head->hold(head, false);
}

/* Afterwards no wake-up comes to the item. */
static void item_hooks_remove(struct epoll_item *item)
{
    struct epoll_hook *hook, *next;

    if (item->hooked)
        item_hook_remove(&item->hook.hook);
    for (hook = item->more; hook; hook = next) {
        next = hook->next;
        item_hook_remove(&hook->hook);
        kfree(hook);
    }
}

/* Into the lists under the lock of the graph. */
static void item_link_locked(struct epoll_item *item)
{
    struct file *file = item->file;

    ASSERT(mutex_is_held(&graph_lock));
    item->file_next = file->watches;
    item->file_link = &file->watches;
    if (item->file_next)
        item->file_next->file_link = &item->file_next;
    __atomic_store_n(&file->watches, item, __ATOMIC_RELAXED);
    if (file_is_epoll(file))
        list_push_back(&item->epoll->inner, &item->inner_link);
}

/* The last that touches the file: without items it may go at once. */
static void item_unlink(struct epoll_item *item)
{
    mutex_lock(&graph_lock);
    if (!list_empty(&item->inner_link))
        list_remove(&item->inner_link);
    if (item->file_next)
        item->file_next->file_link = item->file_link;
    __atomic_store_n(item->file_link, item->file_next, __ATOMIC_RELEASE);
    mutex_unlock(&graph_lock);
}

static void item_remove_locked(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;

    ASSERT(mutex_is_held(&epoll->lock));
    item_hooks_remove(item);
    epoll_item_dequeue_locked(item);
    rb_erase(&epoll->items, &item->node);
    item_unlink(item);
    slab_free(item_cache, item);
    user_charge_add(epoll->charge, CHARGE_WATCHES, -1);
}

void epoll_file_is_gone(struct file *file)
{
    for (;;) {
        struct epoll *epoll = NULL;
        struct epoll_item *item;

        mutex_lock(&graph_lock);
        if (file->watches) {
            epoll = file->watches->epoll;
            __atomic_fetch_add(&epoll->refs, 1, __ATOMIC_RELAXED);
        }
        mutex_unlock(&graph_lock);
        if (!epoll)
            return;
        mutex_lock(&epoll->lock);
        mutex_lock(&graph_lock);
        item = file->watches;
        mutex_unlock(&graph_lock);
        /* With the epoll's lock its item cannot go by itself any more. */
        if (item && item->epoll == epoll)
            item_remove_locked(item);
        mutex_unlock(&epoll->lock);
        epoll_put(epoll);
        sched_preempt_point();
    }
}

static void epoll_release(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    struct rb_node *node;

    mutex_lock(&epoll->lock);
    while ((node = epoll->items.root)) {
        item_remove_locked(rb_entry(node, struct epoll_item, node));
        sched_preempt_point();
    }
    mutex_unlock(&epoll->lock);
    user_charge_put(epoll->charge);
    epoll_put(epoll);
}

/* --- the graph --- */

/* Epolls on the longest way from here to the inside, this one included; more than LEVELS_MAX if it
 * comes to `outer`. Not deeper than the graph is. Each epoll is walked once a visit. */
static unsigned levels_inside(struct epoll *epoll, const struct epoll *outer)
{
    unsigned most = 0;

    if (epoll == outer)
        return LEVELS_MAX + 1;
    if (epoll->visit == last_visit)
        return epoll->levels;
    list_for_each (node, &epoll->inner) {
        struct epoll_item *item = list_entry(node, struct epoll_item, inner_link);

        most = MAX(most, levels_inside(epoll_of(item->file), outer));
        sched_preempt_point();
    }
    epoll->visit = last_visit;
    epoll->levels = most + 1;
    return most + 1;
}

static unsigned levels_outside(struct epoll *epoll)
{
    unsigned most = 0;

    if (epoll->visit == last_visit)
        return epoll->levels;
    for (struct epoll_item *item = epoll->file->watches; item; item = item->file_next) {
        most = MAX(most, levels_outside(item->epoll));
        sched_preempt_point();
    }
    epoll->visit = last_visit;
    epoll->levels = most + 1;
    return most + 1;
}

static int graph_check_locked(struct epoll *outer, struct epoll *inner)
{
    unsigned inside;

    ASSERT(mutex_is_held(&graph_lock));
    last_visit++;
    inside = levels_inside(inner, outer);
    last_visit++;
    return inside > LEVELS_MAX || inside + levels_outside(outer) > LEVELS_MAX ? -ELOOP : 0;
}

/* --- epoll_ctl --- */

static int item_enter_graph(struct epoll_item *item)
{
    int err = 0;

    mutex_lock(&graph_lock);
    if (file_is_epoll(item->file))
        err = graph_check_locked(item->epoll, epoll_of(item->file));
    if (!err)
        item_link_locked(item);
    mutex_unlock(&graph_lock);
    return err;
}

uint64_t epoll_watches_max(void)
{
    return (uint64_t)items_max;
}

static int item_create_locked(struct epoll *epoll, struct file *file, int fd,
                              const struct lx_epoll_event *event, struct epoll_item **out_item)
{
    struct epoll_item *item;
    int err;

    ASSERT(mutex_is_held(&epoll->lock));
    if (user_charge_add(epoll->charge, CHARGE_WATCHES, 1) > items_max) {
        user_charge_add(epoll->charge, CHARGE_WATCHES, -1);
        return -ENOSPC;
    }
    item = slab_zalloc(item_cache);
    err = item ? 0 : -ENOMEM;
    if (!err) {
        item->file = file;
        item->fd = fd;
        item->epoll = epoll;
        item->event = *event;
        list_init(&item->inner_link);
        err = item_enter_graph(item);
    }
    if (err) {
        if (item)
            slab_free(item_cache, item);
        user_charge_add(epoll->charge, CHARGE_WATCHES, -1);
        return err;
    }
    *out_item = item;
    return 0;
}

/* The item may be ready already: no wake-up would say so. */
static void item_offer_locked(struct epoll_item *item, uint32_t events)
{
    ASSERT(mutex_is_held(&item->epoll->lock));
    if (events && epoll_item_queue(item, events))
        poll_notify_events(&item->epoll->poll, LX_POLLIN | LX_POLLRDNORM);
}

static int epoll_add_locked(struct epoll *epoll, struct file *file, int fd,
                            const struct lx_epoll_event *event)
{
    struct item_waiter adding = {.waiter = {.add = item_hook_add, .outlasts_call = true}};
    struct rb_node *parent, **link;
    uint32_t events;
    int err;

    ASSERT(mutex_is_held(&epoll->lock));
    if (item_find_locked(epoll, file, fd, &parent, &link))
        return -EEXIST;
    err = item_create_locked(epoll, file, fd, event, &adding.item);
    if (err)
        return err;
    rb_insert(&epoll->items, &adding.item->node, parent, link);
    /* Hooks first, then the look at the state: fs/vfs/poll.c. */
    events = epoll_item_events_locked(adding.item, &adding.waiter);
    if (adding.error)
        item_remove_locked(adding.item);
    else
        item_offer_locked(adding.item, events);
    return adding.error;
}

static int epoll_change_locked(struct epoll_item *item, const struct lx_epoll_event *event)
{
    ASSERT(!item || mutex_is_held(&item->epoll->lock));
    if (!item)
        return -ENOENT;
    if (item->event.events & LX_EPOLLEXCLUSIVE)
        return -EINVAL;
    item->event.data = event->data;
    __atomic_store_n(&item->event.events, event->events, __ATOMIC_RELAXED);
    /* A wake-up that still saw the old ones came before the look at the file. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    item_offer_locked(item, epoll_item_events_locked(item, NULL));
    return 0;
}

int epoll_control(struct file *file, int operation, struct file *watched, int fd,
                  const struct lx_epoll_event *event)
{
    struct epoll *epoll = epoll_of(file);
    struct epoll_item *item;
    struct rb_node *parent, **link;
    int err = 0;

    mutex_lock(&epoll->lock);
    if (operation == LX_EPOLL_CTL_ADD) {
        err = epoll_add_locked(epoll, watched, fd, event);
    } else {
        item = item_find_locked(epoll, watched, fd, &parent, &link);
        if (operation == LX_EPOLL_CTL_MOD)
            err = epoll_change_locked(item, event);
        else if (item)
            item_remove_locked(item);
        else
            err = -ENOENT;
    }
    mutex_unlock(&epoll->lock);
    return err;
}

/* --- the file --- */

static void epoll_fdinfo(struct file *file, struct procfs_text *text)
{
    struct epoll *epoll = epoll_of(file);
    unsigned shown = 0;

    mutex_lock(&epoll->lock);
    for (struct rb_node *node = rb_first(&epoll->items); node && shown < FDINFO_ITEMS;
         node = rb_next(node), shown++) {
        const struct epoll_item *item = rb_entry(node, struct epoll_item, node);

        procfs_print(text, "tfd: %8d events: %8x data: %16llx  pos:%lld ino:%llx sdev:%llx\n",
                     item->fd, item->event.events, (unsigned long long)item->event.data,
                     (long long)item->file->position, (unsigned long long)item->file->inode->ino,
                     (unsigned long long)item->file->inode->super->device);
    }
    mutex_unlock(&epoll->lock);
}

const struct file_ops epoll_ops = {
    .release = epoll_release,
    .seek = event_file_seek,
    .poll = epoll_poll,
    .anon_name = "eventpoll",
    .fdinfo = epoll_fdinfo,
};

bool file_is_epoll(const struct file *file)
{
    return file->ops == &epoll_ops;
}

int epoll_create(uint32_t flags, const struct credentials *cred, struct file **out_file)
{
    struct epoll *epoll = kzalloc(sizeof(*epoll));
    int err = -ENOMEM;

    if (!epoll)
        return err;
    mutex_init(&epoll->lock, MUTEX_EPOLL);
    list_init(&epoll->ready);
    list_init(&epoll->inner);
    waitq_init(&epoll->queue);
    poll_head_init(&epoll->poll);
    epoll->relay.head = &epoll->poll;
    epoll->relay.done = epoll_relay_done;
    epoll->refs = 1;
    epoll->charge = user_charge_get(cred->uid);
    if (epoll->charge)
        err = file_create_anon(&epoll_ops, epoll, 0600, LX_O_RDWR | flags, cred, out_file);
    if (err) {
        user_charge_put(epoll->charge);
        kfree(epoll);
        return err;
    }
    epoll->file = *out_file;
    return 0;
}
