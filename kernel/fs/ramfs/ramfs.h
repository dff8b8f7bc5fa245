/* SPDX-License-Identifier: MIT */
/*
 * fs/ramfs/ramfs.h - a file system that lives in memory
 *
 * Owns:    directories, files, symlinks, nodes made in it; everything is gone with its last use.
 * Used by: "/" (filled from the archive), /dev, and every tmpfs.
 * Locks:   INODE of the directory; of two directories in a rename by mutex_lock_pair.
 * Fails:   -ENOMEM, -ENOSPC, -EEXIST, -ENOENT, -ENOTEMPTY.
 * Tests:   tests/host/fs_ramfs_test.c, fs_model_test.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/inode.h"

/* What a name adds to the size of its directory, as Linux's tmpfs counts. */
#define RAMFS_ENTRY_NBYTES 20

extern const struct inode_ops ramfs_dir_ops;
extern const struct inode_ops ramfs_file_ops;
extern const struct inode_ops ramfs_link_ops;
extern const struct inode_ops ramfs_node_ops; /* devices, FIFOs, sockets */

/* An empty file system whose root has that mode. type and source are kept, not copied. */
MUST_CHECK int ramfs_create(const char *type, const char *source, uint32_t root_mode,
                            struct super_block **out_super);

/* For filling it from the archive. A symlink's text is kept where it is with `keep`. */
MUST_CHECK int ramfs_inode_create(struct super_block *super, uint32_t mode, uint64_t device,
                                  const struct credentials *cred, struct inode **out_inode);
MUST_CHECK int ramfs_link_set_text(struct inode *inode, const char *text, size_t len, bool keep);
/* A name for the inode; its link count is the caller's. out_entry may be NULL. */
MUST_CHECK int ramfs_add(struct dentry *dir, const char *name, size_t len, struct inode *inode,
                         struct dentry **out_entry);

/* Operations of its directories, for file systems that have some of them: inode.h. */
MUST_CHECK int ramfs_lookup(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                            struct dentry **out_entry);
MUST_CHECK int ramfs_unlink(const struct dir_place *place, bool directory);
void ramfs_dir_release(struct inode *inode);

extern const struct super_ops ramfs_super_ops; /* ramfs_mount.c */
/* Of these, for file systems that have some of them: inode.h. */
MUST_CHECK bool ramfs_is_busy(struct super_block *super);
MUST_CHECK bool ramfs_clear(struct super_block *super);

/* What a file system may hold: ramfs_charge.c. One inode more, or one name more of an inode that
 * has one: -ENOSPC, also when memory as a whole is nearly used up. cred NULL: the kernel. */
MUST_CHECK int ramfs_charge(struct super_block *super, const struct credentials *cred);
void ramfs_uncharge(struct super_block *super);
/* As tmpfs: half of memory for the pages of files, and as many inodes as half of it has pages; what
 * is there already comes on top. with_reserve: the last sixteenth of both is root's. */
void ramfs_set_default_limits(struct super_block *super, bool with_reserve);
void ramfs_set_limits(struct super_block *super, uint64_t pages, uint64_t inodes);
uint64_t ramfs_limit_default(const struct super_block *super); /* 0: none, of type ramfs */

/* For ramfs_rename.c. */
void ramfs_dir_changed_locked(struct inode *dir, int entries, int subdirectories);
void ramfs_drop_links(struct inode *inode);
void ramfs_discard(struct inode *inode); /* one that got no name after all */
