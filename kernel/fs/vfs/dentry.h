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
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define DENTRY_INLINE_NAME 27

/* I constant after creation   a atomic   t fs_tree_lock   d mutex of the directory
 * The first cache line is what lookups read, the count is in the second: a directory in which
 * several processors make and remove files is counted up and down all the time. */
struct dentry {
    struct inode *inode;   /* [I] counted; never NULL */
    struct dentry *parent; /* [t] counted; NULL: root of its file system */
    struct mount *mounted; /* [t] one of those that lie over it: see mount_on */
    const char *name;      /* [t] no NUL; inline_name, or from fs/vfs/namebuf.h */
    uint32_t hash;         /* [d] of the name */
    uint16_t name_len;     /* [t] */
    bool linked;           /* [d] its directory holds it */
    bool unhashed : 1;     /* [I] made anew by each lookup: no directory holds it, ever */
    bool is_alias : 1;     /* [I] it stands for another dentry as seen in a mount */
    union {
        struct rb_node by_name; /* [d] */
        struct {
            struct mount *mount; /* [I] counted; never the first of its file system */
            struct dentry *real; /* [I] counted */
        } alias;
    };
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

/* --- places: what a file system's name means in one of its mounts ---
 *
 * Nearly all mounts are the first of their file system, and in them a dentry is a place. In another
 * mount (a bind mount, or any in a name space that was copied) a place is an alias: a dentry that
 * stands for the pair, holds both, has their inode and no name. Working directories, files and
 * walks pass aliases on as they do dentries; what a file system gets is always the real one. */
struct vfs_path {
    struct mount *mount;
    struct dentry *dentry; /* real */
};

struct mount *dentry_mount(const struct dentry *dentry);
static inline struct dentry *dentry_real(struct dentry *dentry)
{
    return unlikely(dentry->is_alias) ? dentry->alias.real : dentry;
}
struct vfs_path dentry_to_path(struct dentry *dentry);
static inline bool vfs_path_same(struct vfs_path one, struct vfs_path other)
{
    return one.mount == other.mount && one.dentry == other.dentry;
}
static inline bool mount_is_first(const struct mount *mount)
{
    return mount == &mount->super->home;
}
/* -EROFS: what is seen there may not be changed. Files without a name (NULL) are in no mount. That
 * a file system is read-only as a whole is asked of the inode. */
MUST_CHECK int dentry_check_writable(const struct dentry *dentry);

/* Takes a reference to both; the first mount is not counted. The mount is in use already. */
void vfs_path_get(struct vfs_path path);
/* The place; takes over the references, also where it fails: -ENOMEM. */
MUST_CHECK int vfs_path_place(struct vfs_path path, struct dentry **out_dentry);
/* What was found in a directory, as seen in the same mount: the reference to a real one becomes one
 * to its place. -ENOMEM: it is put. */
MUST_CHECK int dentry_alias_entry(const struct dentry *dir, struct dentry **entry);
MUST_CHECK static inline int dentry_place_entry(const struct dentry *dir, struct dentry **entry)
{
    return unlikely(dir->is_alias) ? dentry_alias_entry(dir, entry) : 0;
}
/* Of a mount found without a lock: false if its last reference is gone. */
MUST_CHECK bool mount_get_live(struct mount *mount);
void mount_put(struct mount *mount); /* nothing for a first one; under no spinlock */

/* What lies over the dentry as seen in that mount; NULL: nothing. Under fs_tree_lock or
 * rcu_read_lock: with the latter the caller compares mount_version. */
struct mount *mount_on(const struct mount *parent, const struct dentry *dentry);

/* The root of a mount that a walk goes into: an unmount that is just being decided takes notice. */
static inline struct vfs_path mount_enter_locked(struct mount *mount)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    if (unlikely(mount->leaving))
        mount->entered++;
    return (struct vfs_path){mount, mount->root};
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
MUST_CHECK int64_t vfs_path_text(struct vfs_path path, struct vfs_path root, char *buffer,
                                 size_t size, char **out_path, unsigned *out_flags);

/* The parent (crossing mounts downwards), referenced; the root's parent is the root. -ENOMEM;
 * -ENOENT: the directory has been moved out of what its mount shows. */
MUST_CHECK int dentry_parent_get(struct dentry *dentry, struct dentry *root,
                                 struct dentry **out_parent);
