/* SPDX-License-Identifier: MIT */
/*
 * fs/inode.h - a file itself, whatever its names
 *
 * Owns:    attributes, and by type: pages, directory entries, link text, device number, pipe.
 * Used by: path (looks names up), file (opens it), vm (maps it, through its pager).
 * Locks:   inode.lock, a mutex, rank INODE; of two inodes by mutex_lock_pair, never three.
 * Context: thread. inode_put may drop the last reference anywhere but under a spinlock.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/fs/filemap.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sched/mutex.h"
#include "kernel/vm/vm_pager.h"

struct dentry;
struct file;
struct file_ops;
struct inode;
struct inode_ops;
struct lx_statfs;
struct pipe;
struct procfs_entry;

struct fs_time {
    int64_t sec; /* since 1970, may be negative */
    uint32_t nsec;
};

/* One mounted file system. I constant after creation   a atomic   t fs_tree_lock   m mount_lock */
struct super_block {
    const struct super_ops *ops; /* [I] NULL: never mounted by programs */
    const char *type;            /* [I] as in /proc/filesystems */
    char *source;                /* [I] owned, as in /proc/mounts */
    uint64_t device;             /* [I] st_dev */
    uint64_t magic;              /* [I] statfs f_type */
    struct dentry *root;         /* [I] counted; its inode has number 1 */
    struct dentry *covered;      /* [t] counted: the directory it lies over; NULL: "/" */
    uint64_t parent_device;      /* [t] of that directory */
    struct list mounts;          /* [t] node of the list of mounts, or of those detached */
    uint32_t refs;               /* [a] inodes, and one for being mounted */
    uint32_t orphans;            /* [a] its live inodes without a name */
    uint64_t last_ino;           /* [a] */
    uint32_t flags;              /* [a] LX_MS_*: what mount(2) said */
    bool readonly;               /* [a] */
    bool leaving;                /* [m] about to be detached */
    struct dentry *home;         /* [I] start-up mounted it there: it comes back after a test */
    struct filemap_quota quota;  /* [a] for the pages of its files */
    uint32_t inodes_max;         /* [a] 0: no limit */
    uint32_t root_mode, root_uid, root_gid; /* [I] as the options said */
};

/* What mounting asks of a file system. With mount_lock held. */
struct super_ops {
    /* Somebody uses a file or directory of it. The caller has one reference to the root. */
    bool (*is_busy)(struct super_block *super);
    /* Empties it, when nobody does: false when memory is short, to be tried again. */
    bool (*clear)(struct super_block *super);
    /* Does what the options say, or nothing: -EINVAL. `first`: nobody knows it yet. */
    int (*set_options)(struct super_block *super, char *options, bool first);
    /* The options as /proc/mounts shows them, with a comma in front. */
    void (*show_options)(const struct super_block *super, char *text, size_t size);
};

/* The names in a directory: the same dentries in two orders. */
struct dir_index {
    struct rb_tree names; /* by hash, then length, then bytes */
    struct rb_tree order; /* by cookie: the order of creation */
    uint64_t last_cookie;
    uint32_t state; /* [a] number of entries, or DIR_DEAD */
};

#define DIR_DEAD 0x80000000u /* removed: takes no entries any more */

/* What a file of procfs stands for: fs/procfs.h. */
struct procfs_node {
    const struct procfs_entry *entry;
    uint64_t serial; /* of the process that has had that number; 0: it is about none */
    int pid;
    int number; /* of a descriptor */
};

