/* SPDX-License-Identifier: MIT */
/*
 * Mounts: attaching and detaching file systems, and the start of this room.
 *
 * A mount is in one of three states: new (it cannot be found yet), in the tree of a name space
 * (`space`; its parent and the dentry it lies on are set, and a hash leads from these to it), or
 * detached. A detached first mount of a file system is on the list `detached`, until its last user
 * has gone and the file system can be emptied, or, for what start-up mounted, until the test ends;
 * another one is counted, and goes with its last reference. mount_lock, a mutex, serialises
 * everything that moves one between these; fs_tree_lock, a spinlock, covers the pointers and the
 * lists of mounts, which walks follow.
 *
 * What else happens to the directory is decided under fs_tree_lock, too: it is killed, renamed or
 * replaced only while nothing is mounted on it, and mounted on only while it lives (dentry.h,
 * dentry_is_mount_point_locked). A test before the lock would leave a file system on a directory
 * that is gone, out of reach of umount.
 *
 * An unmount that may be refused is decided before anything is detached: to look first, detach,
 * look again and put it back would hide the mount for a moment. Of a counted mount the count says
 * it. For a first one the look takes long, and sleeps; so the mount is marked (`leaving`) before
 * it, a walk that goes in sets `entered`, and the mount goes only if that is still unset, in the
 * same locking. A walk that was already inside and holds nothing yet but the dentry it is at may be
 * missed while it moves from one to the next: it ends in a detached file system, as if it had come
 * before a lazy unmount; nothing is freed under it. References by aliases and by mounts are not
 * uses of the first mount: the file system is asked for more than these (super.views).
 *
 * The list of a name space's mounts has each behind the one it lies in.
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
#include "kernel/fs/vfs/mount_internal.h"
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

struct mutex mount_lock = MUTEX_INIT(MUTEX_EXEC);
struct mount_space mount_space_initial = {.mounts = LIST_INIT(mount_space_initial.mounts)};
static unsigned mounts_count; /* fs_tree_lock: those in the tree of a name space */
/* mount_lock: those of start-up apart, since they stay. */
static struct list detached = LIST_INIT(detached), detached_boot = LIST_INIT(detached_boot);
static uint32_t detached_count; /* atomic */
static struct super_block *root_super;
static uint32_t version;     /* atomic, changes under fs_tree_lock */
static uint64_t last_device; /* atomic: minor number with major 0, as Linux does */
static uint32_t last_id;     /* atomic */

/* --- file systems --- */

COLD void mount_init(struct mount *mount, struct super_block *super)
{
    mount->super = super;
    mount->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    list_init(&mount->node);
    list_init(&mount->same);
}

COLD void super_init(struct super_block *super, const char *type, uint64_t magic)
{
    super->type = type;
    super->magic = magic;
    super->refs = 1;
    super->device = __atomic_add_fetch(&last_device, 1, __ATOMIC_RELAXED);
    mount_init(&super->home, super);
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

/* A walk without locks that takes its reference later than this gives it back: see path_rcu.c.
 * Before and after a change, as one that has begun in between may have seen half of it. */
COLD void mount_version_change_locked(void)
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
    root_super->home.root = root_super->boot_directory = root_super->root;
    root_super->home.space = &mount_space_initial;
    mount_space_initial.root = &root_super->home;
    list_push_back(&mount_space_initial.mounts, &root_super->home.node);
    memfd_init();
}

struct dentry *mount_root(void)
{
    return root_super->root;
}

/* --- laying over --- */

#define HASH_SIZE 2048

static struct mount *mount_hash[HASH_SIZE]; /* fs_tree_lock */

static struct mount **hash_bucket(const struct mount *parent, const struct dentry *dentry)
{
    uint64_t key = ((uintptr_t)parent ^ ((uintptr_t)dentry << 3)) * 0x9e3779b97f4a7c15;

    return &mount_hash[key >> 53];
}

/* Nearly always there is one name space, and one view of the dentry. */
struct mount *mount_on(const struct mount *parent, const struct dentry *dentry)
{
    struct mount *mount = __atomic_load_n(&dentry->mounted, __ATOMIC_ACQUIRE);

    if (!mount || mount->parent == parent)
        return mount;
    mount = __atomic_load_n(hash_bucket(parent, dentry), __ATOMIC_ACQUIRE);
    while (mount && (mount->parent != parent || mount->point != dentry))
        mount = __atomic_load_n(&mount->hash_next, __ATOMIC_ACQUIRE);
    return mount;
}

