/* SPDX-License-Identifier: MIT */
/* The list of mounts, and the start of this room. */
#include "kernel/fs/mount.h"
#include "kernel/fs/file.h"
#include "kernel/fs/flock.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/procfs.h"
#include "kernel/fs/ramfs.h"
#include "kernel/fs/text.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

static struct mutex mount_lock = MUTEX_INIT(MUTEX_EXEC);
static struct list mounts = LIST_INIT(mounts);     /* fs_tree_lock */
static struct list detached = LIST_INIT(detached); /* mount_lock */
static uint32_t detached_count;                    /* atomic */
static struct super_block *root_super;
static uint64_t last_device; /* atomic: minor number with major 0, as Linux does */

/* --- file systems --- */

void super_init(struct super_block *super, const char *type, uint64_t magic)
{
    super->type = type;
    super->magic = magic;
    super->refs = 1;
    super->device = __atomic_add_fetch(&last_device, 1, __ATOMIC_RELAXED);
    list_init(&super->mounts);
}

int super_create(const char *type, const char *source, uint64_t magic,
                 struct super_block **out_super)
{
    struct super_block *super = kzalloc(sizeof(*super));
    size_t size = strlen(source) + 1;

    if (!super)
        return -ENOMEM;
    super->source = kmalloc(size);
    if (!super->source) {
        kfree(super);
        return -ENOMEM;
    }
    memcpy(super->source, source, size);
    super_init(super, type, magic);
    *out_super = super;
    return 0;
}

