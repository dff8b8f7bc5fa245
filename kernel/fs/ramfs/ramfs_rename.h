/* SPDX-License-Identifier: MIT */
/*
 * fs/ramfs/ramfs_rename.h - rename: one name goes, another comes, in one step for every
 * lookup
 *
 * Owns:    nothing.
 * Locks:   INODE of both directories, then fs_tree_lock for the commit.
 * Fails:   -ESTALE when names changed since the caller looked them up: look again; -EINVAL when a
 *          directory would become its own ancestor; -ENOTEMPTY; -ENOMEM.
 * Tests:   tests/host/fs_ramfs_test.c, fs_model_test.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"

/* As inode_ops.rename. */
MUST_CHECK int ramfs_rename(const struct dir_place *old, const struct dir_place *new,
                            uint32_t flags, const struct credentials *cred);

/* 1: `above` is an ancestor of dentry in the same file system, or dentry itself; 0: not; -ESTALE:
 * the tree changed during a long way. That was so in the tree of *version (dentry_tree_version).
 * The caller has a reference to dentry, and no spinlock. */
MUST_CHECK int dentry_is_below(const struct dentry *dentry, const struct dentry *above,
                               uint64_t *version);
/* The same, as it was at some moment of the call. */
bool dentry_is_inside(const struct dentry *dentry, const struct dentry *above);
