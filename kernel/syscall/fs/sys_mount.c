/* SPDX-License-Identifier: MIT */
/*
 * mount, umount2 and pivot_root; sysfs(2), which names what can be mounted.
 *
 * The strings are copied before anything is looked up, each into a buffer of its own. Rights are
 * checked after the walk to the mount point, as on Linux: a program without them learns ENOENT
 * first. What the file system type does with its options is its own affair
 * (fs/ramfs/ramfs_mount.c); the list of mounts and its lock are in fs/vfs/mount.c.
 *
 * umount2 sweeps afterwards: detached file systems that nothing uses any more are freed there.
 */
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/string.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs/procfs.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mount.h"

/* What stays with a mount. SYNCHRONOUS changes nothing in memory. */
#define FLAGS_KEPT                                                                                 \
    (LX_MS_RDONLY | LX_MS_NOSUID | LX_MS_NODEV | LX_MS_NOEXEC | LX_MS_SYNCHRONOUS |                \
     LX_MS_NOATIME | LX_MS_NODIRATIME | LX_MS_RELATIME | LX_MS_STRICTATIME | LX_MS_NOSYMFOLLOW)

#define FLAGS_PROPAGATION (LX_MS_UNBINDABLE | LX_MS_PRIVATE | LX_MS_SLAVE | LX_MS_SHARED)

/* What the program gave as text, in one buffer each; "" for a null pointer where that is fine. */
struct mount_texts {
    char *source, *type, *options;
    bool has_type;
};

/* Too long a string is EINVAL in mount(2), not ENAMETOOLONG. */
static COLD int text_get(struct uptr from, char **out)
{
    int64_t len = 0;

    *out = namebuf_alloc(LX_PATH_MAX);
    if (!*out)
        return -ENOMEM;
    **out = '\0';
    if (from.va)
        len = vm_user_read_string(*out, from, LX_PATH_MAX);
    return len == -ENAMETOOLONG ? -EINVAL : len < 0 ? (int)len : 0;
}

/* The options are a page of the program's, of which the end may be missing. */
static COLD int options_get(struct uptr from, char **out)
{
    int err = text_get(from, out);

    if (err == -EINVAL) {
        (*out)[LX_PATH_MAX - 1] = '\0';
        err = 0;
    }
    return err;
}

static COLD int texts_get(struct mount_texts *texts, struct uptr source, struct uptr type,
                          struct uptr options)
{
    int err = text_get(type, &texts->type);

    texts->has_type = type.va != 0;
    if (!err)
        err = text_get(source, &texts->source);
    return err ? err : options_get(options, &texts->options);
}

/* Also after a partial failure: what was not allocated is NULL. */
static COLD void texts_put(struct mount_texts *texts)
{
    namebuf_free(texts->source, LX_PATH_MAX);
    namebuf_free(texts->type, LX_PATH_MAX);
    namebuf_free(texts->options, LX_PATH_MAX);
}

/* What is there already: bound, or moved. */
static COLD int mount_from(struct task *self, struct mount_space *space, struct dentry *where,
                           const char *source, uint32_t flags)
{
    struct dentry *what;
    int err = *source ? path_walk(self->fs, NULL, source, PATH_FOLLOW, &what) : -EINVAL;

    if (err)
        return err;
    err = flags & LX_MS_BIND ? mount_bind(space, what, where, flags & LX_MS_REC)
                             : mount_move(space, what, where);
    dentry_put(what);
    return err;
}

static COLD int mount_at(struct task *self, struct dentry *where, struct mount_texts *texts,
                         uint32_t flags)
{
    struct mount_space *space = ns_mounts(self);
    uint32_t type = flags & FLAGS_PROPAGATION;

    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    /* Remounting and propagation take precedence over the type, in the order of Linux's path_mount.
     */
    if (flags & LX_MS_REMOUNT)
        return mount_change(space, where, flags & FLAGS_KEPT,
                            flags & LX_MS_BIND ? NULL : texts->options);
    /* A bind mount ignores a type, as it does other flags. One type at a time. */
    if (!(flags & LX_MS_BIND) && (type & (type - 1)))
        return -EINVAL;
    if (!(flags & LX_MS_BIND) && type)
        return flags & ~(FLAGS_PROPAGATION | LX_MS_REC | LX_MS_SILENT)
                   ? -EINVAL
                   : mount_set_type(space, where, type, flags & LX_MS_REC);
    if (flags & (LX_MS_BIND | LX_MS_MOVE))
        return mount_from(self, space, where, texts->source, flags);
    if (!texts->has_type)
        return -EINVAL;
    return mount_new(space, texts->type, *texts->source ? texts->source : "none", where,
                     flags & FLAGS_KEPT, texts->options);
}

