/* SPDX-License-Identifier: MIT */
/*
 * fs/devfs/devpts.h - /dev/pts: the nodes of pseudo-terminals
 *
 * Owns:    a file system of its own, whose only directory is its root. Programs make and remove
 *          nothing in it; they may change the nodes' modes and owners.
 * Used by: dev/tty/pty.c.
 * Rule:    nodes are added to and removed from the file system itself, never through a path: what
 *          lies over /dev/pts makes no difference.
 * Locks:   INODE of the root.
 * Context: thread.
 * Fails:   -ENOMEM, -ENOSPC.
 * Tests:   tests/host/fs_dev_test.c, tests/user/tty/devpts.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"

/* Mounts it on the directory pts of devfs. After devfs_mount. */
MUST_CHECK int devpts_mount(void);

/* The node of a terminal, with that owner and group: its dentry, referenced. */
MUST_CHECK int devpts_add(unsigned number, uint64_t device, uint32_t uid, uint32_t gid,
                          struct dentry **out_node);
/* Takes the name away. The caller's reference stays: nothing else gets the inode's address while
 * files may be compared with it. */
void devpts_remove(struct dentry *node);
