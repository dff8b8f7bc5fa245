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
extern unsigned mounts_count; /* fs_tree_lock: those that lie on something in a name space */

static inline struct mount *mount_of_node(struct list *node)
{
    return list_entry(node, struct mount, node);
}

void mount_init(struct mount *mount, struct super_block *super);
MUST_CHECK char *mount_source_copy(const char *source); /* NULL: no memory */
void mount_version_change_locked(void);

void mount_link_locked(struct mount *mount, struct vfs_path where);
MUST_CHECK struct dentry *mount_unlink_locked(struct mount *mount);

/* Into the list of a name space; so many are new in it. -ENOSPC. */
MUST_CHECK int mount_adopt_locked(struct mount_space *space, struct list *tree, unsigned count);
/* A tree of new mounts, the top first and the others linked to it, over the place. -ENOTDIR,
 * -ENOENT, -EINVAL, -ENOSPC. */
MUST_CHECK int mount_join_locked(struct list *tree, struct vfs_path where, unsigned count);
MUST_CHECK int mount_join(struct list *tree, struct dentry *place, unsigned count);

/* The first mount of a file system, over the place; and another one of the whole. */
MUST_CHECK int mount_attach(struct super_block *super, struct dentry *place);
MUST_CHECK int mount_again(struct mount_space *space, struct super_block *super, const char *source,
                           struct dentry *where, uint32_t flags);

/* Lazily, with all that lies in it; NULL: everything but the root. */
void mount_detach_tree(struct mount_space *space, struct mount *top);
