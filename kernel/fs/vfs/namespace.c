/* SPDX-License-Identifier: MIT */
/*
 * Making, linking, renaming and removing names: which errors, in which order.
 *
 * Each function walks to the parent of the name, looks the name up, asks for permission, and calls
 * the directory's operation. Everything up to that call is without locks: it decides which of
 * several errors a program sees, in Linux's order, and whether it may try at all. Whether the thing
 * can be done is decided by the operation, under the directory's mutex, by looking again: the name
 * may have come or gone, the directory may have been removed, something may have been mounted.
 * So a check here never replaces one there. Permissions are the exception: they are those of the
 * moment when they were asked, as on Linux, where a chmod during the call does not count either.
 *
 * A name that is removed or renamed is looked up before its directory is locked, and a rename looks
 * two up, one after the other. When one of them leads elsewhere by the time the locks are held, the
 * operation answers ESTALE and everything is done again, a bounded number of times: each time
 * another call has made progress.
 *
 * Long because all calls on names share these rules, and the walk to a parent.
 */
#include "kernel/fs/event/notify.h"
#include "kernel/fs/ramfs/ramfs_rename.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

/* So many that calls which change names all the time do not keep another one from its turn. */
#define STALE_RETRIES 100000

/* Asked where Linux asks whether the mount may be written to: when names are removed or renamed,
 * before they are looked up; when one is made, once it is known that it is free. */
static int check_mount_writable(const struct path_last *last)
{
    return last->parent->inode->super->readonly ? -EROFS : dentry_check_writable(last->place);
}

/* --- making --- */

/* The place for a new name: it must be free, and the directory writable. */
static int begin_create(struct fs_context *context, struct dentry *start, const char *path,
                        bool directory, struct path_last *last)
{
    struct dentry *entry;
    int err = path_walk_parent(context, start, path, 0, last);

    if (err)
        return err;
    if (last->kind != PATH_LAST_NAME) {
        err = -EEXIST; /* ".", "..", "/" are there already */
        goto put_last;
    }
    /* What is there is EEXIST whatever the permissions; and "name/" can only become a directory. */
    err = path_last_entry(last, &entry);
    if (!err) {
        dentry_put(entry);
        err = -EEXIST;
    } else if (err == -ENOENT && (directory || !last->trailing)) {
        err = check_mount_writable(last);
    }
    if (!err)
        return 0;

put_last:
    path_last_put(last);
    return err;
}

static int may_create(struct fs_context *context, const struct path_last *last)
{
    return inode_permission(last->parent->inode, &context->cred, INODE_WRITE | INODE_EXEC);
}

/* Devices are made by root only, but for the one that is none: a whiteout. The entry is referenced.
 */
static int create_entry(struct fs_context *context, const struct path_last *last, uint32_t mode,
                        uint64_t device, struct dentry **out_entry)
{
    bool is_device =
        ((mode & LX_S_IFMT) == LX_S_IFCHR && device != 0) || (mode & LX_S_IFMT) == LX_S_IFBLK;
    struct inode *dir = last->parent->inode;
    int err = may_create(context, last);

    if (!err &&
        ((is_device && !credentials_capable(&context->cred, LX_CAP_MKNOD)) || !dir->ops->create))
        err = -EPERM;
    if (!err)
        err = dir->ops->create(last->parent, last->name, last->len,
                               (mode & LX_S_IFMT) |
                                   fs_context_new_mode(context, dir, mode & LX_S_IALL),
                               device, &context->cred, out_entry);
    if (!err)
        notify_name(dir, last->name, last->len,
                    LX_IN_CREATE | ((mode & LX_S_IFMT) == LX_S_IFDIR ? LX_IN_ISDIR : 0));
    return err;
}

