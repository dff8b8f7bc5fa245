/* SPDX-License-Identifier: MIT */
/*
 * Names: making, linking, renaming, removing them; reading links.
 *
 * Every call copies its paths and finds their starting points here, then hands both to
 * fs/vfs/open.h, which walks, locks the directories and does the change. Nothing of the tree is
 * locked in this file, and nothing can fail after the change.
 *
 * Calls with two paths report the error that Linux reports: a fault in walking the first path wins
 * over a bad second path. Therefore, when the second cannot be read, the first is walked all the
 * same, for its error alone.
 */
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

/* A path and where it starts, for the calls that hand both to fs/vfs/open.h. */
struct place {
    struct user_path path;
    struct path_start start;
    bool outside; /* "" and the descriptor of a pipe: the file itself, which is in no tree */
};

/* On an error nothing is held. */
static int user_place_get(struct task *self, int dirfd, struct uptr from, bool may_be_empty,
                          struct place *place)
{
    int err = user_path_get(&place->path, from);

    if (err)
        return err;
    if (place->path.text[0] == '\0' && !may_be_empty)
        err = -ENOENT;
    else
        err = path_start_get(self, dirfd, place->path.text, &place->start);
    place->outside = err == -ENOTDIR && place->path.text[0] == '\0';
    if (place->outside) {
        place->start.ref = (struct fd_ref){NULL, false}; /* given back by path_start_get */
        err = 0;
    }
    if (err)
        user_path_put(&place->path);
    return err;
}

static void user_place_put(struct place *place)
{
    path_start_put(&place->start);
    user_path_put(&place->path);
}

/* The umask is applied by fs_mkdir, and the mode's file type bits are ignored.
 */
int64_t sys_mkdirat(struct task *self, int dirfd, struct uptr path, uint32_t mode)
{
    struct place place;
    int err = user_place_get(self, dirfd, path, false, &place);

    if (err)
        return err;
    err = fs_mkdir(self->fs, place.start.dentry, place.path.text, mode);
    user_place_put(&place);
    return err;
}

int64_t sys_mkdir(struct task *self, struct uptr path, uint32_t mode)
{
    return sys_mkdirat(self, LX_AT_FDCWD, path, mode);
}

