/* SPDX-License-Identifier: MIT */
/*
 * Rename in ramfs, one step for every lookup: before it the old name, after it the new one.
 *
 * The caller has looked both names up without locks. Under the mutexes of both directories, taken
 * in address order, rename_is_fresh_locked asks whether they are still what was found; if not the
 * answer is ESTALE, and the caller looks again. Then, in one locking of fs_tree_lock, everything
 * that can refuse (a cycle, a mount on the victim, a victim that is not empty) and the change of
 * the parent: two renames that each look for a cycle before the other changes something could make
 * one together. After that nothing fails. The indexes follow under the mutexes.
 *
 * A program makes trees as deep as it has inodes, too deep to climb under a spinlock. So a cycle is
 * looked for before that, in pieces, and the answer holds as long as the version of the tree stays.
 * Else it is looked for again in the one locking; where that would be long, the answer is ESTALE.
 *
 * References: the entry's to its parent changes hands within that step (dentry_move_locked); the
 * directory's to the entry moves with the entry from index to index; the victim loses its
 * directory's. What is to be put is put after the locks, and held by the caller until then.
 */
#include "kernel/fs/ramfs/ramfs_rename.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define CLIMB        1024 /* levels under one locking: far below a millisecond */
#define INSIDE_TRIES 1000

struct rename {
    const struct dir_place *old;
    struct dentry *old_dir, *entry;
    struct dentry *new_dir, *victim;
    const char *name;
    size_t len;
    uint32_t hash;
    char *room;              /* for a long name; afterwards what is to be freed */
    uint64_t version;        /* of the tree in which no cycle was found */
    struct dentry *whiteout; /* what takes the old name; NULL: nothing */
};

/* As many levels as may be climbed under one locking. -ESTALE: there are more, from *at. */
static NOINLINE int climb_locked(const struct dentry **at, const struct dentry *above)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    for (unsigned i = 0; i < CLIMB && *at && *at != above; i++)
        *at = (*at)->parent;
    return *at == above ? 1 : *at ? -ESTALE : 0;
}

int dentry_is_below(const struct dentry *dentry, const struct dentry *above, uint64_t *version)
{
    int below;

    spin_lock(&fs_tree_lock);
    *version = dentry_tree_version();
    while ((below = climb_locked(&dentry, above)) == -ESTALE) {
        spin_unlock(&fs_tree_lock);
        sched_preempt_point();
        spin_lock(&fs_tree_lock);
        /* If not, it still is above the first, which the caller holds; and so it lives. */
        if (*version != dentry_tree_version())
            break;
    }
    spin_unlock(&fs_tree_lock);
    return below;
}

/* Where directories are moved all the time, and the way is long, the answer may be no. */
COLD bool dentry_is_inside(const struct dentry *dentry, const struct dentry *above)
{
    uint64_t version;
    int below = -ESTALE;

    for (unsigned tries = 0; below == -ESTALE && tries < INSIDE_TRIES; tries++)
        below = dentry_is_below(dentry, above, &version);
    return below > 0;
}

/* In its own directory a name makes no cycle. */
static NOINLINE int rename_find_cycle(struct rename *r, bool exchange)
{
    uint64_t later; /* another than r->version: that is not the tree's any more */
    int below = 0;

    if (exchange || r->new_dir != r->old_dir)
        below = dentry_is_below(r->new_dir, r->entry, &r->version);
    if (!below && exchange)
        below = dentry_is_below(r->old_dir, r->victim, &later);
    return below > 0 ? -EINVAL : below;
}

static NOINLINE int rename_find_cycle_locked(const struct rename *r, bool exchange)
{
    const struct dentry *new_at = r->new_dir, *old_at = r->old_dir;
    int below = 0;

    ASSERT(spin_is_held(&fs_tree_lock));
    if (r->version == dentry_tree_version() || (!exchange && new_at == old_at))
        return 0;
    below = climb_locked(&new_at, r->entry);
    if (!below && exchange)
        below = climb_locked(&old_at, r->victim);
    return below > 0 ? -EINVAL : below;
}