/* mknod(2) and mkdir(2), which differ in the type alone. */
static int create_node(struct fs_context *context, struct dentry *start, const char *path,
                       uint32_t mode, uint64_t device)
{
    struct path_last last;
    struct dentry *entry;
    int err = begin_create(context, start, path, (mode & LX_S_IFMT) == LX_S_IFDIR, &last);

    if (err)
        return err;
    err = create_entry(context, &last, mode, device, &entry);
    if (!err)
        dentry_put(entry);
    path_last_put(&last);
    return err;
}

int fs_mknod(struct fs_context *context, struct dentry *start, const char *path, uint32_t mode,
             uint64_t device)
{
    uint32_t type = mode & LX_S_IFMT;

    /* A mode without a type is that of a regular file. */
    if (type == 0)
        type = LX_S_IFREG;
    return create_node(context, start, path, type | (mode & LX_S_IALL),
                       type == LX_S_IFCHR || type == LX_S_IFBLK ? device : 0);
}

/* Taken back by entry: a name that leads elsewhere by then is another call's. One that another call
 * has renamed stays, and leads to no socket. */
COLD int fs_make_socket(struct fs_context *context, const char *path,
                        int (*publish)(void *argument, struct dentry *entry), void *argument)
{
    struct path_last last;
    struct dentry *entry;
    bool taken_back = false;
    int err = begin_create(context, NULL, path, false, &last);

    if (err)
        return err;
    err = create_entry(context, &last, LX_S_IFSOCK | 0777, 0, &entry);
    if (!err) {
        struct dir_place place = {last.parent, entry, last.name, last.len, last.hash};

        err = publish(argument, entry);
        if (err) {
            taken_back = last.parent->inode->ops->unlink(&place, false) == 0;
            if (!taken_back)
                err = -EINVAL;
        }
        dentry_put(entry);
        if (taken_back)
            notify_name(last.parent->inode, last.name, last.len, LX_IN_DELETE);
    }
    path_last_put(&last);
    return err;
}

int fs_mkdir(struct fs_context *context, struct dentry *start, const char *path, uint32_t mode)
{
    /* mkdir(2) takes the sticky bit but no set-ID bits: the one of the group is inherited
     * (ramfs.c). */
    mode &= 0777 | LX_S_ISVTX;
    return create_node(context, start, path, LX_S_IFDIR | mode, 0);
}

COLD int fs_symlink(struct fs_context *context, const char *text, struct dentry *start,
                    const char *path)
{
    struct path_last last;
    int err;

    if (*text == '\0') /* an empty link could never be followed */
        return -ENOENT;
    /* The text is not looked at: it may lead nowhere. */
    err = begin_create(context, start, path, false, &last);
    if (err)
        return err;
    err = may_create(context, &last);
    if (!err && !last.parent->inode->ops->symlink)
        err = -EPERM;
    if (!err)
        err = last.parent->inode->ops->symlink(last.parent, last.name, last.len, text, strlen(text),
                                               &context->cred);
    if (!err)
        notify_name(last.parent->inode, last.name, last.len, LX_IN_CREATE);
    path_last_put(&last);
    return err;
}

/* A user that neither owns a file nor may read and write it makes no name for it: it could keep
 * a set-user-ID program alive for ever, or trap a privileged one. As Debian's Linux has it. */
static bool link_is_safe(const struct inode *inode, const struct credentials *cred)
{
    if (inode_owner_or_privileged(inode, cred))
        return true;
    if ((inode->mode & LX_S_IFMT) != LX_S_IFREG || (inode->mode & LX_S_ISUID) ||
        (inode->mode & (LX_S_ISGID | LX_S_IXGRP)) == (LX_S_ISGID | LX_S_IXGRP))
        return false;
    return inode_permission(inode, cred, INODE_READ | INODE_WRITE) == 0;
}

