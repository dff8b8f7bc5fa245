/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/user_path.h - paths and directory descriptors as programs give them
 *
 * Owns:    struct user_path, a path copied from a program; struct path_start, where it begins.
 * Context: a system call; no lock held.
 * Fails:   -EFAULT, -ENAMETOOLONG, -ENOENT for "" unless wanted, -EBADF, -ENOTDIR, -ENOMEM.
 * Tests:   tests/host/fs_model_test.c, tests/user/mem/badptr_*.c
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/util.h"

struct dentry;
struct inode;
struct task;

#define USER_PATH_SMALL 128

struct user_path {
    const char *text;
    char *large; /* NULL: the text is in small */
    char small[USER_PATH_SMALL];
};

MUST_CHECK int user_path_get(struct user_path *path, struct uptr from);
void user_path_put(struct user_path *path);

/* What a relative path starts from. For an absolute path the descriptor is not even looked at. */
struct path_start {
    struct fd_ref ref;
    struct dentry *dentry; /* NULL: the working directory */
};

MUST_CHECK int path_start_get(struct task *self, int dirfd, const char *path,
                              struct path_start *start);
void path_start_put(struct path_start *start);

/* Both, then the walk: the place a program means, referenced. flags: enum path_flags. */
MUST_CHECK int user_walk(struct task *self, int dirfd, struct uptr path, unsigned flags,
                         struct dentry **out_dentry);
/* The same for a look alone: no reference is taken. Not with PATH_EMPTY. */
MUST_CHECK int user_look(struct task *self, int dirfd, struct uptr path, unsigned flags,
                         const struct path_look *look);
/* The same for calls with AT_EMPTY_PATH: the inode, referenced, also of a file without a name. */
MUST_CHECK int user_walk_inode(struct task *self, int dirfd, struct uptr path, unsigned flags,
                               struct inode **out_inode);
/* The same for what changes a file: with the name, where there is one. */
struct user_object {
    struct dentry *dentry; /* counted; NULL: it has no name, or none is known */
    struct inode *inode;   /* counted if there is no dentry */
};
MUST_CHECK int user_walk_object(struct task *self, int dirfd, struct uptr path, unsigned flags,
                                struct user_object *object);
void user_object_put(const struct user_object *object);
/* What an empty path with AT_EMPTY_PATH means: the inode behind the descriptor alone. */
MUST_CHECK int user_fd_inode(struct task *self, int fd, struct inode **out_inode);
