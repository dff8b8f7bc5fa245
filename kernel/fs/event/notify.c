/* SPDX-License-Identifier: MIT */
/*
 * Events of files: from the place where something was done to the watches.
 *
 * One spinlock is over all watches and queues: events are made only where something is watched, and
 * each holds it for as long as its watches take. A watch is in three sets at a time, of its inotify
 * by number, of its inode, and of the inode's file system. It counts no reference to the inode,
 * which would keep a file system from being unmounted; so any of the three may go first:
 *   - the inotify takes all of its watches with it (inotify.c);
 *   - an inode that is freed (notify_inode_gone) leaves watches without one, which rm_watch or the
 *     end of the inotify removes: files of /proc go like this. One that is deleted, when the last
 *     use of its last name ends, queues that for its watches (notify_deleted), and ends them;
 *   - an unmount does likewise (notify_unmounted).
 * A watch is dereferenced, and led from to its inode, under the lock alone.
 *
 * Wake-ups come behind the lock: a queue that has got something is referenced and put into a list.
 * One that is in the list of another thread already is left to that, which takes the mark away
 * under the lock before it wakes.
 */
#include "kernel/fs/event/notify.h"

#include "kernel/fs/event/inotify.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

struct spinlock notify_lock = SPINLOCK_INIT(SPIN_NOTIFY);
uint32_t notify_nwatches;

static uint32_t last_cookie; /* atomic */

static bool is_watched(const struct inode *inode)
{
    return __atomic_load_n(&inode->watches.next, __ATOMIC_RELAXED) != NULL;
}

static uint32_t directory_bit(const struct inode *inode)
{
    return (inode->mode & LX_S_IFMT) == LX_S_IFDIR ? LX_IN_ISDIR : 0;
}

static void tell_watches_locked(struct inode *inode, const struct notify_what *what,
                                struct inotify **wake)
{
    ASSERT(spin_is_held(&notify_lock));
    /* All zero before the first. */
    if (!inode->watches.next)
        return;
    list_for_each_safe (node, &inode->watches) {
        struct inotify_watch *watch = list_entry(node, struct inotify_watch, inode_link);

        if (!(watch->mask & what->mask & (LX_IN_ALL_EVENTS | NOTIFY_RENAMED)))
            continue;
        if (what->unlinked && (watch->mask & LX_IN_EXCL_UNLINK))
            continue;
        inotify_queue_locked(watch, what, wake);
        if (watch->mask & LX_IN_ONESHOT)
            inotify_watch_end_locked(watch, wake);
    }
}

/* The directory that the name is in, referenced, if it is watched; and the name, which a rename may
 * change. */
static struct dentry *watched_parent_get(struct dentry *dentry, char *name, size_t *len)
{
    struct dentry *parent;
    bool watched;

    dentry = dentry_real(dentry);
    /* Without the lock first: few directories are watched. */
    rcu_read_lock();
    parent = __atomic_load_n(&dentry->parent, __ATOMIC_ACQUIRE);
    watched = parent && is_watched(parent->inode);
    rcu_read_unlock();
    if (!watched)
        return NULL;
    spin_lock(&fs_tree_lock);
    parent = dentry->parent;
    dentry_get(parent);
    *len = dentry->name_len;
    memcpy(name, dentry->name, *len);
    spin_unlock(&fs_tree_lock);
    return parent;
}

/* The directory first, as on Linux. */
static void tell(struct dentry *dentry, struct inode *inode, struct notify_what what)
{
    char name[LX_NAME_MAX];
    struct dentry *parent = dentry ? watched_parent_get(dentry, name, &what.len) : NULL;
    struct inotify *wake = NULL;

    if (!parent && !is_watched(inode))
        return;
    what.mask |= directory_bit(inode);
    spin_lock(&notify_lock);
    if (parent) {
        what.name = name;
        tell_watches_locked(parent->inode, &what, &wake);
    }
    what.name = NULL;
    what.len = 0;
    tell_watches_locked(inode, &what, &wake);
    spin_unlock(&notify_lock);
    inotify_wake(wake);
    dentry_put(parent);
}

