/* SPDX-License-Identifier: MIT */
/*
 * fs/mount.h - which file system lies where
 *
 * Owns:    the list of mounts; the root of everything.
 * Locks:   fs_tree_lock.
 * Context: thread.
 * Fails:   -EBUSY, -ENOTDIR.
 * Tests:   tests/host/fs_walk_test.c
 */
#pragma once

#include "kernel/fs/dentry.h"

/* Slab caches, the root file system (empty), the table of character devices. Once, at start-up,
 * before anything else of this room. Memory for it always is there: it asserts. */
void fs_init(void);

/* Gives a new file system a device number and its place in no tree yet. */
void super_init(struct super_block *super, const char *type, const char *source, uint64_t magic);

/* Lays it over a directory. */
MUST_CHECK int mount_attach(struct super_block *super, struct dentry *directory);

/* The same for a directory of the root that is named so, at start-up. */
MUST_CHECK int mount_at_boot(struct super_block *super, const char *name);

struct dentry *mount_root(void); /* "/", borrowed */

/* Calls visit for each mount, oldest first, until it returns false. No lock is held meanwhile:
 * mounts are not taken away. */
void mount_for_each(bool (*visit)(struct super_block *super, void *context), void *context);
