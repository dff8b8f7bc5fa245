/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/mount.h - which file system lies where
 *
 * Owns:    the list of mounts; the root of everything; what has been detached and is still in use.
 * Used by: path (crossing), the mount calls, procfs; devfs and procfs at start-up; the harness.
 * Locks:   fs_tree_lock for the list and what covers what; mount_lock, a mutex of rank EXEC, for
 *          everything that changes it.
 * Context: thread.
 * Fails:   -EBUSY, -ENOTDIR, -ENOENT, -EINVAL, -ELOOP, -EAGAIN, -ENODEV, -ENOMEM, -ENOSPC.
 * Tests:   tests/host/fs_walk_test.c, tests/user/fs/mount_*.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"

/* Slab caches, the root file system (empty), the table of character devices. Once, at start-up,
 * before anything else of this room. Memory for it always is there: it asserts. */
void fs_init(void);

/* One reference, for the mount; a device number, no root yet, no place in the tree. The type is
 * kept, the source copied. super_init: the same for one that is not allocated. super_make_root: the
 * inode is the root's, whose reference it takes over; where it fails both are put. */
MUST_CHECK int super_create(const char *type, const char *source, uint64_t magic,
                            struct super_block **out_super);
MUST_CHECK int super_make_root(struct super_block *super, struct inode *root,
                               struct super_block **out_super);
void super_init(struct super_block *super, const char *type, uint64_t magic);

#define MOUNT_MAX       100000 /* at once, as Linux has it: /proc/sys/fs/mount-max */
#define MOUNT_DEPTH_MAX 1000   /* in each other: walks climb so far under a spinlock */

/* The mounts of a mount name space. */
struct mount_space {
    struct mount *root;    /* [m] */
    struct rb_tree mounts; /* [t] by id */
};
extern struct mount_space mount_space_initial;

/* Over a directory of the root, or of what lies over that; for ever. */
MUST_CHECK int mount_at_boot(struct super_block *super, const char *path);

/* A type of another room's, which programs may mount from then on: at start-up, one. */
struct mount_type {
    const char *name;
    /* The caller's, borrowed. It is there already, and its first mount lies nowhere. */
    struct super_block *(*find)(void);
};
void mount_register(const struct mount_type *type);
/* Of such a file system the first mount goes: it is emptied when the others, and all files of it,
 * have gone. */
void mount_end(struct super_block *super);

/* The calls on mounts, as mount(2), umount2(2) and pivot_root(2) describe them. The places must be
 * in the caller's name space, -EINVAL.
 * A new file system over the directory. flags: LX_MS_*. options may be changed. */
MUST_CHECK int mount_new(struct mount_space *space, const char *type, const char *source,
                         struct dentry *directory, uint32_t flags, char *options);
/* Other flags and options for the mount that has that root. options NULL: flags of it alone. */
MUST_CHECK int mount_change(struct mount_space *space, struct dentry *root, uint32_t flags,
                            char *options);
MUST_CHECK int mount_bind(struct mount_space *space, struct dentry *what, struct dentry *where,
                          bool recursive);
MUST_CHECK int mount_move(struct mount_space *space, struct dentry *what, struct dentry *where);
/* type: one of LX_MS_PRIVATE, SLAVE, UNBINDABLE; -EINVAL for SHARED. */
MUST_CHECK int mount_set_type(struct mount_space *space, struct dentry *root, uint32_t type,
                              bool recursive);
/* Takes the mount with that root away. flags: LX_MNT_*. -EBUSY while it is in use, unless DETACH:
 * then what lies in it goes too, and all of it vanishes when the last user does. */
MUST_CHECK int mount_remove(struct mount_space *space, struct dentry *root, unsigned flags);
/* The name is to go: what lies on it in other name spaces goes first. `stays`: it is to become
 * another one, with what lies on it. -EBUSY: that is so in the caller's; -ENOTEMPTY. */
MUST_CHECK int mount_detach_foreign(struct fs_context *context, struct dentry *dentry, bool stays);
MUST_CHECK int mount_pivot(struct mount_space *space, struct dentry *root_place,
                           struct dentry *new_place, struct dentry *old_place);

/* `to`, which is not used yet, gets a copy of all mounts; mount_space_end takes them away. */
MUST_CHECK int mount_space_copy(struct mount_space *from, struct mount_space *to);
void mount_space_end(struct mount_space *space);
/* Root and working directory become the same places in a copy of their name space. */
MUST_CHECK int mount_space_map(struct mount_space *space, struct fs_struct *place);
MUST_CHECK int mount_space_root(struct mount_space *space, struct dentry **out_root);

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

/* The mounts of the name space that `root` is in, in the order of their ids: the one behind that id
 * (0: the first), borrowed under rcu_read_lock. NULL: there is none, or root is not mounted. */
struct mount *mount_next(const struct mount *root, uint32_t id);
