/* SPDX-License-Identifier: MIT */
#include "kernel/syscall/user_path.h"
#include "kernel/fs/file.h"
#include "kernel/fs/path.h"
#include "kernel/fs/text.h"
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
    path->large = text_alloc(LX_PATH_MAX);
    if (!path->large)
        return -ENOMEM;
    path->text = path->large;
    len = vm_user_read_string(path->large, from, LX_PATH_MAX);
    if (len >= 0)
        return 0;
    text_free(path->large, LX_PATH_MAX);
    return (int)len;
}

void user_path_put(struct user_path *path)
{
    text_free(path->large, LX_PATH_MAX);
}

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

/* The inode behind a descriptor alone. */
static int inode_of_fd(struct task *self, int fd, struct inode **out_inode)
{
    struct fd_ref ref = fd_find_any(self->files, fd);

    if (!ref.file)
        return -EBADF;
    inode_get(ref.file->inode);
    *out_inode = ref.file->inode;
    fd_ref_put(ref);
    return 0;
}

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
            return inode_of_fd(self, dirfd, out_inode);
    }
    err = user_walk(self, dirfd, from, flags, &dentry);
    if (err)
        return err;
    inode_get(dentry->inode);
    *out_inode = dentry->inode;
    dentry_put(dentry);
    return 0;
}
