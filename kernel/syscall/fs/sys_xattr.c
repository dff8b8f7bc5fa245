/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: setxattr, getxattr, listxattr, removexattr, each in three forms.
 *
 * What a name means is decided here, by its first part (xattr(7)); what is kept is in
 * fs/vfs/xattr.c. Every call checks its arguments in the order of Linux: value and name before the
 * path, the file's rights before whether its file system has attributes at all. A program that
 * probes for support gets the same errors in the same order.
 *
 * A value goes through a buffer of the kernel's, since the file's mutex covers no page faults.
 */
#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/fs/vfs/xattr.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"
#include "shared/linux/xattr.h"

enum intent { LIST, GET, SET, REMOVE };

/* What a call is to do with which attribute; LIST has no name. */
struct request {
    enum intent intent;
    int flags;   /* of SET */
    char *value; /* of SET: a buffer of the kernel's, NULL for none */
    struct uptr
        result; /* of GET and LIST: where the answer goes, and how much of it may be there */
    size_t nbytes;
    char name[LX_XATTR_NAME_MAX + 1];
};

static bool is_change(const struct request *request)
{
    return request->intent == SET || request->intent == REMOVE;
}

/* The part of the name up to the first point is its name space (xattr(7)). */
static bool in_space(const struct request *request, const char *prefix)
{
    return strncmp(request->name, prefix, strlen(prefix)) == 0;
}

/* Those of the name space "user." are for files and directories, "trusted." ones for the
 * privileged. "security." ones only these may change; else they, and "system." ones, are checked by
 * what stores them. */
static int space_permission(const struct inode *inode, const struct credentials *cred,
                            const struct request *request)
{
    int denied = is_change(request) ? -EPERM : -ENODATA;
    uint32_t type = inode->mode & LX_S_IFMT;

    if (in_space(request, "trusted.") && !credentials_capable(cred, LX_CAP_SYS_ADMIN))
        return denied;
    if (!in_space(request, "user."))
        return 0;
    if (type != LX_S_IFREG && type != LX_S_IFDIR)
        return denied;
    if (type == LX_S_IFDIR && (inode->mode & LX_S_ISVTX) && is_change(request) &&
        !inode_owner_or_privileged(inode, cred))
        return -EPERM;
    return 0;
}

/* Whether such attributes are kept. A name that is a name space alone is EINVAL; access control
 * lists, and what has no name space that is known, EOPNOTSUPP. */
static int space_support(const struct inode *inode, const struct request *request)
{
    const char *dot = strchr(request->name, '.');

    if (!inode->super->keeps_xattrs || !dot ||
        !(in_space(request, "user.") || in_space(request, "trusted.") ||
          in_space(request, "security.")))
        return -EOPNOTSUPP;
    return dot[1] ? 0 : -EINVAL;
}

/* Rights to a file's mode are not asked for what is the privileged's anyway. */
static int request_permission(const struct task *self, const struct inode *inode,
                              const struct request *request)
{
    const struct credentials *cred = &self->fs->cred;
    int err = space_permission(inode, cred, request);

    if (err || in_space(request, "trusted.") || in_space(request, "system."))
        return err;
    if (in_space(request, "security.")) {
        /* Giving rights to files is one of its own. */
        int needed = strcmp(request->name, XATTR_CAPABILITIES) ? LX_CAP_SYS_ADMIN : LX_CAP_SETFCAP;

        return is_change(request) && !credentials_capable(cred, needed) ? -EPERM : 0;
    }
    return inode_permission(inode, cred, is_change(request) ? INODE_WRITE : INODE_READ);
}

/* --- security.capability --- */

