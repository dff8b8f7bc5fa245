/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: no file has one, and none can get one.
 *
 * Every call checks its arguments in the order of Linux, then answers as Linux does for a file
 * system without attributes (ramfs): EOPNOTSUPP for a name, an empty list. A program that probes
 * for support therefore gets the same errors in the same order.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"
#include "shared/linux/xattr.h"

/* CHANGE is setting and removing, which need the same rights. */
enum intent { LIST, GET, CHANGE };

/* What a call is to do with which attribute; LIST has no name. */
struct request {
    enum intent intent;
    char name[LX_XATTR_NAME_MAX + 1];
};

/* The part of the name up to the first point is its name space (xattr(7)). */
static bool in_space(const struct request *request, const char *prefix)
{
    return strncmp(request->name, prefix, strlen(prefix)) == 0;
}

/* user. attributes are for files and directories, trusted. ones for the privileged. security. ones
 * only these may change; else they, and system. ones, are checked by the module that stores them,
 * and there is none. */
static int space_permission(const struct inode *inode, const struct credentials *cred,
                            const struct request *request)
{
    int denied = request->intent == CHANGE ? -EPERM : -ENODATA;
    uint32_t type = inode->mode & LX_S_IFMT;

    if (in_space(request, "system.") || (in_space(request, "security.") && request->intent == GET))
        return -EOPNOTSUPP;
    if (in_space(request, "trusted.") || in_space(request, "security."))
        return credentials_capable(cred, LX_CAP_SYS_ADMIN) ? -EOPNOTSUPP : denied;
    if (!in_space(request, "user."))
        return 0;
    if (type != LX_S_IFREG && type != LX_S_IFDIR)
        return denied;
    if (type == LX_S_IFDIR && (inode->mode & LX_S_ISVTX) && request->intent == CHANGE &&
        !inode_owner_or_privileged(inode, cred))
        return -EPERM;
    return 0;
}

/* Read-only file system, name space, permission, then no support: the order of Linux's
 * vfs_setxattr. */
static int64_t xattr_answer(const struct task *self, const struct inode *inode,
                            const struct request *request)
{
    const struct credentials *cred = &self->fs->cred;
    int err;

    if (request->intent == LIST)
        return 0;
    if (request->intent == CHANGE && inode->super->readonly)
        return -EROFS;
    err = space_permission(inode, cred, request);
    if (!err)
        err = inode_permission(inode, cred, request->intent == CHANGE ? INODE_WRITE : INODE_READ);
    return err ? err : -EOPNOTSUPP;
}

/* AT_EMPTY_PATH does not exist for these calls: "" is ENOENT. */
static int64_t xattr_by_path(struct task *self, struct uptr path, unsigned walk,
                             const struct request *request)
{
    struct inode *inode;
    int64_t result = user_walk_inode(self, LX_AT_FDCWD, path, walk, &inode);

    if (result)
        return result;
    result = xattr_answer(self, inode, request);
    inode_put(inode);
    return result;
}

static int64_t xattr_by_fd(struct task *self, int fd, const struct request *request)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = xattr_answer(self, ref.file->inode, request);
    fd_ref_put(ref);
    return result;
}

/* A name that is empty or too long is ERANGE, not ENAMETOOLONG (xattr(7)). */
static int request_make(struct request *request, enum intent intent, struct uptr name)
{
    int64_t length = vm_user_read_string(request->name, name, sizeof(request->name));

    request->intent = intent;
    if (length == 0 || length == -ENAMETOOLONG)
        return -ERANGE;
    return length < 0 ? (int)length : 0;
}

/* Honoured: XATTR_CREATE, XATTR_REPLACE. The value is read, although it is not kept: a bad pointer
 * must be EFAULT. */
static int set_make(struct request *request, struct uptr name, struct uptr value, size_t nbytes,
                    int flags)
{
    char piece[256];
    int err;

    if (flags & ~(LX_XATTR_CREATE | LX_XATTR_REPLACE))
        return -EINVAL;
    err = request_make(request, CHANGE, name);
    if (!err && nbytes > LX_XATTR_SIZE_MAX)
        err = -E2BIG;
    while (!err && nbytes) {
        size_t part = MIN(nbytes, sizeof(piece));

        err = vm_user_read(piece, value, part);
        value.va += part;
        nbytes -= part;
    }
    return err;
}

int64_t sys_setxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                     size_t nbytes, int flags)
{
    struct request request;
    int err = set_make(&request, name, value, nbytes, flags);

    return err ? err : xattr_by_path(self, path, PATH_FOLLOW, &request);
}

int64_t sys_lsetxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                      size_t nbytes, int flags)
{
    struct request request;
    int err = set_make(&request, name, value, nbytes, flags);

    return err ? err : xattr_by_path(self, path, 0, &request);
}

/* The calls by descriptor refuse O_PATH. */
int64_t sys_fsetxattr(struct task *self, int fd, struct uptr name, struct uptr value, size_t nbytes,
                      int flags)
{
    struct request request;
    int err = set_make(&request, name, value, nbytes, flags);

    return err ? err : xattr_by_fd(self, fd, &request);
}

/* Getting and removing differ in their intent alone; neither has a value that is looked at. */
static int64_t get_by_path(struct task *self, struct uptr path, unsigned walk, enum intent intent,
                           struct uptr name)
{
    struct request request;
    int err = request_make(&request, intent, name);

    return err ? err : xattr_by_path(self, path, walk, &request);
}

static int64_t get_by_fd(struct task *self, int fd, enum intent intent, struct uptr name)
{
    struct request request;
    int err = request_make(&request, intent, name);

    return err ? err : xattr_by_fd(self, fd, &request);
}

/* Value and size are not looked at: no value could be returned. */
int64_t sys_getxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                     size_t nbytes)
{
    (void)value;
    (void)nbytes;
    return get_by_path(self, path, PATH_FOLLOW, GET, name);
}

int64_t sys_lgetxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                      size_t nbytes)
{
    (void)value;
    (void)nbytes;
    return get_by_path(self, path, 0, GET, name);
}

int64_t sys_fgetxattr(struct task *self, int fd, struct uptr name, struct uptr value, size_t nbytes)
{
    (void)value;
    (void)nbytes;
    return get_by_fd(self, fd, GET, name);
}

int64_t sys_removexattr(struct task *self, struct uptr path, struct uptr name)
{
    return get_by_path(self, path, PATH_FOLLOW, CHANGE, name);
}

int64_t sys_lremovexattr(struct task *self, struct uptr path, struct uptr name)
{
    return get_by_path(self, path, 0, CHANGE, name);
}

int64_t sys_fremovexattr(struct task *self, int fd, struct uptr name)
{
    return get_by_fd(self, fd, CHANGE, name);
}

/* An empty list, whatever the size of the buffer. */
int64_t sys_listxattr(struct task *self, struct uptr path, struct uptr list, size_t nbytes)
{
    (void)list;
    (void)nbytes;
    return xattr_by_path(self, path, PATH_FOLLOW, &(struct request){.intent = LIST});
}

int64_t sys_llistxattr(struct task *self, struct uptr path, struct uptr list, size_t nbytes)
{
    (void)list;
    (void)nbytes;
    return xattr_by_path(self, path, 0, &(struct request){.intent = LIST});
}

int64_t sys_flistxattr(struct task *self, int fd, struct uptr list, size_t nbytes)
{
    (void)list;
    (void)nbytes;
    return xattr_by_fd(self, fd, &(struct request){.intent = LIST});
}
