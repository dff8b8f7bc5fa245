/* SPDX-License-Identifier: MIT */
/*
 * The names of POSIX message queues: file system mqueue.
 *
 * Each IPC name space has one file system with one directory. It is made with the name space, and
 * mq_open and mq_unlink reach it by its first mount, which lies in no tree: so no flag of a mount
 * that programs see binds them. Each mount(2) makes another mount of it, as a bind mount is one of
 * what lies elsewhere: all of them show the same inodes.
 *
 * When nothing has the name space any more its first mount is detached, as by a lazy unmount: the
 * queues go once no other mount shows them and no file of them is open. Until then no new ones are
 * made (EACCES).
 */
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/string.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ipc/mqueue.h"
#include "kernel/proc/process.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define ROOT_MODE   01777
#define QUEUE_FLAGS (LX_O_ACCMODE | LX_O_APPEND | LX_O_NONBLOCK | LX_O_CREAT | LX_O_EXCL)

/* --- queues in the directory --- */

static COLD void queue_release(struct inode *inode)
{
    mqueue_detach(inode);
    ramfs_uncharge(inode->super);
}

/* Truncation does nothing, as to all regular files without the operation. */
static const struct inode_ops queue_ops = {
    .release = queue_release,
};

/* Queues are counted by their inodes, the first of which is the directory's; those without a name
 * that are still open count. A limit of the file system's own says that its name space has ended.
 */
static COLD int queue_charge(struct super_block *super, const struct credentials *cred)
{
    int err = super->inodes_max ? -EACCES : ramfs_charge(super, cred);

    if (err || super->ninodes - 1 <= mqueue_limits.queues_max ||
        credentials_capable(cred, LX_CAP_SYS_RESOURCE))
        return err;
    ramfs_uncharge(super);
    return -ENOSPC;
}

/* For mq_open, open and mknod: a regular file, which is a queue by that. All of it is there before
 * it can be found: what cannot be is discarded whole. */
static COLD int queue_create(struct dentry *dir, const char *name, size_t len, uint32_t mode,
                             uint64_t device, const struct credentials *cred,
                             struct dentry **out_entry)
{
    struct super_block *super = dir->inode->super;
    const struct task *self = task_current();
    struct inode *inode;
    int err;

    (void)device;
    if (!name) /* O_TMPFILE */
        return -EOPNOTSUPP;
    if ((mode & LX_S_IFMT) != LX_S_IFREG)
        return -EPERM;
    err = queue_charge(super, cred);
    if (err)
        return err;
    err = inode_create(super, &queue_ops, mode, cred, &inode);
    if (err) {
        ramfs_uncharge(super);
        return err;
    }
    err = mqueue_attach(inode, self, self->mq_attr);
    if (!err)
        err = ramfs_add(dir, name, len, inode, out_entry);
    if (err)
        ramfs_discard(inode);
    else
        inode_put(inode);
    return err;
}

/* --- mq_open, mq_unlink --- */

/* One name, without a slash: the C library has taken that away. */
static COLD struct dentry *name_directory(struct task *self, const char *name)
{
    bool dots = name[0] == '.' && !name[1 + (name[1] == '.')];

    return dots || strchr(name, '/') ? NULL : ipc_space_of(self)->mqueues->root;
}

/* The attributes go past the path walk to queue_create, which other calls reach without any. */
COLD int mqueue_open(struct task *self, const char *name, uint32_t flags, uint32_t mode,
                     const struct lx_mq_attr *attr, struct file **out_file)
{
    struct dentry *root = name_directory(self, name);
    const struct open_how how = {.flags = flags & QUEUE_FLAGS, .mode = mode};
    int err;

    if (!root)
        return -EACCES;
    if ((flags & LX_O_ACCMODE) == LX_O_ACCMODE)
        return -EINVAL;
    self->mq_attr = attr;
    err = fs_open(self->fs, root, name, &how, out_file);
    self->mq_attr = NULL; /* it points to the caller's stack */
    return err;
}

/* The directory's rights decide, and its sticky bit. */
COLD int mqueue_unlink(struct task *self, const char *name)
{
    struct dentry *root = name_directory(self, name);

    return root ? fs_unlink(self->fs, root, name, false) : -EACCES;
}

/* --- the directory --- */

static const struct inode_ops root_ops = {
    .lookup = ramfs_lookup,
    .create = queue_create,
    .unlink = ramfs_unlink,
    .release = ramfs_dir_release,
};

static const struct super_ops mqueue_super_ops = {.is_busy = ramfs_is_busy, .clear = ramfs_clear};

/* A ramfs of its own, with other operations and no limits but that of queues. */
COLD int mqueue_space_init(struct ipc_namespace *space)
{
    struct super_block *super;
    int err = ramfs_create("mqueue", "mqueue", ROOT_MODE, &super);

    if (err)
        return err;
    super->ops = &mqueue_super_ops;
    super->magic = LX_MQUEUE_MAGIC;
    super->keeps_xattrs = false;
    ramfs_set_limits(super, 0, 0);
    super->root->inode->ops = &root_ops; /* before anything can reach it */
    space->mqueues = super;
    return 0;
}

COLD void mqueue_space_end(struct ipc_namespace *space)
{
    ramfs_set_limits(space->mqueues, 0, 1);
    mount_end(space->mqueues);
}

/* mount(2): of the caller's name space. */
static COLD struct super_block *mqueue_super(void)
{
    return ipc_space_of(task_current())->mqueues;
}

COLD int mqueue_init(void)
{
    static const struct mount_type type = {"mqueue", mqueue_super};

    mqueue_limits = (struct mqueue_limits){.msg_max = 10,
                                           .msgsize_max = 8192,
                                           .queues_max = 256,
                                           .msg_default = 10,
                                           .msgsize_default = 8192};
    mount_register(&type);
    locks_closed = mqueue_closed;
    return mqueue_space_init(&ipc_initial);
}