static uint32_t word_at(const char *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Checked when it is set, and before rights are: exec takes it for valid (exec_identity.c). What it
 * grants may be anything; bits that stand for nothing are kept, and ignored. */
COLD static int caps_check(const struct request *request)
{
    uint32_t revision;

    if (request->nbytes < sizeof(revision))
        return -EINVAL;
    revision = word_at(request->value) & LX_VFS_CAP_REVISION_MASK;
    return (revision == LX_VFS_CAP_REVISION_2 && request->nbytes == LX_XATTR_CAPS_SZ_2) ||
                   (revision == LX_VFS_CAP_REVISION_3 &&
                    request->nbytes == sizeof(struct lx_vfs_cap))
               ? 0
               : -EINVAL;
}

/* Rights that count for the root of all are shown in the form that has no word for a root. */
COLD static size_t caps_show(char *value, size_t nbytes)
{
    uint32_t magic;

    if (nbytes != sizeof(struct lx_vfs_cap) || word_at(value + LX_XATTR_CAPS_SZ_2))
        return nbytes;
    magic = (word_at(value) & ~LX_VFS_CAP_REVISION_MASK) | LX_VFS_CAP_REVISION_2;
    memcpy(value, &magic, sizeof(magic));
    return LX_XATTR_CAPS_SZ_2;
}

/* --- the four things that are asked --- */

COLD static int64_t answer_set(const struct task *self, struct inode *inode,
                               const struct request *request)
{
    bool is_caps = !strcmp(request->name, XATTR_CAPABILITIES);
    int err = is_caps && request->nbytes ? caps_check(request) : 0;

    if (!err)
        err = request_permission(self, inode, request);
    if (!err)
        err = space_support(inode, request);
    return err ? err
               : xattr_set(inode, request->name, request->value, request->nbytes, request->flags,
                           credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN));
}

/* Without a buffer only the size is asked for. */
static int64_t value_to_user(struct inode *inode, const struct request *request, char *value,
                             size_t size)
{
    int64_t got = xattr_get(inode, request->name, value, size);
    int err = 0;

    if (got > 0 && value && !strcmp(request->name, XATTR_CAPABILITIES))
        got = (int64_t)caps_show(value, (size_t)got);
    if (got > 0 && request->nbytes)
        err = (size_t)got > request->nbytes ? -ERANGE
                                            : vm_user_write(request->result, value, (size_t)got);
    return err ? err : got;
}

static int64_t answer_get(const struct task *self, struct inode *inode,
                          const struct request *request)
{
    bool is_caps = !strcmp(request->name, XATTR_CAPABILITIES);
    size_t size = is_caps ? sizeof(struct lx_vfs_cap) : MIN(request->nbytes, LX_XATTR_SIZE_MAX);
    int64_t result = request_permission(self, inode, request);
    char *value = NULL;

    if (!result)
        result = space_support(inode, request);
    if (result)
        return result;
    if (size && !(value = kmalloc(size)))
        return -ENOMEM;
    result = value_to_user(inode, request, value, size);
    kfree(value);
    return result;
}

static int64_t answer_list(const struct task *self, struct inode *inode,
                           const struct request *request)
{
    size_t size = MIN(request->nbytes, LX_XATTR_LIST_MAX);
    char *names = size ? kmalloc(size) : NULL;
    int64_t result = -ENOMEM;

    if (names || !size)
        result =
            xattr_list(inode, credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN), names, size);
    if (result > 0 && size) {
        int err = vm_user_write(request->result, names, (size_t)result);
        result = err ? err : result;
    }
    kfree(names);
    return result;
}

/* That the file system is read-only, or the mount that it is seen by, comes before rights and
 * names. A file without a name (NULL) is in no mount. */
static COLD int64_t xattr_answer(const struct task *self, const struct dentry *dentry,
                                 struct inode *inode, const struct request *request)
{
    int err = 0;

    if (is_change(request))
        err = inode->super->readonly ? -EROFS : dentry_check_writable(dentry);
    if (err)
        return err;
    if (request->intent == LIST)
        return answer_list(self, inode, request);
    if (request->intent == GET)
        return answer_get(self, inode, request);
    if (request->intent == SET)
        return answer_set(self, inode, request);
    err = request_permission(self, inode, request);
    if (!err)
        err = space_support(inode, request);
    return err ? err : xattr_remove(inode, request->name);
}

/* AT_EMPTY_PATH does not exist for these calls: "" is ENOENT. */
static int64_t xattr_by_path(struct task *self, struct uptr path, unsigned walk,
                             const struct request *request)
{
    struct user_object object;
    int64_t result = user_walk_object(self, LX_AT_FDCWD, path, walk, &object);

    if (result)
        return result;
    result = xattr_answer(self, object.dentry, object.inode, request);
    if (!result && is_change(request))
        notify_dentry(object.dentry, object.inode, LX_IN_ATTRIB);
    user_object_put(&object);
    return result;
}

static int64_t xattr_by_fd(struct task *self, int fd, const struct request *request)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int64_t result;

    if (!ref.file)
        return -EBADF;
    result = xattr_answer(self, ref.file->dentry, ref.file->inode, request);
    if (!result && is_change(request))
        notify_dentry(ref.file->dentry, ref.file->inode, LX_IN_ATTRIB);
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

/* --- setting: fsetxattr by descriptor, the others by path --- */

