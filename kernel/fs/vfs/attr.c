/* SPDX-License-Identifier: MIT */
/*
 * Changing attributes: mode, owner, size, times.
 *
 * Each change is one step under the inode's mutex: the owner, whether the caller may, and the new
 * values belong together, since another task may change the owner in between. A change that
 * is refused leaves everything, ctime included.
 *
 * Set-user-ID and set-group-ID bits go when the file may become another's or gets other contents:
 * chown always, truncation and writes (ramfs_file.c) unless the caller is privileged. To take them
 * away is to change the mode, so a chown that would, even one that names no owner, takes the right
 * to do that.
 */
#include "kernel/fs/ramfs/memfd.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/fs/vfs/xattr.h"
#include "kernel/lib/assert.h"
#include "kernel/vm/vm_rmap.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

static int check_writable(const struct inode *inode)
{
    return inode->super->readonly ? -EROFS : 0;
}

/* A caller outside the file's group cannot set its set-group-ID bit; that is no error. */
int fs_chmod(struct fs_context *context, struct inode *inode, uint32_t mode)
{
    const struct credentials *cred = &context->cred;
    int err = check_writable(inode);

    if (err)
        return err;
    mutex_lock(&inode->lock);
    if (!inode_owner_or_privileged(inode, cred)) {
        err = -EPERM;
    } else {
        if (!credentials_in_group(cred, inode->gid) && !credentials_capable(cred, LX_CAP_FSETID))
            mode &= ~LX_S_ISGID;
        inode->mode = (inode->mode & LX_S_IFMT) | (mode & LX_S_IALL);
        inode->ctime = fs_time_now();
    }
    mutex_unlock(&inode->lock);
    return err;
}

/* What a change of hands takes away: the set-user-ID bit, and the set-group-ID bit where it means
 * that, or where the caller could not set it. */
static uint32_t set_id_bits(const struct inode *inode, const struct credentials *cred)
{
    uint32_t bits = LX_S_ISUID;

    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        return 0;
    if ((inode->mode & LX_S_IXGRP) ||
        (!credentials_in_group(cred, inode->gid) && !credentials_capable(cred, LX_CAP_FSETID)))
        bits |= LX_S_ISGID;
    return inode->mode & bits;
}

/* UINT32_MAX stays as it is. Files are not given away; an owner may choose among its groups. */
static bool may_chown(const struct inode *inode, const struct credentials *cred, uint32_t uid,
                      uint32_t gid)
{
    if (credentials_capable(cred, LX_CAP_CHOWN))
        return true;
    if (uid != UINT32_MAX && (cred->fsuid != inode->uid || uid != inode->uid))
        return false;
    return gid == UINT32_MAX ||
           (cred->fsuid == inode->uid && (gid == inode->gid || credentials_in_group(cred, gid)));
}

/* A file that is cut by another than root keeps no set-user-ID and set-group-ID bit. */
static void drop_set_id_locked(struct inode *inode)
{
    ASSERT(mutex_is_held(&inode->lock));
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        return;
    inode->mode &= ~LX_S_ISUID;
    if (inode->mode & LX_S_IXGRP)
        inode->mode &= ~LX_S_ISGID;
}

int fs_chown(struct fs_context *context, struct inode *inode, uint32_t uid, uint32_t gid)
{
    int err = check_writable(inode);
    uint32_t drops;

    if (err)
        return err;
    mutex_lock(&inode->lock);
    drops = set_id_bits(inode, &context->cred);
    /* Taking bits away is a chmod, and takes the right to that even where the owner stays. */
    if (!may_chown(inode, &context->cred, uid, gid) ||
        (drops && !inode_owner_or_privileged(inode, &context->cred))) {
        err = -EPERM;
    } else {
        if (uid != UINT32_MAX)
            inode->uid = uid;
        if (gid != UINT32_MAX)
            inode->gid = gid;
        inode->mode &= ~drops;
        if (inode->xattrs && (inode->mode & LX_S_IFMT) != LX_S_IFDIR)
            xattr_drop_privileges_locked(inode);
        inode->ctime = fs_time_now();
    }
    mutex_unlock(&inode->lock);
    return err;
}

/* Programs that map the file see its new end: SIGBUS behind it, zeroes up to the end of the page.
 */
static void mappings_follow(struct inode *inode, uint64_t nbytes)
{
    uint64_t whole = nbytes >> PAGE_SHIFT;

    if (nbytes & PAGE_MASK)
        vm_rmap_unmap_range(&inode->pager, whole, whole + 1, false);
    vm_rmap_unmap_range(&inode->pager, (nbytes + PAGE_MASK) >> PAGE_SHIFT, UINT64_MAX, true);
}

int fs_truncate(struct inode *inode, uint64_t nbytes, const struct credentials *cred)
{
    int err = check_writable(inode);

    if (err)
        return err;
    if (!inode->ops->truncate_locked) /* text of the kernel's has no size to change */
        return (inode->mode & LX_S_IFMT) == LX_S_IFREG ? 0 : -EINVAL;
    /* A running program is not cut, and does not start while this is under way: ETXTBSY. */
    err = inode_write_count_get(inode, INODE_WRITER);
    if (err)
        return err;
    inode_cut_begin(inode);
    if (nbytes < inode_size(inode) && memfd_is_sealed(inode, LX_F_SEAL_SHRINK)) {
        inode_cut_end(inode);
        inode_write_count_put(inode, INODE_WRITER);
        return -EPERM; /* before its mappings lose what they have of their own */
    }
    /* Before the mutex: faults of these mappings take it under their address space's lock. Where
     * the file grows until then, no mapping shows what it has got: faults wait. */
    if (nbytes < inode_size(inode))
        mappings_follow(inode, nbytes);
    mutex_lock(&inode->lock);
    err = inode->ops->truncate_locked(inode, nbytes);
    if (!err) {
        inode_touch_locked(inode);
        if (inode->xattrs)
            xattr_drop_privileges_locked(inode);
        if (!credentials_capable(cred, LX_CAP_FSETID))
            drop_set_id_locked(inode);
    }
    mutex_unlock(&inode->lock);
    inode_cut_end(inode);
    inode_write_count_put(inode, INODE_WRITER);
    return err;
}

/* A writer of a file may also say that it has been used now; other times are the owner's. */
static int may_set_times(struct fs_context *context, const struct inode *inode,
                         const struct fs_times *times)
{
    bool both_now = times->set_atime && times->atime_now && times->set_mtime && times->mtime_now;

    if (inode_owner_or_privileged(inode, &context->cred))
        return 0;
    return both_now ? inode_permission(inode, &context->cred, INODE_WRITE) : -EPERM;
}

static bool time_is_valid(const struct fs_time *time)
{
    return time->nsec < FS_NSEC_PER_SEC;
}

int fs_set_times(struct fs_context *context, struct inode *inode, const struct fs_times *times)
{
    struct fs_time now = fs_time_now();
    int err;

    /* Looked at here, not where the program's times are read: as on Linux the path comes first. */
    if (!time_is_valid(&times->atime) || !time_is_valid(&times->mtime))
        return -EINVAL;
    err = check_writable(inode);
    if (err || (!times->set_atime && !times->set_mtime))
        return err;
    mutex_lock(&inode->lock);
    err = may_set_times(context, inode, times);
    if (!err) {
        if (times->set_atime)
            inode->atime = times->atime_now ? now : times->atime;
        if (times->set_mtime)
            inode->mtime = times->mtime_now ? now : times->mtime;
        inode->ctime = now;
    }
    mutex_unlock(&inode->lock);
    return err;
}
