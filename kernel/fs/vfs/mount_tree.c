/* SPDX-License-Identifier: MIT */
/*
 * Trees of mounts: copied for bind mounts and name spaces, moved, and given another root.
 *
 * A copy is made under mount_lock, which nothing that changes the tree is without, and found by
 * no walk until it is joined to a name space in one step. Each new mount is counted: by the tree,
 * and by the aliases that stand for places in it. It holds its file system, and the directory that
 * it shows. Copies of a mount share the file system, but for the flags that mount(2) with
 * MS_REMOUNT | MS_BIND gives to one mount alone.
 *
 * Until then the copy is in the name space, and counts, but lies on nothing: what fails takes it
 * away as a lazy unmount would. The walk through a tree comes to each mount behind the one it lies
 * in, whose `copy` is what the copy of this one lies in.
 *
 * Nothing is propagated between mounts: all are private, and a slave of none is the same.
 */
#include "kernel/fs/ramfs/ramfs_rename.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/mount_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

/* Shows the directory `root` of the same file system, and what is below it. */
static COLD struct mount *mount_clone(const struct mount *from, struct dentry *root)
{
    struct mount *mount = kzalloc(sizeof(*mount));
    char *source = mount_source_copy(from->source);
    struct super_block *super = from->super;

    if (!mount || !source) {
        kfree(mount);
        kfree(source);
        return NULL;
    }
    /* The first reference is the tree's. */
    mount_init(mount, super);
    mount->refs = 1;
    mount->flags = from->flags;
    mount->copied_from = from->id;
    mount->source = source;
    mount->root = root;
    dentry_get(root);
    __atomic_fetch_add(&super->refs, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&super->clones, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&super->views, 1, __ATOMIC_RELAXED);
    return mount;
}

/* A clone that is the name space's; where: what it lies on, without a mount for the top. */
static COLD int tree_add_clone(struct mount_space *space, struct mount *from, struct dentry *root,
                               struct vfs_path where)
{
    struct mount *mount = mount_clone(from, root);
    int err = mount ? mount_adopt(space, mount) : -ENOMEM;

    from->copy = err ? NULL : mount;
    if (err) {
        if (mount)
            mount_put(mount);
        return err;
    }
    if (where.mount) {
        mount->unbindable = from->unbindable;
        dentry_get(where.dentry);
        spin_lock(&fs_tree_lock);
        mount_link_locked(mount, where);
        spin_unlock(&fs_tree_lock);
    }
    return 0;
}

/* What `root` shows of the mount, and what lies in that; top->copy is the copy. Unbindable ones,
 * and what lies in them, are copied for a name space alone. */
static COLD int tree_copy(struct mount_space *space, struct mount *top, struct dentry *root,
                          bool recursive, bool unbindable)
{
    struct mount *at = top;
    unsigned level = 0;
    bool inside = true;
    int err = tree_add_clone(space, top, root, (struct vfs_path){0});

    ASSERT(mutex_is_held(&mount_lock));
    while (!err && recursive && (at = mount_tree_next(at, top, inside, &level)) != NULL) {
        inside = (!at->unbindable || unbindable) &&
                 (at->parent != top || dentry_is_inside(at->point, root));
        if (inside)
            err =
                tree_add_clone(space, at, at->root, (struct vfs_path){at->parent->copy, at->point});
    }
    if (err && top->copy)
        mount_detach_tree(top->copy);
    return err;
}

/* --- mount(2) --- */

/* A copy of what `from` leads to, over a place in the caller's name space. */
static COLD int copy_attach(struct mount_space *space, struct vfs_path from, struct dentry *where,
                            bool recursive)
{
    int err = -EINVAL;

    ASSERT(mutex_is_held(&mount_lock));
    if (dentry_mount(where)->space == space)
        err = tree_copy(space, from.mount, from.dentry, recursive, false);
    if (!err) {
        err = mount_join(from.mount->copy, where);
        if (err)
            mount_detach_tree(from.mount->copy);
    }
    return err;
}

/* Either is in the caller's name space; what is unbindable stays where it is. */
COLD int mount_bind(struct mount_space *space, struct dentry *what, struct dentry *where,
                    bool recursive)
{
    struct vfs_path from = dentry_to_path(what);
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (from.mount->space == space && !from.mount->unbindable)
        err = copy_attach(space, from, where, recursive);
    mutex_unlock(&mount_lock);
    return err;
}