/* Whether everything is still as the caller found it. */
static bool rename_is_fresh_locked(const struct rename *r)
{
    ASSERT(mutex_is_held(&r->old_dir->inode->lock) && mutex_is_held(&r->new_dir->inode->lock));
    return dir_has_locked(r->old) &&
           dir_find_locked(r->new_dir->inode, r->name, r->len, r->hash) == r->victim;
}

static void rename_touch_times(const struct rename *r)
{
    struct fs_time now = fs_time_now();

    r->old_dir->inode->mtime = r->old_dir->inode->ctime = now;
    r->new_dir->inode->mtime = r->new_dir->inode->ctime = now;
    /* Its own mutex may not be taken as a third one; a time is worth no more than that. */
    r->entry->inode->ctime = now;
}

/* Mount points of the caller's name space are neither moved nor replaced; it has looked. What has
 * been mounted since on a name that is to go is looked for again; and on one that moves, it moves
 * with that, as what is mounted in other name spaces does. Nothing is mounted on a name but under
 * the mutex of its directory. */
static int rename_check_mounts_locked(const struct rename *r, bool exchange)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    if (r->entry->is_boot_mount || (r->victim && r->victim->is_boot_mount))
        return -EBUSY;
    return r->victim && r->victim->mounted && !exchange ? -ESTALE : 0;
}

/* Both stay linked, each in the other's place. Parents' link counts follow subdirectories. */
static int rename_exchange_locked(struct rename *r)
{
    int moved = (int)dentry_is_directory(r->entry) - (int)dentry_is_directory(r->victim);
    int err;

    ASSERT(mutex_is_held(&r->old_dir->inode->lock) && mutex_is_held(&r->new_dir->inode->lock));
    spin_lock(&fs_tree_lock);
    err = rename_find_cycle_locked(r, true);
    if (!err)
        err = rename_check_mounts_locked(r, true);
    if (!err && r->entry != r->victim)
        dir_swap_locked(r->old_dir->inode, r->entry, r->new_dir->inode, r->victim);
    spin_unlock(&fs_tree_lock);
    if (err)
        return err;
    if (r->old_dir != r->new_dir) {
        ramfs_dir_changed_locked(r->new_dir->inode, 0, moved);
        ramfs_dir_changed_locked(r->old_dir->inode, 0, -moved);
    }
    rename_touch_times(r);
    return 0;
}

/* The point of no return is dir_kill: it comes last of what can fail. */
static int rename_reserve_place(struct rename *r)
{
    if (!r->victim)
        return dir_enter(r->new_dir->inode) ? 0 : -ENOENT;
    if (dentry_is_directory(r->victim) && !dir_kill(r->victim->inode))
        return -ENOTEMPTY;
    return 0;
}

/* Looking for a cycle and changing the parent are one step, else two renames could make one. */
static int rename_change_parent(struct rename *r)
{
    int err;

    spin_lock(&fs_tree_lock);
    err = rename_find_cycle_locked(r, false);
    if (!err)
        err = rename_check_mounts_locked(r, false);
    if (!err)
        err = rename_reserve_place(r);
    if (!err)
        r->room = dentry_move_locked(r->entry, r->new_dir, r->name, r->len, r->hash, r->room);
    spin_unlock(&fs_tree_lock);
    return err;
}

/* The indexes follow. The victim's count in the directory is the entry's now. */
static int rename_move_locked(struct rename *r)
{
    struct inode *old_dir = r->old_dir->inode, *new_dir = r->new_dir->inode;
    int subdirectory = dentry_is_directory(r->entry);
    int err = rename_change_parent(r);

    ASSERT(mutex_is_held(&old_dir->lock) && mutex_is_held(&new_dir->lock));
    if (err)
        return err;
    if (r->victim) {
        dir_remove_locked(new_dir, r->victim);
        ramfs_dir_changed_locked(new_dir, -1, dentry_is_directory(r->victim) ? -1 : 0);
    }
    dir_move_locked(old_dir, new_dir, r->entry);
    if (r->whiteout) { /* counted as what was there before */
        dir_add_locked(old_dir, r->whiteout);
        ramfs_dir_changed_locked(old_dir, 1, 0);
    } else {
        dir_leave(old_dir);
    }
    if (old_dir != new_dir) {
        ramfs_dir_changed_locked(old_dir, -1, -subdirectory);
        ramfs_dir_changed_locked(new_dir, 1, subdirectory);
    }
    rename_touch_times(r);
    return 0;
}

