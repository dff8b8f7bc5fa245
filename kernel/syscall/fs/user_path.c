/* SPDX-License-Identifier: MIT */
/*
 * Paths of programs: the copy into the kernel, where a relative one starts, the walk.
 *
 * A path is copied once and never read again from user memory, so another thread that changes it
 * cannot make checks and use differ. Each of the three steps can fail, and the order in which they
 * do is visible to programs: a bad pointer (EFAULT) and an empty or too long name (ENOENT,
 * ENAMETOOLONG) come before a bad directory descriptor (EBADF).
 *
 * A directory descriptor is not even looked at when the path is absolute.
 */
#include "kernel/syscall/fs/user_path.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* Most paths are short: only a long one costs an allocation, and a second copy. */
int user_path_get(struct user_path *path, struct uptr from)
{
    int64_t len = vm_user_read_string(path->small, from, sizeof(path->small));

    path->large = NULL;
    path->text = path->small;
    if (len != -ENAMETOOLONG)
        return len < 0 ? (int)len : 0;
    path->large = namebuf_alloc(LX_PATH_MAX);
    if (!path->large)
        return -ENOMEM;
    path->text = path->large;
    len = vm_user_read_string(path->large, from, LX_PATH_MAX);
    if (len >= 0)
        return 0;
    namebuf_free(path->large, LX_PATH_MAX);
    return (int)len;
}

/* NULL is fine for namebuf_free: the text was in `small`. */
void user_path_put(struct user_path *path)
{
    namebuf_free(path->large, LX_PATH_MAX);
}

/* O_PATH descriptors are good enough to start from, hence fd_find_any. */
int path_start_get(struct task *self, int dirfd, const char *path, struct path_start *start)
{
    start->ref = (struct fd_ref){NULL, false};
    start->dentry = NULL;
    if (path[0] == '/' || dirfd == LX_AT_FDCWD)
        return 0;
    start->ref = fd_find_any(self->files, dirfd);
    if (!start->ref.file)
        return -EBADF;
    start->dentry = start->ref.file->dentry;
    if (!start->dentry) { /* a pipe: no place in the tree */
        fd_ref_put(start->ref);
        return -ENOTDIR;
    }
    return 0;
}

void path_start_put(struct path_start *start)
{
    fd_ref_put(start->ref);
}

/* The reference to the starting directory is held for the length of the walk only. */
int user_walk(struct task *self, int dirfd, struct uptr from, unsigned flags,
              struct dentry **out_dentry)
{
    struct path_start start;
    struct user_path path;
    int err = user_path_get(&path, from);

    if (err)
        return err;
    if (path.text[0] == '\0' && !(flags & PATH_EMPTY))
        err = -ENOENT;
    if (!err)
        err = path_start_get(self, dirfd, path.text, &start);
    if (!err) {
        err = path_walk(self->fs, start.dentry, path.text, flags, out_dentry);
        path_start_put(&start);
    }
    user_path_put(&path);
    return err;
}

int user_look(struct task *self, int dirfd, struct uptr from, unsigned flags,
              const struct path_look *look)
{
    struct path_start start;
    struct user_path path;
    int err = user_path_get(&path, from);

    if (err)
        return err;
    if (path.text[0] == '\0')
        err = -ENOENT;
    if (!err)
        err = path_start_get(self, dirfd, path.text, &start);
    if (!err) {
        err = path_look(self->fs, start.dentry, path.text, flags, look);
        path_start_put(&start);
    }
    user_path_put(&path);
    return err;
}

int user_fd_inode(struct task *self, int fd, struct inode **out_inode)
{
    struct fd_ref ref = fd_find_any(self->files, fd);

    if (!ref.file)
        return -EBADF;
    inode_get(ref.file->inode);
    *out_inode = ref.file->inode;
    fd_ref_put(ref);
    return 0;
}

/* AT_EMPTY_PATH: an empty path means the descriptor itself, which may be a pipe or another file
 * without a name, so the result is an inode and not a dentry. Only the first byte is read here; a
 * path that changes meanwhile is handled by the walk like any other. */
int user_walk_inode(struct task *self, int dirfd, struct uptr from, unsigned flags,
                    struct inode **out_inode)
{
    struct dentry *dentry;
    char first;
    int err;

    if ((flags & PATH_EMPTY) && dirfd != LX_AT_FDCWD) {
        err = vm_user_read(&first, from, 1);
        if (err)
            return err;
        if (first == '\0')
            return user_fd_inode(self, dirfd, out_inode);
    }
    err = user_walk(self, dirfd, from, flags, &dentry);
    if (err)
        return err;
    inode_get(dentry->inode);
    *out_inode = dentry->inode;
    dentry_put(dentry);
    return 0;
}

/* As user_walk_inode, which gives the name up. */
int user_walk_object(struct task *self, int dirfd, struct uptr from, unsigned flags,
                     struct user_object *object)
{
    struct fd_ref ref;
    char first;
    int err;

    if ((flags & PATH_EMPTY) && dirfd != LX_AT_FDCWD) {
        err = vm_user_read(&first, from, 1);
        if (err)
            return err;
        if (first == '\0') {
            ref = fd_find_any(self->files, dirfd);
            if (!ref.file)
                return -EBADF;
            *object = (struct user_object){ref.file->dentry, ref.file->inode};
            if (object->dentry)
                dentry_get(object->dentry);
            else
                inode_get(object->inode);
            fd_ref_put(ref);
            return 0;
        }
    }
    err = user_walk(self, dirfd, from, flags, &object->dentry);
    if (!err)
        object->inode = object->dentry->inode;
    return err;
}

void user_object_put(const struct user_object *object)
{
    if (object->dentry)
        dentry_put(object->dentry);
    else
        inode_put(object->inode);
}
