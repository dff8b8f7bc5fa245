/* SPDX-License-Identifier: MIT */
/*
 * ramfs: making and removing names. Memory is allocated before a directory is locked; under the
 * mutex everything is looked at again, and what then follows cannot fail.
 *
 * A file system in memory has no copy on a disk to go back to: the tree of dentries is all there
 * is. So a name holds its dentry, the dentry its inode, and unlinking drops the name's reference
 * after the mutex; what is open keeps the rest. An inode is made complete, with its owner, group,
 * data and charge (ramfs_charge.c), before ramfs_add makes it visible: a walk never meets half a
 * file, and a failure discards it whole.
 *
 * Only the mutex of the directory is taken, one at a time (two in a rename). The mutex of the file
 * itself is needed for its attributes alone, and after that of the directory has been dropped.
 */
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/ramfs/ramfs_file.h"
#include "kernel/fs/ramfs/ramfs_rename.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

/* A symlink's text up to this length goes with its inode; a longer one is a page of the quota. */
#define LINK_TEXT_FREE NAMEBUF_SHORT
#define LOOKUP_TRIES   4 /* without the mutex, in a directory that changes */

/* --- inodes --- */

/* For fsync(2) of a directory, which programs call after a rename: there is no disk to wait for. */
static int directory_sync(struct file *file)
{
    (void)file;
    return 0;
}

/* For read(2), whose error is EISDIR; without the operation it would be EINVAL. */
static int64_t directory_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -EISDIR;
}

static const struct file_ops directory_file_ops = {
    .read = directory_read,
    .readdir = dir_read,
    .seek = dir_seek,
    .sync = directory_sync,
};

/* What the type of a file decides. Without operations of files it is a device, whose driver has
 * them, or of a type that is never opened. */
struct inode_kind {
    const struct inode_ops *ops;
    const struct file_ops *file_ops;
    const struct vm_pager_ops *pager_ops;
};

static struct inode_kind ramfs_kind_of(uint32_t mode)
{
    switch (mode & LX_S_IFMT) {
    case LX_S_IFREG:
        return (struct inode_kind){&ramfs_file_ops, &ramfs_file_file_ops, &ramfs_pager_ops};
    case LX_S_IFDIR:
        return (struct inode_kind){&ramfs_dir_ops, &directory_file_ops, NULL};
    case LX_S_IFLNK:
        return (struct inode_kind){&ramfs_link_ops, NULL, NULL};
    case LX_S_IFIFO:
        return (struct inode_kind){&ramfs_node_ops, &fifo_file_ops, NULL};
    default:
        return (struct inode_kind){&ramfs_node_ops, NULL, NULL};
    }
}

int ramfs_inode_create(struct super_block *super, uint32_t mode, uint64_t device,
                       const struct credentials *cred, struct inode **out_inode)
{
    struct inode_kind kind = ramfs_kind_of(mode);
    struct inode *inode;
    int err;

    /* Before there is an inode: its release gives exactly one charge back. */
    err = ramfs_charge(super, cred);
    if (err)
        return err;
    err = inode_create(super, kind.ops, mode, cred, &inode);
    if (err) {
        ramfs_uncharge(super);
        return err;
    }
    inode->file_ops = kind.file_ops;
    inode->pager.ops = kind.pager_ops;
    inode->device = device;
    if ((mode & LX_S_IFMT) == LX_S_IFDIR) {
        /* Its name and its own "."; each subdirectory adds its "..". */
        inode->nlink = 2;
        inode->size = 2 * RAMFS_ENTRY_NBYTES;
        inode_set_data_kind(inode, INODE_DIR);
    } else if ((mode & LX_S_IFMT) == LX_S_IFREG) {
        /* What the file's pages count against; for root's files the reserves are open to any
         * writer. */
        inode->map.quota = &super->quota;
        inode->map.privileged = inode->uid == 0;
        inode->seals = LX_F_SEAL_SEAL;
    } else if ((mode & LX_S_IFMT) == LX_S_IFLNK) {
        inode_set_data_kind(inode, INODE_SYMLINK);
    }
    *out_inode = inode;
    return 0;
}

/* Release operations run once, when the last reference is gone: there is no lock to take. */
static void ramfs_node_release(struct inode *inode)
{
    ramfs_uncharge(inode->super);
}