static int value_get(struct request *request, struct uptr value, size_t nbytes)
{
    int err;

    request->value = NULL;
    request->nbytes = nbytes;
    if (nbytes > LX_XATTR_SIZE_MAX)
        return -E2BIG;
    if (!nbytes)
        return 0;
    request->value = kmalloc(nbytes);
    if (!request->value)
        return -ENOMEM;
    err = vm_user_read(request->value, value, nbytes);
    if (err)
        kfree(request->value);
    return err;
}

/* 0: request->value is the caller's to free. Honoured: XATTR_CREATE, XATTR_REPLACE. */
COLD static int set_make(struct request *request, struct uptr name, struct uptr value,
                         size_t nbytes, int flags)
{
    int err;

    if (flags & ~(LX_XATTR_CREATE | LX_XATTR_REPLACE))
        return -EINVAL;
    request->flags = flags;
    err = request_make(request, SET, name);
    return err ? err : value_get(request, value, nbytes);
}

static int64_t set_by_path(struct task *self, struct uptr path, unsigned walk,
                           struct request *request)
{
    int64_t result = xattr_by_path(self, path, walk, request);

    kfree(request->value);
    return result;
}

int64_t sys_setxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                     size_t nbytes, int flags)
{
    struct request request;
    int err = set_make(&request, name, value, nbytes, flags);

    return err ? err : set_by_path(self, path, PATH_FOLLOW, &request);
}

int64_t sys_lsetxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                      size_t nbytes, int flags)
{
    struct request request;
    int err = set_make(&request, name, value, nbytes, flags);

    return err ? err : set_by_path(self, path, 0, &request);
}

/* The calls by descriptor refuse O_PATH. */
int64_t sys_fsetxattr(struct task *self, int fd, struct uptr name, struct uptr value, size_t nbytes,
                      int flags)
{
    struct request request;
    int64_t result = set_make(&request, name, value, nbytes, flags);

    if (result)
        return result;
    result = xattr_by_fd(self, fd, &request);
    kfree(request.value);
    return result;
}

/* --- getting --- */

static int64_t get_by_path(struct task *self, struct uptr path, unsigned walk, struct uptr name,
                           struct uptr value, size_t nbytes)
{
    struct request request = {.result = value, .nbytes = nbytes};
    int err = request_make(&request, GET, name);

    return err ? err : xattr_by_path(self, path, walk, &request);
}

int64_t sys_getxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                     size_t nbytes)
{
    return get_by_path(self, path, PATH_FOLLOW, name, value, nbytes);
}

int64_t sys_lgetxattr(struct task *self, struct uptr path, struct uptr name, struct uptr value,
                      size_t nbytes)
{
    return get_by_path(self, path, 0, name, value, nbytes);
}

int64_t sys_fgetxattr(struct task *self, int fd, struct uptr name, struct uptr value, size_t nbytes)
{
    struct request request = {.result = value, .nbytes = nbytes};
    int err = request_make(&request, GET, name);

    return err ? err : xattr_by_fd(self, fd, &request);
}

/* --- removing --- */

static int64_t remove_by_path(struct task *self, struct uptr path, unsigned walk, struct uptr name)
{
    struct request request;
    int err = request_make(&request, REMOVE, name);

    return err ? err : xattr_by_path(self, path, walk, &request);
}

int64_t sys_removexattr(struct task *self, struct uptr path, struct uptr name)
{
    return remove_by_path(self, path, PATH_FOLLOW, name);
}

int64_t sys_lremovexattr(struct task *self, struct uptr path, struct uptr name)
{
    return remove_by_path(self, path, 0, name);
}

int64_t sys_fremovexattr(struct task *self, int fd, struct uptr name)
{
    struct request request;
    int err = request_make(&request, REMOVE, name);

    return err ? err : xattr_by_fd(self, fd, &request);
}

/* --- listing --- */

int64_t sys_listxattr(struct task *self, struct uptr path, struct uptr list, size_t nbytes)
{
    return xattr_by_path(self, path, PATH_FOLLOW,
                         &(struct request){.intent = LIST, .result = list, .nbytes = nbytes});
}

int64_t sys_llistxattr(struct task *self, struct uptr path, struct uptr list, size_t nbytes)
{
    return xattr_by_path(self, path, 0,
                         &(struct request){.intent = LIST, .result = list, .nbytes = nbytes});
}

int64_t sys_flistxattr(struct task *self, int fd, struct uptr list, size_t nbytes)
{
    return xattr_by_fd(self, fd,
                       &(struct request){.intent = LIST, .result = list, .nbytes = nbytes});
}