/* As a copy of a mount that is nowhere, with flags and a source of its own. */
COLD int mount_again(struct mount_space *space, struct super_block *super, const char *source,
                     struct dentry *where, uint32_t flags)
{
    struct mount from = {.super = super, .source = source, .flags = flags};
    struct vfs_path place = dentry_to_path(where);
    int err;

    /* It is what lies there already. */
    if (place.mount->super == super && place.dentry == super->root)
        return -EBUSY;
    mutex_lock(&mount_lock);
    err = copy_attach(space, (struct vfs_path){&from, super->root}, where, false);
    mutex_unlock(&mount_lock);
    return err;
}

/* Whether the mount lies in the tree. */
static COLD bool is_inside(const struct mount *mount, const struct mount *top)
{
    while (mount && mount != top)
        mount = mount->parent;
    return mount != NULL;
}

/* All that can refuse it first; then, in one locking, no walk finds it nowhere. */
static COLD int move_locked(struct mount *mount, struct dentry *dentry, struct dentry **out_point)
{
    struct mount_place place;
    int err = mount_place_lock(dentry, &place);

    ASSERT(mutex_is_held(&mount_lock));
    if (err)
        return err;
    if (dentry_is_directory(place.path.dentry) != dentry_is_directory(mount->root))
        err = -EINVAL;
    else
        err = is_inside(place.path.mount, mount) ? -ELOOP
                                                 : mount_depth_check(mount, place.path.mount);
    if (!err) {
        dentry_get(place.path.dentry);
        spin_lock(&fs_tree_lock);
        *out_point = mount_unlink_locked(mount);
        mount_link_locked(mount, place.path);
        spin_unlock(&fs_tree_lock);
    }
    mount_place_unlock(&place);
    return err;
}

COLD int mount_move(struct mount_space *space, struct dentry *what, struct dentry *where)
{
    struct vfs_path from = dentry_to_path(what);
    struct dentry *point = NULL;
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (from.mount->space == space && dentry_mount(where)->space == space &&
        from.dentry == from.mount->root && from.mount->parent)
        err = move_locked(from.mount, where, &point);
    mutex_unlock(&mount_lock);
    dentry_put(point);
    return err;
}

/* Of the types of propagation: nothing is propagated to or from a mount, so private and slave say
 * what is; that it be shared cannot be had. */
COLD int mount_set_type(struct mount_space *space, struct dentry *root, uint32_t type,
                        bool recursive)
{
    struct mount *top = dentry_mount(root), *at = top;
    unsigned level = 0;
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (top->space == space && top->root == dentry_real(root) && type != LX_MS_SHARED) {
        do
            if (type != LX_MS_SLAVE)
                at->unbindable = type == LX_MS_UNBINDABLE;
        while ((at = mount_tree_next(at, top, recursive, &level)) != NULL);
        err = 0;
    }
    mutex_unlock(&mount_lock);
    return err;
}

/* --- pivot_root(2) --- */

static COLD bool is_mount_root(struct vfs_path path, const struct mount_space *space)
{
    return path.dentry == path.mount->root && path.mount->space == space;
}

/* Whether the way up from there comes by the root. */
static COLD bool is_reachable(struct vfs_path path, struct vfs_path root)
{
    /* Down from mount to mount first, then up in the one that both are in. */
    while (path.mount != root.mount && path.mount->parent)
        path = (struct vfs_path){path.mount->parent, path.mount->point};
    return path.mount == root.mount && dentry_is_inside(path.dentry, root.dentry);
}

static COLD int pivot_check(const struct mount_space *space, struct vfs_path root,
                            struct vfs_path new, struct vfs_path old)
{
    ASSERT(mutex_is_held(&mount_lock));
    if (root.mount->space != space || new.mount->space != space || old.mount->space != space)
        return -EINVAL;
    /* The root cannot be put into itself. */
    if (new.mount == root.mount || old.mount == root.mount)
        return -EBUSY;
    if (!is_mount_root(root, space) || !is_mount_root(new, space) || !new.mount->parent ||
        !is_reachable(old, new) || !is_reachable(new, root))
        return -EINVAL;
    return mount_depth_check(root.mount, old.mount);
}

