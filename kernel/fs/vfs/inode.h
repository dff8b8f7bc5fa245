/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/inode.h - a file itself, whatever its names
 *
 * Owns:    attributes, and by type: pages, directory entries, link text, device number, pipe.
 * Used by: path (looks names up), file (opens it), vm (maps it, through its pager).
 * Locks:   inode.lock, a mutex, rank INODE; of two inodes by mutex_lock_pair, never three.
 * Context: thread. inode_put may drop the last reference anywhere but under a spinlock.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/core/seqcount.h"
#include "kernel/fs/page_cache/page_cache.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rcu.h"
#include "kernel/vm/vm_pager.h"

struct dentry;
struct file;
struct file_locks;
struct file_ops;
struct inode;
struct inode_ops;
struct lx_statfs;
struct pipe;
struct procfs_entry;
struct xattr_store;

#define FS_NSEC_PER_SEC 1000000000U

struct fs_time {
    int64_t sec; /* since 1970, may be negative */
    uint32_t nsec;
};

struct mount_space;
struct super_block;

/* Where a file system, or a part of it, is seen. The first mount of each lies in its super block,
 * and its dentries are places by themselves; in others a place is an alias (dentry.h).
 * I constant after creation   a atomic   t fs_tree_lock   m mount_lock */
struct mount {
    struct super_block *super; /* [I] counted by those that are not the first */
    struct dentry *root;       /* [I] what is seen of it, and below: likewise */
    const char *source;        /* [I] owned, as in /proc/mounts */
    struct mount *parent;      /* [t] that it lies in; NULL: "/", or detached */
    struct dentry *point;      /* [t] counted: what it lies on */
    struct mount *hash_next;   /* [t] mounts of one hash */
    struct mount *copy;        /* [m] while a tree is copied */
    struct mount_space *space; /* [t] NULL: it is in no tree */
    struct list same;          /* [t] a ring of those on one dentry */
    struct list children;      /* [t] those that lie in it */
    struct list sibling;       /* [t] of those that lie in the same one */
    union {
        struct rb_node by_id; /* [t] of those of its space */
        struct list node;     /* [m] of those detached */
    };
    uint32_t refs;        /* [a] of others than the first: aliases, and one for the tree */
    uint32_t writers;     /* [a] files that are open for writing by way of it */
    uint32_t flags;       /* [a] LX_MS_* */
    uint32_t id;          /* [I] */
    uint32_t copied_from; /* [I] the id of that in the name space before */
    uint32_t entered;     /* [t] walks that went into it since it was marked */
    bool leaving;         /* [t] marked by an unmount that is being decided or done */
    bool expiring;        /* [t] marked by MNT_EXPIRE */
    bool unbindable;      /* [t] MS_UNBINDABLE */
    struct rcu_head rcu;  /* once the last reference is gone */
};

/* One mounted file system. I constant after creation   a atomic   t fs_tree_lock   m mount_lock */
struct super_block {
    const struct super_ops *ops;   /* [I] NULL: never mounted by programs */
    const char *type;              /* [I] as in /proc/filesystems */
    uint64_t device;               /* [I] st_dev */
    uint64_t magic;                /* [I] statfs f_type */
    struct dentry *root;           /* [I] counted; its inode has number 1 */
    struct mount home;             /* its first mount */
    struct list watches;           /* of its inodes: fs/event/notify.c */
    uint32_t refs;                 /* [a] inodes, other mounts, and one for being mounted */
    uint32_t clones;               /* [a] other mounts of it */
    uint32_t views;                /* [a] references to its dentries by aliases and mounts */
    uint32_t clone_writers;        /* [a] files that are open for writing by way of the others */
    uint32_t orphans;              /* [a] its live inodes without a name */
    uint64_t last_ino;             /* [a] */
    bool readonly;                 /* [a] for all its mounts */
    struct dentry *boot_directory; /* [I] start-up mounted it there: it comes back after a test */
    struct page_cache_quota quota; /* [a] for the pages of its files */
    uint64_t ninodes;              /* [a] ramfs_charge: inodes, and names of them but the first */
    uint64_t inodes_max;           /* [a] 0: no limit */
    uint64_t inodes_reserve;       /* [a] the last of them are root's */
    bool has_reserve;              /* [I] for root, of pages and inodes */
    bool keeps_xattrs;             /* [I] its files may have extended attributes */
    uint32_t root_mode, root_uid, root_gid; /* [I] as the options said */
    struct rcu_head rcu;                    /* once the last reference is gone */
};

