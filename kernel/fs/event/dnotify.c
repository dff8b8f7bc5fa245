/* SPDX-License-Identifier: MIT */
/*
 * F_NOTIFY (dnotify): signals about what happens in a directory, to the owner of an open file of
 * it.
 *
 * Its watches lie among those of inotify, without one: notify.c finds them, and an event is noted
 * in the file's record of its owner (file->owner), which may be done under notify_lock. An open
 * file has one watch at most, which goes with it.
 */
#include "kernel/fs/event/inotify.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

uint64_t dnotify_enable = 1; /* atomic */

/* Events of inotify for those of F_NOTIFY. A rename within the directory is all three. */
static uint32_t mask_of(uint32_t events)
{
    uint32_t mask = events & LX_DN_MULTISHOT ? 0 : LX_IN_ONESHOT;

    if (events & LX_DN_ACCESS)
        mask |= LX_IN_ACCESS;
    if (events & LX_DN_MODIFY)
        mask |= LX_IN_MODIFY;
    if (events & LX_DN_CREATE)
        mask |= LX_IN_CREATE | LX_IN_MOVED_TO;
    if (events & LX_DN_DELETE)
        mask |= LX_IN_DELETE | LX_IN_MOVED_FROM;
    if (events & LX_DN_RENAME)
        mask |= NOTIFY_RENAMED;
    if (events & LX_DN_ATTRIB)
        mask |= LX_IN_ATTRIB;
    return mask;
}

/* Of all that watch the directory the one that the open file made: it has no group, and the file.
 */
static struct inotify_watch *watch_of_file_locked(const struct file *file)
{
    struct list *watches = &file->inode->watches;

    ASSERT(spin_is_held(&notify_lock));
    if (!watches->next)
        return NULL;
    list_for_each (node, watches) {
        struct inotify_watch *watch = list_entry(node, struct inotify_watch, inode_link);

        if (!watch->group && watch->file == file)
            return watch;
    }
    return NULL;
}

/* The memory comes first, for nothing can be had under the lock, and is given back if it was not
 * needed. More events are added to those that there are; once several are told, all are. */
int dnotify_add(struct file *file, uint32_t events)
{
    struct inotify_watch *watch, *made = kzalloc(sizeof(*made));
    uint32_t mask = mask_of(events);

    if (!made)
        return -ENOMEM;
    made->file = file;
    made->mask = mask;
    spin_lock(&notify_lock);
    watch = watch_of_file_locked(file);
    if (watch) {
        watch->mask =
            (watch->mask & mask & LX_IN_ONESHOT) | ((watch->mask | mask) & ~LX_IN_ONESHOT);
    } else {
        inotify_watch_attach_locked(made, file->inode);
        made = NULL;
    }
    spin_unlock(&notify_lock);
    kfree(made);
    return 0;
}

/* F_NOTIFY without events, and the end of the file. Others of the same directory stay. */
void dnotify_remove(struct file *file)
{
    struct inotify_watch *watch;

    if (!(file->access & FILE_DIRECTORY))
        return;
    spin_lock(&notify_lock);
    watch = watch_of_file_locked(file);
    if (watch)
        inotify_watch_free_locked(watch);
    spin_unlock(&notify_lock);
}
