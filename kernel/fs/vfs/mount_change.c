/* SPDX-License-Identifier: MIT */
/*
 * Mounts: new file systems, and what changes about one that is mounted.
 *
 * A file system is read-only as a whole, or a mount of it is. Both are set in an order that an open
 * for writing cannot slip through: the word first, then the counts of writers, and the open does it
 * the other way round (file_begin_write). Before that the counts are looked at once more: what is
 * in use stays as it is, and opens meanwhile are not refused for nothing.
 */
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/mount_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"

#define ATIME_FLAGS (LX_MS_NOATIME | LX_MS_NODIRATIME | LX_MS_RELATIME | LX_MS_STRICTATIME)

static const struct mount_type *registered; /* constant after start-up */

COLD void mount_register(const struct mount_type *type)
{
    ASSERT(!registered);
    registered = type;
}

/* The types that programs may mount. */
static COLD int filesystem_create(const char *type, const char *source,
                                  struct super_block **out_super)
{
    if (!strcmp(type, "tmpfs"))
        return ramfs_create("tmpfs", source, 01777, out_super);
    if (!strcmp(type, "ramfs"))
        return ramfs_create("ramfs", source, 0755, out_super);
    return procfs_super_create(type, source, out_super);
}

/* The caller's name space has the directory: others' are not changed from here. */
COLD int mount_new(struct mount_space *space, const char *type, const char *source,
                   struct dentry *directory, uint32_t flags, char *options)
{
    struct super_block *super;
    int err;

    flags &= ~LX_MS_RELATIME;
    if (registered && !strcmp(type, registered->name))
        return *options ? -EINVAL
                        : mount_again(space, registered->find(), source, directory, flags);
    err = filesystem_create(type, source, &super);
    if (err)
        return err;
    if (super->ops->set_options)
        err = super->ops->set_options(super, options, true);
    else if (*options)
        err = -EINVAL;
    /* Everything about it is set before it can be found. */
    super->home.flags = flags;
    super->readonly = flags & LX_MS_RDONLY;
    /* The place is of the caller's name space, or nothing is changed: to reach it by another task's
     * root directory is no right to mount there. */
    mutex_lock(&mount_lock);
    if (!err)
        err = dentry_mount(directory)->space == space ? mount_attach(super, directory) : -EINVAL;
    mutex_unlock(&mount_lock);
    if (err) {
        dentry_put(super->root);
        super_put(super);
    }
    return err;
}

/* A file is open for writing, or is still to go with its last use. */
static COLD bool super_is_written(const struct super_block *super)
{
    return __atomic_load_n(&super->home.writers, __ATOMIC_SEQ_CST) ||
           __atomic_load_n(&super->clone_writers, __ATOMIC_SEQ_CST) ||
           __atomic_load_n(&super->orphans, __ATOMIC_RELAXED);
}

/* mount_lock held. What is opened from here on finds it read-only (file_begin_write). */
static COLD int readonly_begin_locked(struct super_block *super)
{
    ASSERT(mutex_is_held(&mount_lock));
    if (!super_is_written(super)) {
        __atomic_store_n(&super->readonly, true, __ATOMIC_SEQ_CST);
        if (!super_is_written(super))
            return 0;
        super->readonly = false;
    }
    return -EBUSY;
}

/* The file system as a whole. */
static COLD int super_change_locked(struct super_block *super, uint32_t flags, char *options)
{
    bool was_readonly = super->readonly;
    int err = 0;

    ASSERT(mutex_is_held(&mount_lock));
    if ((flags & LX_MS_RDONLY) && !was_readonly)
        err = readonly_begin_locked(super);
    if (!err && super->ops && super->ops->set_options)
        err = super->ops->set_options(super, options, false);
    else if (!err && *options)
        err = -EINVAL;
    super->readonly = err ? was_readonly : (flags & LX_MS_RDONLY) != 0;
    return err;
}

/* One mount alone: not while a file is open for writing by way of it. */
static COLD int mount_change_locked(struct mount *mount, uint32_t flags)
{
    uint32_t old = mount->flags;

    ASSERT(mutex_is_held(&mount_lock));
    if (!(flags & ATIME_FLAGS)) /* nothing said about it: it stays */
        flags |= old & ATIME_FLAGS;
    for (unsigned look = 0; look < 2; look++) {
        if ((flags & ~old & LX_MS_RDONLY) && __atomic_load_n(&mount->writers, __ATOMIC_SEQ_CST)) {
            mount->flags = old;
            return -EBUSY;
        }
        __atomic_store_n(&mount->flags, flags & ~LX_MS_RELATIME, __ATOMIC_SEQ_CST);
    }
    return 0;
}

COLD int mount_change(struct mount_space *space, struct dentry *root, uint32_t flags, char *options)
{
    struct vfs_path path = dentry_to_path(root);
    int err = -EINVAL;

    /* Without options it is the mount alone that changes; with them, both: as on Linux, where a
     * remount says what the file system is for all its mounts, and the flags for this one. */
    mutex_lock(&mount_lock);
    if (path.dentry == path.mount->root && path.mount->space == space) {
        err = options ? super_change_locked(path.mount->super, flags, options) : 0;
        if (!err)
            err = mount_change_locked(path.mount, flags);
    }
    mutex_unlock(&mount_lock);
    return err;
}
