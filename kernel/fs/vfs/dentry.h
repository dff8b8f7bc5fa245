/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/dentry.h - one name of one inode in one directory
 *
 * Owns:    the name, a reference to its inode and one to its parent. A linked dentry is held by
 *          its directory; an unlinked one lives on as long as it is open.
 * Used by: path, file, ramfs, procfs. A dentry is what "a place in the tree" means everywhere.
 * Locks:   parent, name and mount change under fs_tree_lock (a spinlock, rank FDTABLE) with the
 *          directories' mutexes held; either of the two is enough for reading.
 *          Freed after a grace period: readers of sched/rcu.h may follow inode, mounted and the
 *          tree by_name without a lock.
 * Context: thread.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/sched/rcu.h"
#include "shared/linux/stat.h"

#define DENTRY_INLINE_NAME 27

/* I constant after creation   a atomic   t fs_tree_lock   d mutex of the directory
 * The first cache line is what lookups read, the count is in the second: a directory in which
 * several processors make and remove files is counted up and down all the time. */
struct dentry {
    struct inode *inode;         /* [I] counted; never NULL */
    struct dentry *parent;       /* [t] counted; NULL: root of its file system */
    struct super_block *mounted; /* [t] what lies over it */
    const char *name;            /* [t] no NUL; inline_name, or from fs/vfs/namebuf.h */
    uint32_t hash;               /* [d] of the name */
    uint16_t name_len;           /* [t] */
    bool linked;                 /* [d] its directory holds it */
    bool unhashed;               /* [I] made anew by each lookup: no directory holds it, ever */
    struct rb_node by_name;      /* [d] */
    union {
        struct rb_node by_order; /* [d] */
        struct rcu_head rcu;     /* once the last reference is gone */
    };
    uint64_t cookie;    /* [d] position for getdents */
    uint32_t refs;      /* [a] */
    bool is_boot_mount; /* [I] start-up mounted something there: it stays */
    char inline_name[DENTRY_INLINE_NAME];
};

_Static_assert(sizeof(struct dentry) == 128, "two cache lines");

extern struct spinlock fs_tree_lock;

void dentry_init_cache(void);
uint64_t dentry_frames_held(void); /* of dentries, and of texts (fs/vfs/namebuf.h) */

/* parent may be NULL; takes references to parent and inode. The name is copied. -ENOMEM. */
MUST_CHECK int dentry_create(struct dentry *parent, const char *name, size_t len, uint32_t hash,
                             struct inode *inode, struct dentry **out_dentry);
/* Another name and parent, in three steps: room is made first (NULL when none is needed), the
 * move under fs_tree_lock cannot fail, what it returns is freed afterwards. The move takes a
 * reference to the new parent; the one to the old parent becomes the caller's, to be put once the
 * locks are dropped. */
MUST_CHECK int dentry_room_alloc(size_t len, char **out_room);
void dentry_room_free(char *room);       /* NULL is fine */
void dentry_room_free_later(char *room); /* likewise; readers may still compare the name in it */
char *dentry_move_locked(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
                         uint32_t hash, char *room);
void dentry_swap_locked(struct dentry *one, struct dentry *other); /* names and parents */

/* Counts what may change the ancestors of a directory: directories moved, mounts made and taken
 * away. Changes under fs_tree_lock; a walk that must stay below its start compares. */
uint64_t dentry_tree_version(void);
void dentry_tree_changed_locked(void);

/* The type is constant: no lock. */
static inline bool dentry_is_directory(const struct dentry *dentry)
{
    return (dentry->inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* Something lies over it, or will do again when the test ends: it is neither removed nor renamed.
 * Under fs_tree_lock, in one step with the removal, so that no mount comes between. */
static inline bool dentry_is_mount_point_locked(const struct dentry *dentry)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    return dentry->mounted || dentry->is_boot_mount;
}

/* The root of a mount that a walk goes into: an unmount that is just being decided takes notice. */
static inline struct dentry *mount_enter_locked(struct super_block *super)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    if (unlikely(super->leaving))
        super->entered = true;
    return super->root;
}

static inline void dentry_get(struct dentry *dentry)
{
    __atomic_fetch_add(&dentry->refs, 1, __ATOMIC_RELAXED);
}
/* For a name that was found without a lock: false if its last reference is gone already. */
MUST_CHECK static inline bool dentry_get_live(struct dentry *dentry)
{
    uint32_t refs = __atomic_load_n(&dentry->refs, __ATOMIC_RELAXED);

    while (refs != 0)
        if (__atomic_compare_exchange_n(&dentry->refs, &refs, refs + 1, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}
void dentry_put(struct dentry *dentry); /* NULL is fine */

/* FNV-1a, so that the walk can hash while it looks for the next slash. */
#define DENTRY_HASH_START 2166136261u
static inline uint32_t dentry_hash_byte(uint32_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * 16777619u;
}
uint32_t dentry_hash(const char *name, size_t len);

/* The path from root to the dentry, built from the end of buffer backwards: *out_path points into
 * it, NUL-terminated. Returns the length without NUL. -ENAMETOOLONG; *out_flags as below. */
enum dentry_path_flags { DENTRY_PATH_DELETED = 1, DENTRY_PATH_UNREACHABLE = 2 };
MUST_CHECK int64_t dentry_path(struct dentry *dentry, struct dentry *root, char *buffer,
                               size_t size, char **out_path, unsigned *out_flags);

/* The parent (crossing mounts downwards), referenced; the root's parent is the root. */
struct dentry *dentry_parent_get(struct dentry *dentry, struct dentry *root);