/* Into the tree. Takes over the reference to the dentry, and for a counted mount its first one. */
COLD void mount_link_locked(struct mount *mount, struct vfs_path where)
{
    struct mount **bucket = hash_bucket(where.mount, where.dentry);

    /* For walks that must keep below a start: ".." may lead elsewhere from now on. */
    dentry_tree_changed_locked();
    mount_version_change_locked();
    mount->parent = where.mount;
    mount->point = where.dentry;
    mount->hash_next = *bucket;
    __atomic_store_n(bucket, mount, __ATOMIC_RELEASE);
    where.mount->children++;
    __atomic_fetch_add(&where.dentry->inode->super->views, 1, __ATOMIC_RELAXED);
    /* After `parent`: a walk that comes in finds the way out. */
    if (where.dentry->mounted)
        list_push_back(&where.dentry->mounted->same, &mount->same);
    else
        __atomic_store_n(&where.dentry->mounted, mount, __ATOMIC_RELEASE);
    mount_version_change_locked();
}

/* Out of it. The reference to the dentry below becomes the caller's: it cannot be put under a
 * spinlock. */
COLD struct dentry *mount_unlink_locked(struct mount *mount)
{
    struct mount **link = hash_bucket(mount->parent, mount->point);
    struct dentry *point = mount->point;

    dentry_tree_changed_locked();
    mount_version_change_locked();
    while (*link != mount)
        link = &(*link)->hash_next;
    __atomic_store_n(link, mount->hash_next, __ATOMIC_RELEASE);
    if (point->mounted == mount) {
        struct mount *other = list_entry(mount->same.next, struct mount, same);

        __atomic_store_n(&point->mounted, other == mount ? NULL : other, __ATOMIC_RELEASE);
    }
    list_remove(&mount->same);
    list_init(&mount->same);
    mount->parent->children--;
    __atomic_fetch_sub(&point->inode->super->views, 1, __ATOMIC_RELAXED);
    mount->parent = NULL;
    mount_version_change_locked();
    return point;
}

COLD int mount_adopt_locked(struct mount_space *space, struct list *tree, unsigned count)
{
    if (mounts_count + count > MOUNT_MAX)
        return -ENOSPC;
    mounts_count += count;
    list_for_each (node, tree)
        list_entry(node, struct mount, node)->space = space;
    list_move_front(tree, tree->prev, &space->mounts);
    return 0;
}

COLD int mount_join_locked(struct list *tree, struct vfs_path where, unsigned count)
{
    bool directory = dentry_is_directory(where.dentry);
    struct mount *top = list_entry(tree->next, struct mount, node);
    int err;

    ASSERT(mutex_is_held(&mount_lock) && spin_is_held(&fs_tree_lock));
    if (directory != dentry_is_directory(top->root))
        return -ENOTDIR;
    /* Not on a name that is gone or never was in a directory (/proc/PID), nor on one in a file
     * system that has been detached: nothing could be unmounted there. */
    if (where.dentry->unhashed || (directory && dir_is_dead(where.dentry->inode)) ||
        (where.dentry->parent && !where.dentry->linked))
        return -ENOENT;
    if (!where.mount->space)
        return -EINVAL;
    err = mount_adopt_locked(where.mount->space, tree, count);
    if (err)
        return err;
    dentry_get(where.dentry);
    mount_link_locked(top, where);
    return 0;
}

/* What has been mounted there since the walk lies under what comes now. */
COLD int mount_join(struct list *tree, struct dentry *place, unsigned count)
{
    struct vfs_path where = dentry_to_path(place);
    struct mount *mounted;
    int err;

    spin_lock(&fs_tree_lock);
    while ((mounted = mount_on(where.mount, where.dentry)) != NULL)
        where = mount_enter_locked(mounted);
    err = mount_join_locked(tree, where, count);
    spin_unlock(&fs_tree_lock);
    return err;
}

static COLD int mount_attach(struct super_block *super, struct dentry *place)
{
    struct list tree = LIST_INIT(tree);
    int err;

    super->home.root = super->root;
    list_push_back(&tree, &super->home.node);
    err = mount_join(&tree, place, 1);
    return err;
}

