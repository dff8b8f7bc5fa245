/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/mount.h - which file system lies where
 *
 * Owns:    the list of mounts; the root of everything; what has been detached and is still in use.
 * Used by: path (crossing), the mount calls, procfs; devfs and procfs at start-up; the harness.
 * Locks:   fs_tree_lock for the list and what covers what; mount_lock, a mutex of rank EXEC, for
 *          everything that changes it.
 * Context: thread.
 * Fails:   -EBUSY, -ENOTDIR, -ENOENT, -EINVAL, -ENODEV, -ENOMEM, -ENOSPC.
 * Tests:   tests/host/fs_walk_test.c, tests/user/fs/mount_*.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"

/* Slab caches, the root file system (empty), the table of character devices. Once, at start-up,
 * before anything else of this room. Memory for it always is there: it asserts. */
void fs_init(void);

/* One reference, for the mount; a device number, no root yet, no place in the tree. The type is
 * kept, the source copied. super_init: the same for one that is not allocated. */
MUST_CHECK int super_create(const char *type, const char *source, uint64_t magic,
                            struct super_block **out_super);
void super_init(struct super_block *super, const char *type, uint64_t magic);

#define MOUNT_MAX 100000 /* at once, as Linux has it: /proc/sys/fs/mount-max */

/* Lays it over a directory that is not covered yet; the caller's reference is now the mount's. */
MUST_CHECK int mount_attach(struct super_block *super, struct dentry *directory);
/* The same for a directory of the root, or of what lies over that; for ever. */
MUST_CHECK int mount_at_boot(struct super_block *super, const char *path);

/* A type of another room's, which programs may mount from then on: at start-up, one. */
struct mount_type {
    const char *name;
    /* Another one, mounted nowhere yet. */
    int (*create)(const char *source, struct super_block **out_super);
};
void mount_register(const struct mount_type *type);

/* A new file system over the directory: mount(2). flags: LX_MS_*. options may be changed. */
MUST_CHECK int mount_new(const char *type, const char *source, struct dentry *directory,
                         uint32_t flags, char *options);
/* Other flags and options for the mount that has that root. */
MUST_CHECK int mount_change(struct dentry *root, uint32_t flags, char *options);
/* Takes the mount with that root away. -EBUSY while it is in use, unless `detach`: then
 * what lies in it goes too, and all of it vanishes when the last user does. */
MUST_CHECK int mount_remove(struct dentry *root, bool detach);

/* What was detached and is not used any more goes. Cheap when there is nothing. The second is for
 * those that may have been the last user, yet unmounted nothing: any context, the thread of
 * deferred work does it. */
void mount_sweep(void);
void mount_sweep_later(void);
unsigned mount_detached(void); /* how much of that there is */
/* After a test, when no program runs: as it was at the start. */
void mount_reset(void);

struct dentry *mount_root(void); /* "/", borrowed */

/* Changes with every mount and unmount, before the latter looks for users. */
uint32_t mount_version(void);

/* The root of what lies over the dentry, referenced; NULL: nothing (any more). */
struct dentry *mount_inside_get(struct dentry *dentry);

/* The mounts, oldest first: the one after `previous` (NULL: the first), referenced; the caller's
 * reference to previous goes. NULL: that was the last one, or it is not mounted any more. */
struct super_block *mount_next(struct super_block *previous);
