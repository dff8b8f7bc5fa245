/* SPDX-License-Identifier: MIT */
/*
 * Mounts: attaching file systems, finding what lies where, and the start of this room.
 *
 * A mount is in one of three states: new (it cannot be found yet), in the tree of a name space
 * (`space`; its parent and the dentry it lies on are set, and a hash leads from these to it), or
 * detached (mount_remove.c). mount_lock, a mutex, serialises everything that moves one between
 * these; fs_tree_lock, a spinlock, covers the pointers and the lists of mounts, which walks follow.
 *
 * What else happens to the name is decided under its directory's mutex: it is unlinked or replaced
 * only while nothing is mounted on it, and mounted on only while it lives, with that mutex held
 * (mount_place_lock). A test before the lock would leave a file system on a name that is gone, out
 * of reach of umount.
 *
 * A name space has its mounts in two orders: as a tree, in which each has a list of those that lie
 * in it, for whatever goes through a part of them (mount_tree_next), and by their ids, for those
 * that list them in pieces. A program makes as many as MOUNT_MAX: what goes through them does so
 * under mount_lock alone, and gives way; under fs_tree_lock one is linked or unlinked at a time.
 * How deep they lie in each other has a bound of its own, as walks climb under fs_tree_lock.
 * Long because start-up's mounts and every change of the tree go through the same few links.
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

struct mutex mount_lock = MUTEX_INIT(MUTEX_EXEC);
struct mount_space mount_space_initial;
static unsigned mounts_count; /* mount_lock: those in name spaces */
static struct super_block *root_super;
static uint32_t version;     /* atomic, changes under fs_tree_lock */
static uint64_t last_device; /* atomic: minor number with major 0, as Linux does */
static uint32_t last_id;     /* atomic */

/* --- file systems --- */

COLD void mount_init(struct mount *mount, struct super_block *super)
{
    mount->super = super;
    mount->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    list_init(&mount->children);
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

COLD char *mount_source_copy(const char *source)
{
    size_t size = strlen(source) + 1;
    char *copy = kmalloc(size);

    if (copy)
        memcpy(copy, source, size);
    return copy;
}

COLD int super_create(const char *type, const char *source, uint64_t magic,
                      struct super_block **out_super)
{
    struct super_block *super = kzalloc(sizeof(*super));

    if (!super)
        return -ENOMEM;
    super->home.source = mount_source_copy(source);
    if (!super->home.source) {
        kfree(super);
        return -ENOMEM;
    }
    super_init(super, type, magic);
    *out_super = super;
    return 0;
}

COLD int super_make_root(struct super_block *super, struct inode *root,
                         struct super_block **out_super)
{
    int err = dentry_create(NULL, "/", 1, 0, root, &super->root);

    if (err) {
        ramfs_discard(root);
        super_put(super);
        return err;
    }
    inode_put(root);
    *out_super = super;
    return 0;
}

/* After a grace period: walks without locks go from an inode to its file system. */
static void super_free_rcu(struct rcu_head *head)
{
    struct super_block *super = container_of(head, struct super_block, rcu);

    kfree((void *)super->home.source);
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
    mount_space_initial.root = &root_super->home;
    mutex_lock(&mount_lock);
    err = mount_adopt(&mount_space_initial, &root_super->home);
    mutex_unlock(&mount_lock);
    ASSERT(err == 0);
    memfd_init();
}

struct dentry *mount_root(void)
{
    return root_super->root;
}

/* --- laying over --- */

#define HASH_SIZE 2048

/* By what they lie in and on. Read without a lock: a mount that is moved meanwhile leads a reader
 * into another chain, which costs it a mount that is there. So what was found, and that nothing
 * was, counts only with an unchanged mount_version; a mount that has gone is freed after a grace
 * period. */
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
    /* Other views of it have others, or none. */
    mount = __atomic_load_n(hash_bucket(parent, dentry), __ATOMIC_ACQUIRE);
    while (mount && (mount->parent != parent || mount->point != dentry))
        mount = __atomic_load_n(&mount->hash_next, __ATOMIC_ACQUIRE);
    return mount;
}

/* Into the tree. Takes over the reference to the dentry, and for a counted mount its first one. */
COLD void mount_link_locked(struct mount *mount, struct vfs_path where)
{
    struct mount **bucket = hash_bucket(where.mount, where.dentry);

    ASSERT(spin_is_held(&fs_tree_lock));
    /* For walks that must keep below a start: ".." may lead elsewhere from now on. */
    dentry_tree_changed_locked();
    mount_version_change_locked();
    mount->parent = where.mount;
    mount->point = where.dentry;
    mount->hash_next = *bucket;
    __atomic_store_n(bucket, mount, __ATOMIC_RELEASE);
    /* What the first mount of the file system is asked for does not include it. */
    list_push_back(&where.mount->children, &mount->sibling);
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

    ASSERT(spin_is_held(&fs_tree_lock));
    dentry_tree_changed_locked();
    mount_version_change_locked();
    while (*link != mount)
        link = &(*link)->hash_next;
    __atomic_store_n(link, mount->hash_next, __ATOMIC_RELEASE);
    /* Any other one there will do; a ring of one is the last. */
    if (point->mounted == mount) {
        struct mount *other = list_entry(mount->same.next, struct mount, same);

        __atomic_store_n(&point->mounted, other == mount ? NULL : other, __ATOMIC_RELEASE);
    }
    list_remove(&mount->same);
    list_init(&mount->same);
    list_remove(&mount->sibling);
    __atomic_fetch_sub(&point->inode->super->views, 1, __ATOMIC_RELAXED);
    mount->parent = NULL;
    mount_version_change_locked();
    return point;
}