static int link_at(struct fs_context *context, struct dentry *target, struct path_last *last)
{
    struct inode *dir = last->parent->inode;
    int err;

    /* The order of Linux's vfs_link: which file system, may it be linked, may the name be made. */
    if (dentry_mount(target) != dentry_mount(last->place))
        return -EXDEV;
    if (!link_is_safe(target->inode, &context->cred))
        return -EPERM;
    err = may_create(context, last);
    if (err)
        return err;
    /* Directories have one name, so that the tree has no cycles. */
    if (dentry_is_directory(target) || !dir->ops->link)
        return -EPERM;
    err = dir->ops->link(last->parent, last->name, last->len, target->inode, &context->cred);
    if (!err) {
        notify_inode(target->inode, LX_IN_ATTRIB);
        notify_name(dir, last->name, last->len, LX_IN_CREATE);
    }
    return err;
}

/* The old name is followed only if `walk` says so: link(2) makes a name of the symlink itself. */
int fs_link(struct fs_context *context, struct dentry *old_start, const char *old_path,
            struct dentry *new_start, const char *new_path, unsigned walk)
{
    struct dentry *target;
    struct path_last last;
    int err = path_walk(context, old_start, old_path, walk, &target);

    if (err)
        return err;
    err = begin_create(context, new_start, new_path, false, &last);
    if (!err) {
        err = link_at(context, target, &last);
        path_last_put(&last);
    }
    dentry_put(target);
    return err;
}

/* As from one file system to another, which Linux sees once the new name is known to be free. */
int fs_link_outside(struct fs_context *context, struct dentry *new_start, const char *new_path)
{
    struct path_last last;
    int err = begin_create(context, new_start, new_path, false, &last);

    if (err)
        return err;
    path_last_put(&last);
    return -EXDEV;
}

/* --- removing --- */

/* In a sticky directory only the owner of the file or of the directory removes a name. */
static bool sticky_forbids(const struct inode *dir, const struct inode *inode,
                           const struct credentials *cred)
{
    return (dir->mode & LX_S_ISVTX) && inode->uid != cred->fsuid && dir->uid != cred->fsuid &&
           !credentials_capable(cred, LX_CAP_FOWNER);
}

/* What counts is the directory: the permissions of the file that is removed do not. */
static int may_delete(struct fs_context *context, struct dentry *dir, struct dentry *entry,
                      bool directory)
{
    int err = inode_permission(dir->inode, &context->cred, INODE_WRITE | INODE_EXEC);

    if (err)
        return err;
    if (sticky_forbids(dir->inode, entry->inode, &context->cred))
        return -EPERM;
    if (directory && !dentry_is_directory(entry))
        return -ENOTDIR;
    if (!directory && dentry_is_directory(entry))
        return -EISDIR;
    return 0;
}

/* For a last component that is no name (".", "..", "/"), what rmdir and unlink answer to each. */
static int kind_error(enum path_last_kind kind, bool directory)
{
    if (!directory)
        return -EISDIR;
    if (kind == PATH_LAST_DOTDOT)
        return -ENOTEMPTY;
    return kind == PATH_LAST_DOT ? -EINVAL : -EBUSY;
}

static int unlink_entry(struct fs_context *context, struct path_last *last, struct dentry *entry,
                        bool directory)
{
    struct inode *dir = last->parent->inode;
    int err;

    /* unlink("name/"): the slash asks for a directory, which unlink does not remove. */
    if (!directory && last->trailing)
        return dentry_is_directory(entry) ? -EISDIR : -ENOTDIR;
    err = may_delete(context, last->parent, entry, directory);
    if (err)
        return err;
    if (!dir->ops->unlink)
        return -EPERM;
    if (unlikely(entry->mounted)) {
        err = mount_detach_foreign(context, entry, false);
        if (err)
            return err;
    }
    return dir->ops->unlink(
        &(struct dir_place){last->parent, entry, last->name, last->len, last->hash}, directory);
}

