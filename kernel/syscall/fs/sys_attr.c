/* SPDX-License-Identifier: MIT */
/*
 * Changing what a file is: mode, owner, size, space.
 *
 * By path or by descriptor, each call finds its inode and hands it to fs/vfs/attr.c, which checks
 * rights and does the change in one step. What is checked here is what the call itself forbids:
 * flags it does not know, types of files it does not work on, the size that RLIMIT_FSIZE allows.
 */
#include "kernel/fs/event/notify.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/ramfs/ramfs_file.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/lease.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/sys_write.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define SYNC_RANGE_FLAGS 7u /* WAIT_BEFORE, WRITE, WAIT_AFTER */

static uint32_t inode_type_of(const struct inode *inode)
{
    return inode->mode & LX_S_IFMT;
}

/* --- mode --- */

/* Honoured: SYMLINK_NOFOLLOW, EMPTY_PATH. A symlink has no mode that could be changed. */
int64_t sys_fchmodat2(struct task *self, int dirfd, struct uptr path, uint32_t mode, unsigned flags)
{
    unsigned walk = (flags & LX_AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
                    (flags & LX_AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct user_object object;
    int err;

    if (flags & ~(unsigned)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
        return -EINVAL;
    /* With the name: the directory that it is in may be watched. */
    err = user_walk_object(self, dirfd, path, walk, &object);
    if (err)
        return err;
    err = inode_type_of(object.inode) == LX_S_IFLNK ? -EOPNOTSUPP
                                                    : dentry_check_writable(object.dentry);
    if (!err)
        err = fs_chmod(self->fs, object.inode, mode);
    if (!err)
        notify_dentry(object.dentry, object.inode, LX_IN_ATTRIB);
    user_object_put(&object);
    return err;
}

/* No flags: the call of the C library that has some is fchmodat2. */
int64_t sys_fchmodat(struct task *self, int dirfd, struct uptr path, uint32_t mode)
{
    return sys_fchmodat2(self, dirfd, path, mode, 0);
}

int64_t sys_chmod(struct task *self, struct uptr path, uint32_t mode)
{
    return sys_fchmodat2(self, LX_AT_FDCWD, path, mode, 0);
}

/* fd_find refuses O_PATH descriptors: EBADF, as on Linux. */
int64_t sys_fchmod(struct task *self, int fd, uint32_t mode)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int err;

    if (!ref.file)
        return -EBADF;
    err = dentry_check_writable(ref.file->dentry);
    if (!err)
        err = fs_chmod(self->fs, ref.file->inode, mode);
    if (!err)
        notify_dentry(ref.file->dentry, ref.file->inode, LX_IN_ATTRIB);
    fd_ref_put(ref);
    return err;
}

/* --- owner --- */

/* Honoured: SYMLINK_NOFOLLOW, EMPTY_PATH. */
int64_t sys_fchownat(struct task *self, int dirfd, struct uptr path, unsigned uid, unsigned gid,
                     int flags)
{
    unsigned walk = (flags & LX_AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
                    (flags & LX_AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct user_object object;
    int err;

    if (flags & ~(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
        return -EINVAL;
    err = user_walk_object(self, dirfd, path, walk, &object);
    if (err)
        return err;
    err = dentry_check_writable(object.dentry);
    if (!err)
        err = fs_chown(self->fs, object.inode, uid, gid);
    if (!err)
        notify_dentry(object.dentry, object.inode, LX_IN_ATTRIB);
    user_object_put(&object);
    return err;
}

int64_t sys_chown(struct task *self, struct uptr path, unsigned uid, unsigned gid)
{
    return sys_fchownat(self, LX_AT_FDCWD, path, uid, gid, 0);
}

/* The link itself: it has an owner, though no mode. */
int64_t sys_lchown(struct task *self, struct uptr path, unsigned uid, unsigned gid)
{
    return sys_fchownat(self, LX_AT_FDCWD, path, uid, gid, LX_AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(struct task *self, int fd, unsigned uid, unsigned gid)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int err;

    if (!ref.file)
        return -EBADF;
    err = dentry_check_writable(ref.file->dentry);
    if (!err)
        err = fs_chown(self->fs, ref.file->inode, uid, gid);
    if (!err)
        notify_dentry(ref.file->dentry, ref.file->inode, LX_IN_ATTRIB);
    fd_ref_put(ref);
    return err;
}

/* --- size --- */

/* A lease is in the way of truncate(2) as of an open for writing. As a writer, so that its holder
 * cannot come down to a lease on reading meanwhile. Of ftruncate(2) there is nothing to break: a
 * file that is open for writing has no lease but its own. */
static int truncate_break_lease(struct inode *inode)
{
    int err;

    if (likely(!inode->locks))
        return 0;
    err = inode_write_count_get(inode, INODE_WRITER);
    if (err)
        return err;
    err = lease_break(inode, LX_O_WRONLY);
    inode_write_count_put(inode, INODE_WRITER);
    return err;
}

/* Type before permission, permission before RLIMIT_FSIZE: the order of Linux. */
int64_t sys_truncate(struct task *self, struct uptr path, int64_t nbytes)
{
    struct dentry *dentry;
    int err;

    if (nbytes < 0)
        return -EINVAL;
    err = user_walk(self, LX_AT_FDCWD, path, PATH_FOLLOW, &dentry);
    if (err)
        return err;
    if (inode_type_of(dentry->inode) == LX_S_IFDIR)
        err = -EISDIR;
    else if (inode_type_of(dentry->inode) != LX_S_IFREG)
        err = -EINVAL;
    if (!err)
        err = dentry_check_writable(dentry);
    if (!err)
        err = inode_permission(dentry->inode, &self->fs->cred, INODE_WRITE);
    if (!err)
        err = truncate_break_lease(dentry->inode);
    if (!err)
        err = write_check_size(self, dentry->inode, (uint64_t)nbytes);
    if (!err)
        err = fs_truncate(dentry->inode, (uint64_t)nbytes, &self->fs->cred);
    if (!err)
        notify_dentry(dentry, dentry->inode, LX_IN_MODIFY);
    dentry_put(dentry);
    return err;
}

/* The descriptor decides, not the inode's mode: the right was checked when it was opened. */
int64_t sys_ftruncate(struct task *self, int fd, int64_t nbytes)
{
    struct fd_ref ref;
    int err = -EINVAL;

    if (nbytes < 0)
        return -EINVAL;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    if (inode_type_of(ref.file->inode) == LX_S_IFREG && (ref.file->access & FILE_WRITE))
        err = write_check_size(self, ref.file->inode, (uint64_t)nbytes);
    if (!err)
        err = fs_truncate(ref.file->inode, (uint64_t)nbytes, &self->fs->cred);
    if (!err)
        notify_dentry(ref.file->dentry, ref.file->inode, LX_IN_MODIFY);
    fd_ref_put(ref);
    return err;
}

/* What may be asked for together, whatever the file. */
static int allocate_check_mode(uint32_t mode)
{
    const uint32_t kinds = LX_FALLOC_PUNCH_HOLE | LX_FALLOC_COLLAPSE_RANGE | LX_FALLOC_ZERO_RANGE |
                           LX_FALLOC_INSERT_RANGE | LX_FALLOC_UNSHARE_RANGE;
    const uint32_t hole = LX_FALLOC_PUNCH_HOLE;

    if (mode & ~(kinds | LX_FALLOC_KEEP_SIZE))
        return -EOPNOTSUPP;
    if ((mode & hole) && ((mode & LX_FALLOC_ZERO_RANGE) || !(mode & LX_FALLOC_KEEP_SIZE)))
        return -EOPNOTSUPP;
    if ((mode & LX_FALLOC_COLLAPSE_RANGE) && mode != LX_FALLOC_COLLAPSE_RANGE)
        return -EINVAL;
    if ((mode & LX_FALLOC_INSERT_RANGE) && mode != LX_FALLOC_INSERT_RANGE)
        return -EINVAL;
    if ((mode & LX_FALLOC_UNSHARE_RANGE) &&
        (mode & ~(uint32_t)(LX_FALLOC_UNSHARE_RANGE | LX_FALLOC_KEEP_SIZE)))
        return -EINVAL;
    return 0;
}

/* Linux's order: access, type, the end of the range, then what the file system supports. */
static int allocate_check(const struct file *file, uint32_t mode, int64_t offset, int64_t nbytes)
{
    int64_t end;

    if (!(file->access & FILE_WRITE))
        return -EBADF;
    if (inode_type_of(file->inode) == LX_S_IFIFO)
        return -ESPIPE;
    if (inode_type_of(file->inode) == LX_S_IFDIR)
        return -EISDIR;
    if (inode_type_of(file->inode) != LX_S_IFREG)
        return -ENODEV;
    if (__builtin_add_overflow(offset, nbytes, &end))
        return -EFBIG;
    if (file->inode->pager.ops != &ramfs_pager_ops)
        return -EOPNOTSUPP;
    return mode & ~(uint32_t)(LX_FALLOC_KEEP_SIZE | LX_FALLOC_PUNCH_HOLE) ? -EOPNOTSUPP : 0;
}

/* Honoured: KEEP_SIZE, PUNCH_HOLE; as on tmpfs. */
int64_t sys_fallocate(struct task *self, int fd, int mode, int64_t offset, int64_t nbytes)
{
    struct fd_ref ref = fd_find(self->files, fd);
    uint32_t flags = (uint32_t)mode;
    int err = 0;

    if (!ref.file)
        return -EBADF;
    if (offset < 0 || nbytes <= 0)
        err = -EINVAL;
    if (!err)
        err = allocate_check_mode(flags);
    if (!err)
        err = allocate_check(ref.file, flags, offset, nbytes);
    /* A hole makes no file longer, so RLIMIT_FSIZE does not matter to it. */
    if (!err && !(flags & LX_FALLOC_PUNCH_HOLE))
        err = write_check_size(self, ref.file->inode, (uint64_t)(offset + nbytes));
    if (!err)
        err = ramfs_allocate(ref.file, flags, (uint64_t)offset, (uint64_t)nbytes,
                             !credentials_capable(&self->fs->cred, LX_CAP_FSETID));
    if (!err)
        notify_file(ref.file, LX_IN_MODIFY);
    fd_ref_put(ref);
    return err;
}

/* --- what memory need not do --- */

/* Files in memory have nothing to write out; a file that cannot be synchronised (a pipe, a
 * terminal) is EINVAL. */
int64_t sys_fsync(struct task *self, int fd)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int err;

    if (!ref.file)
        return -EBADF;
    err = ref.file->ops->sync ? ref.file->ops->sync(ref.file) : -EINVAL;
    fd_ref_put(ref);
    return err;
}

int64_t sys_fdatasync(struct task *self, int fd)
{
    return sys_fsync(self, fd);
}

int64_t sys_sync(struct task *self)
{
    (void)self;
    return 0;
}

/* Only the descriptor is checked. */
int64_t sys_syncfs(struct task *self, int fd)
{
    struct fd_ref ref = fd_find(self->files, fd);

    if (!ref.file)
        return -EBADF;
    fd_ref_put(ref);
    return 0;
}

/* Checked, and not needed: all that a file holds is where it would be brought. */
int64_t sys_readahead(struct task *self, int fd, int64_t offset, size_t nbytes)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int err = 0;

    (void)offset;
    if (!ref.file)
        return -EBADF;
    if (!(ref.file->access & FILE_READ))
        err = -EBADF;
    else if (inode_type_of(ref.file->inode) != LX_S_IFREG || (int64_t)nbytes < 0)
        err = -EINVAL;
    fd_ref_put(ref);
    return err;
}

/* Likewise: there is nowhere to write it to. */
int64_t sys_sync_file_range(struct task *self, int fd, int64_t offset, int64_t nbytes,
                            unsigned flags)
{
    struct fd_ref ref = fd_find(self->files, fd);
    uint32_t type;
    int64_t end;
    int err = 0;

    if (!ref.file)
        return -EBADF;
    type = inode_type_of(ref.file->inode);
    if ((flags & ~SYNC_RANGE_FLAGS) || offset < 0 || nbytes < 0 ||
        __builtin_add_overflow(offset, nbytes, &end))
        err = -EINVAL;
    else if (type != LX_S_IFREG && type != LX_S_IFDIR && type != LX_S_IFBLK)
        err = -ESPIPE;
    fd_ref_put(ref);
    return err;
}

/* Advice is checked, and not needed. */
int64_t sys_fadvise64(struct task *self, int fd, int64_t offset, size_t nbytes, int advice)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int err = 0;

    (void)offset;
    if (!ref.file)
        return -EBADF;
    if (file_is_pipe(ref.file))
        err = -ESPIPE;
    else if ((int64_t)nbytes < 0 || advice < 0 || advice > 5)
        err = -EINVAL;
    fd_ref_put(ref);
    return err;
}
