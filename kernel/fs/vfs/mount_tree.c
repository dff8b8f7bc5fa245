/* SPDX-License-Identifier: MIT */
/*
 * Trees of mounts: copied for bind mounts and name spaces, moved, and given another root.
 *
 * A copy is made under mount_lock, which nothing that changes the tree is without, and found by
 * nothing until it is joined to a name space in one step. Each new mount is counted: by the tree,
 * and by the aliases that stand for places in it. It holds its file system, and the directory that
 * it shows. Copies of a mount share the file system, but for the flags that mount(2) with
 * MS_REMOUNT | MS_BIND gives to one mount alone.
 *
 * The list of a name space has each mount behind the one it lies in. So a copy goes through it once
 * (`copy` of the parent says whether this one belongs to the tree), and what is moved goes to its
 * end, in the order that it had.
 *
 * Nothing is propagated between mounts: all are private, and a slave of none is the same.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/mount_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

/* A copy under way. */
struct tree {
    struct list mounts; /* the top first */
    unsigned count;
};

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

/* Of a copy that was joined to nothing: the newest first, out of what they lie on. */
static COLD void tree_drop(struct tree *tree)
{
    while (!list_empty(&tree->mounts)) {
        struct mount *mount = list_entry(tree->mounts.prev, struct mount, node);
        struct dentry *point = NULL;

        list_remove(&mount->node);
        spin_lock(&fs_tree_lock);
        if (mount->parent)
            point = mount_unlink_locked(mount);
        spin_unlock(&fs_tree_lock);
        dentry_put(point);
        mount_put(mount);
    }
}

static COLD int tree_add_clone(struct tree *tree, struct mount *from, struct dentry *root)
{
    struct mount *mount = mount_clone(from, root);

    from->copy = mount;
    if (!mount)
        return -ENOMEM;
    tree->count++;
    list_push_back(&tree->mounts, &mount->node);
    return 0;
}

/* Whether it lies below the dentry, in the same mount. */
static COLD bool point_is_below(const struct mount *mount, const struct dentry *root)
{
    const struct dentry *at;

    spin_lock(&fs_tree_lock);
    for (at = mount->point; at != root && at->parent;)
        at = at->parent;
    spin_unlock(&fs_tree_lock);
    return at == root;
}

/* What lies in the tree from `root` on. Unbindable ones, and what lies in them, are copied for a
 * name space alone. */
static COLD int tree_copy_inside(struct tree *tree, struct mount *top, struct dentry *root,
                                 bool unbindable)
{
    struct list *node = top->node.next;
    int err = 0;

    for (; node != &top->space->mounts && !err; node = node->next) {
        struct mount *mount = mount_of_node(node);
        struct mount *parent = mount->parent ? mount->parent->copy : NULL;

        sched_preempt_point();
        mount->copy = NULL;
        if (!parent || (mount->unbindable && !unbindable) ||
            (mount->parent == top && !point_is_below(mount, root)))
            continue;
        err = tree_add_clone(tree, mount, mount->root);
        if (err)
            break;
        mount->copy->unbindable = mount->unbindable;
        dentry_get(mount->point);
        spin_lock(&fs_tree_lock);
        mount_link_locked(mount->copy, (struct vfs_path){parent, mount->point});
        spin_unlock(&fs_tree_lock);
    }
    return err;
}

static COLD int tree_copy(struct tree *tree, struct mount *top, struct dentry *root, bool recursive,
                          bool unbindable)
{
    int err;

    ASSERT(mutex_is_held(&mount_lock));
    *tree = (struct tree){.mounts = LIST_INIT(tree->mounts)};
    /* What an earlier copy has left there is not of this one. A place may be in a mount that has
     * been detached meanwhile: then that one alone is copied. */
    if (top->space)
        list_for_each (node, &top->space->mounts)
            mount_of_node(node)->copy = NULL;
    err = tree_add_clone(tree, top, root);
    if (!err && recursive && top->space)
        err = tree_copy_inside(tree, top, root, unbindable);
    if (err)
        tree_drop(tree);
    return err;
}