/* As much of a path walk as start-up needs: plain names, from the root. */
static COLD int boot_walk(const char *path, struct dentry **out_dir)
{
    struct dentry *dir = root_super->root;
    struct mount *inside;

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
        inside = *path ? dir->mounted : NULL;
        if (inside) {
            dentry_put(dir);
            dir = inside->root;
            dentry_get(dir);
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
    mutex_lock(&mount_lock);
    err = mount_attach(super, dir);
    mutex_unlock(&mount_lock);
    /* It keeps the reference; and nothing removes or renames the directory, also while a test has
     * unmounted what lies there. */
    super->boot_directory = dir;
    dir->is_boot_mount = true;
    return err;
}

COLD void mount_list_put(struct mount *mount)
{
    struct super_block *super = mount->super;

    __atomic_fetch_sub(&mount->readers, 1, __ATOMIC_RELAXED);
    mount_put(mount);
    super_put(super);
}

/* For /proc/PID/mounts, which makes its text without the lock: a reference keeps its place, and is
 * no use that keeps one from being unmounted. */
COLD struct mount *mount_next(const struct mount *root, struct mount *previous)
{
    struct mount_space *space;
    struct mount *next = NULL;

    /* One that has been unmounted since is in no list: there is no next one to be found. */
    spin_lock(&fs_tree_lock);
    space = root->space;
    if (space && (!previous || previous->space == space)) {
        struct list *node = previous ? previous->node.next : space->mounts.next;

        if (node != &space->mounts) {
            next = list_entry(node, struct mount, node);
            __atomic_fetch_add(&next->super->refs, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&next->readers, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&next->refs, 1, __ATOMIC_RELAXED);
        }
    }
    spin_unlock(&fs_tree_lock);
    if (previous)
        mount_list_put(previous);
    return next;
}

/* --- references to counted mounts --- */

bool mount_get_live(struct mount *mount)
{
    uint32_t refs = __atomic_load_n(&mount->refs, __ATOMIC_RELAXED);

    while (refs != 0)
        if (__atomic_compare_exchange_n(&mount->refs, &refs, refs + 1, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

static COLD void mount_free_rcu(struct rcu_head *head)
{
    kfree(container_of(head, struct mount, rcu));
}

/* The last one to go may have kept a file system whose first mount is gone: a sweep sees to it. */
void mount_put(struct mount *mount)
{
    struct super_block *super = mount->super;

    if (mount_is_first(mount) || __atomic_sub_fetch(&mount->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    ASSERT(!mount->space);
    __atomic_fetch_sub(&super->views, 1, __ATOMIC_RELAXED);
    dentry_put(mount->root);
    __atomic_fetch_sub(&super->clones, 1, __ATOMIC_RELEASE);
    rcu_call(&mount->rcu, mount_free_rcu);
    mount_sweep_later();
    super_put(super);
}

/* --- taking away --- */

static COLD struct mount *mount_of_node(struct list *node)
{
    return list_entry(node, struct mount, node);
}

/* Both locks held. Marks the mount and all that lies in it. top NULL: all but "/". */
static COLD void mark_locked(struct mount_space *space, struct mount *top)
{
    ASSERT(mutex_is_held(&mount_lock) && spin_is_held(&fs_tree_lock));
    list_for_each (node, &space->mounts) {
        struct mount *mount = mount_of_node(node);

        mount->leaving =
            mount == top || (!top && mount->parent) || (mount->parent && mount->parent->leaving);
        mount->entered = 0;
    }
    mount_version_change_locked();
}

/* Both locks held. What becomes the caller's is put once they are dropped. */
static COLD struct dentry *detach_locked(struct mount *mount)
{
    struct super_block *super = mount->super;
    struct dentry *point = mount->parent ? mount_unlink_locked(mount) : NULL;

    ASSERT(mutex_is_held(&mount_lock));
    mount->leaving = mount->expiring = false;
    mount->space = NULL;
    list_remove(&mount->node);
    mounts_count -= point != NULL;
    if (!mount_is_first(mount))
        return point;
    list_push_front(super->boot_directory ? &detached_boot : &detached, &mount->node);
    __atomic_fetch_add(&detached_count, 1, __ATOMIC_RELAXED);
    return point;
}

static COLD void detached_put(struct mount *mount, struct dentry *point)
{
    dentry_put(point);
    mount_put(mount);
}

/* Takes the newest marked mount out of the tree. False: none is left. */
static COLD bool detach_marked(struct mount_space *space)
{
    struct mount *found = NULL;
    struct dentry *point = NULL;

    spin_lock(&fs_tree_lock);
    for (struct list *node = space->mounts.prev; node != &space->mounts && !found;
         node = node->prev)
        if (mount_of_node(node)->leaving)
            found = mount_of_node(node);
    if (found)
        point = detach_locked(found);
    spin_unlock(&fs_tree_lock);
    if (found)
        detached_put(found, point);
    return found;
}

/* mount_lock held. With everything that lies in it. */
COLD void mount_detach_tree(struct mount_space *space, struct mount *top)
{
    spin_lock(&fs_tree_lock);
    mark_locked(space, top);
    spin_unlock(&fs_tree_lock);
    while (detach_marked(space))
        sched_preempt_point();
}

/* Marks the mount alone. */
static COLD void mark_alone(struct mount *mount)
{
    spin_lock(&fs_tree_lock);
    mount->leaving = true;
    mount->entered = 0;
    mount_version_change_locked();
    spin_unlock(&fs_tree_lock);
}

/* Unless a walk has come in since it was marked, or something lies in it. A counted one has a
 * reference for the tree, one of the caller's, and those that read the list. */
static COLD bool detach_unless_used(struct mount *mount)
{
    struct dentry *point = NULL;
    bool used = true;

    spin_lock(&fs_tree_lock);
    mount_version_change_locked();
    if (!mount->children && !mount->entered)
        used = !mount_is_first(mount) && __atomic_load_n(&mount->refs, __ATOMIC_SEQ_CST) >
                                             2 + __atomic_load_n(&mount->readers, __ATOMIC_SEQ_CST);
    mount->leaving = false;
    if (!used)
        point = detach_locked(mount);
    spin_unlock(&fs_tree_lock);
    if (!used)
        detached_put(mount, point);
    return !used;
}

/* The decision comes before the deed: as long as an unmount may still be refused the mount is in
 * its place. It is marked, looked through, and taken away only if no walk came in since the mark.
 */
static COLD int remove_unused(struct mount *mount)
{
    bool first = mount_is_first(mount);

    for (unsigned tries = 0; tries < BUSY_RETRIES; tries++) {
        mark_alone(mount);
        if (mount->children || (first && mount->super->ops->is_busy(mount->super)))
            break;
        if (detach_unless_used(mount))
            return 0;
        if (!first)
            return -EBUSY;
    }
    spin_lock(&fs_tree_lock);
    mount->leaving = false;
    spin_unlock(&fs_tree_lock);
    return -EBUSY;
}

/* The first time it is only marked; the second time it goes, unless anything but the call itself
 * has gone in. */
static COLD bool has_expired(struct mount *mount)
{
    bool expired = mount->expiring && mount->leaving && mount->entered <= 1;

    if (!expired)
        mark_alone(mount);
    mount->expiring = !expired;
    return expired;
}

/* mount_lock held; the caller has one reference to the root. */
static COLD int remove_locked(struct mount *mount, unsigned flags)
{
    ASSERT(mutex_is_held(&mount_lock));
    if (!mount->parent)
        return -EINVAL;
    if (flags & LX_MNT_DETACH) {
        mount_detach_tree(mount->space, mount);
        return 0;
    }
    if (flags & LX_MNT_EXPIRE) {
        if (mount->children ||
            (mount_is_first(mount) ? mount->super->ops->is_busy(mount->super)
                                   : __atomic_load_n(&mount->refs, __ATOMIC_SEQ_CST) > 2))
            return -EBUSY;
        if (!has_expired(mount))
            return -EAGAIN;
    }
    return remove_unused(mount);
}

COLD int mount_remove(struct mount_space *space, struct dentry *root, unsigned flags)
{
    struct vfs_path path = dentry_to_path(root);
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    /* EINVAL for a directory that is not the root of a mount, or in another name space. */
    if (path.mount->root == path.dentry && path.mount->space == space)
        err = remove_locked(path.mount, flags);
    mutex_unlock(&mount_lock);
    return err;
}

COLD int mount_detach_foreign(const struct mount_space *space, struct dentry *dentry)
{
    struct mount *mount;
    int err = 0;

    mutex_lock(&mount_lock);
    spin_lock(&fs_tree_lock);
    if (dentry->is_boot_mount || (inode_has_dir(dentry->inode) && !dir_is_empty(dentry->inode)))
        err = -EBUSY;
    if ((mount = dentry->mounted) != NULL)
        do {
            if (mount->space == space)
                err = -EBUSY;
            mount = list_entry(mount->same.next, struct mount, same);
        } while (mount != dentry->mounted);
    spin_unlock(&fs_tree_lock);
    while (!err && (mount = dentry->mounted) != NULL)
        mount_detach_tree(mount->space, mount);
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
        struct super_block *super = mount_of_node(node)->super;
        bool done;

        list_remove(node);
        list_push_back(&detached, node);
        if (__atomic_load_n(&super->clones, __ATOMIC_ACQUIRE))
            continue;
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
COLD void mount_sweep(void)
{
    if (likely(!mount_detached()))
        return;
    mutex_lock(&mount_lock);
    sweep_locked(SWEEP_MOST);
    mutex_unlock(&mount_lock);
}

/* All of them, as any may be the one that has lost its last user; in pieces, as others wait for
 * mount_lock. */
static COLD void sweep_deferred(struct deferred *item)
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

/* Of those that start-up mounted the first in its order, as they lie on each other: /dev before
 * /dev/pts. */
static COLD struct super_block *boot_mount_take(void)
{
    struct mount *first = NULL;

    list_for_each (node, &detached_boot)
        if (!first || mount_of_node(node)->id < first->id)
            first = mount_of_node(node);
    if (!first)
        return NULL;
    list_remove(&first->node);
    __atomic_fetch_sub(&detached_count, 1, __ATOMIC_RELAXED);
    return first->super;
}

/* Everything that tests have mounted, moved or unmounted is undone. */
COLD void mount_reset(void)
{
    struct mount_space *space = &mount_space_initial;
    struct mount *root = &root_super->home;
    struct super_block *super;
    struct dentry *point = NULL;
    int err;

    mutex_lock(&mount_lock);
    spin_lock(&fs_tree_lock);
    if (root->parent) {
        point = mount_unlink_locked(root);
        mounts_count--;
    }
    spin_unlock(&fs_tree_lock);
    dentry_put(point);
    if (space->root != root) /* pivot_root(2) has put another one there */
        mount_detach_tree(space, space->root);
    space->root = root;
    mount_detach_tree(space, NULL);
    if (!root->space) { /* it was unmounted then */
        ASSERT(boot_mount_take() == root_super);
        list_push_front(&space->mounts, &root->node);
        root->space = space;
    }
    sweep_locked(mount_detached());
    while ((super = boot_mount_take()) != NULL) {
        /* The directory cannot have gone: it is a boot mount's. */
        err = mount_attach(super, super->boot_directory);
        ASSERT(err == 0);
    }
    list_for_each (node, &space->mounts) {
        struct mount *mount = mount_of_node(node);

        mount->flags = 0;
        mount->leaving = mount->expiring = mount->unbindable = false;
        mount->super->readonly = false;
    }
    mutex_unlock(&mount_lock);
}

/* --- mount(2) --- */

#define ATIME_FLAGS (LX_MS_NOATIME | LX_MS_NODIRATIME | LX_MS_RELATIME | LX_MS_STRICTATIME)

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
    int err = filesystem_create(type, source, &super);

    if (err)
        return err;
    if (super->ops->set_options)
        err = super->ops->set_options(super, options, true);
    else if (*options)
        err = -EINVAL;
    /* Everything about it is set before it can be found. */
    super->home.flags = flags & ~LX_MS_RELATIME;
    super->readonly = flags & LX_MS_RDONLY;
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

/* mount_lock held. Not while a file is open for writing, or is still to go with its last use. What
 * is opened from here on finds it read-only (file_begin_write). */
static COLD int readonly_begin_locked(struct super_block *super)
{
    ASSERT(mutex_is_held(&mount_lock));
    __atomic_store_n(&super->readonly, true, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&super->writers, __ATOMIC_SEQ_CST) &&
        !__atomic_load_n(&super->orphans, __ATOMIC_RELAXED))
        return 0;
    super->readonly = false;
    return -EBUSY;
}

/* The file system as a whole. */
static COLD int super_change_locked(struct super_block *super, uint32_t flags, char *options)
{
    bool was_readonly = super->readonly;
    int err = 0;

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
    uint32_t old = mount->flags, writers;

    if (!(flags & ATIME_FLAGS)) /* nothing said about it: it stays */
        flags |= old & ATIME_FLAGS;
    __atomic_store_n(&mount->flags, flags & ~LX_MS_RELATIME, __ATOMIC_SEQ_CST);
    writers = mount_is_first(mount)
                  ? __atomic_load_n(&mount->super->writers, __ATOMIC_SEQ_CST) -
                        __atomic_load_n(&mount->super->clone_writers, __ATOMIC_SEQ_CST)
                  : __atomic_load_n(&mount->writers, __ATOMIC_SEQ_CST);
    if (!(flags & ~old & LX_MS_RDONLY) || !writers)
        return 0;
    mount->flags = old;
    return -EBUSY;
}

COLD int mount_change(struct mount_space *space, struct dentry *root, uint32_t flags, char *options)
{
    struct vfs_path path = dentry_to_path(root);
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (path.dentry == path.mount->root && path.mount->space == space) {
        err = options ? super_change_locked(path.mount->super, flags, options) : 0;
        if (!err)
            err = mount_change_locked(path.mount, flags);
    }
    mutex_unlock(&mount_lock);
    return err;
}
