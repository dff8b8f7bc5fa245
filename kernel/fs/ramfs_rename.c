/* SPDX-License-Identifier: MIT */
#include "kernel/fs/ramfs_rename.h"
#include "kernel/fs/dir.h"
#include "kernel/fs/ramfs.h"
#include "kernel/lib/assert.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

struct rename {
    struct dentry *old_dir, *entry;
    struct dentry *new_dir, *victim;
    const char *name;
    size_t len;
    uint32_t hash;
    char *room; /* for a long name; afterwards what is to be freed */
};

static bool is_dir(const struct dentry *dentry)
{
    return (dentry->inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

bool dentry_is_below_locked(const struct dentry *dentry, const struct dentry *above)
{
    while (dentry && dentry != above)
        dentry = dentry->parent;
    return dentry != NULL;
}

/* Whether everything is still as the caller found it. */
static bool is_fresh_locked(const struct rename *r)
{
    return r->entry->linked && r->entry->parent == r->old_dir &&
           dir_find_locked(r->new_dir->inode, r->name, r->len, r->hash) == r->victim;
}

static void touch_three(const struct rename *r)
{
    struct fs_time now = fs_time_now();

    r->old_dir->inode->mtime = r->old_dir->inode->ctime = now;
    r->new_dir->inode->mtime = r->new_dir->inode->ctime = now;
    /* Its own mutex may not be taken as a third one; a time is worth no more than that. */
    r->entry->inode->ctime = now;
}

/* Both stay linked, each in the other's place. Parents' link counts follow subdirectories. */
static int exchange_locked(struct rename *r)
{
    int moved = (int)is_dir(r->entry) - (int)is_dir(r->victim);
    int err = 0;

    spin_lock(&fs_tree_lock);
    if (dentry_is_below_locked(r->new_dir, r->entry) ||
        dentry_is_below_locked(r->old_dir, r->victim))
        err = -EINVAL;
    else if (r->entry != r->victim) {
        dir_swap_locked(r->old_dir->inode, r->entry, r->new_dir->inode, r->victim);
        dentry_swap_locked(r->entry, r->victim);
    }
    spin_unlock(&fs_tree_lock);
    if (err)
        return err;
    if (r->old_dir != r->new_dir) {
        ramfs_dir_changed_locked(r->new_dir->inode, 0, moved);
        ramfs_dir_changed_locked(r->old_dir->inode, 0, -moved);
    }
    touch_three(r);
    return 0;
}

/* The point of no return is dir_kill: it comes last of what can fail. */
static int claim_place(struct rename *r)
{
    if (!r->victim)
        return dir_enter(r->new_dir->inode) ? 0 : -ENOENT;
    if (is_dir(r->victim) && !dir_kill(r->victim->inode))
        return -ENOTEMPTY;
    return 0;
}

/* Looking for a cycle and changing the parent are one step, else two renames could make one. */
static int change_parent(struct rename *r)
{
    int err = -EINVAL;

    spin_lock(&fs_tree_lock);
    if (!dentry_is_below_locked(r->new_dir, r->entry))
        err = claim_place(r);
    if (!err)
        r->room = dentry_move_locked(r->entry, r->new_dir, r->name, r->len, r->hash, r->room);
    spin_unlock(&fs_tree_lock);
    return err;
}

/* The indexes follow. The victim's count in the directory is the entry's now. */
static int move_locked(struct rename *r)
{
    struct inode *old_dir = r->old_dir->inode, *new_dir = r->new_dir->inode;
    int subdirectory = is_dir(r->entry);
    int err = change_parent(r);

    if (err)
        return err;
    if (r->victim) {
        dir_remove_locked(new_dir, r->victim);
        ramfs_dir_changed_locked(new_dir, -1, is_dir(r->victim) ? -1 : 0);
    }
    dir_move_locked(old_dir, new_dir, r->entry);
    dir_leave(old_dir);
    ramfs_dir_changed_locked(old_dir, -1, -subdirectory);
    ramfs_dir_changed_locked(new_dir, 1, subdirectory);
    touch_three(r);
    return 0;
}

/* What needs no lock any more: the victim's links, and the references to parents. */
static void finish_move(struct rename *r)
{
    dentry_get(r->new_dir);
    dentry_put(r->old_dir);
    dentry_room_free(r->room);
    if (!r->victim)
        return;
    r->victim->inode->ctime = fs_time_now();
    ramfs_forget_links(r->victim->inode);
    dentry_put(r->victim); /* the directory's reference */
}

static int rename_locked(struct rename *r, bool exchange)
{
    if (!is_fresh_locked(r))
        return -ESTALE;
    return exchange ? exchange_locked(r) : move_locked(r);
}

int ramfs_rename(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
                 const char *name, size_t len, struct dentry *victim, uint32_t flags)
{
    bool exchange = flags & LX_RENAME_EXCHANGE;
    struct rename r = {.old_dir = old_dir,
                       .entry = entry,
                       .new_dir = new_dir,
                       .victim = victim,
                       .name = name,
                       .len = len,
                       .hash = dentry_hash(name, len)};
    int err = exchange ? 0 : dentry_room_alloc(len, &r.room);

    if (err)
        return err;
    mutex_lock_pair(&old_dir->inode->lock, &new_dir->inode->lock);
    err = rename_locked(&r, exchange);
    mutex_unlock_pair(&old_dir->inode->lock, &new_dir->inode->lock);
    if (err)
        dentry_room_free(r.room);
    else if (!exchange)
        finish_move(&r);
    return err;
}
