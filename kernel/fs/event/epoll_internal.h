/* SPDX-License-Identifier: MIT */
/*
 * fs/event/epoll_internal.h - an epoll and its items
 *
 * Owns:    their structures. The protocol is in epoll.c.
 * Used by: fs/event/epoll*.c.
 */
#pragma once

#include "kernel/fs/event/epoll.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/rbtree.h"
#include "kernel/mm/user_charge.h"
#include "shared/linux/poll.h"

/* I constant   l lock   g lock of the graph   a atomic */
struct epoll {
    struct mutex lock;
    struct rb_tree items;       /* [l] by file, then number */
    struct list ready;          /* [l] items that may be ready, the next to be looked at first; */
    uint32_t scanning;          /* [l] a scan has one of them in its hand; both read as [a] */
    uint32_t refs;              /* [a] its file, and wake-ups that go on */
    struct epoll_item *woken;   /* [a] a stack: wake-ups push, the scan takes all of it */
    struct waitq queue;         /* threads in epoll_wait */
    struct poll_head poll;      /* polls of the epoll itself */
    struct poll_relay relay;    /* to that head */
    struct file *file;          /* [I] its own, not counted */
    struct user_charge *charge; /* [I] whose the items are */
    struct list inner;          /* [g] items whose file is an epoll */
    uint64_t visit;             /* [g] the walk that has been here last, and what it found */
    unsigned levels;            /* [g] */
};

struct epoll_hook {
    struct poll_hook hook;
    struct epoll_item *item;
    struct epoll_hook *next; /* a file with more than one head */
};

struct epoll_item {
    struct rb_node node;                       /* [l] */
    struct file *file;                         /* [I] not counted: it outlives the item */
    int fd;                                    /* [I] */
    uint32_t queued;                           /* [a] in epoll.ready or in epoll.woken */
    struct epoll *epoll;                       /* [I] */
    struct lx_epoll_event event;               /* [l] its events are read as [a] */
    struct list ready_link;                    /* [l] */
    struct epoll_item *woken_next;             /* of its push; then [l] */
    struct epoll_item *file_next, **file_link; /* [g] the file's items */
    struct list inner_link;                    /* [g] of epoll.inner */
    struct epoll_hook *more;                   /* [l] hooks but the first */
    bool hooked;                               /* [l] the first is used */
    struct epoll_hook hook;
};

/* Bits of an item that are no events: without others it is disabled. */
#define EPOLL_MODES (LX_EPOLLWAKEUP | LX_EPOLLONESHOT | LX_EPOLLET | LX_EPOLLEXCLUSIVE)

static inline struct epoll *epoll_of(const struct file *file)
{
    return file->private;
}

/* What is ready of what the item asks for. With the epoll's lock. */
static inline uint32_t epoll_item_events_locked(const struct epoll_item *item,
                                                struct poll_waiter *waiter)
{
    ASSERT(mutex_is_held(&item->epoll->lock));
    return item->file->ops->poll(item->file, waiter) & item->event.events;
}

/* The item may be ready: onto the stack, and a waiter of the epoll is woken. Any context. */
bool epoll_item_queue(struct epoll_item *item, uint32_t events);
/* Out of the stack or the list. No wake-up can come to it any more. */
void epoll_item_dequeue_locked(struct epoll_item *item);
extern const struct file_ops epoll_ops;
uint32_t epoll_poll(struct file *file, struct poll_waiter *waiter);
