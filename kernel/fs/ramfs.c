/* SPDX-License-Identifier: MIT */
/*
 * ramfs: making and removing names. Memory is allocated before a directory is locked; under the
 * mutex everything is looked at again, and what then follows cannot fail.
 */
#include "kernel/fs/ramfs.h"
#include "kernel/fs/dir.h"
#include "kernel/fs/file.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/ramfs_file.h"
#include "kernel/fs/ramfs_rename.h"
#include "kernel/fs/text.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

/* --- inodes --- */

static int directory_sync(struct file *file)
{
    (void)file;
    return 0;
}

static int64_t directory_read(struct file *file, struct vm_io *io, int64_t *offset)
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

struct inode_kind {
    const struct inode_ops *ops;
    const struct file_ops *file_ops;
    const struct vm_pager_ops *pager_ops;
};

static struct inode_kind kind_of(uint32_t mode)
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
    struct inode_kind kind = kind_of(mode);
    struct inode *inode;
    int err;

    if (unlikely(super->inodes_max && super->refs > super->inodes_max))
        return -ENOSPC;
    err = inode_create(super, kind.ops, mode, cred, &inode);
    if (err)
        return err;
    inode->file_ops = kind.file_ops;
    inode->pager.ops = kind.pager_ops;
    inode->device = device;
    if ((mode & LX_S_IFMT) == LX_S_IFDIR) {
        inode->nlink = 2;
        inode->size = 2 * RAMFS_ENTRY_NBYTES;
    } else if ((mode & LX_S_IFMT) == LX_S_IFREG) {
        inode->map.quota = &super->quota;
    }
    *out_inode = inode;
    return 0;
}

static void file_release(struct inode *inode)
{
    filemap_destroy(&inode->map);
}

static void dir_release(struct inode *inode)
{
    ASSERT(dir_is_empty(inode));
}

static void link_release(struct inode *inode)
{
    text_free(inode->link.owned, inode->size);
}

static int64_t link_read(struct inode *inode, char *text, size_t size)
{
    memcpy(text, inode->link.text, MIN(size, inode->size));
    return (int64_t)inode->size;
}

int ramfs_link_set_text(struct inode *inode, const char *text, size_t len, bool keep)
{
    char *copy = NULL;

    if (!keep) {
        copy = text_alloc(len);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, text, len);
    }
    inode->link.text = keep ? text : copy;
    inode->link.owned = copy;
    inode->size = len;
    return 0;
}

/* --- names --- */

static int lookup(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                  struct dentry **out_entry)
{
    struct inode *inode = dir->inode;
    struct dentry *entry;

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
    dir->size += (uint64_t)(int64_t)(entries * RAMFS_ENTRY_NBYTES);
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
    if (dir_find_locked(parent, name, len, hash))
        err = -EEXIST;
    else if (!dir_enter(parent))
        err = -ENOENT;
    if (!err) {
        dir_add_locked(parent, entry);
        ramfs_dir_changed_locked(parent, 1, (inode->mode & LX_S_IFMT) == LX_S_IFDIR);
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
    inode->gid = dir->gid;
    if ((inode->mode & LX_S_IXGRP) && !credentials_in_group(cred, dir->gid) &&
        !credentials_is_privileged(cred))
        inode->mode &= ~LX_S_ISGID;
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        inode->mode |= LX_S_ISGID;
}

static void discard(struct inode *inode)
{
    while (inode->nlink > 0)
        inode_unlink(inode);
    inode_put(inode);
}

static int create(struct dentry *dir, const char *name, size_t len, uint32_t mode, uint64_t device,
                  const struct credentials *cred, struct dentry **out_entry)
{
    struct inode *inode;
    int err = ramfs_inode_create(dir->inode->super, mode, device, cred, &inode);

    if (err)
        return err;
    inherit_group(inode, dir->inode, cred);
    if (name) {
        err = ramfs_add(dir, name, len, inode, out_entry);
    } else { /* O_TMPFILE: a dentry that nobody can find */
        err = dentry_create(dir, "#tmpfile", 8, 0, inode, out_entry);
        inode->linkable = true;
        inode_unlink(inode);
    }
    if (err)
        discard(inode);
    else
        inode_put(inode);
    return err;
}

static int symlink(struct dentry *dir, const char *name, size_t len, const char *text,
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
        discard(inode);
    else
        inode_put(inode);
    return err;
}

static void touch_ctime(struct inode *inode)
{
    mutex_lock(&inode->lock);
    inode->ctime = fs_time_now();
    mutex_unlock(&inode->lock);
}

static int link(struct dentry *dir, const char *name, size_t len, struct inode *target)
{
    int err;

    if (target->linkable)
        inode_link(target);
    else if (!inode_link_unless_dead(target))
        return -ENOENT;
    err = ramfs_add(dir, name, len, target, NULL);
    if (err)
        inode_unlink(target);
    else
        touch_ctime(target);
    return err;
}

/* A removed directory has no links at all: not its name, not its own ".". */
void ramfs_forget_links(struct inode *inode)
{
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        inode_unlink(inode);
    inode_unlink(inode);
}

static int unlink(struct dentry *dir, struct dentry *entry, bool directory)
{
    struct inode *parent = dir->inode;
    int err = 0;

    mutex_lock(&parent->lock);
    if (!entry->linked || entry->parent != dir)
        err = -ENOENT;
    else if (directory && !dir_kill(entry->inode))
        err = -ENOTEMPTY;
    if (!err) {
        dir_remove_locked(parent, entry);
        dir_leave(parent);
        ramfs_dir_changed_locked(parent, -1, directory ? -1 : 0);
    }
    mutex_unlock(&parent->lock);
    if (err)
        return err;
    touch_ctime(entry->inode);
    ramfs_forget_links(entry->inode);
    dentry_put(entry); /* the directory's reference */
    return 0;
}

const struct inode_ops ramfs_dir_ops = {
    .lookup = lookup,
    .create = create,
    .symlink = symlink,
    .link = link,
    .unlink = unlink,
    .rename = ramfs_rename,
    .release = dir_release,
};

const struct inode_ops ramfs_file_ops = {
    .truncate_locked = ramfs_truncate_locked,
    .release = file_release,
};

const struct inode_ops ramfs_link_ops = {
    .keeps_text = true,
    .readlink = link_read,
    .release = link_release,
};

const struct inode_ops ramfs_node_ops = {0};

int ramfs_create(const char *type, const char *source, uint32_t root_mode,
                 struct super_block **out_super)
{
    struct super_block *super;
    struct inode *inode;
    int err = super_create(type, source, LX_TMPFS_MAGIC, &super);

    if (err)
        return err;
    super->ops = &ramfs_super_ops;
    super->root_mode = root_mode;
    err = ramfs_inode_create(super, LX_S_IFDIR | root_mode, 0, NULL, &inode);
    if (!err)
        err = dentry_create(NULL, "/", 1, 0, inode, &super->root);
    if (err && super->refs > 1)
        discard(inode);
    else if (!err)
        inode_put(inode);
    if (err)
        super_put(super);
    else
        *out_super = super;
    return err;
}
