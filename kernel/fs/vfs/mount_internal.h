/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/mount_internal.h - between mount.c, which has the tree, and what copies and changes it
 *
 * Locks:   mount_lock for everything here; those called _locked under fs_tree_lock, too.
 */
#pragma once

#include "kernel/fs/vfs/mount.h"
#include "kernel/sched/mutex.h"

extern struct mutex mount_lock;

static inline struct mount *mount_by_id(struct rb_node *node)
{
    return rb_entry(node, struct mount, by_id);
}

void mount_init(struct mount *mount, struct super_block *super);
MUST_CHECK char *mount_source_copy(const char *source); /* NULL: no memory */
void mount_version_change_locked(void);

/* Of a name space, though nothing leads to it yet. -ENOSPC. */
MUST_CHECK int mount_adopt(struct mount_space *space, struct mount *mount);
void mount_abandon_locked(struct mount *mount);

void mount_link_locked(struct mount *mount, struct vfs_path where);
MUST_CHECK struct dentry *mount_unlink_locked(struct mount *mount);

/* Through what lies in `top`, which comes first, each behind the one it lies in; `inside`: also
 * what lies in this one. NULL: all has been seen. It counts how deep it is. */
struct mount *mount_tree_next(struct mount *at, const struct mount *top, bool inside,
                              unsigned *level);
/* -ENOSPC: too deep, were it to lie there. */
MUST_CHECK int mount_depth_check(struct mount *top, const struct mount *where);

/* The root of what lies on top of all that is mounted there. */
struct vfs_path mount_top_locked(struct vfs_path path);

/* A place to mount on, on top of what is there; its name stays as long as it is locked. The caller
 * has a reference to the dentry. -ENOENT: the name is gone. */
struct mount_place {
    struct vfs_path path;
    struct inode *dir; /* counted, its mutex is held; NULL: a root, which has no name */
};
MUST_CHECK int mount_place_lock(struct dentry *dentry, struct mount_place *place);
void mount_place_unlock(struct mount_place *place);

/* A mount of the place's name space, with all that lies in it, over the place. -ENOTDIR, -ENOENT,
 * -ENOSPC. */
MUST_CHECK int mount_join(struct mount *top, struct dentry *dentry);

/* The first mount of a file system, over the place; and another one of the whole. */
MUST_CHECK int mount_attach(struct super_block *super, struct dentry *place);
MUST_CHECK int mount_again(struct mount_space *space, struct super_block *super, const char *source,
                           struct dentry *where, uint32_t flags);

/* Lazily, with all that lies in it. */
void mount_detach_tree(struct mount *top);
