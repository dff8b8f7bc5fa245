/* SPDX-License-Identifier: MIT */
/*
 * Mounts: attaching and detaching file systems, and the start of this room.
 *
 * A file system is in one of three states: new (it cannot be found yet), in the tree (`covered` is
 * the directory below it, and that directory's `mounted` points back), or detached (on the list
 * `detached`, until its last user has gone and it can be emptied, or, for what start-up mounted,
 * until the test ends). mount_lock, a mutex, serialises everything that moves one between these;
 * fs_tree_lock, a spinlock, covers the two pointers and the list of mounts, which walks follow.
 *
 * What else happens to the directory is decided under fs_tree_lock, too: it is killed, renamed or
 * replaced only while nothing is mounted on it, and mounted on only while it lives (dentry.h,
 * dentry_is_mount_point_locked). A test before the lock would leave a file system on a directory
 * that is gone, out of reach of umount.
 *
 * An unmount that may be refused is decided before anything is detached: to look first, detach,
 * look again and put it back would hide the mount for a moment. The look takes long, and sleeps; so
 * the mount is marked (`leaving`) before it, a walk that goes in sets `entered`, and the mount goes
 * only if that is still unset, in the same locking. A walk that was already inside and holds
 * nothing yet but the dentry it is at may be missed while it moves from one to the next: it ends in
 * a detached file system, as if it had come before a lazy unmount; nothing is freed under it.
 *
 * Long because the states change in this file alone, under a lock that no other may take.
 */
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/event/epoll.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/page_cache/page_state.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/ramfs/memfd.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/xattr.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define BUSY_RETRIES 16 /* of an unmount, while others walk through it */
#define SWEEP_MOST   16 /* detached mounts that one sweep looks at */

static struct mutex mount_lock = MUTEX_INIT(MUTEX_EXEC);
static struct list mounts = LIST_INIT(mounts); /* fs_tree_lock */
static unsigned mounts_count; /* fs_tree_lock: those that were mounted on something */
/* mount_lock: those of start-up apart, since they stay. */
static struct list detached = LIST_INIT(detached), detached_boot = LIST_INIT(detached_boot);
static uint32_t detached_count; /* atomic */
static struct super_block *root_super;
static uint32_t version;     /* atomic, changes under fs_tree_lock */
static uint64_t last_device; /* atomic: minor number with major 0, as Linux does */

/* --- file systems --- */

void super_init(struct super_block *super, const char *type, uint64_t magic)
{
    super->type = type;
    super->magic = magic;
    super->refs = 1;
    super->device = __atomic_add_fetch(&last_device, 1, __ATOMIC_RELAXED);
    list_init(&super->mounts);
    list_init(&super->watches);
}

COLD int super_create(const char *type, const char *source, uint64_t magic,
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

/* After a grace period: walks without locks go from an inode to its file system. */
static void super_free_rcu(struct rcu_head *head)
{
    struct super_block *super = container_of(head, struct super_block, rcu);

    kfree(super->source);
    kfree(super);
}

void super_put(struct super_block *super)
{
    if (__atomic_sub_fetch(&super->refs, 1, __ATOMIC_ACQ_REL) == 0)
        rcu_call(&super->rcu, super_free_rcu);
}

uint32_t mount_version(void)
{
    return __atomic_load_n(&version, __ATOMIC_SEQ_CST);
}

/* A walk without locks that takes its reference later than this gives it back: see path_rcu.c. */
static void version_change_locked(void)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    __atomic_fetch_add(&version, 1, __ATOMIC_SEQ_CST);
}

COLD void fs_init(void)
{
    int err;

    namebuf_init_cache();
    radix_init_cache();
    page_state_init();
    inode_init_cache();
    xattr_init_cache();
    dentry_init_cache();
    file_init_cache();
    pipe_init_cache();
    epoll_init_cache();
    flock_init();
    /* There is a root from the first moment on, so that no walk has to ask for one. */
    err = ramfs_create("rootfs", "rootfs", 0755, &root_super);
    ASSERT(err == 0);
    root_super->quota.max = 0; /* no limits until initrd_populate has filled it */
    root_super->inodes_max = 0;
    list_push_back(&mounts, &root_super->mounts);
    memfd_init();
}

struct dentry *mount_root(void)
{
    return root_super->root;
}

static bool is_mounted(const struct super_block *super)
{
    return super->covered || super == root_super;
}

/* --- laying over --- */

COLD int mount_attach(struct super_block *super, struct dentry *directory)
{
    int err = 0;

    if ((directory->inode->mode & LX_S_IFMT) != LX_S_IFDIR)
        return -ENOTDIR;
    spin_lock(&fs_tree_lock);
    /* Not on a directory that is gone or never was in a directory (/proc/PID), nor on one in a file
     * system that has been detached: nothing could be unmounted there. */
    if (directory->unhashed || dir_is_dead(directory->inode)) {
        err = -ENOENT;
    } else if (!is_mounted(directory->inode->super)) {
        err = -EINVAL;
    } else if (directory->mounted) {
        err = -EBUSY;
    } else if (mounts_count >= MOUNT_MAX) {
        err = -ENOSPC;
    } else {
        /* For walks that must keep below a start: ".." may lead elsewhere from now on. */
        dentry_tree_changed_locked();
        dentry_get(directory);
        super->covered = directory;
        super->parent_device = directory->inode->super->device;
        /* After `covered`: a walk that comes in finds the way out. */
        __atomic_store_n(&directory->mounted, super, __ATOMIC_RELEASE);
        version_change_locked();
        list_push_back(&mounts, &super->mounts);
        mounts_count++;
        directory->inode->super->mounts_inside++;
    }
    spin_unlock(&fs_tree_lock);
    return err;
}

