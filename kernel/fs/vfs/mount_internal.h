/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/mount_internal.h - between mount.c, which has the tree, and mount_tree.c, which copies it
 *
 * Locks:   mount_lock for everything here; those called _locked under fs_tree_lock, too.
 */
#pragma once

#include "kernel/fs/vfs/mount.h"
#include "kernel/sched/mutex.h"

extern struct mutex mount_lock;

void mount_init(struct mount *mount, struct super_block *super);
void mount_version_change_locked(void);

void mount_link_locked(struct mount *mount, struct vfs_path where);
MUST_CHECK struct dentry *mount_unlink_locked(struct mount *mount);

/* Into the list of a name space; so many are new in it. -ENOSPC. */
MUST_CHECK int mount_adopt_locked(struct mount_space *space, struct list *tree, unsigned count);
/* A tree of new mounts, the top first and the others linked to it, over the place. -ENOTDIR,
 * -ENOENT, -EINVAL, -ENOSPC. */
MUST_CHECK int mount_join_locked(struct list *tree, struct vfs_path where, unsigned count);
MUST_CHECK int mount_join(struct list *tree, struct dentry *place, unsigned count);

/* Lazily, with all that lies in it; NULL: everything but the root. */
void mount_detach_tree(struct mount_space *space, struct mount *top);
