/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/path_rcu.h - the path walk without locks
 *
 * Used by: fs/vfs/path.c, which tries this first.
 * Locks:   none; see path_rcu.c.
 * Context: thread; not in a section of rcu_read_lock.
 * Fails:   -ENOENT; -EAGAIN: nothing is said about the path, walk it with locks.
 * Tests:   tests/host/fs_walk_test.c, tests/user/stress/stress_lookup.c
 */
#pragma once

#include "kernel/fs/vfs/path.h"

/* The arguments and results of path_walk, path_look and path_walk_parent. */
MUST_CHECK int path_walk_rcu(struct fs_context *context, struct dentry *start, const char *path,
                             unsigned flags, struct dentry **out_dentry);
MUST_CHECK int path_look_rcu(struct fs_context *context, struct dentry *start, const char *path,
                             unsigned flags, const struct path_look *look);
MUST_CHECK int path_walk_parent_rcu(struct fs_context *context, struct dentry *start,
                                    const char *path, unsigned flags, struct path_last *out_last);
