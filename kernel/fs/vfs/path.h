/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/path.h - from names to places: the path walk
 *
 * Owns:    nothing. Results are referenced dentries.
 * Locks:   INODE of one directory at a time; none is held on return.
 * Context: thread, no lock of rank INODE or above held.
 * Fails:   -ENOENT (also for the empty path), -ENOTDIR, -EACCES, -ELOOP (40 links),
 *          -ENAMETOOLONG (a component over 255 bytes), -ENOMEM; -EAGAIN for PATH_BENEATH and
 *          PATH_IN_ROOT when directories moved while the walk climbed.
 * Tests:   tests/host/fs_walk_test.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/fs_context.h"
#include "shared/linux/limits.h"

enum path_flags {
    PATH_FOLLOW = 1,      /* a symlink at the end is followed */
    PATH_DIRECTORY = 2,   /* what is found must be a directory */
    PATH_EMPTY = 4,       /* AT_EMPTY_PATH: "" is the start itself */
    PATH_NO_SYMLINKS = 8, /* -ELOOP at any symlink (openat2) */
    PATH_NO_XDEV = 16,    /* -EXDEV at any mount border */
    PATH_BENEATH = 32,    /* -EXDEV when leaving the start */
    PATH_IN_ROOT = 64,    /* the start is the root */
    PATH_NO_MAGIC = 128,  /* -ELOOP at magic links */
};

/* start: where a relative path begins; NULL: the context's working directory. Not consumed. */
MUST_CHECK int path_walk(struct fs_context *context, struct dentry *start, const char *path,
                         unsigned flags, struct dentry **out_dentry);

/* Just a look at the inode. fill may be called where it must not sleep, unless the inode has an
 * operation `refresh`. */
struct path_look {
    void (*fill)(struct inode *inode, void *result);
    void *result;
};
MUST_CHECK int path_look(struct fs_context *context, struct dentry *start, const char *path,
                         unsigned flags, const struct path_look *look);

/* Everything but the last component, which may not exist. */
struct path_last {
    struct dentry *place;  /* counted: the directory, as seen in its mount */
    struct dentry *parent; /* the same, real: what operations of directories get */
    const char *name;      /* into the path, or into a symlink's text */
    size_t len;
    uint32_t hash;
    uint8_t kind;         /* enum path_last_kind */
    bool trailing;        /* slashes follow the name */
    unsigned flags;       /* of the walk */
    unsigned links;       /* symlinks followed so far */
    struct dentry *root;  /* counted; NULL: not asked for yet */
    struct dentry *start; /* borrowed */
    uint64_t version;     /* of the tree when the walk began */
    struct inode *hold;   /* the symlink that the name lies in; counted; NULL: the path */
    char *owned;          /* the text, when the inode does not keep it */
};

enum path_last_kind { PATH_LAST_NAME, PATH_LAST_DOT, PATH_LAST_DOTDOT, PATH_LAST_ROOT };

MUST_CHECK int path_walk_parent(struct fs_context *context, struct dentry *start, const char *path,
                                unsigned flags, struct path_last *out_last);
void path_last_put(struct path_last *last);

/* What `last` names, mounts crossed, symlinks not followed: referenced, or -ENOENT. */
MUST_CHECK int path_last_lookup(struct fs_context *context, struct path_last *last,
                                struct dentry **out_dentry);

/* The same for a plain name, but what is mounted there is not crossed: for removing and renaming.
 */
MUST_CHECK int path_last_entry(struct path_last *last, struct dentry **out_dentry);

/* `last` named a symlink: goes on to the parent of what that names. On failure nothing is left
 * to be put. */
MUST_CHECK int path_last_follow(struct fs_context *context, struct path_last *last,
                                struct inode *link);
