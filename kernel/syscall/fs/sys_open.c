/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing, and what moves descriptors about.
 *
 * A number is reserved before the file is opened, so that nothing can fail once the file exists and
 * has perhaps been created; on an error it is given back. Another task with the same table sees the
 * number as taken meanwhile, and dup2 to it answers EBUSY, as on Linux.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

/* Honoured: all but ASYNC, DIRECT, DSYNC and SYNC, which mean nothing to memory. */
#define OPEN_FLAGS                                                                                 \
    (LX_O_ACCMODE | LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_APPEND |              \
     LX_O_NONBLOCK | LX_O_SYNC | LX_O_ASYNC | LX_O_DIRECT | LX_O_LARGEFILE | LX_O_DIRECTORY |      \
     LX_O_NOFOLLOW | LX_O_NOATIME | LX_O_CLOEXEC | LX_O_PATH | LX_O_TMPFILE_BIT)
#define OPEN_HOW_NBYTES_0 24 /* of the first version of struct open_how */

/* Which flags make sense together. */
static inline int how_from_flags(uint64_t flags, uint64_t mode, struct open_how *how)
{
    bool makes;

    if (flags & LX_O_PATH) /* beats everything else */
        flags &= LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC;
    /* The bit that O_SYNC has beside O_DSYNC means both. */
    if (unlikely(flags & LX_O_SYNC & ~LX_O_DSYNC))
        flags |= LX_O_SYNC;
    makes = flags & (LX_O_CREAT | LX_O_TMPFILE_BIT);
    *how = (struct open_how){.flags = (uint32_t)flags, .mode = makes ? (uint32_t)mode : 0};
    if ((flags & LX_O_CREAT) && (flags & LX_O_DIRECTORY))
        return -EINVAL;
    if (flags & LX_O_TMPFILE_BIT) {
        if (!(flags & LX_O_DIRECTORY) || (flags & LX_O_ACCMODE) == LX_O_RDONLY)
            return -EINVAL;
    }
    return 0;
}

/* Reserve, open, fill: see the top of the file. */
static int64_t open_text(struct task *self, int dirfd, const char *path, const struct open_how *how)
{
    bool cloexec = how->flags & LX_O_CLOEXEC;
    int fd = fd_reserve(self->files, 0, cloexec);
    struct path_start start;
    struct file *file;
    int err;

    if (fd < 0)
        return fd;
    /* Where the directory is to be the root, even an absolute path starts there. */
    err = path_start_get(self, dirfd, how->walk & PATH_IN_ROOT ? "." : path, &start);
    if (!err) {
        err = fs_open(self->fs, start.dentry, path, how, &file);
        path_start_put(&start);
    }
    if (err) {
        fd_unreserve(self->files, fd);
        return err;
    }
    fd_fill(self->files, fd, file);
    return fd;
}

/* "" is ENOENT even when no number is free: it is checked first. */
static int64_t open_user(struct task *self, int dirfd, struct uptr from, const struct open_how *how)
{
    struct user_path path;
    int64_t result = user_path_get(&path, from);

    if (result)
        return result;
    if (path.text[0] == '\0')
        result = -ENOENT;
    else
        result = open_text(self, dirfd, path.text, how);
    user_path_put(&path);
    return result;
}

/* open ignores unknown flags, as Linux does; openat2 refuses them. O_LARGEFILE is always set on
 * x86-64, and F_GETFL shows it. */
int64_t sys_openat(struct task *self, int dirfd, struct uptr path, int flags, uint32_t mode)
{
    struct open_how how;
    int err =
        /* Only the bits of a mode that a file can have. */
        how_from_flags(((uint32_t)flags & OPEN_FLAGS) | LX_O_LARGEFILE, mode & LX_S_IALL, &how);

    return err ? err : open_user(self, dirfd, path, &how);
}

int64_t sys_open(struct task *self, struct uptr path, int flags, uint32_t mode)
{
    return sys_openat(self, LX_AT_FDCWD, path, flags, mode);
}

int64_t sys_creat(struct task *self, struct uptr path, uint32_t mode)
{
    return sys_openat(self, LX_AT_FDCWD, path, LX_O_CREAT | LX_O_WRONLY | LX_O_TRUNC, mode);
}