static int unlink_once(struct fs_context *context, struct path_last *last, bool directory)
{
    struct dentry *entry;
    int err = path_last_entry(last, &entry);

    if (err)
        return err;
    err = unlink_entry(context, last, entry, directory);
    if (!err && !directory)
        notify_inode(entry->inode, LX_IN_ATTRIB);
    dentry_put(entry); /* with this the file may go: it is told before its directory is */
    if (!err)
        notify_name(last->parent->inode, last->name, last->len,
                    LX_IN_DELETE | (directory ? LX_IN_ISDIR : 0));
    return err;
}

int fs_unlink(struct fs_context *context, struct dentry *start, const char *path, bool directory)
{
    struct path_last last;
    int err = path_walk_parent(context, start, path, 0, &last);

    if (err)
        return err;
    err = last.kind == PATH_LAST_NAME ? check_mount_writable(&last)
                                      : kind_error((enum path_last_kind)last.kind, directory);
    if (!err)
        err = -ESTALE;
    for (int tries = 0; err == -ESTALE && tries < STALE_RETRIES; tries++) {
        err = unlink_once(context, &last, directory);
        sched_preempt_point();
    }
    path_last_put(&last);
    return err == -ESTALE ? -EBUSY : err;
}

/* --- renaming --- */

/* The two parents and last components serve all tries, what these name only one. */
struct rename_pair {
    struct path_last old, new;
    struct dentry *entry;  /* counted */
    struct dentry *victim; /* counted; NULL: the new name is free */
    uint32_t flags;
};

/* Both anew at each try. What is not found, or may not be there, is an error before the
 * permissions. */
static int lookup_pair(struct rename_pair *pair)
{
    int err = path_last_entry(&pair->old, &pair->entry);

    pair->victim = NULL;
    if (err) {
        pair->entry = NULL;
        return err;
    }
    err = path_last_entry(&pair->new, &pair->victim);
    if (err) {
        pair->victim = NULL;
        if (err == -ENOENT && !(pair->flags & LX_RENAME_EXCHANGE))
            err = 0;
    } else if (pair->flags & LX_RENAME_NOREPLACE) {
        err = -EEXIST;
    }
    return err;
}

/* What the types, and slashes behind the names, rule out. */
static int check_shape(const struct rename_pair *pair)
{
    bool exchange = pair->flags & LX_RENAME_EXCHANGE;
    uint64_t ignored;
    int below = 0;

    if (exchange && !dentry_is_directory(pair->victim) && pair->new.trailing)
        return -ENOTDIR;
    if (!dentry_is_directory(pair->entry) &&
        (pair->old.trailing || (!exchange && pair->new.trailing)))
        return -ENOTDIR;
    /* Asked again under the locks; here so that the answer comes before those about permissions.
     * Only a directory has anything below it. */
    if (dentry_is_directory(pair->entry))
        below = dentry_is_below(pair->new.parent, pair->entry, &ignored);
    if (below)
        return below > 0 ? -EINVAL : below;
    if (pair->victim && dentry_is_directory(pair->victim))
        below = dentry_is_below(pair->old.parent, pair->victim, &ignored);
    if (below > 0)
        return exchange ? -EINVAL : -ENOTEMPTY;
    return below;
}

/* A directory that gets another parent has its ".." rewritten: that takes write permission. */
static int may_move_directory(struct fs_context *context, const struct rename_pair *pair,
                              const struct dentry *entry)
{
    if (!dentry_is_directory(entry) || pair->old.parent == pair->new.parent)
        return 0;
    return inode_permission(entry->inode, &context->cred, INODE_WRITE);
}

/* Permission to take the old name away, and to make or replace the new one: a directory replaces
 * only a directory, a file only a file. In an exchange each side stays what it is. */
static int may_rename(struct fs_context *context, const struct rename_pair *pair)
{
    bool exchange = pair->flags & LX_RENAME_EXCHANGE;
    int err = may_delete(context, pair->old.parent, pair->entry, dentry_is_directory(pair->entry));

    if (err)
        return err;
    if (!pair->victim)
        err = may_create(context, &pair->new);
    else
        err = may_delete(context, pair->new.parent, pair->victim,
                         exchange ? dentry_is_directory(pair->victim)
                                  : dentry_is_directory(pair->entry));
    if (!err)
        err = may_move_directory(context, pair, pair->entry);
    if (!err && exchange)
        err = may_move_directory(context, pair, pair->victim);
    return err;
}

