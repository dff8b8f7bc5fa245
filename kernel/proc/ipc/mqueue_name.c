/* SPDX-License-Identifier: MIT */
/*
 * The names of POSIX message queues: file system mqueue.
 *
 * Each IPC name space has one file system with one directory, which is where mq_open and mq_unlink
 * look. It is made with the name space, and mounted nowhere itself. A mount is a view of it: a
 * directory of its own, whose every lookup finds the queue in the name space's directory and gives
 * it another name, which no directory holds, as in /proc. So there may be any number of views, each
 * in use or not by itself; a view shows what its maker's name space has, to all.
 *
 * The directory's mode and owner decide in mq_open and mq_unlink; those of a view are copies. A
 * change of a view's goes to the directory, and what a program looks at is copied from there.
 *
 * The queues go when neither the name space nor a view of it is in use: mqueue_users. Until then
 * the queues of a name space that has ended can be seen, and no new ones be made (EACCES).
 */
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ipc/mqueue.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
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
 * that are still open count. */
static COLD int queue_charge(struct super_block *super, const struct credentials *cred)
{
    int err = ramfs_charge(super, cred);

    if (err || super->ninodes - 1 <= mqueue_limits.queues_max ||
        credentials_capable(cred, LX_CAP_SYS_RESOURCE))
        return err;
    ramfs_uncharge(super);
    return -ENOSPC;
}

/* A queue with that name, in the name space's directory, which has no such name yet. All of it is
 * there before it can be found: what cannot be is discarded whole. */
static COLD int queue_create(struct ipc_namespace *space, const struct dir_place *place,
                             uint32_t mode, const struct lx_mq_attr *attr,
                             struct dentry **out_entry)
{
    const struct task *self = task_current();
    const struct credentials *cred = &self->fs->cred;
    struct super_block *super = space->mqueues;
    struct inode *inode;
    int err = __atomic_load_n(&space->common.refs, __ATOMIC_RELAXED) ? 0 : -EACCES;

    if (!err)
        err = queue_charge(super, cred);
    if (err)
        return err;
    err = inode_create(super, &queue_ops, mode, cred, &inode);
    if (err) {
        ramfs_uncharge(super);
        return err;
    }
    err = mqueue_attach(inode, self, attr);
    if (!err)
        err = ramfs_add(super->root, place->name, place->len, inode, out_entry);
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

/* The attributes go past the path walk to root_create. */
COLD int mqueue_open(struct task *self, const char *name, uint32_t flags, uint32_t mode,
                     const struct lx_mq_attr *attr, struct file **out_file)
{
    struct dentry *root = name_directory(self, name);
    const struct open_how how = {.flags = flags & QUEUE_FLAGS, .mode = mode};

    if (!root)
        return -EACCES;
    if ((flags & LX_O_ACCMODE) == LX_O_ACCMODE)
        return -EINVAL;
    /* Read by root_create in this same call, or not at all; it points to the caller's stack. */
    self->mq_attr = attr;
    return fs_open(self->fs, root, name, &how, out_file);
}

/* The directory's rights decide, and its sticky bit. */
COLD int mqueue_unlink(struct task *self, const char *name)
{
    struct dentry *root = name_directory(self, name);

    return root ? fs_unlink(self->fs, root, name, false) : -EACCES;
}

/* --- the directory --- */

/* mq_open alone comes here. */
static COLD int root_create(struct dentry *dir, const char *name, size_t len, uint32_t mode,
                            uint64_t device, const struct credentials *cred,
                            struct dentry **out_entry)
{
    const struct dir_place place = {.name = name, .len = len};

    (void)dir, (void)device, (void)cred;
    return queue_create(ipc_space_of(task_current()), &place, mode, task_current()->mq_attr,
                        out_entry);
}

static const struct inode_ops root_ops = {
    .lookup = ramfs_lookup,
    .create = root_create,
    .unlink = ramfs_unlink,
    .release = ramfs_dir_release,
};

/* A ramfs of its own, with other operations and no limits but that of queues. */
COLD int mqueue_space_init(struct ipc_namespace *space)
{
    struct super_block *super;
    int err = ramfs_create("mqueue", "mqueue", ROOT_MODE, &super);

    if (err)
        return err;
    super->ops = NULL; /* it is never mounted */
    super->magic = LX_MQUEUE_MAGIC;
    super->keeps_xattrs = false;
    ramfs_set_limits(super, 0, 0);
    super->root->inode->ops = &root_ops; /* before anything can reach it */
    space->mqueues = super;
    space->mqueue_users = 1;
    return 0;
}

/* The last user is gone: nothing makes or removes names any more. Queues that are still open live
 * on without one. */
COLD void mqueue_space_put(struct ipc_namespace *space)
{
    struct super_block *super = space->mqueues;
    struct dentry *entry;

    if (__atomic_sub_fetch(&space->mqueue_users, 1, __ATOMIC_ACQ_REL) == 0) {
        while ((entry = dir_next_get(super->root->inode, 0)) != NULL) {
            int err = ramfs_unlink(&(struct dir_place){super->root, entry, NULL, 0, 0}, false);

            ASSERT(!err);
            dentry_put(entry);
            sched_preempt_point();
        }
        dentry_put(super->root);
        super_put(super);
    }
    ipc_space_put(space);
}

/* --- views --- */

/* There as long as the view, of which it counts as a user. */
static COLD NOINLINE struct ipc_namespace *view_space(struct inode *inode)
{
    return inode_object(inode);
}

/* A name of this view for the queue; takes over the other one. */
static COLD int view_entry(struct dentry *dir, struct dentry *entry, struct dentry **out_entry)
{
    int err =
        dentry_create(dir, entry->name, entry->name_len, entry->hash, entry->inode, out_entry);

    if (!err)
        (*out_entry)->unhashed = true;
    dentry_put(entry);
    return err;
}

/* Another name each time: two of one queue have its inode in common. */
static COLD int view_lookup(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                            struct dentry **out_entry)
{
    struct dentry *entry;
    int err = ramfs_lookup(view_space(dir->inode)->mqueues->root, name, len, hash, &entry);

    return err ? err : view_entry(dir, entry, out_entry);
}

/* open and mknod: regular files, which are queues by that. */
static COLD int view_create(struct dentry *dir, const char *name, size_t len, uint32_t mode,
                            uint64_t device, const struct credentials *cred,
                            struct dentry **out_entry)
{
    const struct dir_place place = {.name = name, .len = len};
    struct dentry *entry;
    int err;