COLD int mount_adopt(struct mount_space *space, struct mount *mount)
{
    struct rb_node **link = &space->mounts.root, *parent = NULL;

    ASSERT(mutex_is_held(&mount_lock));
    if (mounts_count >= MOUNT_MAX)
        return -ENOSPC;
    mounts_count++;
    spin_lock(&fs_tree_lock);
    while (*link) {
        parent = *link;
        link = mount->id < mount_by_id(parent)->id ? &parent->left : &parent->right;
    }
    rb_insert(&space->mounts, &mount->by_id, parent, link);
    mount->space = space;
    spin_unlock(&fs_tree_lock);
    return 0;
}

COLD void mount_abandon_locked(struct mount *mount)
{
    ASSERT(mutex_is_held(&mount_lock) && spin_is_held(&fs_tree_lock));
    rb_erase(&mount->space->mounts, &mount->by_id);
    mount->space = NULL;
    mounts_count--;
}

/* No lock but mount_lock is needed for the pointers: nothing changes them without it. */
COLD struct mount *mount_tree_next(struct mount *at, const struct mount *top, bool inside,
                                   unsigned *level)
{
    ASSERT(mutex_is_held(&mount_lock));
    sched_preempt_point();
    if (inside && !list_empty(&at->children)) {
        ++*level;
        return list_entry(at->children.next, struct mount, sibling);
    }
    for (; at != top; at = at->parent, --*level)
        if (at->sibling.next != &at->parent->children)
            return list_entry(at->sibling.next, struct mount, sibling);
    return NULL;
}

COLD int mount_depth_check(struct mount *top, const struct mount *where)
{
    unsigned level = 1;

    for (; where->parent; where = where->parent)
        level++;
    for (struct mount *at = top; at; at = mount_tree_next(at, top, true, &level))
        if (level >= MOUNT_DEPTH_MAX)
            return -ENOSPC;
    return 0;
}

COLD struct vfs_path mount_top_locked(struct vfs_path path)
{
    struct mount *mounted;

    ASSERT(spin_is_held(&fs_tree_lock));
    while ((mounted = mount_on(path.mount, path.dentry)) != NULL)
        path = mount_enter_locked(mounted);
    return path;
}

COLD void mount_place_unlock(struct mount_place *place)
{
    if (!place->dir)
        return;
    mutex_unlock(&place->dir->lock);
    inode_put(place->dir);
}

/* The mutex comes before fs_tree_lock, under which the directory is found: so it is looked for
 * again where the name has been moved meanwhile. */
COLD int mount_place_lock(struct dentry *dentry, struct mount_place *place)
{
    struct dentry *at, *parent;

    ASSERT(mutex_is_held(&mount_lock));
    for (;;) {
        spin_lock(&fs_tree_lock);
        place->path = mount_top_locked(dentry_to_path(dentry));
        at = place->path.dentry;
        parent = at->parent;
        place->dir = parent ? parent->inode : NULL;
        if (parent)
            inode_get(place->dir);
        spin_unlock(&fs_tree_lock);
        if (!parent)
            break;
        mutex_lock(&place->dir->lock);
        if (at->parent == parent)
            break;
        mount_place_unlock(place);
    }
    /* Not on a name that is gone or never was in a directory (/proc/PID), nor on one in a file
     * system that has been detached: nothing could be unmounted there. */
    if (!at->unhashed && !(dentry_is_directory(at) && dir_is_dead(at->inode)) &&
        (!parent || at->linked))
        return 0;
    mount_place_unlock(place);
    return -ENOENT;
}

/* What has been mounted there since the walk lies under what comes now. */
COLD int mount_join(struct mount *top, struct dentry *dentry)
{
    struct mount_place place;
    int err = mount_place_lock(dentry, &place);

    if (err)
        return err;
    if (dentry_is_directory(place.path.dentry) != dentry_is_directory(top->root))
        err = -ENOTDIR;
    else
        err = mount_depth_check(top, place.path.mount);
    if (!err) {
        dentry_get(place.path.dentry);
        spin_lock(&fs_tree_lock);
        mount_link_locked(top, place.path);
        spin_unlock(&fs_tree_lock);
    }
    mount_place_unlock(&place);
    return err;
}

COLD int mount_attach(struct super_block *super, struct dentry *place)
{
    struct mount_space *space = dentry_mount(place)->space;
    int err;

    super->home.root = super->root; /* a reader of the list may find it from here on */
    err = space ? mount_adopt(space, &super->home) : -EINVAL;
    if (err)
        return err;
    err = mount_join(&super->home, place);
    if (err) {
        spin_lock(&fs_tree_lock);
        mount_abandon_locked(&super->home);
        spin_unlock(&fs_tree_lock);
    }
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

/* For those that list the mounts, in pieces: an id keeps their place, whatever goes or comes, and
 * no reference keeps a mount from being unmounted. */
COLD struct mount *mount_next(const struct mount *root, uint32_t id)
{
    struct rb_node *node;
    struct mount *next = NULL;

    spin_lock(&fs_tree_lock);
    for (node = root->space ? root->space->mounts.root : NULL; node;) {
        struct mount *mount = mount_by_id(node);

        if (mount->id > id)
            next = mount;
        node = mount->id > id ? node->left : node->right;
    }
    spin_unlock(&fs_tree_lock);
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
    struct mount *mount = container_of(head, struct mount, rcu);

    kfree((void *)mount->source);
    kfree(mount);
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
