/* SPDX-License-Identifier: MIT */
/* Changing attributes: mode, owner, size, times. */
#include "kernel/fs/open.h"
#include "kernel/vm/vm_mappings.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

static int check_writable(const struct inode *inode)
{
    return inode->super->readonly ? -EROFS : 0;
}

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
        if (!credentials_in_group(cred, inode->gid) && !credentials_is_privileged(cred))
            mode &= ~LX_S_ISGID;
        inode->mode = (inode->mode & LX_S_IFMT) | (mode & LX_S_IALL);
        inode->ctime = fs_time_now();
    }
    mutex_unlock(&inode->lock);
    return err;
}

static bool may_chown(const struct inode *inode, const struct credentials *cred, uint32_t uid,
                      uint32_t gid)
{
    if (credentials_is_privileged(cred))
        return true;
    if (uid != UINT32_MAX && (cred->fsuid != inode->uid || uid != inode->uid))
        return false;
    return gid == UINT32_MAX ||
           (cred->fsuid == inode->uid && (gid == inode->gid || credentials_in_group(cred, gid)));
}

/* A file that changes hands keeps no set-user-ID and set-group-ID bit. */
static void drop_set_id_locked(struct inode *inode)
{
    if ((inode->mode & LX_S_IFMT) == LX_S_IFDIR)
        return;
    inode->mode &= ~LX_S_ISUID;
    if (inode->mode & LX_S_IXGRP)
        inode->mode &= ~LX_S_ISGID;
}

int fs_chown(struct fs_context *context, struct inode *inode, uint32_t uid, uint32_t gid)
{
    int err = check_writable(inode);

    if (err)
        return err;
    mutex_lock(&inode->lock);
    if (!may_chown(inode, &context->cred, uid, gid)) {
        err = -EPERM;
    } else {
        if (uid != UINT32_MAX)
            inode->uid = uid;
        if (gid != UINT32_MAX)
            inode->gid = gid;
        drop_set_id_locked(inode);
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
        vm_mappings_drop(&inode->pager, whole, whole + 1, false);
    vm_mappings_drop(&inode->pager, (nbytes + PAGE_MASK) >> PAGE_SHIFT, UINT64_MAX, true);
}

int fs_truncate(struct inode *inode, uint64_t nbytes, const struct credentials *cred)
{
    int err = check_writable(inode);
    bool shorter;

    if (err)
        return err;
    if (!inode->ops->truncate_locked) /* text of the kernel's has no size to change */
        return (inode->mode & LX_S_IFMT) == LX_S_IFREG ? 0 : -EINVAL;
    err = inode_claim(inode, INODE_WRITER);
    if (err)
        return err;
    mutex_lock(&inode->lock);
    shorter = nbytes < inode->size;
    err = inode->ops->truncate_locked(inode, nbytes);
    if (!err) {
        inode_touch_locked(inode);
        if (!credentials_is_privileged(cred))
            drop_set_id_locked(inode);
    }
    mutex_unlock(&inode->lock);
    inode_unclaim(inode, INODE_WRITER);
    if (!err && shorter)
        mappings_follow(inode, nbytes);
    return err;
}

static int may_set_times(struct fs_context *context, const struct inode *inode,
                         const struct fs_times *times)
{
    bool both_now = times->set_atime && times->atime_now && times->set_mtime && times->mtime_now;

    if (inode_owner_or_privileged(inode, &context->cred))
        return 0;
    return both_now ? inode_permission(inode, &context->cred, INODE_WRITE) : -EPERM;
}

int fs_set_times(struct fs_context *context, struct inode *inode, const struct fs_times *times)
{
    struct fs_time now = fs_time_now();
    int err = check_writable(inode);

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