/* What mounting asks of a file system. With mount_lock held. */
struct super_ops {
    /* A file or directory of it is in use. The caller has one reference to the root. */
    bool (*is_busy)(struct super_block *super);
    /* Empties it, when none is: false when memory is short, to be tried again. */
    bool (*clear)(struct super_block *super);
    /* Does what the options say, or nothing: -EINVAL. `first`: it cannot be found yet. */
    int (*set_options)(struct super_block *super, char *options, bool first);
    /* The name of an inode by its number, referenced: -ESTALE, -ENOMEM, -EINTR. Optional: missing
     * where files have no handles. The only one without mount_lock. */
    int (*find)(struct super_block *super, uint64_t ino, struct dentry **out_dentry);
    /* The options as /proc/mounts shows them, with a comma in front. */
    void (*show_options)(const struct super_block *super, char *text, size_t size);
};

/* The names in a directory: the same dentries in two orders. */
struct dir_index {
    struct rb_tree names; /* by hash, then length, then bytes */
    struct rb_tree order; /* by cookie: the order of creation */
    uint64_t last_cookie;
    struct seqcount changes; /* [inode.lock] of `names`, and of the names in it */
    uint32_t state;          /* [a] number of entries, or DIR_DEAD */
};

#define DIR_DEAD 0x80000000u /* removed: takes no entries any more */

/* What a file of procfs stands for: fs/procfs/procfs.h. */
struct procfs_node {
    const struct procfs_entry *entry;
    uint64_t serial; /* of the process, or thread, that has had that number; 0: about none */
    int pid;
    int number;          /* of a descriptor */
    int tid;             /* of one of its threads; 0: it is about the whole process */
    uint32_t generation; /* of the program that the process ran when this was looked up; 0: any */
};

struct symlink_text {
    const char *text; /* no NUL; the inode's size is its length */
    void *owned;      /* what holds the text, NULL: the archive */
};

enum inode_data_kind { INODE_NO_DATA, INODE_DIR, INODE_SYMLINK, INODE_PROCFS, INODE_OBJECT };

/* I constant after creation   a atomic   l inode.lock */
struct inode {
    /* The first cache line is what walks read, of directories above all; in the next is the mutex,
     * which others may be waiting for, and what it guards comes behind that. */
    const struct inode_ops *ops;     /* [I] */
    const struct file_ops *file_ops; /* [I] NULL for devices (looked up at open) and symlinks */
    struct super_block *super;       /* [I] */
    uint32_t mode;                   /* [l] type and permissions; the type is constant */
    uint32_t uid;                    /* [l] */
    uint32_t gid;                    /* [l] */
    /* Which member of .data there is, for the functions below, which check it. */
    uint8_t data_kind;  /* [I] enum inode_data_kind, set once, before anything can find the inode */
    bool linkable;      /* [a] made by O_TMPFILE: may get its first name */
    uint8_t write_hint; /* [a] F_SET_RW_HINT */
    uint64_t ino;       /* [I] */
    uint64_t device;    /* [I] st_rdev */
    struct mutex lock ALIGNED(64);
    uint32_t refs;  /* [a] dentries, files, mappings */
    uint32_t nlink; /* [a] */
    uint64_t size;  /* [l] bytes; directories and devices: 0 or nominal; read without by [a] */
    struct fs_time atime, mtime, ctime, btime; /* [l] */
    struct vm_pager pager;                     /* [I] ops are NULL when it cannot be mapped */
    struct list watches;                       /* fs/event/notify.c; all zero: none */
    struct file_locks *locks;                  /* [l] advisory locks: fs/vfs/flock.h */
    struct xattr_store *xattrs;                /* [l] NULL: none: fs/vfs/xattr.h */
    int32_t write_count;                       /* [a] > 0: writers; < 0: deny-write count */
    uint32_t readers;                          /* [a] regular files: open for reading alone */
    uint32_t cutters;                          /* [a] take pages out; no fault maps one meanwhile */
    uint32_t seals;                            /* [l] LX_F_SEAL_*: fs/ramfs/memfd.h */
    uint32_t mappers; /* [a] calls that map it shared and writable, before pager.writers counts */
    struct rcu_head rcu;             /* once the last reference is gone */
    struct page_cache map;           /* [l] regular files of ramfs; empty in all others */
    struct pipe *pipe;               /* [l] pipes and FIFOs that are open; NULL in all others */
    union {                          /* by data_kind */
        struct dir_index dir;        /* [l] */
        struct symlink_text symlink; /* [I] */
        struct procfs_node procfs;   /* [I] */
        void *object;                /* [I] of another room: its file has no name, and can be
                                        opened by a magic link */
    } data;
};

