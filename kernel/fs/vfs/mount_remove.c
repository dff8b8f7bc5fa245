/* SPDX-License-Identifier: MIT */
/*
 * Mounts: taking them away, at once or lazily, and putting back what tests have taken.
 *
 * A detached first mount of a file system is on the list `detached`, until its last user has gone
 * and the file system can be emptied, or, for what start-up mounted, until the test ends; another
 * one is counted, and goes with its last reference.
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
 * A lazy unmount refuses nothing, and needs no marks: the top goes first, and with it all that lies
 * in it is out of reach; then that goes, from the leaves on.
 */
#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/fs/vfs/mount_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define BUSY_RETRIES 16 /* of an unmount, while others walk through it */
#define SWEEP_MOST   16 /* detached mounts that one sweep looks at */

/* mount_lock: those of start-up apart, since they stay. */
static struct list detached = LIST_INIT(detached), detached_boot = LIST_INIT(detached_boot);
static uint32_t detached_count; /* atomic */

static inline struct mount *mount_detached_at(struct list *node)
{
    return list_entry(node, struct mount, node);
}

/* Its file system ends with the last use: a sweep finds that out. */
static COLD void detached_add_locked(struct super_block *super)
{
    ASSERT(mutex_is_held(&mount_lock));
    list_push_front(super->boot_directory ? &detached_boot : &detached, &super->home.node);
    __atomic_fetch_add(&detached_count, 1, __ATOMIC_RELAXED);
}

/* Both locks held. What becomes the caller's is put once they are dropped. */
static COLD struct dentry *detach_locked(struct mount *mount)
{
    struct dentry *point = mount->parent ? mount_unlink_locked(mount) : NULL;

    ASSERT(mutex_is_held(&mount_lock));
    mount->leaving = mount->expiring = false;
    mount_abandon_locked(mount);
    if (mount_is_first(mount))
        detached_add_locked(mount->super);
    return point;
}

static COLD void detached_put(struct mount *mount, struct dentry *point)
{
    dentry_put(point);
    mount_put(mount);
}

static COLD void mount_detach(struct mount *mount)
{
    struct dentry *point;

    spin_lock(&fs_tree_lock);
    point = detach_locked(mount);
    spin_unlock(&fs_tree_lock);
    detached_put(mount, point);
}

/* mount_lock held. The children of what is detached are found through it still. */
COLD void mount_detach_tree(struct mount *top)
{
    struct dentry *point = NULL;
    struct mount *at = top;

    spin_lock(&fs_tree_lock);
    point = detach_locked(top);
    spin_unlock(&fs_tree_lock);
    while (at != top || !list_empty(&top->children)) {
        struct mount *leaf = at;

        sched_preempt_point();
        if (!list_empty(&at->children)) {
            at = list_entry(at->children.prev, struct mount, sibling);
            continue;
        }
        at = at->parent;
        mount_detach(leaf);
    }
    detached_put(top, point);
}

/* Walks that go into it from here on are noticed. */
static COLD void mark(struct mount *mount)
{
    spin_lock(&fs_tree_lock);
    mount->leaving = true;
    mount->entered = 0;
    mount_version_change_locked();
    spin_unlock(&fs_tree_lock);
}

/* Of a counted mount one reference is the tree's, and one the caller's place, if that is in it.
 * Then those to the place count, too: all that reach it by one magic link share it. The caller has
 * one reference to the root. */
static COLD bool mount_is_used(struct mount *mount, const struct dentry *place)
{
    uint32_t own = 1;

    if (mount_is_first(mount))
        return mount->super->ops->is_busy(mount->super);
    if (dentry_mount(place) == mount)
        own += __atomic_load_n(&place->refs, __ATOMIC_SEQ_CST) == 1;
    return __atomic_load_n(&mount->refs, __ATOMIC_SEQ_CST) > own;
}

/* Unless a walk has come in since it was marked, or something lies in it. */
static COLD bool detach_unless_used(struct mount *mount, const struct dentry *place)
{
    struct dentry *point = NULL;
    bool used;

    spin_lock(&fs_tree_lock);
    mount_version_change_locked();
    used = !list_empty(&mount->children) || mount->entered ||
           (!mount_is_first(mount) && mount_is_used(mount, place));
    /* The mark stays until no walk finds it any more: one that began just now has not been seen. */
    if (used)
        mount->leaving = false;
    else
        point = detach_locked(mount);
    spin_unlock(&fs_tree_lock);
    if (!used)
        detached_put(mount, point);
    return !used;
}

/* The decision comes before the deed: as long as an unmount may still be refused the mount is in
 * its place. It is marked, looked through, and taken away only if no walk came in since the mark.
 */
