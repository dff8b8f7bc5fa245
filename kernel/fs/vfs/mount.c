/* SPDX-License-Identifier: MIT */
/*
 * Mounts: attaching file systems, finding what lies where, and the start of this room.
 *
 * A mount is in one of three states: new (it cannot be found yet), in the tree of a name space
 * (`space`; its parent and the dentry it lies on are set, and a hash leads from these to it), or
 * detached (mount_remove.c). mount_lock, a mutex, serialises everything that moves one between
 * these; fs_tree_lock, a spinlock, covers the pointers and the lists of mounts, which walks follow.
 *
 * What else happens to the directory is decided under fs_tree_lock, too: it is killed, renamed or
 * replaced only while nothing is mounted on it, and mounted on only while it lives (dentry.h,
 * dentry_is_mount_point_locked). A test before the lock would leave a file system on a directory
 * that is gone, out of reach of umount.
 *
 * The list of a name space's mounts has each behind the one it lies in.
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
struct mount_space mount_space_initial = {.mounts = LIST_INIT(mount_space_initial.mounts)};
unsigned mounts_count; /* fs_tree_lock: those in the tree of a name space */
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
    mount->parent->children--;
    __atomic_fetch_sub(&point->inode->super->views, 1, __ATOMIC_RELAXED);
    mount->parent = NULL;
    mount_version_change_locked();
    return point;
}

COLD int mount_adopt_locked(struct mount_space *space, struct list *tree, unsigned count)
{
    ASSERT(spin_is_held(&fs_tree_lock));
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

COLD int mount_attach(struct super_block *super, struct dentry *place)
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