/* What needs no lock any more: the victim's links, and the references that the tree held. Nothing
 * is taken here: from the moment the locks are dropped another rename may put what this one got. */
static void rename_finish_move(struct rename *r)
{
    dentry_put(r->old_dir); /* the entry's reference to its parent */
    dentry_room_free_later(r->room);
    if (!r->victim)
        return;
    r->victim->inode->ctime = fs_time_now();
    ramfs_drop_links(r->victim->inode);
    dentry_put(r->victim); /* the directory's reference */
}

/* One change of both directories: a lookup finds the old name or the new one, not neither. */
static int rename_locked(struct rename *r, bool exchange)
{
    struct inode *old_dir = r->old_dir->inode, *new_dir = r->new_dir->inode;
    int err;

    ASSERT(mutex_is_held(&old_dir->lock) && mutex_is_held(&new_dir->lock));
    if (!rename_is_fresh_locked(r))
        return -ESTALE;
    err = rename_find_cycle(r, exchange);
    if (err)
        return err;
    dir_change_begin(old_dir);
    if (new_dir != old_dir)
        dir_change_begin(new_dir);
    err = exchange ? rename_exchange_locked(r) : rename_move_locked(r);
    dir_change_end(old_dir);
    if (new_dir != old_dir)
        dir_change_end(new_dir);
    return err;
}

/* A device that does not exist, which union file systems put where a name of a lower layer is to be
 * hidden. Made before the locks; the entry has the only reference to the inode. */
COLD static int whiteout_create(struct rename *r, const struct credentials *cred)
{
    const struct dir_place *old = r->old;
    struct inode *inode;
    int err = ramfs_inode_create(r->old_dir->inode->super, LX_S_IFCHR, 0, cred, &inode);

    if (err)
        return err;
    err = dentry_create(r->old_dir, old->name, old->len, old->hash, inode, &r->whiteout);
    if (err) {
        r->whiteout = NULL;
        ramfs_discard(inode);
    } else {
        inode_put(inode);
    }
    return err;
}

COLD static void whiteout_discard(struct dentry *whiteout)
{
    if (!whiteout)
        return;
    inode_get(whiteout->inode);
    ramfs_discard(whiteout->inode);
    dentry_put(whiteout);
}

int ramfs_rename(const struct dir_place *old, const struct dir_place *new, uint32_t flags,
                 const struct credentials *cred)
{
    struct mutex *old_lock = &old->dir->inode->lock, *new_lock = &new->dir->inode->lock;
    bool exchange = flags & LX_RENAME_EXCHANGE;
    struct rename r = {.old = old,
                       .old_dir = old->dir,
                       .entry = old->entry,
                       .new_dir = new->dir,
                       .victim = new->entry,
                       .name = new->name,
                       .len = new->len,
                       .hash = new->hash};
    int err = exchange ? 0 : dentry_room_alloc(new->len, &r.room);

    if (err)
        return err;
    if (flags & LX_RENAME_WHITEOUT)
        err = whiteout_create(&r, cred);
    if (!err) {
        mutex_lock_pair(old_lock, new_lock);
        err = rename_locked(&r, exchange);
        mutex_unlock_pair(old_lock, new_lock);
        if (err)
            whiteout_discard(r.whiteout);
    }
    if (err)
        dentry_room_free(r.room);
    else if (!exchange)
        rename_finish_move(&r);
    if (!err)
        notify_moved(old, new, exchange); /* the caller holds all four */
    return err;
}