/* Types: tmpfs, ramfs, proc, sysfs, mqueue. Honoured: BIND, MOVE, REC, REMOUNT, PRIVATE, SLAVE,
 * UNBINDABLE, RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, NOSYMFOLLOW, and for what it is worth
 * SYNCHRONOUS, NODIRATIME, STRICTATIME. SHARED is refused (-EINVAL). */
COLD int64_t sys_mount(struct task *self, struct uptr source, struct uptr target, struct uptr type,
                       uint64_t flags, struct uptr options)
{
    struct mount_texts texts = {0};
    struct dentry *where;
    int err = texts_get(&texts, source, type, options);

    /* The magic number of kernels before 2.4, which old programs still put there. */
    if ((flags & LX_MS_MGC_MSK) == LX_MS_MGC_VAL)
        flags &= ~(uint64_t)LX_MS_MGC_MSK;
    if (!err)
        err = user_walk(self, LX_AT_FDCWD, target, PATH_FOLLOW, &where);
    if (!err) {
        err = mount_at(self, where, &texts, (uint32_t)flags);
        dentry_put(where);
    }
    texts_put(&texts);
    return err;
}

/* Honoured: DETACH, EXPIRE, UMOUNT_NOFOLLOW. FORCE means nothing in memory. */
COLD int64_t sys_umount2(struct task *self, struct uptr target, int flags)
{
    struct dentry *root;
    int err;

    if (flags & ~(LX_MNT_FORCE | LX_MNT_DETACH | LX_MNT_EXPIRE | LX_UMOUNT_NOFOLLOW))
        return -EINVAL;
    err = user_walk(self, LX_AT_FDCWD, target, flags & LX_UMOUNT_NOFOLLOW ? 0 : PATH_FOLLOW, &root);
    if (err)
        return err;
    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN))
        err = -EPERM;
    else if ((flags & LX_MNT_EXPIRE) && (flags & (LX_MNT_FORCE | LX_MNT_DETACH)))
        err = -EINVAL;
    else
        err = mount_remove(ns_mounts(self), root, (unsigned)flags);
    dentry_put(root);
    /* Also after a failure: the walk may have held the last use of a detached file system. */
    mount_sweep();
    return err;
}

/* The caller's root, and of all tasks that have the same one, becomes `new`; likewise working
 * directories. */
static COLD int pivot(struct task *self, struct dentry *new, struct dentry *old)
{
    struct dentry *root = fs_context_root(self->fs);
    int err = mount_pivot(ns_mounts(self), root, new, old);

    if (!err)
        process_replace_roots(dentry_to_path(root), new);
    dentry_put(root);
    return err;
}

COLD int64_t sys_pivot_root(struct task *self, struct uptr new_root, struct uptr put_old)
{
    const unsigned walk = PATH_FOLLOW | PATH_DIRECTORY;
    struct dentry *new, *old;
    int err;

    /* Before any walk, unlike in mount(2): as on Linux. */
    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    err = user_walk(self, LX_AT_FDCWD, new_root, walk, &new);
    if (err)
        return err;
    err = user_walk(self, LX_AT_FDCWD, put_old, walk, &old);
    if (!err) {
        err = pivot(self, new, old);
        dentry_put(old);
    }
    dentry_put(new);
    return err;
}

/* --- sysfs(2): types of file systems, by name and by number --- */

#define SYSFS_INDEX 1
#define SYSFS_NAME  2
#define SYSFS_COUNT 3

static COLD int64_t type_index(struct uptr from)
{
    char *name;
    int64_t result = text_get(from, &name);

    if (!result) {
        const char *type;
        unsigned i = 0;

        while ((type = procfs_filesystem(i)) != NULL && strcmp(type, name) != 0)
            i++;
        result = type ? (int64_t)i : -EINVAL;
    }
    namebuf_free(name, LX_PATH_MAX);
    return result;
}

/* The first argument is a name or a number, the second a place for a name. */
COLD int64_t sys_sysfs(struct task *self, int option, uint64_t first, struct uptr second)
{
    const char *type;
    unsigned count = 0;

    (void)self;
    switch (option) {
    case SYSFS_INDEX:
        return first ? type_index((struct uptr){first}) : -EFAULT;
    case SYSFS_NAME:
        type = procfs_filesystem((unsigned)first);
        return type ? vm_user_write(second, type, strlen(type) + 1) : -EINVAL;
    case SYSFS_COUNT:
        while (procfs_filesystem(count))
            count++;
        return count;
    default:
        return -EINVAL;
    }
}
