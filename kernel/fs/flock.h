/* SPDX-License-Identifier: MIT */
/*
 * fs/flock.h - advisory locks: flock(2) and the record locks of fcntl(2)
 *
 * Owns:    the list of locks at each inode, and who waits for one.
 * Used by: the system calls, file_put, fdtable (a process's record locks end with any close).
 * Locks:   INODE of the inode, then a spinlock of rank FDTABLE for those who wait.
 * Context: thread.
 * Fails:   -EAGAIN when not to wait, -EDEADLK, -EINTR, -EINVAL, -ENOLCK, -ENOMEM.
 * Tests:   tests/host/fs_file_test.c, tests/user/lock_*.c
 */
#pragma once

#include "kernel/fs/inode.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct file;

enum lock_family {
    LOCK_WHOLE, /* flock: of an open file; knows nothing of the other two */
    LOCK_POSIX, /* of a process: the owner is its table of descriptors */
    LOCK_OFD,   /* of an open file */
};

#define LOCK_END INT64_MAX

/* I constant after creation   l inode.lock */
struct lock {
    struct list node;        /* [l] in inode->locks: by owner, then by start */
    const void *owner;       /* [I] */
    enum lock_family family; /* [I] */
    int pid;                 /* [I] who set it; F_GETLK tells */
    bool exclusive;          /* [I] */
    int64_t start, end;      /* [l] first and last byte */
};

void flock_init(void);

/* Sets a lock as `want` describes it; where the owner has locks already, it replaces them. */
MUST_CHECK int lock_set(struct inode *inode, const struct lock *want, bool wait);
/* Takes the bytes of `want` out of what its owner has locked. -ENOLCK: no memory to split one. */
MUST_CHECK int lock_clear(struct inode *inode, const struct lock *want);
/* The first lock in the way of `want` is copied over it: true. With `own`: of the same owner. */
bool lock_test(struct inode *inode, struct lock *want, bool own);
void lock_clear_owner(struct inode *inode, const void *owner);

/* Called at every close: nearly always there is nothing. An owner's locks are its own doing, so it
 * sees them without the lock. */
static inline void lock_release(struct inode *inode, const void *owner)
{
    if (unlikely(!list_empty(&inode->locks)))
        lock_clear_owner(inode, owner);
}

/* operation: LX_LOCK_SH, LX_LOCK_EX or LX_LOCK_UN, perhaps with LX_LOCK_NB. */
MUST_CHECK int flock_apply(struct file *file, int operation);
