/* SPDX-License-Identifier: MIT */
/*
 * fs/event/notify.h - what happens to files, told to those that watch them
 *
 * Owns:    the places of events: vfs calls these functions when something has been done. The lists
 *          of watches of inodes and file systems.
 * Used by: vfs and the system calls on files. The watchers are inotify.h.
 * Locks:   notify_lock, a spinlock; called with no spinlock held. Waiters are woken behind it.
 * Context: thread.
 * Tests:   tests/user/event/inotify.c, inotify_race.c
 */
#pragma once

#include "kernel/fs/vfs/file.h"
#include "shared/linux/inotify.h"

/* [a] watches in the whole system: without any, an event costs this look. */
extern uint32_t notify_nwatches;

static inline bool notify_is_used(void)
{
    return unlikely(__atomic_load_n(&notify_nwatches, __ATOMIC_RELAXED) != 0);
}

/* event: one of LX_IN_*. That it is about a directory is found out here, but for notify_name. */
void notify_file_slow(const struct file *file, uint32_t event);
void notify_dentry_slow(struct dentry *dentry, struct inode *inode, uint32_t event);
void notify_inode_slow(struct inode *inode, uint32_t event);
void notify_name_slow(struct inode *dir, const char *name, size_t len, uint32_t event,
                      uint32_t cookie);
void notify_moved_slow(const struct dir_place *old, const struct dir_place *new, bool exchange);

/* Through an open file: the file, and the directory that it was opened in. */
static inline void notify_file(const struct file *file, uint32_t event)
{
    if (notify_is_used())
        notify_file_slow(file, event);
}
/* The same, not through an open file. dentry may be NULL. */
static inline void notify_dentry(struct dentry *dentry, struct inode *inode, uint32_t event)
{
    if (notify_is_used())
        notify_dentry_slow(dentry, inode, event);
}
/* The file alone. */
static inline void notify_inode(struct inode *inode, uint32_t event)
{
    if (notify_is_used())
        notify_inode_slow(inode, event);
}
/* A name in the directory alone. */
static inline void notify_name(struct inode *dir, const char *name, size_t len, uint32_t event)
{
    if (notify_is_used())
        notify_name_slow(dir, name, len, event, 0);
}
/* new->entry: what the name has replaced, or what went to the old place in an exchange. */
static inline void notify_moved(const struct dir_place *old, const struct dir_place *new,
                                bool exchange)
{
    if (notify_is_used())
        notify_moved_slow(old, new, exchange);
}

/* F_NOTIFY: events (LX_DN_*) of an open directory, which has an owner, are signalled; until the
 * file goes or, told of one, unless DN_MULTISHOT is set. -ENOMEM. */
extern uint64_t dnotify_enable; /* [a] dir-notify-enable: whether F_NOTIFY is there at all */
MUST_CHECK int dnotify_add(struct file *file, uint32_t events);
void dnotify_remove(struct file *file);

/* The last name is gone, and with it the watches. */
void notify_deleted(struct inode *inode);
/* The inode is about to be freed: its watches are about nothing from now on. */
void notify_inode_gone(struct inode *inode);
/* The file system has been unmounted, and nothing of it is in use. */
void notify_unmounted(struct super_block *super);