/* `new` takes the place of the root, and that one goes to `old`, below `new`. */
static COLD void pivot_locked(struct mount_space *space, struct mount *root, struct mount *new,
                              struct vfs_path old, struct dentry **out_point)
{
    struct vfs_path place = {root->parent, root->point};

    ASSERT(spin_is_held(&fs_tree_lock));
    /* In one locking: a walk finds the old root, or the new one. */
    *out_point = mount_unlink_locked(new);
    if (place.mount) { /* the reference to it becomes that of `new` */
        (void)!mount_unlink_locked(root);
        mount_link_locked(new, place);
    } else {
        space->root = new;
    }
    dentry_get(old.dentry);
    mount_link_locked(root, old);
}

COLD int mount_pivot(struct mount_space *space, struct dentry *root_place, struct dentry *new_place,
                     struct dentry *old_place)
{
    struct vfs_path root = dentry_to_path(root_place), new = dentry_to_path(new_place);
    struct mount_place old;
    struct dentry *point = NULL;
    int err;

    mutex_lock(&mount_lock);
    err = mount_place_lock(old_place, &old);
    if (!err) {
        err = pivot_check(space, root, new, old.path);
        if (!err) {
            spin_lock(&fs_tree_lock);
            pivot_locked(space, root.mount, new.mount, old.path, &point);
            spin_unlock(&fs_tree_lock);
        }
        mount_place_unlock(&old);
    }
    mutex_unlock(&mount_lock);
    dentry_put(point);
    return err;
}

/* --- name spaces --- */

COLD int mount_space_copy(struct mount_space *from, struct mount_space *to)
{
    int err;

    /* All at once: no task of the new name space ever sees a part of it. */
    to->mounts = (struct rb_tree){0};
    mutex_lock(&mount_lock);
    err = tree_copy(to, from->root, from->root->root, true, true);
    if (!err)
        to->root = from->root->copy;
    mutex_unlock(&mount_lock);
    return err;
}

COLD void mount_space_end(struct mount_space *space)
{
    mutex_lock(&mount_lock);
    mount_detach_tree(space->root);
    mutex_unlock(&mount_lock);
}

/* The root of all, and of what lies over it: where setns(2) leads. */
COLD int mount_space_root(struct mount_space *space, struct dentry **out_root)
{
    struct vfs_path root;

    spin_lock(&fs_tree_lock);
    root = mount_top_locked(mount_enter_locked(space->root));
    vfs_path_get(root);
    spin_unlock(&fs_tree_lock);
    return vfs_path_place(root, out_root);
}

/* The same place in a copy of its name space. A place of another one, or that was detached, stays.
 * The reference to it becomes one to the result, also where it fails: then it is put. */
static COLD int place_map(struct mount_space *space, struct dentry **place)
{
    struct vfs_path path = dentry_to_path(*place);
    struct dentry *old = *place;
    int err = 0;

    mutex_lock(&mount_lock);
    for (struct rb_node *node = rb_first(&space->mounts); node; node = rb_next(node)) {
        struct mount *mount = mount_by_id(node);

        if (mount->copied_from == path.mount->id) {
            path.mount = mount;
            vfs_path_get(path);
            break;
        }
        sched_preempt_point();
    }
    mutex_unlock(&mount_lock);
    /* Not found: it is in another name space, or in none, and stays there. */
    if (path.mount != dentry_mount(old)) {
        err = vfs_path_place(path, place);
        dentry_put(old);
    }
    if (err)
        *place = NULL;
    return err;
}

COLD int mount_space_map(struct mount_space *space, struct fs_struct *place)
{
    struct fs_context context = {.place = place};
    struct dentry *root = fs_context_root(&context), *cwd = fs_context_cwd(&context);
    int err = place_map(space, &root);

    /* Both are made before either is set: nothing has changed where it fails. */
    if (!err)
        err = place_map(space, &cwd);
    if (err) {
        dentry_put(root);
        dentry_put(cwd);
        return err;
    }
    fs_context_set_root(&context, root);
    fs_context_set_cwd(&context, cwd);
    return 0;
}