    (void)device, (void)cred;
    if (!name) /* O_TMPFILE */
        return -EOPNOTSUPP;
    if ((mode & LX_S_IFMT) != LX_S_IFREG)
        return -EPERM;
    err = queue_create(view_space(dir->inode), &place, mode, NULL, &entry);
    return err ? err : view_entry(dir, entry, out_entry);
}

/* The entry is this view's: what counts is that the name still leads to the same queue. */
static COLD int view_unlink(const struct dir_place *place, bool directory)
{
    const struct dentry *seen = place->entry;
    struct dir_place own = {.dir = view_space(place->dir->inode)->mqueues->root};
    int err = ramfs_lookup(own.dir, seen->name, seen->name_len, seen->hash, &own.entry);

    if (err)
        return err == -ENOENT ? -ESTALE : err;
    /* Rights were looked at for that inode: no other is removed by them. */
    err = own.entry->inode == seen->inode ? ramfs_unlink(&own, directory) : -ESTALE;
    dentry_put(own.entry);
    return err;
}

/* One lock alone, as both are of one rank: the other one's fields are read as stat(2) reads them.
 * all: size and time of the contents, too, which are the directory's alone. */
static COLD NOINLINE void attributes_copy(const struct inode *from, struct inode *to, bool all)
{
    mutex_lock(&to->lock);
    to->mode = from->mode;
    to->uid = from->uid;
    to->gid = from->gid;
    to->ctime = from->ctime;
    if (all) {
        to->mtime = from->mtime;
        to->size = from->size;
    }
    mutex_unlock(&to->lock);
}

static COLD void view_refresh(struct inode *inode)
{
    attributes_copy(view_space(inode)->mqueues->root->inode, inode, true);
}

static COLD void view_changed(struct inode *inode)
{
    attributes_copy(inode, view_space(inode)->mqueues->root->inode, false);
}

static COLD void view_release(struct inode *inode)
{
    mqueue_space_put(view_space(inode));
}

/* As if the directory itself had been opened. */
static COLD int view_readdir(struct file *file, struct dir_emit *emit)
{
    struct file own = *file;
    int err;

    own.inode = view_space(file->inode)->mqueues->root->inode;
    err = dir_read(&own, emit);
    file->position = own.position;
    return err;
}

/* Without it read(2) would be EINVAL. */
static COLD int64_t view_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -EISDIR;
}

static const struct file_ops view_file_ops = {
    .read = view_read,
    .readdir = view_readdir,
    .seek = dir_seek,
};

static const struct inode_ops view_ops = {
    .lookup = view_lookup,
    .create = view_create,
    .unlink = view_unlink,
    .refresh = view_refresh,
    .changed = view_changed,
    .release = view_release,
};

/* mount(2): of the caller's name space. */
static COLD int view_create_super(const char *source, struct super_block **out_super)
{
    struct ipc_namespace *space = ipc_space_of(task_current());
    struct super_block *super;
    struct inode *inode;
    int err = super_create("mqueue", source, LX_MQUEUE_MAGIC, &super);

    if (err)
        return err;
    super->ops = &procfs_super_ops;
    /* A program sees one file system, as on Linux, though it is mounted twice. */
    super->device = space->mqueues->device;
    err = inode_create(super, &view_ops, LX_S_IFDIR | ROOT_MODE, NULL, &inode);
    if (!err) {
        ipc_space_get(space);
        __atomic_fetch_add(&space->mqueue_users, 1, __ATOMIC_RELAXED);
        inode_set_data_kind(inode, INODE_OBJECT);
        inode->data.object = space;
        inode->file_ops = &view_file_ops;
        inode->nlink = 2;
        view_refresh(inode);
        err = dentry_create(NULL, "/", 1, 0, inode, &super->root);
        inode_put(inode);
    }
    if (err)
        super_put(super);
    else
        *out_super = super;
    return err;
}

COLD int mqueue_init(void)
{
    static const struct mount_type type = {"mqueue", view_create_super};

    mqueue_limits = (struct mqueue_limits){.msg_max = 10,
                                           .msgsize_max = 8192,
                                           .queues_max = 256,
                                           .msg_default = 10,
                                           .msgsize_default = 8192};
    mount_register(&type);
    locks_closed = mqueue_closed;
    return mqueue_space_init(&ipc_initial);
}