static COLD int remove_unused(struct mount *mount, const struct dentry *place)
{
    for (unsigned tries = 0; tries < BUSY_RETRIES; tries++) {
        mark(mount);
        if (!list_empty(&mount->children) || mount_is_used(mount, place))
            break;
        if (detach_unless_used(mount, place))
            return 0;
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
        mark(mount);
    mount->expiring = !expired;
    return expired;
}

static COLD int remove_locked(struct mount *mount, const struct dentry *place, unsigned flags)
{
    ASSERT(mutex_is_held(&mount_lock));
    if (!mount->parent)
        return -EINVAL;
    if (flags & LX_MNT_DETACH) {
        mount_detach_tree(mount);
        return 0;
    }
    if (flags & LX_MNT_EXPIRE) {
        if (!list_empty(&mount->children) || mount_is_used(mount, place))
            return -EBUSY;
        if (!has_expired(mount))
            return -EAGAIN;
    }
    return remove_unused(mount, place);
}

COLD int mount_remove(struct mount_space *space, struct dentry *place, unsigned flags)
{
    struct vfs_path path = dentry_to_path(place);
    struct dentry *root = NULL;
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    /* What "." leads to is what lies on top there, as on Linux. */
    if (path.mount->space == space) {
        spin_lock(&fs_tree_lock);
        path = mount_top_locked(path);
        spin_unlock(&fs_tree_lock);
        if (path.dentry != dentry_real(place)) {
            root = path.dentry;
            dentry_get(root);
        }
        /* EINVAL for a directory that is not the root of a mount, or in another name space. */
        if (path.mount->root == path.dentry)
            err = remove_locked(path.mount, place, flags);
    }
    mutex_unlock(&mount_lock);
    dentry_put(root);
    return err;
}

COLD int mount_detach_foreign(struct fs_context *context, struct dentry *dentry, bool stays)
{
    struct dentry *root = fs_context_root(context);
    struct mount_space *space;
    struct mount *mount;
    int err = 0;

    mutex_lock(&mount_lock);
    space = dentry_mount(root)->space;
    /* What would be refused for another reason loses nothing, unless that reason comes just now: a
     * directory that is not empty, and one to which a mount of start-up comes back. */
    if (!stays && inode_has_dir(dentry->inode) && !dir_is_empty(dentry->inode))
        err = -ENOTEMPTY;
    if (dentry->is_boot_mount)
        err = -EBUSY;
    /* The caller's name space, wherever it has come to the name by. Without one, any. */
    if ((mount = dentry->mounted) != NULL)
        do {
            if (!space || mount->space == space)
                err = -EBUSY;
            mount = list_entry(mount->same.next, struct mount, same);
            sched_preempt_point(); /* one for each name space, and more */
        } while (mount != dentry->mounted);
    for (; !err && !stays && (mount = dentry->mounted) != NULL; sched_preempt_point())
        mount_detach_tree(mount);
    mutex_unlock(&mount_lock);
    dentry_put(root);
    return err;
}

/* mount_lock held. Start-up's own keep what is in them, and are not looked at. What is still in use
 * goes to the end: the next sweep looks at others first. */
static COLD void sweep_locked(unsigned most)
{
    ASSERT(mutex_is_held(&mount_lock));
    for (unsigned i = 0; i < most && !list_empty(&detached); i++) {
        struct list *node = detached.next;
        struct super_block *super = mount_detached_at(node)->super;
        bool done;

        list_remove(node);
        list_push_back(&detached, node);
        /* Seen by other mounts still: the last of them asks for another sweep. */
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

COLD void mount_end(struct super_block *super)
{
    mutex_lock(&mount_lock);
    detached_add_locked(super); /* it lies on nothing, in no name space */
    sweep_locked(1);
    mutex_unlock(&mount_lock);
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
        if (!first || mount_detached_at(node)->id < first->id)
            first = mount_detached_at(node);
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
    struct mount *root = dentry_mount(mount_root());
    struct super_block *super;
    struct dentry *point = NULL;
    int err;

    mutex_lock(&mount_lock);
    spin_lock(&fs_tree_lock);
    if (root->parent)
        point = mount_unlink_locked(root);
    spin_unlock(&fs_tree_lock);
    dentry_put(point);
    if (space->root != root) /* pivot_root(2) has put another one there */
        mount_detach_tree(space->root);
    space->root = root;
    while (!list_empty(&root->children))
        mount_detach_tree(list_entry(root->children.prev, struct mount, sibling));
    if (!root->space) { /* it was unmounted then */
        ASSERT(boot_mount_take() == root->super);
        err = mount_adopt(space, root);
        ASSERT(err == 0);
    }
    sweep_locked(mount_detached());
    while ((super = boot_mount_take()) != NULL) {
        /* The directory cannot have gone: it is a boot mount's. */
        err = mount_attach(super, super->boot_directory);
        ASSERT(err == 0);
    }
    for (struct rb_node *node = rb_first(&space->mounts); node; node = rb_next(node)) {
        struct mount *mount = mount_by_id(node);

        mount->flags = 0;
        mount->leaving = mount->expiring = mount->unbindable = false;
        mount->super->readonly = false;
    }
    mutex_unlock(&mount_lock);
}
