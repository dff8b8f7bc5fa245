/* SPDX-License-Identifier: MIT */
/*
 * The credentials, root and working directory of a task. What CLONE_FS shares is counted and has a
 * lock; the lock covers the two pointers together with taking a reference, so that chdir by one
 * thread cannot free the directory that another is just starting a walk from. The old directory is
 * put after the lock: that may free it and its parents, which sleeps.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define UMASK_DEFAULT 022

/* A set is filled by its maker, in ascending order, and constant from then on: setgroups(2) makes
 * another one. So those that share it, after fork, need no lock. */
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

/* NULL is a task without supplementary groups. */
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

/* The group for file access counts: the effective one, unless setfsgid(2) said otherwise. */
bool credentials_in_group(const struct credentials *cred, uint32_t gid)
{
    const struct group_set *set = cred->groups;
    uint32_t from = 0, to = set ? set->ngroups : 0;

    if (cred->fsgid == gid)
        return true;
    while (from < to) {
        uint32_t middle = (from + to) / 2;

        if (set->gids[middle] < gid)
            from = middle + 1;
        else
            to = middle;
    }
    return set && from < set->ngroups && set->gids[from] == gid;
}

struct credentials credentials_of_user(uint32_t uid)
{
    uint64_t capabilities = uid ? 0 : CAPABILITIES_ALL;

    return (struct credentials){
        .uid = uid,
        .euid = uid,
        .suid = uid,
        .fsuid = uid,
        .gid = uid,
        .egid = uid,
        .sgid = uid,
        .fsgid = uid,
        .effective = capabilities,
        .permitted = capabilities,
        .bounding = CAPABILITIES_ALL,
    };
}

/* Takes over the references to both directories; where it fails it puts them. */
static int fs_struct_create(struct dentry *root, struct dentry *cwd, uint32_t umask,
                            struct fs_struct **out_place)
{
    struct fs_struct *place = kmalloc(sizeof(*place));

    if (!place) {
        dentry_put(root);
        dentry_put(cwd);
        return -ENOMEM;
    }
    spin_init(&place->lock, SPIN_FS_CONTEXT);
    place->refs = 1;
    place->claims = 0;
    place->umask = umask;
    place->root = root;
    place->cwd = cwd;
    *out_place = place;
    return 0;
}