/* Without waiting for readers: none has the file any more (page_cache.c). */
static void ramfs_file_release(struct inode *inode)
{
    page_cache_destroy(&inode->map);
    ramfs_uncharge(inode->super);
}

void ramfs_dir_release(struct inode *inode)
{
    ASSERT(dir_is_empty(inode));
    ramfs_uncharge(inode->super);
}

static void ramfs_link_release(struct inode *inode)
{
    /* Only a text that was copied has been charged, and only a long one. */
    if (inode_symlink(inode)->owned && inode->size > LINK_TEXT_FREE)
        __atomic_fetch_sub(&inode->super->quota.used, 1, __ATOMIC_RELAXED);
    namebuf_free(inode_symlink(inode)->owned, inode->size);
    ramfs_uncharge(inode->super);
}

static int64_t ramfs_link_read(struct inode *inode, char *text, size_t size)
{
    memcpy(text, inode_symlink(inode)->text, MIN(size, inode->size));
    return (int64_t)inode->size;
}

/* keep: the text lies in the archive and is used where it is. */
int ramfs_link_set_text(struct inode *inode, const char *text, size_t len, bool keep)
{
    struct page_cache_quota *quota = &inode->super->quota;
    char *copy = NULL;

    if (!keep) {
        if (len > LINK_TEXT_FREE && !page_cache_quota_allows(quota, inode->uid == 0))
            return -ENOSPC;
        copy = namebuf_alloc(len);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, text, len);
        if (len > LINK_TEXT_FREE)
            __atomic_fetch_add(&quota->used, 1, __ATOMIC_RELAXED);
    }
    /* From here on constant: walks read the text without a lock. */
    *inode_symlink(inode) = (struct symlink_text){keep ? text : copy, copy};
    inode->size = len;
    return 0;
}

/* --- names --- */

/* Without the mutex. -EAGAIN says that the directory is just changing, or that the entry found is
 * being freed. */
static inline int lookup_once(struct inode *dir, const char *name, size_t len, uint32_t hash,
                              struct dentry **out_entry)
{
    int err;

    rcu_read_lock();
    err = dir_find_rcu(dir, name, len, hash, out_entry);
    if (!err && !dentry_get_live(*out_entry))
        err = -EAGAIN;
    rcu_read_unlock();
    return err;
}

int ramfs_lookup(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                 struct dentry **out_entry)
{
    struct inode *inode = dir->inode;
    struct dentry *entry;
    int err = -EAGAIN;

    /* A change takes about as long as a lookup: looking again is cheaper than the mutex, for which
     * those that change the directory wait, too. */
    for (int tries = 0; unlikely(err == -EAGAIN) && tries < LOOKUP_TRIES; tries++)
        err = lookup_once(inode, name, len, hash, out_entry);
    if (likely(err != -EAGAIN))
        return err;
    mutex_lock(&inode->lock);
    entry = dir_find_locked(inode, name, len, hash);
    if (entry)
        dentry_get(entry);
    mutex_unlock(&inode->lock);
    if (!entry)
        return -ENOENT;
    *out_entry = entry;
    return 0;
}

void ramfs_dir_changed_locked(struct inode *dir, int entries, int subdirectories)
{
    ASSERT(mutex_is_held(&dir->lock));
    dir->size += (uint64_t)(int64_t)(entries * RAMFS_ENTRY_NBYTES);
    /* The ".." of a subdirectory is a link to this directory. */
    if (subdirectories > 0)
        inode_link(dir);
    if (subdirectories < 0)
        inode_unlink(dir);
    inode_touch_locked(dir);
}

int ramfs_add(struct dentry *dir, const char *name, size_t len, struct inode *inode,
              struct dentry **out_entry)
{
    uint32_t hash = dentry_hash(name, len);
    struct inode *parent = dir->inode;
    struct dentry *entry;
    int err = dentry_create(dir, name, len, hash, inode, &entry);