/* What kind of data an inode has is set when it is made. Code that takes it for another kind,
 * because a program has put a file of another type where a directory was, stops here instead of
 * reading one member of the union as another. */
static inline void inode_set_data_kind(struct inode *inode, enum inode_data_kind kind)
{
    ASSERT(inode->data_kind == INODE_NO_DATA);
    inode->data_kind = (uint8_t)kind;
}

static inline bool inode_has_dir(const struct inode *inode)
{
    return inode->data_kind == INODE_DIR;
}

static inline struct dir_index *inode_dir(struct inode *inode)
{
    ASSERT(inode->data_kind == INODE_DIR);
    return &inode->data.dir;
}

static inline struct symlink_text *inode_symlink(struct inode *inode)
{
    ASSERT(inode->data_kind == INODE_SYMLINK);
    return &inode->data.symlink;
}

static inline struct procfs_node *inode_procfs(struct inode *inode)
{
    ASSERT(inode->data_kind == INODE_PROCFS);
    return &inode->data.procfs;
}

static inline void *inode_object(struct inode *inode)
{
    ASSERT(inode->data_kind == INODE_OBJECT);
    return inode->data.object;
}

/* A name in a directory, and what a lookup found under it. */
struct dir_place {
    struct dentry *dir;
    struct dentry *entry; /* NULL: nothing */
    const char *name;     /* NULL: the entry is meant whatever it is called */
    size_t len;
    uint32_t hash; /* dentry_hash of the name */
};

/* What the file system of an inode can do. A missing operation answers as noted. Directory
 * operations are called without locks; they take the directory's own. `dir` is the dentry of a
 * directory; a name has 1 to 255 bytes, no '/', and is neither "." nor "..". */
struct inode_ops {
    /* The entry of that name, referenced, or -ENOENT. hash: dentry_hash of the name. */
    int (*lookup)(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                  struct dentry **out_entry);
    /* The same under rcu_read_lock, borrowed, without locks; -EAGAIN: not now. Missing: never. */
    int (*lookup_rcu)(struct inode *dir, const char *name, size_t len, uint32_t hash,
                      struct dentry **out_entry);
    /* Directory entries from file->position on: see fs/vfs/file.h, dir_emit. */
    /* The rest: -EPERM when missing (-EROFS on a read-only file system). */
    int (*create)(struct dentry *dir, const char *name, size_t len, uint32_t mode, uint64_t device,
                  const struct credentials *cred, struct dentry **out_entry);
    int (*symlink)(struct dentry *dir, const char *name, size_t len, const char *text,
                   size_t text_len, const struct credentials *cred);
    int (*link)(struct dentry *dir, const char *name, size_t len, struct inode *target,
                const struct credentials *cred);
    /* -ESTALE from these two: a name does not lead to what the caller found under it any more. */
    int (*unlink)(const struct dir_place *place, bool directory);
    int (*rename)(const struct dir_place *old, const struct dir_place *new, uint32_t flags,
                  const struct credentials *cred);
    /* Regular files, inode.lock held. -EINVAL when missing. */
    int (*truncate_locked)(struct inode *inode, uint64_t nbytes);
    bool keeps_text; /* a symlink's text is in inode_symlink(inode) */
    /* Copies the link's text (no NUL), returns its whole length. -EINVAL when missing. */
    int64_t (*readlink)(struct inode *inode, char *text, size_t size);
    /* A magic link leads to an object, not along a path (/proc/self/exe): the dentry,
     * referenced. Missing: the text is walked. */
    int (*magic_link)(struct inode *inode, struct dentry **out_target);
    /* Type-dependent data, when the last reference goes. */
    void (*release)(struct inode *inode);
    /* Attributes are about to be read (procfs). Optional. */
    void (*refresh)(struct inode *inode);
};