/* The last of the tasks that share it frees it, and needs no lock for that. */
void fs_struct_put(struct fs_struct *place)
{
    if (__atomic_sub_fetch(&place->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    dentry_put(place->root);
    dentry_put(place->cwd);
    kfree(place);
    mount_sweep_later();
}

/* `which` points at root or cwd in the structure. The reference is taken under the lock: a thread
 * that changes the directory puts the old one right after it. */
static struct dentry *fs_struct_dir_get(struct fs_struct *place, struct dentry *const *which)
{
    struct dentry *dentry;

    spin_lock(&place->lock);
    dentry = *which;
    dentry_get(dentry);
    spin_unlock(&place->lock);
    return dentry;
}

static void fs_struct_dir_set(struct fs_struct *place, struct dentry **which, struct dentry *dentry)
{
    struct dentry *old;

    /* The caller's reference goes in; that of the directory before comes out. */
    spin_lock(&place->lock);
    old = *which;
    __atomic_store_n(which, dentry, __ATOMIC_RELEASE); /* path_rcu.c reads it without the lock */
    spin_unlock(&place->lock);
    dentry_put(old);
    mount_sweep_later();
}

struct dentry *fs_context_root(struct fs_context *context)
{
    return fs_struct_dir_get(context->place, &context->place->root);
}

struct dentry *fs_context_cwd(struct fs_context *context)
{
    return fs_struct_dir_get(context->place, &context->place->cwd);
}

void fs_context_set_root(struct fs_context *context, struct dentry *directory)
{
    fs_struct_dir_set(context->place, &context->place->root, directory);
}

void fs_context_set_cwd(struct fs_context *context, struct dentry *directory)
{
    fs_struct_dir_set(context->place, &context->place->cwd, directory);
}

COLD unsigned fs_struct_replace(struct fs_struct *place, struct vfs_path old,
                                struct dentry *directory, struct dentry *dropped[2])
{
    struct dentry **const both[] = {&place->root, &place->cwd};
    unsigned count = 0;

    spin_lock(&place->lock);
    for (unsigned i = 0; i < ARRAY_SIZE(both); i++) {
        if (!vfs_path_same(dentry_to_path(*both[i]), old))
            continue;
        dropped[count++] = *both[i];
        dentry_get(directory);
        __atomic_store_n(both[i], directory, __ATOMIC_RELEASE);
    }
    spin_unlock(&place->lock);
    return count;
}

int fs_context_create(struct fs_context **out_context)
{
    struct fs_context *context = kmalloc(sizeof(*context));
    struct dentry *root = mount_root();
    int err;

    if (!context)
        return -ENOMEM;
    context->cred = credentials_of_user(0);
    /* One reference for the root, one for the working directory. */
    dentry_get(root);
    dentry_get(root);
    err = fs_struct_create(root, root, UMASK_DEFAULT, &context->place);
    if (err) {
        kfree(context);
        return err;
    }
    *out_context = context;
    return 0;
}

/* The two are taken one after the other: each is one that the parent had. Both together may be a
 * pair that it never had at one time, as on Linux; no task can tell. */
static int fs_struct_copy(struct fs_struct *place, struct fs_struct **out_copy)
{
    struct dentry *root = fs_struct_dir_get(place, &place->root);
    struct dentry *cwd = fs_struct_dir_get(place, &place->cwd);

    return fs_struct_create(root, cwd, __atomic_load_n(&place->umask, __ATOMIC_RELAXED), out_copy);
}

int fs_context_copy_place(const struct fs_context *context, struct fs_struct **out_copy)
{
    return fs_struct_copy(context->place, out_copy);
}

/* CLONE_FS shares root, working directory and umask. Credentials are not shared by it. */
int fs_context_fork(const struct fs_context *parent, bool share_place,
                    struct fs_context **out_context)
{
    struct fs_context *context = kmalloc(sizeof(*context));
    int err = 0;

    if (!context)
        return -ENOMEM;
    if (share_place) {
        context->place = parent->place;
        /* A claim is another task's exec of a set-ID program, which must stay alone: see below. */
        spin_lock(&context->place->lock);
        if (context->place->claims)
            err = -EAGAIN;
        else
            __atomic_fetch_add(&context->place->refs, 1, __ATOMIC_RELAXED);
        spin_unlock(&context->place->lock);
    } else {
        err = fs_struct_copy(parent->place, &context->place);
    }
    if (err) {
        kfree(context);
        return err;
    }
    /* By value: what the child changes about itself does not concern the parent. */
    context->cred = parent->cred;
    group_set_get(context->cred.groups);
    *out_context = context;
    return 0;
}

/* For exec of a set-ID program, which must not share directories with tasks that it does not end.
 * In the same hold of the lock as the look at the count: nothing comes between them. From here to
 * the release, which a failed exec needs as well, no task can begin to share. */
bool fs_context_claim(struct fs_context *context, uint32_t refs)
{
    struct fs_struct *place = context->place;
    bool alone;

    spin_lock(&place->lock);
    alone = __atomic_load_n(&place->refs, __ATOMIC_ACQUIRE) <= refs;
    place->claims += alone;
    spin_unlock(&place->lock);
    return alone;
}

void fs_context_release(struct fs_context *context)
{
    spin_lock(&context->place->lock);
    context->place->claims--;
    spin_unlock(&context->place->lock);
}

/* The task is gone, or never ran: nothing else refers to its context. Directories may be freed by
 * this, which sleeps. */
void fs_context_destroy(struct fs_context *context)
{
    fs_struct_put(context->place);
    group_set_put(context->cred.groups);
    kfree(context);
}

uint32_t fs_context_new_mode(const struct fs_context *context, const struct inode *dir,
                             uint32_t mode)
{
    mode &= LX_S_IALL;
    if ((mode & LX_S_ISGID) && (mode & LX_S_IXGRP) && (dir->mode & LX_S_ISGID) &&
        !credentials_in_group(&context->cred, dir->gid) &&
        !credentials_capable(&context->cred, LX_CAP_FSETID))
        mode &= ~LX_S_ISGID;
    return mode & ~fs_context_umask(context);
}