/* As much of a path walk as start-up needs: plain names, from the root. */
static COLD int boot_walk(const char *path, struct dentry **out_dir)
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
        /* Not into what lies on the last one, which is to be covered itself. */
        inside = *path ? mount_inside_get(dir) : NULL;
        if (inside) {
            dentry_put(dir);
            dir = inside;
        }
    }
    *out_dir = dir;
    return 0;
}

COLD int mount_at_boot(struct super_block *super, const char *path)
{
    struct dentry *dir;
    int err = boot_walk(path, &dir);

    if (err)
        return err;
    err = mount_attach(super, dir);
    /* It keeps the reference; and nothing removes or renames the directory, also while a test has
     * unmounted what lies there. */
    super->boot_directory = dir;
    dir->is_boot_mount = true;
    return err;
}

struct dentry *mount_inside_get(struct dentry *dentry)
{
    struct dentry *inside = NULL;

    spin_lock(&fs_tree_lock);
    if (dentry->mounted) {
        inside = mount_enter_locked(dentry->mounted);
        dentry_get(inside);
    }
    spin_unlock(&fs_tree_lock);
    return inside;
}

/* Of a node of any list, `mounts` or those of detached ones. */
static struct super_block *super_of(struct list *node)
{
    return list_entry(node, struct super_block, mounts);
}

/* For /proc/PID/mounts, which makes its text without the lock: a reference keeps its place. */
struct super_block *mount_next(struct super_block *previous)
{
    struct super_block *next = NULL;

