/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/flock_internal.h - between setting locks (flock.c) and finding them (lock_tree.c)
 *
 * Owns:    struct file_lock in memory, its charge, its places in the trees of an inode.
 * Used by: flock.c, lock_tree.c.
 * Locks:   INODE of the inode, held by the caller of everything that takes struct file_locks or
 *          struct lock_space; file_lock_new and file_lock_free need none.
 * Context: thread.
 * Fails:   NULL without memory, or where the user has too many locks.
 * Tests:   tests/user/fs/lock_model.c
 */
#pragma once

#include "kernel/fs/vfs/flock.h"

void file_lock_init_cache(void);

/* inode->locks: is there, -ENOLCK; and goes if nothing needs it. */
MUST_CHECK int locks_prepare_locked(struct inode *inode);
void locks_drop_if_empty_locked(struct inode *inode);

/* A lock as described, in no tree, charged to the user. */
MUST_CHECK struct file_lock *file_lock_new(const struct file_lock *want, uint32_t uid);
void file_lock_free(struct file_lock *lock); /* NULL is fine */

static inline bool lock_overlaps(const struct file_lock *a, const struct file_lock *b)
{
    return a->range.first <= b->range.last && b->range.first <= a->range.last;
}

/* Record locks. rank: the owner's, 0 when it is not known. An owner keeps its rank as long as it
 * has a lock. */
void lock_insert(struct file_locks *locks, struct file_lock *lock, uint64_t rank);
void lock_drop(struct lock_space *space, struct file_lock *lock);

/* The owner's first lock that ends at or behind that byte. */
struct file_lock *lock_find_own(const struct lock_space *space, const void *owner, uint64_t byte);
bool lock_own_conflicts(const struct lock_space *space, const void *owner,
                        const struct file_lock *want);
/* Any lock that is in the way; and the one that Linux would name: of the owner that came first, the
 * first one. */
struct file_lock *lock_find_conflict(struct file_locks *locks, const struct file_lock *want);
struct file_lock *lock_first_conflict(struct file_locks *locks, const struct file_lock *want);

/* Whether taking the bytes out, or setting a lock there, makes two locks of one. */
bool lock_splits(struct file_locks *locks, const struct file_lock *want, bool setting);
/* What the owner has there goes; a neighbour of the same kind becomes part of `grow`, when there is
 * one. *spare is used where a lock becomes two. The owner's rank; 0: it has not been met. */
uint64_t lock_replace(struct file_locks *locks, const struct file_lock *want,
                      struct file_lock *grow, struct file_lock **spare);
