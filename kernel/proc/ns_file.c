/* SPDX-License-Identifier: MIT */
/*
 * Files of name spaces: what the magic links in /proc/PID/ns lead to.
 *
 * Each look makes an inode, which holds the name space until its last file goes. All inodes of one
 * name space have its number, which is by what programs tell whether two are the same.
 */
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/uts.h"
#include "shared/linux/errno.h"
#include "shared/linux/nsfs.h"
#include "shared/linux/stat.h"

static struct super_block ns_super;

/* With the last file, or with the look alone if it was not opened. */
static COLD void ns_inode_release(struct inode *inode)
{
    ns_put(inode_object(inode));
}

static const struct inode_ops ns_inode_ops = {.release = ns_inode_release};

/* There are no user name spaces: the one that all are in is not to be had, and none has a parent or
 * an owner. */
static COLD int64_t ns_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    (void)arg;
    switch (request) {
    case LX_NS_GET_NSTYPE:
        return (int64_t)ns_flag(ns_of_file(file)->kind);
    case LX_NS_GET_USERNS:
        return -EPERM;
    case LX_NS_GET_PARENT:
    case LX_NS_GET_OWNER_UID:
        return -EINVAL;
    default:
        return -ENOTTY;
    }
}

/* Of each kind, for the name that /proc/PID/fd shows. */
static const struct file_ops ns_file_ops[NS_KINDS] = {
    [NS_UTS] = {.ioctl = ns_ioctl, .anon_name = "uts"},
    [NS_IPC] = {.ioctl = ns_ioctl, .anon_name = "ipc"},
    [NS_MNT] = {.ioctl = ns_ioctl, .anon_name = "mnt"},
};

/* NULL: the file is another's. The name space is there as long as the file is. */
COLD struct ns_common *ns_of_file(const struct file *file)
{
    bool is_ns = file->ops >= ns_file_ops && file->ops < ns_file_ops + NS_KINDS;

    return is_ns ? inode_object(file->inode) : NULL;
}

/* Takes over the caller's reference, which the inode has then, also where it fails. */
COLD int ns_file_place(struct ns_common *space, struct dentry **out_dentry)
{
    struct inode *inode;
    int err = inode_create(&ns_super, &ns_inode_ops, LX_S_IFREG | 0444, NULL, &inode);

    if (err) {
        ns_put(space);
        return err;
    }
    inode_set_data_kind(inode, INODE_OBJECT);
    inode->data.object = space;
    inode->ino = space->ino;
    inode->file_ops = &ns_file_ops[space->kind];
    err = dentry_create(NULL, "", 0, 0, inode, out_dentry);
    inode_put(inode);
    return err;
}

COLD void ns_init(void)
{
    super_init(&ns_super, "nsfs", LX_NSFS_MAGIC);
    ipc_init();
}