/* I constant after creation   a atomic   l inode.lock */
struct inode {
    const struct inode_ops *ops;     /* [I] */
    const struct file_ops *file_ops; /* [I] NULL for devices (looked up at open) and symlinks */
    struct super_block *super;       /* [I] */
    struct mutex lock;
    uint32_t refs;   /* [a] dentries, files, mappings */
    uint32_t nlink;  /* [a] */
    uint32_t mode;   /* [l] type and permissions; the type is constant */
    uint32_t uid;    /* [l] */
    uint32_t gid;    /* [l] */
    uint64_t ino;    /* [I] */
    uint64_t device; /* [I] st_rdev */
    uint64_t size;   /* [l] bytes; directories and devices: 0 or nominal */
    struct fs_time atime, mtime, ctime, btime; /* [l] */
    struct vm_pager pager;                     /* [I] ops are NULL when it cannot be mapped */
    struct list locks;                         /* [l] advisory locks: fs/flock.h */
    bool linkable;                             /* [I] made by O_TMPFILE: may get its first name */
    int32_t claims;                            /* [a] > 0: who writes; < 0: who runs it */
    union {
        struct filemap map;   /* regular file [l] */
        struct dir_index dir; /* directory [l] */
        struct {
            const char *text; /* symlink [I]; size is its length; no NUL */
            void *owned;      /* what holds the text, NULL: the archive */
        } link;
        struct pipe *pipe;       /* FIFO [l] */
        struct procfs_node proc; /* [I] */
        void *context;           /* anonymous files: the operations' own */
    };
};

/* What the file system of an inode can do. A missing operation answers as noted. Directory
 * operations are called without locks; they take the directory's own. `dir` is the dentry of a
 * directory; a name has 1 to 255 bytes, no '/', and is neither "." nor "..". */
struct inode_ops {
    /* The entry of that name, referenced, or -ENOENT. hash: dentry_hash of the name. */
    int (*lookup)(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                  struct dentry **out_entry);
    /* Directory entries from file->position on: see fs/file.h, dir_emit. */
    /* The rest: -EPERM when missing (-EROFS on a read-only file system). */
    int (*create)(struct dentry *dir, const char *name, size_t len, uint32_t mode, uint64_t device,
                  const struct credentials *cred, struct dentry **out_entry);
    int (*symlink)(struct dentry *dir, const char *name, size_t len, const char *text,
                   size_t text_len, const struct credentials *cred);
    int (*link)(struct dentry *dir, const char *name, size_t len, struct inode *target);
    int (*unlink)(struct dentry *dir, struct dentry *entry, bool directory);
    int (*rename)(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
                  const char *name, size_t len, struct dentry *victim, uint32_t flags);
    /* Regular files, inode.lock held. -EINVAL when missing. */
    int (*truncate_locked)(struct inode *inode, uint64_t nbytes);
    bool keeps_text; /* a symlink's text is in inode->link */
    /* Copies the link's text (no NUL), returns its whole length. -EINVAL when missing. */
    int64_t (*readlink)(struct inode *inode, char *text, size_t size);
    /* A link that leads to an object rather than to a path (/proc/self/exe): the dentry,
     * referenced. Missing: the text is walked. */
    int (*jump)(struct inode *inode, struct dentry **out_target);
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

/* nlink with the count of orphans kept: inodes without a name that are still in use. */
void inode_link(struct inode *inode);
void inode_unlink(struct inode *inode);
MUST_CHECK bool inode_link_unless_dead(struct inode *inode); /* false: nlink was 0 */

struct fs_time fs_time_now(void);
void inode_touch_locked(struct inode *inode); /* mtime and ctime are now */
void inode_touch_atime(struct inode *inode);  /* as mount option relatime does */

/* A file is not written while it runs as a program, nor started while somebody may write to it.
 * Claims are counted; -ETXTBSY: there are some of the other kind. */
enum inode_claim { INODE_WRITER = 1, INODE_RUNNER = -1 };
MUST_CHECK int inode_claim(struct inode *inode, enum inode_claim claim);
static inline void inode_unclaim(struct inode *inode, enum inode_claim claim)
{
    __atomic_fetch_sub(&inode->claims, claim, __ATOMIC_RELEASE);
}

enum inode_access { INODE_EXEC = 1, INODE_WRITE = 2, INODE_READ = 4 };

/* 0, -EACCES, or -EROFS: permissions for the context's file-system user. */
MUST_CHECK int inode_permission(const struct inode *inode, const struct credentials *cred,
                                unsigned access);
bool inode_owner_or_privileged(const struct inode *inode, const struct credentials *cred);

/* For the harness: what a test may have changed for good, and what it must not leave behind. */
uint64_t fs_frames_held(void); /* frames of files, inodes, names: those that live on */
uint64_t fs_orphans(void);     /* live inodes without a name */
