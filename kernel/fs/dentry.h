/* SPDX-License-Identifier: MIT */
/*
 * fs/dentry.h - one name of one inode in one directory
 *
 * Owns:    the name, a reference to its inode and one to its parent. A linked dentry is held by
 *          its directory; an unlinked one lives on for whoever has it open.
 * Used by: path, file, ramfs, procfs. A dentry is what "a place in the tree" means everywhere.
 * Locks:   parent, name and mount change under fs_tree_lock (a spinlock, rank FDTABLE) with the
 *          directories' mutexes held; either of the two is enough for reading.
 * Context: thread.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/fs/inode.h"

#define DENTRY_INLINE_NAME 32

/* I constant after creation   a atomic   t fs_tree_lock   d mutex of the directory */
struct dentry {
    struct inode *inode;         /* [I] counted; never NULL */
    struct dentry *parent;       /* [t] counted; NULL: root of its file system */
    struct super_block *mounted; /* [t] what lies over it */
    uint32_t refs;               /* [a] */
    uint32_t hash;               /* [d] of the name */
    const char *name;            /* [t] no NUL; inline_name, or from fs/text.h */
    uint16_t name_len;           /* [t] */
    bool linked;                 /* [d] its directory holds it */
    bool floating;               /* [I] made anew by each lookup: no directory holds it, ever */
    bool is_home;                /* [I] start-up mounted something there: it stays */
    struct rb_node by_name;      /* [d] */
    struct rb_node by_order;     /* [d] */
    uint64_t cookie;             /* [d] position for getdents */
    char inline_name[DENTRY_INLINE_NAME];
};

extern struct spinlock fs_tree_lock;

void dentry_init_cache(void);
uint64_t dentry_frames_held(void); /* of dentries, and of texts (fs/text.h) */

/* parent may be NULL; takes references to parent and inode. The name is copied. -ENOMEM. */
MUST_CHECK int dentry_create(struct dentry *parent, const char *name, size_t len, uint32_t hash,
                             struct inode *inode, struct dentry **out_dentry);
/* Another name and parent, in three steps: room is made first (NULL when none is needed), the
 * move under fs_tree_lock cannot fail, what it returns is freed afterwards. References to parents
 * are the caller's. */
MUST_CHECK int dentry_room_alloc(size_t len, char **out_room);
void dentry_room_free(char *room); /* NULL is fine */
char *dentry_move_locked(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
                         uint32_t hash, char *room);
void dentry_swap_locked(struct dentry *one, struct dentry *other); /* names and parents */

static inline void dentry_get(struct dentry *dentry)
{
    __atomic_fetch_add(&dentry->refs, 1, __ATOMIC_RELAXED);
}
void dentry_free(struct dentry *dentry);             /* the last reference is gone */
static inline void dentry_put(struct dentry *dentry) /* NULL is fine */
{
    if (dentry && __atomic_sub_fetch(&dentry->refs, 1, __ATOMIC_ACQ_REL) == 0)
        dentry_free(dentry);
}

/* FNV-1a, so that the walk can hash while it looks for the next slash. */
#define DENTRY_HASH_START 2166136261u
static inline uint32_t dentry_hash_byte(uint32_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * 16777619u;
}
uint32_t dentry_hash(const char *name, size_t len);

/* The path from root to the dentry, built from the end of buffer backwards: *out_path points into
 * it, NUL-terminated. Returns the length without NUL. -ENAMETOOLONG; *out_flags tells below. */
enum dentry_path_flags { DENTRY_PATH_DELETED = 1, DENTRY_PATH_UNREACHABLE = 2 };
MUST_CHECK int64_t dentry_path(struct dentry *dentry, struct dentry *root, char *buffer,
                               size_t size, char **out_path, unsigned *out_flags);

/* The parent (crossing mounts downwards), referenced; the root's parent is the root. */
struct dentry *dentry_parent_get(struct dentry *dentry, struct dentry *root);
