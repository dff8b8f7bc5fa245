/* SPDX-License-Identifier: MIT */
/*
 * Working directory, root, umask.
 *
 * A context (fs_context.h) may be shared by tasks that were created with CLONE_FS: the two
 * directories are replaced under its lock, each with its reference, and a walk that runs meanwhile
 * has taken references of its own to the old ones.
 *
 * The rights to enter a directory are checked before it is stored, so a task never has a working
 * directory that it could not enter at that time.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define UNREACHABLE "(unreachable)"

/* Search permission, as for a directory on the way of a path. */
static int may_enter(struct task *self, struct dentry *directory)
{
    return inode_permission(directory->inode, &self->fs->cred, INODE_EXEC);
}

int64_t sys_chdir(struct task *self, struct uptr path)
{
    struct dentry *directory;
    int err = user_walk(self, LX_AT_FDCWD, path, PATH_FOLLOW | PATH_DIRECTORY, &directory);

    if (err)
        return err;
    err = may_enter(self, directory);
    if (err)
        dentry_put(directory);
    else
        fs_context_set_cwd(self->fs, directory);
    return err;
}

/* O_PATH is enough, as on Linux: what counts is the permission now. */
int64_t sys_fchdir(struct task *self, int fd)
{
    struct fd_ref ref = fd_find_any(self->files, fd);
    struct dentry *dentry;
    int err = 0;

    if (!ref.file)
        return -EBADF;
    dentry = ref.file->dentry;
    if (!dentry || (dentry->inode->mode & LX_S_IFMT) != LX_S_IFDIR)
        err = -ENOTDIR;
    else
        err = may_enter(self, dentry);
    if (!err) {
        dentry_get(dentry);
        fs_context_set_cwd(self->fs, dentry);
    }
    fd_ref_put(ref);
    return err;
}

/* The permission to enter is checked before the privilege: EACCES wins over EPERM. */
int64_t sys_chroot(struct task *self, struct uptr path)
{
    struct dentry *directory;
    int err = user_walk(self, LX_AT_FDCWD, path, PATH_FOLLOW | PATH_DIRECTORY, &directory);

    if (err)
        return err;
    err = may_enter(self, directory);
    if (!err && !credentials_capable(&self->fs->cred, LX_CAP_SYS_CHROOT))
        err = -EPERM;
    if (err)
        dentry_put(directory);
    else
        fs_context_set_root(self->fs, directory);
    return err;
}

/* The path, with Linux's mark in front when it does not lead to this program's root. */
static int64_t cwd_text(struct task *self, char *buffer, char **out_text)
{
    struct dentry *root = fs_context_root(self->fs);
    struct dentry *cwd = fs_context_cwd(self->fs);
    unsigned flags;
    int64_t len = dentry_path(cwd, root, buffer, LX_PATH_MAX, out_text, &flags);

    dentry_put(cwd);
    dentry_put(root);
    if (len < 0)
        return len;
    if (flags & DENTRY_PATH_DELETED)
        return -ENOENT;
    if (flags & DENTRY_PATH_UNREACHABLE) {
        size_t mark = strlen(UNREACHABLE);
        if ((size_t)(*out_text - buffer) < mark)
            return -ENAMETOOLONG;
        *out_text -= mark;
        memcpy(*out_text, UNREACHABLE, mark);
        len += (int64_t)mark;
    }
    return len;
}

/* Returns the length with the NUL; the C library checks the first character for the mark of an
 * unreachable path. */
int64_t sys_getcwd(struct task *self, struct uptr result, size_t nbytes)
{
    char *buffer = namebuf_alloc(LX_PATH_MAX);
    char *text;
    int64_t len;
    int err;

    if (!buffer)
        return -ENOMEM;
    len = cwd_text(self, buffer, &text);
    if (len >= 0) {
        len++; /* the NUL counts */
        err = (uint64_t)len > nbytes ? -ERANGE : vm_user_write(result, text, (size_t)len);
        len = err ? err : len;
    }
    namebuf_free(buffer, LX_PATH_MAX);
    return len;
}

/* One exchange: the old mask that is returned is the one that was replaced, even if the context is
 * shared. */
int64_t sys_umask(struct task *self, int mask)
{
    return __atomic_exchange_n(&self->fs->place->umask, (uint32_t)mask & 0777, __ATOMIC_RELAXED);
}