static bool is_one_name(const struct rename_pair *pair)
{
    if (pair->old.parent != pair->new.parent || pair->old.len != pair->new.len)
        return false;
    return memcmp(pair->old.name, pair->new.name, pair->old.len) == 0;
}

/* Two names of one file: nothing to do, as POSIX has it. But they were looked up one after the
 * other, and the file may have gone from the one name to the other in between: so it has if both
 * led to one entry, which has one name at a time. */
static int rename_nothing(struct rename_pair *pair)
{
    struct dentry *now;
    int err;

    if (pair->entry == pair->victim)
        return is_one_name(pair) ? 0 : -ESTALE;
    err = path_last_entry(&pair->old, &now);
    if (err)
        return err;
    dentry_put(now);
    return now == pair->entry ? 0 : -ESTALE;
}

static int rename_once(struct fs_context *context, struct rename_pair *pair)
{
    const struct inode_ops *ops = pair->old.parent->inode->ops;
    int err = lookup_pair(pair);

    if (!err)
        err = check_shape(pair);
    if (err)
        return err;
    /* Before the permissions, as on Linux. */
    if (pair->victim && pair->entry->inode == pair->victim->inode)
        return rename_nothing(pair);
    err = may_rename(context, pair);
    if (!err && !ops->rename)
        err = -EPERM;
    if (!err && unlikely(pair->entry->mounted))
        err = mount_detach_foreign(context, pair->entry, true);
    if (!err && unlikely(pair->victim && pair->victim->mounted))
        err = mount_detach_foreign(context, pair->victim, pair->flags & LX_RENAME_EXCHANGE);
    if (err)
        return err;
    return ops->rename(&(struct dir_place){pair->old.parent, pair->entry, pair->old.name,
                                           pair->old.len, pair->old.hash},
                       &(struct dir_place){pair->new.parent, pair->victim, pair->new.name,
                                           pair->new.len, pair->new.hash},
                       pair->flags, &context->cred);
}

static int rename_pair(struct fs_context *context, struct rename_pair *pair)
{
    int err;

    /* Before all else, as on Linux: names on two file systems are never looked up. */
    if (dentry_mount(pair->old.place) != dentry_mount(pair->new.place))
        return -EXDEV;
    /* ".", ".." and "/" are neither renamed nor replaced. */
    if (pair->old.kind != PATH_LAST_NAME)
        return -EBUSY;
    if (pair->new.kind != PATH_LAST_NAME)
        return pair->flags & LX_RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    err = check_mount_writable(&pair->old);
    if (!err)
        err = -ESTALE;
    /* In a very deep tree each try may take a while. */
    for (int tries = 0; err == -ESTALE && tries < STALE_RETRIES && !vm_kill_pending(); tries++) {
        err = rename_once(context, pair);
        dentry_put(pair->entry);
        dentry_put(pair->victim);
        sched_preempt_point();
    }
    return err == -ESTALE ? -EBUSY : err;
}

/* The ways to the two parents are walked once; these stay referenced through all tries. */
int fs_rename(struct fs_context *context, struct dentry *old_start, const char *old_path,
              struct dentry *new_start, const char *new_path, uint32_t flags)
{
    struct rename_pair pair = {.flags = flags};
    int err = path_walk_parent(context, old_start, old_path, 0, &pair.old);

    if (err)
        return err;
    err = path_walk_parent(context, new_start, new_path, 0, &pair.new);
    if (!err) {
        err = rename_pair(context, &pair);
        path_last_put(&pair.new);
    }
    path_last_put(&pair.old);
    return err;
}