/* mknod of a directory is EPERM, of an unknown type EINVAL; type 0 means a regular file. */
static int check_node_type(uint32_t mode)
{
    switch (mode & LX_S_IFMT) {
    case 0:
    case LX_S_IFREG:
    case LX_S_IFCHR:
    case LX_S_IFBLK:
    case LX_S_IFIFO:
    case LX_S_IFSOCK:
        return 0;
    case LX_S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

int64_t sys_mknodat(struct task *self, int dirfd, struct uptr path, uint32_t mode, unsigned device)
{
    struct place place;
    int err;

    mode &= 0xffff; /* umode_t is a short */
    err = check_node_type(mode);
    if (err)
        return err;
    err = user_place_get(self, dirfd, path, false, &place);
    if (err)
        return err;
    err = fs_mknod(self->fs, place.start.dentry, place.path.text, mode, device);
    user_place_put(&place);
    return err;
}

int64_t sys_mknod(struct task *self, struct uptr path, uint32_t mode, unsigned device)
{
    return sys_mknodat(self, LX_AT_FDCWD, path, mode, device);
}

/* The text of the link is copied like a path, but never walked: it may be anything but empty. */
int64_t sys_symlinkat(struct task *self, struct uptr from, int dirfd, struct uptr path)
{
    struct user_path text;
    struct place place;
    int err = user_path_get(&text, from);

    if (err)
        return err;
    err = text.text[0] == '\0' ? -ENOENT : user_place_get(self, dirfd, path, false, &place);
    if (!err) {
        err = fs_symlink(self->fs, text.text, place.start.dentry, place.path.text);
        user_place_put(&place);
    }
    user_path_put(&text);
    return err;
}

int64_t sys_symlink(struct task *self, struct uptr text, struct uptr path)
{
    return sys_symlinkat(self, text, LX_AT_FDCWD, path);
}

/* Linux walks the first path before it looks at the second: a fault in the first one is reported
 * even if the second is no path at all. */
static int walk_only(struct task *self, const struct place *place, unsigned walk)
{
    struct dentry *dentry;
    int err = path_walk(self->fs, place->start.dentry, place->path.text, walk, &dentry);

    if (!err)
        dentry_put(dentry);
    return err;
}

static int walk_parent_only(struct task *self, const struct place *place)
{
    struct path_last last;
    int err = path_walk_parent(self->fs, place->start.dentry, place->path.text, 0, &last);

    if (!err)
        path_last_put(&last);
    return err;
}

/* Honoured: SYMLINK_FOLLOW, EMPTY_PATH (the latter for the privileged). */
int64_t sys_linkat(struct task *self, int from_dirfd, struct uptr from, int to_dirfd,
                   struct uptr to, int flags)
{
    unsigned walk = (flags & LX_AT_SYMLINK_FOLLOW ? PATH_FOLLOW : 0) |
                    (flags & LX_AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct place old, new;
    int err;

    if (flags & ~(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH))
        return -EINVAL;
    /* A descriptor may have come from another program: it is no proof of a right to the file. As
     * Linux 6.1, which asks before it looks at any path. */
    if ((flags & LX_AT_EMPTY_PATH) && !credentials_capable(&self->fs->cred, LX_CAP_DAC_READ_SEARCH))
        return -ENOENT;
    err = user_place_get(self, from_dirfd, from, walk & PATH_EMPTY, &old);
    if (err)
        return err;
    /* The second path is copied before the first is walked; see the top of the file for the errors.
     */
    err = user_place_get(self, to_dirfd, to, false, &new);
    if (err) {
        int first = old.outside ? 0 : walk_only(self, &old, walk);
        err = first ? first : err;
    } else if (old.outside) {
        err = fs_link_outside(self->fs, new.start.dentry, new.path.text);
        user_place_put(&new);
    } else {
        err = fs_link(self->fs, old.start.dentry, old.path.text, new.start.dentry, new.path.text,
                      walk);
        user_place_put(&new);
    }
    user_place_put(&old);
    return err;
}

int64_t sys_link(struct task *self, struct uptr from, struct uptr to)
{
    return sys_linkat(self, LX_AT_FDCWD, from, LX_AT_FDCWD, to, 0);
}

/* Honoured: REMOVEDIR. unlink and rmdir are the same call but for the flag; which of the two a
 * directory needs is checked under the directory's lock. */
int64_t sys_unlinkat(struct task *self, int dirfd, struct uptr path, int flags)
{
    struct place place;
    int err;

    if (flags & ~LX_AT_REMOVEDIR)
        return -EINVAL;
    err = user_place_get(self, dirfd, path, false, &place);
    if (err)
        return err;
    err = fs_unlink(self->fs, place.start.dentry, place.path.text, flags & LX_AT_REMOVEDIR);
    user_place_put(&place);
    return err;
}

int64_t sys_unlink(struct task *self, struct uptr path)
{
    return sys_unlinkat(self, LX_AT_FDCWD, path, 0);
}

int64_t sys_rmdir(struct task *self, struct uptr path)
{
    return sys_unlinkat(self, LX_AT_FDCWD, path, LX_AT_REMOVEDIR);
}

/* Honoured: NOREPLACE, EXCHANGE, WHITEOUT. EXCHANGE excludes the others: it needs a target, and
 * leaves no name free. */
int64_t sys_renameat2(struct task *self, int from_dirfd, struct uptr from, int to_dirfd,
                      struct uptr to, unsigned flags)
{
    struct place old, new;
    int err;

    if (flags & ~(unsigned)(LX_RENAME_NOREPLACE | LX_RENAME_EXCHANGE | LX_RENAME_WHITEOUT))
        return -EINVAL;
    if ((flags & LX_RENAME_EXCHANGE) && flags != LX_RENAME_EXCHANGE)
        return -EINVAL;
    err = user_place_get(self, from_dirfd, from, false, &old);
    if (err)
        return err;
    err = user_place_get(self, to_dirfd, to, false, &new);
    if (err) {
        int first = walk_parent_only(self, &old);
        err = first ? first : err;
    } else {
        err = fs_rename(self->fs, old.start.dentry, old.path.text, new.start.dentry, new.path.text,
                        flags);
        user_place_put(&new);
    }
    user_place_put(&old);
    return err;
}

int64_t sys_renameat(struct task *self, int from_dirfd, struct uptr from, int to_dirfd,
                     struct uptr to)
{
    return sys_renameat2(self, from_dirfd, from, to_dirfd, to, 0);
}

int64_t sys_rename(struct task *self, struct uptr from, struct uptr to)
{
    return sys_renameat2(self, LX_AT_FDCWD, from, LX_AT_FDCWD, to, 0);
}

/* --- reading links --- */

/* Not NUL-terminated, and cut to the buffer without an error, as readlink(2) promises. Links that
 * keep their text (ramfs) are copied from it directly, which lasts as long as the inode does; magic
 * links of /proc make it anew. */
static int64_t readlink_to_user(struct inode *inode, struct uptr buffer, size_t nbytes)
{
    int64_t len;
    char *text;
    int err;

    if (!inode->ops->readlink)
        return -EINVAL;
    inode_touch_atime(inode);
    if (inode->ops->keeps_text) {
        len = (int64_t)MIN(nbytes, inode->size);
        err = vm_user_write(buffer, inode_symlink(inode)->text, (size_t)len);
        return err ? err : len;
    }
    text = namebuf_alloc(LX_PATH_MAX);
    if (!text)
        return -ENOMEM;
    len = inode->ops->readlink(inode, text, LX_PATH_MAX);
    if (len >= 0) {
        len = MIN(len, (int64_t)MIN(nbytes, LX_PATH_MAX));
        err = vm_user_write(buffer, text, (size_t)len);
        len = err ? err : len;
    }
    namebuf_free(text, LX_PATH_MAX);
    return len;
}

/* An empty path means the descriptor itself, opened with O_PATH and O_NOFOLLOW. */
int64_t sys_readlinkat(struct task *self, int dirfd, struct uptr path, struct uptr buffer,
                       int nbytes)
{
    struct dentry *dentry;
    int64_t result;
    char first;

    if (nbytes <= 0)
        return -EINVAL;
    result = user_walk(self, dirfd, path, PATH_EMPTY, &dentry);
    if (!result) {
        result = readlink_to_user(dentry->inode, buffer, (size_t)nbytes);
        dentry_put(dentry);
    }
    /* An empty path to something that is no link is ENOENT on Linux, EINVAL only with a name; also
     * to a pipe, from which no walk can start. */
    if ((result == -EINVAL || result == -ENOTDIR) && vm_user_read(&first, path, 1) == 0 &&
        first == '\0')
        result = -ENOENT;
    return result;
}

int64_t sys_readlink(struct task *self, struct uptr path, struct uptr buffer, int nbytes)
{
    return sys_readlinkat(self, LX_AT_FDCWD, path, buffer, nbytes);
}
