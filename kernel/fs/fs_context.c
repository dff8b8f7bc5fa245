/* SPDX-License-Identifier: MIT */
#include "kernel/fs/fs_context.h"
#include "kernel/fs/dentry.h"
#include "kernel/fs/mount.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"

#define UMASK_DEFAULT 022

int group_set_create(uint32_t ngroups, struct group_set **out_set)
{
    struct group_set *set = kmalloc(sizeof(*set) + ngroups * sizeof(set->gids[0]));

    if (!set)
        return -ENOMEM;
    set->refs = 1;
    set->ngroups = ngroups;
    *out_set = set;
    return 0;
}

void group_set_get(struct group_set *set)
{
    if (set)
        __atomic_fetch_add(&set->refs, 1, __ATOMIC_RELAXED);
}

void group_set_put(struct group_set *set)
{
    if (set && __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(set);
}

bool credentials_in_group(const struct credentials *cred, uint32_t gid)
{
    if (cred->fsgid == gid)
        return true;
    for (uint32_t i = 0; cred->groups && i < cred->groups->ngroups; i++)
        if (cred->groups->gids[i] == gid)
            return true;
    return false;
}

/* Takes over the references to both directories. */
static int place_create(struct dentry *root, struct dentry *cwd, uint32_t umask,
                        struct fs_place **out_place)
{
    struct fs_place *place = kmalloc(sizeof(*place));

    if (!place) {
        dentry_put(root);
        dentry_put(cwd);
        return -ENOMEM;
    }
    spin_init(&place->lock, SPIN_FDTABLE);
    place->refs = 1;
    place->umask = umask;
    place->root = root;
    place->cwd = cwd;
    *out_place = place;
    return 0;
}

static void place_put(struct fs_place *place)
{
    if (__atomic_sub_fetch(&place->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    dentry_put(place->root);
    dentry_put(place->cwd);
    kfree(place);
}

static struct dentry *get_locked(struct fs_place *place, struct dentry *const *which)
{
    struct dentry *dentry;

    spin_lock(&place->lock);
    dentry = *which;
    dentry_get(dentry);
    spin_unlock(&place->lock);
    return dentry;
}

static void set_locked(struct fs_place *place, struct dentry **which, struct dentry *dentry)
{
    struct dentry *old;

    spin_lock(&place->lock);
    old = *which;
    *which = dentry;
    spin_unlock(&place->lock);
    dentry_put(old);
}

struct dentry *fs_context_root(struct fs_context *context)
{
    return get_locked(context->place, &context->place->root);
}

struct dentry *fs_context_cwd(struct fs_context *context)
{
    return get_locked(context->place, &context->place->cwd);
}

void fs_context_set_root(struct fs_context *context, struct dentry *directory)
{
    set_locked(context->place, &context->place->root, directory);
}

void fs_context_set_cwd(struct fs_context *context, struct dentry *directory)
{
    set_locked(context->place, &context->place->cwd, directory);
}

int fs_context_create(struct fs_context **out_context)
{
    struct fs_context *context = kzalloc(sizeof(*context));
    struct dentry *root = mount_root();
    int err;

    if (!context)
        return -ENOMEM;
    dentry_get(root);
    dentry_get(root);
    err = place_create(root, root, UMASK_DEFAULT, &context->place);
    if (err) {
        kfree(context);
        return err;
    }
    *out_context = context;
    return 0;
}

static int place_copy(struct fs_place *place, struct fs_place **out_copy)
{
    struct dentry *root = get_locked(place, &place->root);
    struct dentry *cwd = get_locked(place, &place->cwd);

    return place_create(root, cwd, __atomic_load_n(&place->umask, __ATOMIC_RELAXED), out_copy);
}

int fs_context_fork(const struct fs_context *parent, bool share_place,
                    struct fs_context **out_context)
{
    struct fs_context *context = kmalloc(sizeof(*context));
    int err = 0;

    if (!context)
        return -ENOMEM;
    if (share_place) {
        context->place = parent->place;
        __atomic_fetch_add(&parent->place->refs, 1, __ATOMIC_RELAXED);
    } else {
        err = place_copy(parent->place, &context->place);
    }
    if (err) {
        kfree(context);
        return err;
    }
    context->cred = parent->cred;
    group_set_get(context->cred.groups);
    *out_context = context;
    return 0;
}

void fs_context_destroy(struct fs_context *context)
{
    place_put(context->place);
    group_set_put(context->cred.groups);
    kfree(context);
}
