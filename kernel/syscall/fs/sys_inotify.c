/* SPDX-License-Identifier: MIT */
/*
 * inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch: arguments, in Linux's order of
 * errors.
 *
 * A watch is of the file that the path leads to now: names that it has or gets do not matter. The
 * name that the walk has found is held until the watch is there (inotify_watch.c).
 */
#include "kernel/fs/event/inotify.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define MASK_KNOWN                                                                                 \
    (LX_IN_ALL_EVENTS | LX_IN_UNMOUNT | LX_IN_Q_OVERFLOW | LX_IN_IGNORED | LX_IN_ONLYDIR |         \
     LX_IN_DONT_FOLLOW | LX_IN_EXCL_UNLINK | LX_IN_MASK_CREATE | LX_IN_MASK_ADD | LX_IN_ISDIR |    \
     LX_IN_ONESHOT)

/* Honoured: CLOEXEC, NONBLOCK. */
int64_t sys_inotify_init1(struct task *self, int flags)
{
    struct file *file;
    int fd, err;

    if ((uint32_t)flags & ~(LX_O_CLOEXEC | LX_O_NONBLOCK))
        return -EINVAL;
    fd = fd_reserve(self->files, 0, (uint32_t)flags & LX_O_CLOEXEC);
    if (fd < 0)
        return fd;
    /* The number was reserved first: nothing can fail once the file exists. */
    err = inotify_create((uint32_t)flags & LX_O_NONBLOCK, &self->fs->cred, &file);
    if (err) {
        fd_unreserve(self->files, fd);
        return err;
    }
    fd_fill(self->files, fd, file);
    return fd;
}

/* The older call, from before there were flags. */
int64_t sys_inotify_init(struct task *self)
{
    return sys_inotify_init1(self, 0);
}

/* The right to read the file is what a watch takes. */
static int watch_path(struct task *self, struct file *file, struct uptr path, uint32_t mask)
{
    unsigned walk =
        (mask & LX_IN_DONT_FOLLOW ? 0 : PATH_FOLLOW) | (mask & LX_IN_ONLYDIR ? PATH_DIRECTORY : 0);
    struct dentry *dentry;
    int result = user_walk(self, LX_AT_FDCWD, path, walk, &dentry);

    if (result)
        return result;
    result = inode_permission(dentry->inode, &self->fs->cred, INODE_READ);
    if (!result)
        result = inotify_add(file, dentry->inode, mask);
    dentry_put(dentry);
    return result;
}

/* Honoured: all events, ONLYDIR, DONT_FOLLOW, EXCL_UNLINK, MASK_ADD, MASK_CREATE, ONESHOT. */
int64_t sys_inotify_add_watch(struct task *self, int fd, struct uptr path, uint32_t mask)
{
    struct fd_ref ref;
    int result;

    if ((mask & ~MASK_KNOWN) || !mask)
        return -EINVAL;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    if (((mask & LX_IN_MASK_ADD) && (mask & LX_IN_MASK_CREATE)) || !file_is_inotify(ref.file))
        result = -EINVAL;
    else
        result = watch_path(self, ref.file, path, mask);
    fd_ref_put(ref);
    return result;
}

/* The number is that of a watch, not of a descriptor. */
int64_t sys_inotify_rm_watch(struct task *self, int fd, int wd)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int err;

    if (!ref.file)
        return -EBADF;
    err = file_is_inotify(ref.file) ? inotify_remove(ref.file, wd) : -EINVAL;
    fd_ref_put(ref);
    return err;
}