    if (err)
        return err;
    mutex_lock(&parent->lock);
    /* Looked up again: the caller did so without the mutex. */
    if (dir_find_locked(parent, name, len, hash))
        err = -EEXIST;
    else if (!dir_enter(parent))
        err = -ENOENT;
    if (!err) {
        /* For readers without the mutex the change is one step (dir.c). */
        dir_change_begin(parent);
        dir_add_locked(parent, entry);
        dir_change_end(parent);
        /* A file of O_TMPFILE that has its first name, before another call may unlink it: see
         * link_count. One that got none after all stays as it was. */
        if (unlikely(inode->linkable))
            __atomic_store_n(&inode->linkable, false, __ATOMIC_SEQ_CST);
        ramfs_dir_changed_locked(parent, 1, (inode->mode & LX_S_IFMT) == LX_S_IFDIR);
        /* Still under the mutex: another call may unlink the name at once, and with it the only
         * reference. */
        if (out_entry) {
            dentry_get(entry);
            *out_entry = entry;
        }
    }
    mutex_unlock(&parent->lock);
    if (err)
        dentry_put(entry);
    return err;
}

/* Files in a set-group-ID directory belong to its group, and directories pass the bit on. Programs
 * that run as the group are made by its members. */
static void inherit_group(struct inode *inode, struct inode *dir, const struct credentials *cred)
{
    if (!(dir->mode & LX_S_ISGID))
        return;
    /* Without the directory's mutex: a chown at this very moment comes before or after. */
    inode->gid = dir->gid;
    if ((inode->mode & LX_S_IXGRP) && !credentials_in_group(cred, dir->gid) &&
        !credentials_capable(cred, LX_CAP_FSETID))
        inode->mode &= ~LX_S_ISGID;
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        inode->mode |= LX_S_ISGID;
}

/* An inode that got no name after all: it goes as one whose names have been unlinked. */
void ramfs_discard(struct inode *inode)
{
    while (inode->nlink > 0)
        inode_unlink(inode);
    inode_put(inode);
}

static int ramfs_create_name(struct dentry *dir, const char *name, size_t len, uint32_t mode,
                             uint64_t device, const struct credentials *cred,
                             struct dentry **out_entry)
{
    struct inode *inode;
    int err = ramfs_inode_create(dir->inode->super, mode, device, cred, &inode);

    if (err)
        return err;
    inherit_group(inode, dir->inode, cred);
    if (name) {
        err = ramfs_add(dir, name, len, inode, out_entry);
    } else { /* O_TMPFILE: a dentry that no lookup finds */
        err = dentry_create(dir, "#tmpfile", 8, 0, inode, out_entry);
        /* Without a name it is an orphan, until linkat(2) gives it the first. */
        inode->linkable = true;
        inode_unlink(inode);
    }
    if (err)
        ramfs_discard(inode);
    else
        inode_put(inode);
    return err;
}

static int ramfs_symlink(struct dentry *dir, const char *name, size_t len, const char *text,
                         size_t text_len, const struct credentials *cred)
{
    struct inode *inode;
    int err = ramfs_inode_create(dir->inode->super, LX_S_IFLNK | 0777, 0, cred, &inode);

    if (err)
        return err;
    inherit_group(inode, dir->inode, cred);
    err = ramfs_link_set_text(inode, text, text_len, false);
    if (!err)
        err = ramfs_add(dir, name, len, inode, NULL);
    if (err)
        ramfs_discard(inode);
    else
        inode_put(inode);
    return err;
}

/* The file's own mutex, for the caller that has dropped the directory's: they are of one rank. */
static void inode_set_ctime(struct inode *inode, struct fs_time when)
{
    mutex_lock(&inode->lock);
    inode->ctime = when;
    mutex_unlock(&inode->lock);
}

/* Counts a name in, which has been charged. A file whose last name is gone gets no other; one of
 * O_TMPFILE gets a first, and with that is as any other. Under the file's mutex: of
 * two calls at once one alone is the first. */
static int link_count(struct inode *target)
{
    bool alive, first;

    mutex_lock(&target->lock);
    alive = inode_link_unless_dead(target);
    /* Read after the count: where an unlink brought that to 0, ramfs_add cleared this before. */
    first = !alive && __atomic_load_n(&target->linkable, __ATOMIC_SEQ_CST);
    if (first)
        inode_link(target);
    mutex_unlock(&target->lock);
    alive |= first;
    if (first || !alive)
        ramfs_uncharge(target->super); /* the inode's own charge is the first name's */
    return alive ? 0 : -ENOENT;
}

