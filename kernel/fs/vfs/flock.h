/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/flock.h - advisory locks: flock(2) and the record locks of fcntl(2)
 *
 * Owns:    the locks of each inode, and the tasks that wait for one.
 * Used by: the system calls, file_put, fdtable (a process's record locks end with any close).
 * Locks:   INODE of the inode, then a spinlock of rank FLOCK for the waiters.
 * Context: thread.
 * Fails:   -EAGAIN when not to wait, -EDEADLK, -EINTR, -EINVAL, -ENOLCK, -ENOMEM.
 * Tests:   tests/host/fs_lock_test.c, fs_file_test.c, tests/user/fs/lock_*.c
 */
#pragma once

#include "kernel/fs/vfs/inode.h"
#include "kernel/lib/interval.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"
#include "kernel/sched/waitq.h"

struct file;
struct user_charge;

enum lock_family {
    LOCK_WHOLE, /* flock: of an open file; knows nothing of the other two */
    LOCK_POSIX, /* of a process: the owner is its table of descriptors */
    LOCK_OFD,   /* of an open file */
};

#define LOCK_END INT64_MAX

/* I constant after creation   l inode.lock */
struct file_lock {
    struct interval range; /* [l] first and last byte */
    union {
        struct rb_node by_owner; /* [l] of a record lock, in lock_space.owners */
        struct list whole_link;  /* [l] of a lock on a whole file, in file_locks.whole */
    };
    const void *owner;           /* [I] */
    struct user_charge *charged; /* [I] counted; NULL in a description */
    uint64_t rank;               /* [l] of the owner among those of the inode: order of arrival */
    enum lock_family family;     /* [I] */
    int pid;                     /* [I] of the owner, for F_GETLK; -1: an open file */
    bool exclusive;              /* [I] */
};

/* Record locks, which conflict with each other whatever their family. [l] */
struct lock_space {
    struct rb_tree owners;    /* by owner, then first byte: an owner's locks are disjoint */
    struct rb_tree exclusive; /* intervals, all of them disjoint */
    struct rb_tree shared;    /* intervals */
};

/* inode->locks, from the first lock until a close that finds none. */
struct file_locks {
    struct list whole;         /* [l] struct file_lock: one exclusive lock, or shared ones */
    struct lock_space records; /* [l] */
    struct list waits;         /* [l] struct lock_wait */
    struct list leases;        /* [l] struct lease: lease.c */
    struct waitq lease_change; /* of one: breakers wait */
    uint32_t breakers;         /* [l] of them */
    uint64_t last_rank;        /* [l] */
    bool kept;                 /* [I] without locks, too: locks_keep */
};

void flock_init(void);

/* Sets a lock as `want` describes it; where the owner has locks already, it replaces them. uid: to
 * whom it is charged. */
MUST_CHECK int lock_set(struct inode *inode, const struct file_lock *want, uint32_t uid, bool wait);
/* Takes the bytes of `want` out of what its owner has locked. -ENOLCK: no memory to split one. */
MUST_CHECK int lock_clear(struct inode *inode, const struct file_lock *want);
/* The first lock in the way of `want` is copied over it: true. With `own`: of the same owner. */
bool lock_test(struct inode *inode, struct file_lock *want, bool own);
/* The record locks of an owner; and all locks of an open file that goes. */
void lock_clear_owner(struct inode *inode, const void *owner);
void lock_clear_file(struct file *file);

/* Asked at every close of a descriptor: nearly always there is nothing. An owner's locks are its
 * own doing, so it sees them without the lock. */
static inline bool lock_may_be_held(const struct inode *inode)
{
    return unlikely(__atomic_load_n(&inode->locks, __ATOMIC_RELAXED) != NULL);
}

/* An inode that nothing can find yet gets the structure for ever: by that a close finds out, where
 * it looks anyway, that another room is to hear of it. -ENOLCK. The inode's operation `release`
 * takes it back. */
MUST_CHECK int locks_keep(struct inode *inode);
void locks_unkeep(struct inode *inode);
/* What hears of it, in the closing task, without locks: set once, at start-up. */
extern void (*locks_closed)(struct inode *inode, const void *owner);

/* operation: LX_LOCK_SH, LX_LOCK_EX or LX_LOCK_UN, perhaps with LX_LOCK_NB. */
bool flock_is_operation(int operation);
MUST_CHECK int flock_apply(struct file *file, uint32_t uid, int operation);
