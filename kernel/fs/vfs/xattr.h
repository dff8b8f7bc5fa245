/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/xattr.h - extended attributes: names and values that are kept with a file
 *
 * Owns:    inode.xattrs. What a name means, and which rights it takes, is the caller's to know.
 * Used by: syscall (setxattr and its relatives); those that write, cut or give away a file.
 * Locks:   the inode's mutex, taken here, but for what is _locked.
 * Context: thread.
 * Fails:   -ENODATA, -EEXIST, -ERANGE, -E2BIG, -ENOSPC, -ENOMEM.
 * Tests:   tests/user/fs/xattr.c, xattr_room.c
 */
#pragma once

#include "kernel/lib/util.h"

struct inode;

#define XATTR_TRUSTED      "trusted."
#define XATTR_CAPABILITIES "security.capability"

/* flags: LX_XATTR_CREATE, LX_XATTR_REPLACE. privileged: the room that is kept for root counts. */
MUST_CHECK int xattr_set(struct inode *inode, const char *name, const void *value, size_t nbytes,
                         int flags, bool privileged);
MUST_CHECK int xattr_remove(struct inode *inode, const char *name);
/* The value's size; with size 0 nothing is copied. -ERANGE: it is larger than that. */
MUST_CHECK int64_t xattr_get_locked(struct inode *inode, const char *name, void *value,
                                    size_t size);
MUST_CHECK int64_t xattr_get(struct inode *inode, const char *name, void *value, size_t size);
/* The names, each with its NUL, in the order in which they were set; with size 0 only how many
 * bytes that is. with_trusted: also those that begin with "trusted.". */
MUST_CHECK int64_t xattr_list(struct inode *inode, bool with_trusted, char *names, size_t size);

/* A file that gets other contents, or another owner, is not the program that was given rights. */
void xattr_drop_privileges_locked(struct inode *inode);

void xattr_init_cache(void);
void xattr_release(struct inode *inode); /* with the inode's last reference */
uint64_t xattr_frames_held(void);