/* Honoured: all RESOLVE flags but CACHED, which may always answer EAGAIN. */
static int resolve_flags(uint64_t resolve, unsigned *walk)
{
    const uint64_t known = LX_RESOLVE_NO_XDEV | LX_RESOLVE_NO_MAGICLINKS | LX_RESOLVE_NO_SYMLINKS |
                           LX_RESOLVE_BENEATH | LX_RESOLVE_IN_ROOT | LX_RESOLVE_CACHED;

    if ((resolve & ~known) || ((resolve & LX_RESOLVE_BENEATH) && (resolve & LX_RESOLVE_IN_ROOT)))
        return -EINVAL;
    *walk = (resolve & LX_RESOLVE_NO_XDEV ? PATH_NO_XDEV : 0) |
            (resolve & LX_RESOLVE_NO_MAGICLINKS ? PATH_NO_MAGIC : 0) |
            (resolve & LX_RESOLVE_NO_SYMLINKS ? PATH_NO_SYMLINKS | PATH_NO_MAGIC : 0) |
            (resolve & LX_RESOLVE_BENEATH ? PATH_BENEATH : 0) |
            (resolve & LX_RESOLVE_IN_ROOT ? PATH_IN_ROOT : 0);
    return 0;
}

/* openat2 refuses what open ignores: unknown flags, a mode without a file to be made, flags that
 * O_PATH would drop. */
static int check_how(const struct lx_open_how *user, struct open_how *how)
{
    uint64_t flags = user->flags;
    int err;

    if (flags & ~(uint64_t)OPEN_FLAGS)
        return -EINVAL;
    if ((flags & LX_O_PATH) &&
        (flags & ~(uint64_t)(LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC)))
        return -EINVAL;
    if (flags & (LX_O_CREAT | LX_O_TMPFILE_BIT)) {
        if (user->mode & ~(uint64_t)LX_S_IALL)
            return -EINVAL;
    } else if (user->mode != 0) {
        return -EINVAL;
    }
    err = how_from_flags(flags, user->mode, how);
    if (err)
        return err;
    err = resolve_flags(user->resolve, &how->walk);
    if (!err && (user->resolve & LX_RESOLVE_CACHED))
        err = flags & (LX_O_TRUNC | LX_O_CREAT | LX_O_TMPFILE_BIT) ? -EAGAIN : 0;
    return err;
}

/* A later version of the structure is fine as long as what this kernel does not know is zero. An
 * extensible structure: a shorter one than the first version is no structure; bytes beyond what
 * this kernel knows must be zero, else the program relies on something that would be ignored. */
static int read_how(struct uptr from, size_t nbytes, struct lx_open_how *how)
{
    int err = 0;

    if (nbytes < OPEN_HOW_NBYTES_0)
        return -EINVAL;
    if (nbytes > PAGE_SIZE)
        return -E2BIG;
    if (nbytes > sizeof(*how))
        err = vm_user_check_zero((struct uptr){from.va + sizeof(*how)}, nbytes - sizeof(*how));
    return err ? err : vm_user_read(how, from, sizeof(*how));
}

int64_t sys_openat2(struct task *self, int dirfd, struct uptr path, struct uptr from, size_t nbytes)
{
    struct lx_open_how user;
    struct open_how how;
    int err = read_how(from, nbytes, &user);

    if (!err)
        err = check_how(&user, &how);
    return err ? err : open_user(self, dirfd, path, &how);
}

int64_t sys_close(struct task *self, int fd)
{
    return fd_close(self->files, fd);
}

/* Honoured: UNSHARE, CLOEXEC. */
int64_t sys_close_range(struct task *self, unsigned first, unsigned last, unsigned flags)
{
    if ((flags & ~(LX_CLOSE_RANGE_UNSHARE | LX_CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    /* The copy is made with all descriptors, and those in the range are closed in it. */
    if ((flags & LX_CLOSE_RANGE_UNSHARE) && fd_table_is_shared(self->files)) {
        struct fd_table *own;
        int err = fd_table_dup(self->files, &own);
        if (err)
            return err;
        process_replace_files(self, own);
    }
    fd_close_range(self->files, first, last, flags & LX_CLOSE_RANGE_CLOEXEC);
    return 0;
}

int64_t sys_dup(struct task *self, int fd)
{
    return fd_dup(self->files, fd, 0, false);
}

static int64_t fd_dup_to(struct task *self, int old, int new, bool cloexec)
{
    struct file *file;
    int err;

    /* Above the limit is EBADF, not EMFILE: the number is the program's choice. */
    if ((unsigned)new >= __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED))
        return -EBADF;
    file = fd_get(self->files, old);
    if (!file)
        return -EBADF;
    err = fd_replace(self->files, new, file, cloexec);
    if (err)
        file_put(file);
    return err ? err : new;
}

/* Equal numbers: success if open, and nothing changes, not even close-on-exec. */
int64_t sys_dup2(struct task *self, int old, int new)
{
    if (old == new) {
        int cloexec = fd_get_cloexec(self->files, old);
        return cloexec < 0 ? cloexec : new;
    }
    return fd_dup_to(self, old, new, false);
}

/* Honoured: CLOEXEC. */
int64_t sys_dup3(struct task *self, int old, int new, int flags)
{
    if (((uint32_t)flags & ~LX_O_CLOEXEC) || old == new)
        return -EINVAL;
    return fd_dup_to(self, old, new, (uint32_t)flags & LX_O_CLOEXEC);
}