    /* One that has been unmounted since is on another list: there is no next one to be found. */
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

/* Both locks held. Marks the mount and all that lies in it: what covers a directory was mounted
 * later than what that is in. top NULL: everything that start-up did not mount. */
static void mark_locked(struct super_block *top)
{
    ASSERT(mutex_is_held(&mount_lock) && spin_is_held(&fs_tree_lock));
    list_for_each (node, &mounts) {
        struct super_block *super = super_of(node);
        struct dentry *covered = super->covered;

        super->leaving = super == top || (!top && covered && !super->boot_directory) ||
                         (covered && covered->inode->super->leaving);
        super->entered = false;
    }
    version_change_locked();
}

/* Both locks held. The reference to the directory below becomes the caller's: it cannot be put
 * under a spinlock. */
static void detach_locked(struct super_block *super, struct dentry **out_covered)
{
    ASSERT(mutex_is_held(&mount_lock) && spin_is_held(&fs_tree_lock));
    version_change_locked();
    *out_covered = super->covered;
    __atomic_store_n(&super->covered->mounted, NULL, __ATOMIC_RELEASE);
    super->covered->inode->super->mounts_inside--;
    super->covered = NULL;
    super->leaving = false;
    list_remove(&super->mounts);
    mounts_count--;
    list_push_front(super->boot_directory ? &detached_boot : &detached, &super->mounts);
    __atomic_fetch_add(&detached_count, 1, __ATOMIC_RELAXED);
    dentry_tree_changed_locked();
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
    if (found)
        detach_locked(found, &covered);
    spin_unlock(&fs_tree_lock);
    dentry_put(covered);
    return found != NULL;
}

static void mark(struct super_block *top)
{
    spin_lock(&fs_tree_lock);
    mark_locked(top);
    spin_unlock(&fs_tree_lock);
}

/* Marks the mount alone. False: something is mounted inside. */
static bool mark_empty(struct super_block *super)
{
    bool empty;

    spin_lock(&fs_tree_lock);
    empty = !super->mounts_inside;
    super->leaving = true;
    super->entered = false;
    version_change_locked();
    spin_unlock(&fs_tree_lock);
    return empty;
}

static void unmark(struct super_block *super)
{
    spin_lock(&fs_tree_lock);
    super->leaving = false;
    spin_unlock(&fs_tree_lock);
}

/* Unless a walk has come in since it was marked. */
static bool detach_if_not_entered(struct super_block *super)
{
    struct dentry *covered = NULL;

    spin_lock(&fs_tree_lock);
    if (!super->entered)
        detach_locked(super, &covered);
    super->leaving = false;
    spin_unlock(&fs_tree_lock);
    dentry_put(covered);
    return covered != NULL;
}

/* The decision comes before the deed: as long as an unmount may still be refused the mount is in
 * its place. It is marked, looked through, and taken away only if no walk came in since the mark.
 */
static COLD int remove_unused(struct super_block *super)
{
    for (unsigned tries = 0; tries < BUSY_RETRIES; tries++) {
        bool busy = !mark_empty(super) || super->ops->is_busy(super);

        if (busy)
            break;
        if (detach_if_not_entered(super))
            return 0;
    }
    unmark(super);
    return -EBUSY;
}

/* mount_lock held; the caller has one reference to the root. */
static int remove_locked(struct super_block *super, bool detach)
{
    ASSERT(mutex_is_held(&mount_lock));
    if (!super->covered)
        return -EINVAL;
    if (!detach)
        return remove_unused(super);
    if (mark_empty(super) && detach_if_not_entered(super))
        return 0;
    mark(super);
    while (detach_marked())
        sched_preempt_point();
    return 0;
}

int mount_remove(struct dentry *root, bool detach)
{
    struct super_block *super = root->inode->super;
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    /* EINVAL for a directory that is not the root of a mount. */
    if (super->root == root)
        err = remove_locked(super, detach);
    mutex_unlock(&mount_lock);
    return err;
}

/* mount_lock held. Start-up's own keep what is in them, and are not looked at. What is still in use
 * goes to the end: the next sweep looks at others first. */
static COLD void sweep_locked(unsigned most)
{
    ASSERT(mutex_is_held(&mount_lock));
    for (unsigned i = 0; i < most && !list_empty(&detached); i++) {
        struct list *node = detached.next;
        struct super_block *super = super_of(node);
        bool done;

        list_remove(node);
        list_push_back(&detached, node);
        /* is_busy takes one reference for its caller's. */
        dentry_get(super->root);
        done = !super->ops->is_busy(super);
        if (done) {
            notify_unmounted(super);
            done = super->ops->clear(super);
        }
        dentry_put(super->root);
        /* In use, or no memory for the walk: the next sweep tries again. */
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

/* The count is read without the lock: nearly always there is nothing to do, and this is asked
 * often. */
void mount_sweep(void)
{
    if (likely(!mount_detached()))
        return;
    mutex_lock(&mount_lock);
    sweep_locked(SWEEP_MOST);
    mutex_unlock(&mount_lock);
}

/* All of them, as any may be the one that has lost its last user; in pieces, as others wait for
 * mount_lock. */
static void sweep_deferred(struct deferred *item)
{
    unsigned left = mount_detached();

    (void)item;
    for (; left; left -= MIN(left, SWEEP_MOST)) {
        mount_sweep();
        sched_preempt_point();
    }
}

/* A sweep looks through all that is in a detached tree, under mount_lock: not something that a task
 * should do because it closed a file. However many do so, it is one sweep. */
void mount_sweep_later(void)
{
    static struct deferred sweep = DEFERRED_INIT(sweep_deferred);

    if (unlikely(mount_detached()))
        deferred_queue(&sweep);
}

void mount_reset(void)
{
    int err;

    mutex_lock(&mount_lock);
    /* Everything that tests have mounted or unmounted is undone. */
    mark(NULL);
    while (detach_marked())
        ;
    sweep_locked(mount_detached());
    /* Oldest first, as they lie on each other: /dev before /dev/pts. */
    list_for_each_safe (node, &detached_boot) {
        struct super_block *super = super_of(node);

        list_remove(node);
        __atomic_fetch_sub(&detached_count, 1, __ATOMIC_RELAXED);
        /* The directory cannot have gone: it is a boot mount's. */
        err = mount_attach(super, super->boot_directory);
        ASSERT(err == 0);
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
    if (registered && !strcmp(type, registered->name))
        return registered->create(source, out_super);
    return procfs_super_create(type, source, out_super);
}

COLD int mount_new(const char *type, const char *source, struct dentry *directory, uint32_t flags,
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
    /* Everything about it is set before it can be found. */
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

/* mount_lock held. Not while a file is open for writing, or is still to go with its last use. What
 * is opened from here on finds it read-only (file_begin_write). */
static int readonly_begin_locked(struct super_block *super)
{
    ASSERT(mutex_is_held(&mount_lock));
    __atomic_store_n(&super->readonly, true, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&super->writers, __ATOMIC_SEQ_CST) &&
        !__atomic_load_n(&super->orphans, __ATOMIC_RELAXED))
        return 0;
    super->readonly = false;
    return -EBUSY;
}

COLD int mount_change(struct dentry *root, uint32_t flags, char *options)
{
    struct super_block *super = root->inode->super;
    bool was_readonly;
    int err = 0;

    mutex_lock(&mount_lock);
    was_readonly = super->readonly;
    if (super->root != root || !is_mounted(super))
        err = -EINVAL;
    else if ((flags & LX_MS_RDONLY) && !was_readonly)
        err = readonly_begin_locked(super);
    if (!err && super->ops->set_options)
        err = super->ops->set_options(super, options, false);
    else if (!err && *options)
        err = -EINVAL;
    if (err)
        super->readonly = was_readonly;
    if (!(flags & ATIME_FLAGS)) /* nothing said about it: it stays */
        flags |= super->flags & ATIME_FLAGS;
    if (!err)
        flags_set(super, flags & ~LX_MS_RELATIME);
    mutex_unlock(&mount_lock);
    return err;
}
