/* SPDX-License-Identifier: MIT */
/*
 * fs/ramfs.h - a file system that lives in memory
 *
 * Owns:    directories, files, symlinks, nodes made in it; everything is gone with its last use.
 * Used by: "/" (filled from the archive), /dev, and every tmpfs.
 * Locks:   INODE of the directory; of two directories in a rename by mutex_lock_pair.
 * Fails:   -ENOMEM, -EEXIST, -ENOENT, -ENOTEMPTY, -EMLINK.
 * Tests:   tests/host/fs_ramfs_test.c, fs_model_test.c
 */
#pragma once

#include "kernel/fs/dentry.h"
#include "kernel/fs/inode.h"

extern const struct inode_ops ramfs_dir_ops;
extern const struct inode_ops ramfs_file_ops;
extern const struct inode_ops ramfs_link_ops;
extern const struct inode_ops ramfs_node_ops; /* devices, FIFOs, sockets */

/* An empty file system whose root has that mode. type and source are kept, not copied. */
MUST_CHECK int ramfs_create(const char *type, const char *source, uint32_t root_mode,
                            struct super_block **out_super);