/* The charge of the last name is that of the inode, and goes with it. */
static void link_uncount(struct inode *target)
{
    if (inode_unlink(target) > 0)
        ramfs_uncharge(target->super);
}

/* The count goes up before the name is there, so that the file cannot lose its last name meanwhile;
 * a name that cannot be added takes it back. */
static int ramfs_link(struct dentry *dir, const char *name, size_t len, struct inode *target,
                      const struct credentials *cred)
{
    int err = ramfs_charge(target->super, cred);

    if (!err)
        err = link_count(target);
    if (err)
        return err;
    err = ramfs_add(dir, name, len, target, NULL);
    if (err) {
        link_uncount(target);
        return err;
    }
    inode_set_ctime(target, fs_time_now());
    return 0;
}

/* A removed directory has no links at all: not its name, not its own ".". */
void ramfs_drop_links(struct inode *inode)
{
    if ((inode->mode & LX_S_IFMT) != LX_S_IFDIR) {
        link_uncount(inode);
        return;
    }
    inode_unlink(inode);
    inode_unlink(inode);
}

/* The parent's mutex is held, as it is where something is mounted on the directory. An empty one
 * takes no entries any more. */
static int ramfs_directory_kill(struct dentry *entry)
{
    if (entry->is_boot_mount)
        return -EBUSY;
    return dir_kill(entry->inode) ? 0 : -ENOTEMPTY;
}

/* Nothing is allocated: once it is decided that the name may go, it goes. */
int ramfs_unlink(const struct dir_place *place, bool directory)
{
    struct inode *parent = place->dir->inode;
    struct dentry *entry = place->entry;
    struct fs_time when;
    int err = 0;

    mutex_lock(&parent->lock);
    /* The caller looked it up without the mutex: since then it may have been removed, mounted on,
     * or renamed, also to another name in this directory, which is not the one to remove. */
    if (!dir_has_locked(place) || unlikely(entry->mounted))
        err = -ESTALE;
    else if (directory)
        err = ramfs_directory_kill(entry);
    if (!err) {
        dir_change_begin(parent);
        dir_remove_locked(parent, entry);
        dir_change_end(parent);
        /* Last: a count of 0 means that the trees are empty. */
        dir_leave(parent);
        ramfs_dir_changed_locked(parent, -1, directory ? -1 : 0);
    }
    when = parent->ctime; /* one moment for the directory and what was in it */
    mutex_unlock(&parent->lock);
    if (err)
        return err;
    /* No lookup finds the name any more: the rest needs no mutex of the directory. */
    inode_set_ctime(entry->inode, when);
    ramfs_drop_links(entry->inode);
    dentry_put(entry); /* the directory's reference */
    return 0;
}

const struct inode_ops ramfs_dir_ops = {
    .lookup = ramfs_lookup,
    .lookup_rcu = dir_find_rcu,
    .create = ramfs_create_name,
    .symlink = ramfs_symlink,
    .link = ramfs_link,
    .unlink = ramfs_unlink,
    .rename = ramfs_rename,
    .release = ramfs_dir_release,
};

const struct inode_ops ramfs_file_ops = {
    .truncate_locked = ramfs_truncate_locked,
    .release = ramfs_file_release,
};

const struct inode_ops ramfs_link_ops = {
    .keeps_text = true,
    .readlink = ramfs_link_read,
    .release = ramfs_link_release,
};

const struct inode_ops ramfs_node_ops = {.release = ramfs_node_release};

/* The root is an inode as any other; its dentry has no parent and belongs to the mount. */
int ramfs_create(const char *type, const char *source, uint32_t root_mode,
                 struct super_block **out_super)
{
    struct super_block *super;
    struct inode *inode;
    int err = super_create(type, source, LX_TMPFS_MAGIC, &super);

    if (err)
        return err;
    super->ops = &ramfs_super_ops;
    ramfs_set_default_limits(super, false);
    super->root_mode = root_mode;
    super->keeps_xattrs = strcmp(type, "ramfs") != 0; /* that of Linux has none */
    err = ramfs_inode_create(super, LX_S_IFDIR | root_mode, 0, NULL, &inode);
    if (err) {
        super_put(super);
        return err;
    }
    return super_make_root(super, inode, out_super);
}