/* --- mount(2) --- */

/* A copy of what `from` leads to, over a place in the caller's name space. */
static COLD int copy_attach(struct mount_space *space, struct vfs_path from, struct dentry *where,
                            bool recursive)
{
    struct tree tree;
    int err = -EINVAL;

    ASSERT(mutex_is_held(&mount_lock));
    if (dentry_mount(where)->space == space)
        err = tree_copy(&tree, from.mount, from.dentry, recursive, false);
    if (!err) {
        err = mount_join(&tree.mounts, where, tree.count);
        if (err)
            tree_drop(&tree);
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

/* `copy` says of all mounts of the name space whether they are it or lie in it. */
static COLD void subtree_mark(struct mount *top, bool recursive)
{
    list_for_each (node, &top->space->mounts) {
        struct mount *mount = mount_of_node(node);
        bool inside = recursive && mount->parent && mount->parent->copy;

        mount->copy = mount == top || inside ? mount : NULL;
    }
}

/* Out of the list, in its order, with all that lies in it. Both locks held. */
static COLD void tree_take_locked(struct mount *top, struct list *out)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    subtree_mark(top, true);
    list_for_each_safe (node, &top->space->mounts) {
        if (mount_of_node(node)->copy) {
            list_remove(node);
            list_push_back(out, node);
        }
    }
}

/* Whether the mount lies in the tree. */
static COLD bool is_inside(const struct mount *mount, const struct mount *top)
{
    while (mount && mount != top)
        mount = mount->parent;
    return mount != NULL;
}

/* In one locking: no walk finds it nowhere. */
static COLD int move_locked(struct mount *mount, struct dentry *place, struct dentry **out_point)
{
    struct vfs_path where = dentry_to_path(place);
    struct vfs_path was = {mount->parent, mount->point};
    struct mount *mounted;
    struct list tree = LIST_INIT(tree);
    int err;

    ASSERT(spin_is_held(&fs_tree_lock));
    while ((mounted = mount_on(where.mount, where.dentry)) != NULL)
        where = mount_enter_locked(mounted);
    if (dentry_is_directory(where.dentry) != dentry_is_directory(mount->root))
        return -EINVAL;
    if (is_inside(where.mount, mount))
        return -ELOOP;
    /* The list keeps each behind what it lies in: the whole tree goes to its end. */
    *out_point = mount_unlink_locked(mount);
    tree_take_locked(mount, &tree);
    err = mount_join_locked(&tree, where, 0);
    if (err) { /* where it was: the reference is the mount's again */
        mount_link_locked(mount, was);
        list_move_front(&tree, tree.prev, &was.mount->space->mounts);
        *out_point = NULL;
    }
    return err;
}

COLD int mount_move(struct mount_space *space, struct dentry *what, struct dentry *where)
{
    struct vfs_path from = dentry_to_path(what);
    struct dentry *point = NULL;
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (from.mount->space == space && dentry_mount(where)->space == space &&
        from.dentry == from.mount->root && from.mount->parent) {
        spin_lock(&fs_tree_lock);
        err = move_locked(from.mount, where, &point);
        spin_unlock(&fs_tree_lock);
    }
    mutex_unlock(&mount_lock);
    dentry_put(point);
    return err;
}

/* Of the types of propagation: nothing is propagated to or from a mount, so private and slave say
 * what is; that it be shared cannot be had. */
COLD int mount_set_type(struct mount_space *space, struct dentry *root, uint32_t type,
                        bool recursive)
{
    struct mount *top = dentry_mount(root);
    int err = -EINVAL;

    mutex_lock(&mount_lock);
    if (top->space == space && top->root == dentry_real(root) && type != LX_MS_SHARED) {
        subtree_mark(top, recursive);
        list_for_each (node, &space->mounts) {
            struct mount *mount = mount_of_node(node);

            if (mount->copy && type != LX_MS_SLAVE)
                mount->unbindable = type == LX_MS_UNBINDABLE;
        }
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
static COLD bool is_reachable_locked(struct vfs_path path, struct vfs_path root)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    /* Down from mount to mount first, then up in the one that both are in. */
    while (path.mount != root.mount && path.mount->parent)
        path = (struct vfs_path){path.mount->parent, path.mount->point};
    while (path.dentry != root.dentry && path.dentry->parent)
        path.dentry = path.dentry->parent;
    return path.mount == root.mount && path.dentry == root.dentry;
}

static COLD int pivot_check_locked(const struct mount_space *space, struct vfs_path root,
                                   struct vfs_path new, struct vfs_path old)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    if (root.mount->space != space || new.mount->space != space || old.mount->space != space)
        return -EINVAL;
    /* The root cannot be put into itself. */
    if (new.mount == root.mount || old.mount == root.mount)
        return -EBUSY;
    if (!is_mount_root(root, space) || !is_mount_root(new, space) || !new.mount->parent ||
        !is_reachable_locked(old, new) || !is_reachable_locked(new, root))
        return -EINVAL;
    return old.dentry->unhashed || (old.dentry->parent && !old.dentry->linked) ? -ENOENT : 0;
}

/* `new` takes the place of the root, and that one goes to `old`, below `new`. */
static COLD void pivot_locked(struct mount_space *space, struct mount *root, struct mount *new,
                              struct vfs_path old, struct dentry **out_point)
{
    struct vfs_path place = {root->parent, root->point};
    struct list tree = LIST_INIT(tree);

    ASSERT(spin_is_held(&fs_tree_lock));
    tree_take_locked(new, &tree);
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
    /* Each comes behind what it lies in. */
    list_move_front(&tree, tree.prev, &space->mounts);
    tree_take_locked(root, &tree);
    list_move_front(&tree, tree.prev, &space->mounts);
}

COLD int mount_pivot(struct mount_space *space, struct dentry *root_place, struct dentry *new_place,
                     struct dentry *old_place)
{
    struct vfs_path root = dentry_to_path(root_place), new = dentry_to_path(new_place);
    struct vfs_path old = dentry_to_path(old_place);
    struct dentry *point = NULL;
    int err;

    mutex_lock(&mount_lock);
    spin_lock(&fs_tree_lock);
    err = pivot_check_locked(space, root, new, old);
    if (!err)
        pivot_locked(space, root.mount, new.mount, old, &point);
    spin_unlock(&fs_tree_lock);
    mutex_unlock(&mount_lock);
    dentry_put(point);
    return err;
}

/* --- name spaces --- */

COLD int mount_space_copy(struct mount_space *from, struct mount_space *to)
{
    struct tree tree;
    int err;

    /* All at once: no task of the new name space ever sees a part of it. */
    list_init(&to->mounts);
    mutex_lock(&mount_lock);
    err = tree_copy(&tree, from->root, from->root->root, true, true);
    if (!err) {
        to->root = list_entry(tree.mounts.next, struct mount, node);
        spin_lock(&fs_tree_lock);
        err = mount_adopt_locked(to, &tree.mounts, tree.count - 1);
        spin_unlock(&fs_tree_lock);
        if (err)
            tree_drop(&tree);
    }
    mutex_unlock(&mount_lock);
    return err;
}

COLD void mount_space_end(struct mount_space *space)
{
    mutex_lock(&mount_lock);
    mount_detach_tree(space, space->root);
    mutex_unlock(&mount_lock);
}

/* The root of all, and of what lies over it: where setns(2) leads. */
COLD int mount_space_root(struct mount_space *space, struct dentry **out_root)
{
    struct vfs_path root;
    struct mount *mounted;

    spin_lock(&fs_tree_lock);
    root = mount_enter_locked(space->root);
    while ((mounted = mount_on(root.mount, root.dentry)) != NULL)
        root = mount_enter_locked(mounted);
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
    spin_lock(&fs_tree_lock);
    list_for_each (node, &space->mounts) {
        struct mount *mount = mount_of_node(node);

        if (mount->copied_from == path.mount->id) {
            path.mount = mount;
            vfs_path_get(path);
            break;
        }
    }
    spin_unlock(&fs_tree_lock);
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