void super_put(struct super_block *super)
{
    if (__atomic_sub_fetch(&super->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    kfree(super->source);
    kfree(super);
}

void fs_init(void)
{
    int err;

    text_init_cache();
    radix_init_cache();
    inode_init_cache();
    dentry_init_cache();
    file_init_cache();
    pipe_init_cache();
    flock_init();
    err = ramfs_create("rootfs", "rootfs", 0755, &root_super);
    ASSERT(err == 0);
    list_push_back(&mounts, &root_super->mounts);
}

struct dentry *mount_root(void)
{
    return root_super->root;
}

/* --- laying over --- */

int mount_attach(struct super_block *super, struct dentry *directory)
{
    int err = 0;

    if ((directory->inode->mode & LX_S_IFMT) != LX_S_IFDIR)
        return -ENOTDIR;
    if (directory->parent && !directory->linked)
        return -ENOENT;
    spin_lock(&fs_tree_lock);
    if (directory->mounted) {
        err = -EBUSY;
    } else {
        dentry_get(directory);
        super->covered = directory;
        super->parent_device = directory->inode->super->device;
        directory->mounted = super;
        list_push_back(&mounts, &super->mounts);
    }
    spin_unlock(&fs_tree_lock);
    return err;
}

/* As much of a path walk as start-up needs: plain names, from the root. */
static int boot_walk(const char *path, struct dentry **out_dir)
{
    struct dentry *dir = root_super->root, *inside;

    dentry_get(dir);
    while (*path) {
        const char *slash = strchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : strlen(path);
        struct dentry *parent = dir;
        int err = dir->inode->ops->lookup(dir, path, len, dentry_hash(path, len), &dir);

        dentry_put(parent);
        if (err)
            return err;
        path += len + (slash != NULL);
        inside = *path ? mount_inside_get(dir) : NULL;
        if (inside) {
            dentry_put(dir);
            dir = inside;
        }
    }
    *out_dir = dir;
    return 0;
}

int mount_at_boot(struct super_block *super, const char *path)
{
    struct dentry *dir;
    int err = boot_walk(path, &dir);

    if (err)
        return err;
    err = mount_attach(super, dir);
    super->home = dir; /* and keeps the reference */
    dir->is_home = true;
    return err;
}

struct dentry *mount_inside_get(struct dentry *dentry)
{
    struct dentry *inside = NULL;

    spin_lock(&fs_tree_lock);
    if (dentry->mounted) {
        inside = dentry->mounted->root;
        dentry_get(inside);
    }
    spin_unlock(&fs_tree_lock);
    return inside;
}

static struct super_block *super_of(struct list *node)
{
    return list_entry(node, struct super_block, mounts);
}

static bool is_mounted(const struct super_block *super)
{
    return super->covered || super == root_super;
}

struct super_block *mount_next(struct super_block *previous)
{
    struct super_block *next = NULL;

    spin_lock(&fs_tree_lock);
    if (!previous || is_mounted(previous)) {
        struct list *node = previous ? previous->mounts.next : mounts.next;

        if (node != &mounts) {
            next = super_of(node);
            __atomic_fetch_add(&next->refs, 1, __ATOMIC_RELAXED);
        }
    }
    spin_unlock(&fs_tree_lock);
    if (previous)
        super_put(previous);
    return next;
}

/* --- taking away --- */

/* Marks the mount and all that lies in it: what covers a directory was mounted later than what that
 * is in. top NULL: everything that start-up did not mount. */
static unsigned mark_locked(struct super_block *top)
{
    unsigned count = 0;

    list_for_each (node, &mounts) {
        struct super_block *super = super_of(node);
        struct dentry *covered = super->covered;

        super->leaving = super == top || (!top && covered && !super->home) ||
                         (covered && covered->inode->super->leaving);
        count += super->leaving;
    }
    return count;
}

/* Takes the newest marked mount out of the tree. False: none is left. */
static bool detach_marked(void)
{
    struct super_block *found = NULL;
    struct dentry *covered = NULL;

    spin_lock(&fs_tree_lock);
    for (struct list *node = mounts.prev; node != &mounts && !found; node = node->prev)
        if (super_of(node)->leaving)
            found = super_of(node);
    if (found) {
        covered = found->covered;
        covered->mounted = NULL;
        found->covered = NULL;
        found->leaving = false;
        list_remove(&found->mounts);
        list_push_front(&detached, &found->mounts);
        __atomic_fetch_add(&detached_count, 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&fs_tree_lock);
    dentry_put(covered);
    return found != NULL;
}

/* mount_lock held; the caller has one reference to the root. */
static int remove_locked(struct super_block *super, bool detach)
{
    struct dentry *covered = super->covered;
    unsigned count;

    if (!covered)
        return -EINVAL;
    spin_lock(&fs_tree_lock);
    count = mark_locked(super);
    spin_unlock(&fs_tree_lock);
    if (!detach && (count > 1 || super->ops->is_busy(super)))
        return -EBUSY;
    dentry_get(covered);
    while (detach_marked())
        ;
    /* Somebody may have come in before it was detached: then it is mounted again. */
    if (!detach && super->ops->is_busy(super)) {
        list_remove(&super->mounts);
        __atomic_fetch_sub(&detached_count, 1, __ATOMIC_RELAXED);
        if (mount_attach(super, covered) == 0) {
            dentry_put(covered);
            return -EBUSY;
        }
        list_push_front(&detached, &super->mounts);
        __atomic_fetch_add(&detached_count, 1, __ATOMIC_RELAXED);
    }
    dentry_put(covered);
    return 0;
}

int mount_remove(struct dentry *root, bool detach)
{
    struct super_block *super = root->inode->super;
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (super->root == root)
        err = remove_locked(super, detach);
    mutex_unlock(&mount_lock);
    return err;
}

/* mount_lock held. Start-up's own keep what is in them. */
static void sweep_locked(void)
{
    list_for_each_safe (node, &detached) {
        struct super_block *super = super_of(node);
        bool done;

        if (super->home)
            continue;
        dentry_get(super->root);
        done = !super->ops->is_busy(super) && super->ops->clear(super);
        dentry_put(super->root);
        if (!done)
            continue;
        list_remove(node);
        __atomic_fetch_sub(&detached_count, 1, __ATOMIC_RELAXED);
        dentry_put(super->root);
        super_put(super);
    }
}

unsigned mount_detached(void)
{
    return __atomic_load_n(&detached_count, __ATOMIC_RELAXED);
}

void mount_sweep(void)
{
    if (likely(!mount_detached()))
        return;
    mutex_lock(&mount_lock);
    sweep_locked();
    mutex_unlock(&mount_lock);
}

void mount_reset(void)
{
    mutex_lock(&mount_lock);
    spin_lock(&fs_tree_lock);
    mark_locked(NULL);
    spin_unlock(&fs_tree_lock);
    while (detach_marked())
        ;
    sweep_locked();
    list_for_each_safe (node, &detached) {
        struct super_block *super = super_of(node);

        if (!super->home)
            continue;
        list_remove(node);
        __atomic_fetch_sub(&detached_count, 1, __ATOMIC_RELAXED);
        ASSERT(mount_attach(super, super->home) == 0);
    }
    list_for_each (node, &mounts) {
        super_of(node)->flags = 0;
        super_of(node)->readonly = false;
    }
    mutex_unlock(&mount_lock);
}

/* --- mount(2) --- */

#define ATIME_FLAGS (LX_MS_NOATIME | LX_MS_NODIRATIME | LX_MS_RELATIME | LX_MS_STRICTATIME)

static void flags_set(struct super_block *super, uint32_t flags)
{
    __atomic_store_n(&super->flags, flags, __ATOMIC_RELAXED);
    super->readonly = flags & LX_MS_RDONLY;
}

static int filesystem_create(const char *type, const char *source, struct super_block **out_super)
{
    if (!strcmp(type, "tmpfs"))
        return ramfs_create("tmpfs", source, 01777, out_super);
    if (!strcmp(type, "ramfs"))
        return ramfs_create("ramfs", source, 0755, out_super);
    return strcmp(type, "proc") ? -ENODEV : procfs_super_create(source, out_super);
}

int mount_new(const char *type, const char *source, struct dentry *directory, uint32_t flags,
              char *options)
{
    struct super_block *super;
    int err = filesystem_create(type, source, &super);

    if (err)
        return err;
    if (super->ops->set_options)
        err = super->ops->set_options(super, options, true);
    else if (*options)
        err = -EINVAL;
    flags_set(super, flags & ~LX_MS_RELATIME);
    mutex_lock(&mount_lock);
    if (!err)
        err = mount_attach(super, directory);
    mutex_unlock(&mount_lock);
    if (err) {
        dentry_put(super->root);
        super_put(super);
    }
    return err;
}

int mount_change(struct dentry *root, uint32_t flags, char *options)
{
    struct super_block *super = root->inode->super;
    int err = 0;

    mutex_lock(&mount_lock);
    if (super->root != root || !is_mounted(super))
        err = -EINVAL;
    else if (super->ops->set_options)
        err = super->ops->set_options(super, options, false);
    else if (*options)
        err = -EINVAL;
    if (!(flags & ATIME_FLAGS)) /* nothing said about it: it stays */
        flags |= super->flags & ATIME_FLAGS;
    if (!err)
        flags_set(super, flags & ~LX_MS_RELATIME);
    mutex_unlock(&mount_lock);
    return err;
}
