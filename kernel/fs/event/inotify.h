/* SPDX-License-Identifier: MIT */
/*
 * fs/event/inotify.h - a queue of events of the files that it watches
 *
 * Owns:    struct inotify and its watches; the queue. The protocol is in notify.c.
 * Used by: fs/event/notify.c, which finds the watches; the system calls.
 * Locks:   notify_lock for everything but making and ending.
 * Context: thread.
 * Fails:   -EMFILE, -ENFILE, -ENOMEM, -ENOSPC; -EEXIST, -EINVAL for watches.
 * Tests:   tests/user/event/inotify.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/rbtree.h"
#include "kernel/mm/user_charge.h"

extern struct spinlock notify_lock;

#define INOTIFY_EVENTS_MAX    16384 /* in one queue */
#define INOTIFY_INSTANCES_MAX 128   /* of one user, as Linux has these two */

int64_t inotify_watches_max(void); /* of one user */

/* I constant   n notify_lock   a atomic */
struct notify_event {
    struct list link;           /* [n] */
    int wd;                     /* [I] */
    uint32_t mask, cookie, len; /* [I] a name of len bytes lies behind it */
};

struct inotify {
    uint32_t refs;                /* [a] the file, and wake-ups that go on */
    struct rb_tree watches;       /* [n] by number */
    int last_wd;                  /* [n] */
    struct list events;           /* [n] */
    uint32_t nevents;             /* [n] */
    uint32_t nbytes;              /* [n] that a read of all would give */
    struct notify_event overflow; /* [n] in the queue if its link is not empty */
    struct inotify *wake_next;    /* [n] to be woken, once the lock is free */
    bool waking;                  /* [n] */
    struct waitq readable;
    struct poll_head poll;
    struct user_charge *charge; /* [I] */
};

struct inotify_watch {
    struct rb_node node;    /* [n] */
    struct inotify *group;  /* [I] NULL: of F_NOTIFY (dnotify.c), without number and tree */
    struct file *file;      /* [I] of that; not counted: it takes the watch along */
    struct inode *inode;    /* [n] not counted; NULL: it is gone */
    struct list inode_link; /* [n] */
    struct list super_link; /* [n] */
    int wd;                 /* [n] */
    uint32_t mask;          /* [n] */
};

/* Beside LX_IN_*: a rename within the directory. Of F_NOTIFY alone. */
#define NOTIFY_RENAMED 0x00010000u

/* What happened, for any number of watches. */
struct notify_what {
    uint32_t mask, cookie;
    const char *name; /* NULL: the watched file itself */
    size_t len;
    bool unlinked; /* through an open file whose name is gone */
};

/* Into the queue, unless it ends with the same. *wake: the queues to be woken. */
void inotify_queue_locked(struct inotify_watch *watch, const struct notify_what *what,
                          struct inotify **wake);
/* Into the lists of the inode and its file system, and counted; and out of all, freed. */
void inotify_watch_attach_locked(struct inotify_watch *watch, struct inode *inode);
void inotify_watch_free_locked(struct inotify_watch *watch);
/* The inode is not the watch's any more. */
void inotify_watch_detach_locked(struct inotify_watch *watch);
/* Ends the watch, with the event that says so. */
void inotify_watch_end_locked(struct inotify_watch *watch, struct inotify **wake);
void inotify_wake(struct inotify *wake);

void inotify_watches_free(struct inotify *group);
void inotify_fdinfo(struct file *file, struct procfs_text *text);

static inline struct inotify *inotify_of(const struct file *file)
{
    return file->private;
}

MUST_CHECK int inotify_create(uint32_t flags, const struct credentials *cred,
                              struct file **out_file);
bool file_is_inotify(const struct file *file);
/* The number of the watch. mask: LX_IN_*, with MASK_ADD and MASK_CREATE. */
MUST_CHECK int inotify_add(struct file *file, struct inode *inode, uint32_t mask);
MUST_CHECK int inotify_remove(struct file *file, int wd);