void inode_init_cache(void);

void super_put(struct super_block *super); /* the last one frees it */

/* One reference, nlink 1, times now, the owner from cred (NULL: root). -ENOMEM. */
MUST_CHECK int inode_create(struct super_block *super, const struct inode_ops *ops, uint32_t mode,
                            const struct credentials *cred, struct inode **out_inode);

static inline void inode_get(struct inode *inode)
{
    __atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);
}
void inode_put(struct inode *inode);

/* The size for readers without the mutex; what they find below it is there. */
static inline uint64_t inode_size(const struct inode *inode)
{
    return __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE);
}
static inline void inode_set_size_locked(struct inode *inode, uint64_t nbytes)
{
    ASSERT(mutex_is_held(&inode->lock));
    __atomic_store_n(&inode->size, nbytes, __ATOMIC_RELEASE);
}

/* nlink with the count of orphans kept: inodes without a name that are still in use. */
uint32_t inode_link(struct inode *inode);                    /* returns what it was before */
uint32_t inode_unlink(struct inode *inode);                  /* returns what is left */
MUST_CHECK bool inode_link_unless_dead(struct inode *inode); /* false: nlink was 0 */

struct fs_time fs_time_now(void);
void inode_touch_locked(struct inode *inode); /* mtime and ctime are now */
void inode_touch_atime(struct inode *inode);  /* as mount option relatime does */

/* A file is not written while it runs as a program, nor started while it is open for writing. One
 * word counts both: up for a writer, down for a program that denies writing. -ETXTBSY (text busy):
 * the other side is there. */
enum inode_write_side { INODE_WRITER = 1, INODE_DENY_WRITE = -1 };
MUST_CHECK int inode_write_count_get(struct inode *inode, enum inode_write_side side);
static inline void inode_write_count_put(struct inode *inode, enum inode_write_side side)
{
    __atomic_fetch_sub(&inode->write_count, side, __ATOMIC_RELEASE);
}

/* Around taking pages out of a file: they are unmapped first, then they go, and page faults wait
 * until both is done. So no mapping shows what is not the file's any more. */
void inode_cut_begin(struct inode *inode);
void inode_cut_end(struct inode *inode);
MUST_CHECK int inode_cut_await(struct inode *inode); /* without locks; -EINTR: killed */
static inline bool inode_is_cut(const struct inode *inode)
{
    return unlikely(__atomic_load_n(&inode->cutters, __ATOMIC_RELAXED) != 0);
}

enum inode_access { INODE_EXEC = 1, INODE_WRITE = 2, INODE_READ = 4 };

/* 0, -EACCES, or -EROFS: permissions for the context's file-system user. */
MUST_CHECK int inode_permission(const struct inode *inode, const struct credentials *cred,
                                unsigned access);
uint64_t inode_live_count(void); /* of all file systems */
bool inode_owner_or_privileged(const struct inode *inode, const struct credentials *cred);

/* For the harness: what a test may have changed for good, and what it must not leave behind. */
uint64_t fs_frames_held(void); /* frames of files, inodes, names: those that live on */
uint64_t fs_orphans(void);     /* live inodes without a name */