NOINLINE void notify_file_slow(const struct file *file, uint32_t event)
{
    struct dentry *dentry = file->dentry;
    const struct dentry *real = dentry ? dentry_real(dentry) : NULL;
    bool unlinked = real && real->parent && !real->linked && !real->unhashed;

    if (!(file->access & FILE_PATH))
        tell(dentry, file->inode, (struct notify_what){.mask = event, .unlinked = unlinked});
}

NOINLINE void notify_dentry_slow(struct dentry *dentry, struct inode *inode, uint32_t event)
{
    tell(dentry, inode, (struct notify_what){.mask = event});
}

NOINLINE void notify_inode_slow(struct inode *inode, uint32_t event)
{
    tell(NULL, inode, (struct notify_what){.mask = event});
}

NOINLINE void notify_name_slow(struct inode *dir, const char *name, size_t len, uint32_t event,
                               uint32_t cookie)
{
    struct notify_what what = {event, cookie, name, len, false};
    struct inotify *wake = NULL;

    if (!is_watched(dir))
        return;
    spin_lock(&notify_lock);
    tell_watches_locked(dir, &what, &wake);
    spin_unlock(&notify_lock);
    inotify_wake(wake);
}

/* One name from one place to another. */
static void tell_moved(const struct dir_place *from, const struct dir_place *to,
                       struct inode *inode, struct inode *replaced)
{
    uint32_t cookie = __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED);
    uint32_t bit = directory_bit(inode);

    if (from->dir == to->dir)
        notify_name_slow(from->dir->inode, from->name, from->len, NOTIFY_RENAMED, 0);
    notify_name_slow(from->dir->inode, from->name, from->len, LX_IN_MOVED_FROM | bit, cookie);
    notify_name_slow(to->dir->inode, to->name, to->len, LX_IN_MOVED_TO | bit, cookie);
    if (replaced)
        notify_inode_slow(replaced, LX_IN_ATTRIB);
    notify_inode_slow(inode, LX_IN_MOVE_SELF);
}

NOINLINE void notify_moved_slow(const struct dir_place *old, const struct dir_place *new,
                                bool exchange)
{
    struct inode *other = new->entry ? new->entry->inode : NULL;

    tell_moved(old, new, old->entry->inode, exchange ? NULL : other);
    if (exchange)
        tell_moved(new, old, other, NULL);
}

/* --- what ends watches --- */

static struct inotify_watch *first_watch_locked(struct inode *inode)
{
    ASSERT(spin_is_held(&notify_lock));
    return inode->watches.next ? list_entry(inode->watches.next, struct inotify_watch, inode_link)
                               : NULL;
}

NOINLINE void notify_deleted(struct inode *inode)
{
    const struct notify_what deleted = {.mask = LX_IN_DELETE_SELF};
    struct inotify *wake = NULL;
    struct inotify_watch *watch;

    spin_lock(&notify_lock);
    tell_watches_locked(inode, &deleted, &wake);
    while ((watch = first_watch_locked(inode)))
        inotify_watch_end_locked(watch, &wake);
    spin_unlock(&notify_lock);
    inotify_wake(wake);
}

NOINLINE void notify_inode_gone(struct inode *inode)
{
    struct inotify_watch *watch;

    spin_lock(&notify_lock);
    while ((watch = first_watch_locked(inode)))
        inotify_watch_detach_locked(watch);
    spin_unlock(&notify_lock);
}

/* One at a time: there may be as many as the file system has files. */
static bool tell_one_unmounted(struct super_block *super)
{
    struct notify_what unmounted = {.mask = LX_IN_UNMOUNT};
    struct inotify *wake = NULL;
    bool found;

    spin_lock(&notify_lock);
    found = !list_empty(&super->watches);
    if (found) {
        struct inotify_watch *watch =
            list_entry(super->watches.next, struct inotify_watch, super_link);

        unmounted.mask |= directory_bit(watch->inode);
        inotify_queue_locked(watch, &unmounted, &wake);
        inotify_watch_end_locked(watch, &wake);
    }
    spin_unlock(&notify_lock);
    inotify_wake(wake);
    return found;
}

void notify_unmounted(struct super_block *super)
{
    while (tell_one_unmounted(super))
        sched_preempt_point();
}
