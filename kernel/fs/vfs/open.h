/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/open.h - operations on paths, as the system calls and the kernel itself use them
 *
 * Owns:    nothing.
 * Rule:    paths are kernel strings; `start` as in path_walk. Each has Linux's errno for each
 * fault. Locks:   as path_walk; rename takes two directories by mutex_lock_pair. Context: thread.
 * Tests:   tests/host/fs_model_test.c, against the host's own file system
 */
#pragma once

#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/path.h"

struct open_how {
    uint32_t flags; /* LX_O_* */
    uint32_t mode;
    unsigned walk; /* PATH_* restrictions of openat2 */
    bool exec;     /* to run it: asks for that right, not for the right to read; -EACCES at once for
                    * anything but a regular file */
    bool regular;  /* -EACCES at once for anything but a regular file: opening it cannot wait */
};

MUST_CHECK int fs_open(struct fs_context *context, struct dentry *start, const char *path,
                       const struct open_how *how, struct file **out_file);

/* What is known already; the reference to it is taken over, or put. */
MUST_CHECK int fs_open_dentry(struct fs_context *context, struct dentry *dentry,
                              const struct open_how *how, struct file **out_file);

/* By absolute path, for the kernel itself: a regular file, so that no FIFO or device that a program
 * has put there keeps the kernel waiting. Devices are opened by number. */
MUST_CHECK int fs_open_path(struct fs_context *context, const char *path, uint32_t flags,
                            uint32_t mode, struct file **out_file);
/* A character device by number, whatever lies at its path: for the harness. */
MUST_CHECK int fs_open_device(struct fs_context *context, uint64_t device, uint32_t flags,
                              struct file **out_file);
/* A program, by absolute path. */
MUST_CHECK int fs_open_exec(struct fs_context *context, const char *path, struct file **out_file);

/* The type in mode is a node's (or 0: regular): the caller has checked that. */
MUST_CHECK int fs_mknod(struct fs_context *context, struct dentry *start, const char *path,
                        uint32_t mode, uint64_t device);
/* bind(2): a socket. publish: 0, or an errno, for which it is taken back. */
MUST_CHECK int fs_make_socket(struct fs_context *context, const char *path,
                              int (*publish)(void *argument, struct dentry *entry), void *argument);
MUST_CHECK int fs_mkdir(struct fs_context *context, struct dentry *start, const char *path,
                        uint32_t mode);
MUST_CHECK int fs_symlink(struct fs_context *context, const char *text, struct dentry *start,
                          const char *path);
MUST_CHECK int fs_link(struct fs_context *context, struct dentry *old_start, const char *old_path,
                       struct dentry *new_start, const char *new_path, unsigned walk);
/* Of a file that is in no tree: never 0. */
MUST_CHECK int fs_link_outside(struct fs_context *context, struct dentry *new_start,
                               const char *new_path);
MUST_CHECK int fs_unlink(struct fs_context *context, struct dentry *start, const char *path,
                         bool directory);
MUST_CHECK int fs_rename(struct fs_context *context, struct dentry *old_start, const char *old_path,
                         struct dentry *new_start, const char *new_path, uint32_t flags);

/* Attributes of an inode, with the permission each change asks for. */
MUST_CHECK int fs_chmod(struct fs_context *context, struct inode *inode, uint32_t mode);
MUST_CHECK int fs_chown(struct fs_context *context, struct inode *inode, uint32_t uid,
                        uint32_t gid); /* UINT32_MAX: leave */
MUST_CHECK int fs_truncate(struct inode *inode, uint64_t nbytes, const struct credentials *cred);

struct fs_times {
    struct fs_time atime, mtime;
    bool set_atime, set_mtime; /* false: leave alone */
    bool atime_now, mtime_now;
};
MUST_CHECK int fs_set_times(struct fs_context *context, struct inode *inode,
                            const struct fs_times *times);
