/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/dir.h - the index of names in a directory that is kept in memory
 *
 * Owns:    struct dir_index of an inode; each entry in it is one reference to a dentry.
 * Used by: ramfs.
 * Locks:   the directory's mutex, held by the caller of everything named _locked.
 * Context: thread.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/fs/vfs/dentry.h"

struct dir_emit;
struct file;

/* The entry, borrowed, or NULL. */
struct dentry *dir_find_locked(struct inode *dir, const char *name, size_t len, uint32_t hash);

/* Whether the entry is in the directory, under that name if there is one. */
bool dir_has_locked(const struct dir_place *place);

/* Without the mutex, under rcu_read_lock: 0 and the entry, borrowed; -ENOENT; -EAGAIN: the
 * directory is being changed, take the mutex. */
MUST_CHECK int dir_find_rcu(struct inode *dir, const char *name, size_t len, uint32_t hash,
                            struct dentry **out_entry);

/* Around everything that changes the index or a name in it; the mutex is held. Nothing in between
 * may block, and what is in between is one step for dir_find_rcu. */
void dir_change_begin(struct inode *dir);
void dir_change_end(struct inode *dir);

/* Counting an entry in before it is added keeps the directory from being removed: false when it
 * has been. A directory is removed by dir_kill, which fails unless the count is 0. No lock. */
MUST_CHECK bool dir_enter(struct inode *dir);
void dir_leave(struct inode *dir);
MUST_CHECK bool dir_kill(struct inode *dir);
bool dir_is_empty(struct inode *dir);
bool dir_is_dead(struct inode *dir); /* false for directories that are not kept in memory */

/* The oldest entry behind the cookie (0: the oldest of all), referenced; NULL: none. No lock. */
struct dentry *dir_next_get(struct inode *dir, uint64_t cookie);

/* The dentry must have been counted in, and become the index's. No other has its name. */
void dir_add_locked(struct inode *dir, struct dentry *entry);
/* Takes it out of the index, not out of the count; the reference becomes the caller's. */
void dir_remove_locked(struct inode *dir, struct dentry *entry);
/* Its name is the new one by now. It counts as linked all the time: others may ask for its path. */
void dir_move_locked(struct inode *old_dir, struct inode *new_dir, struct dentry *entry);
/* The two swap names, parents and places; fs_tree_lock is held, too. */
void dir_swap_locked(struct inode *one_dir, struct dentry *one, struct inode *other_dir,
                     struct dentry *other);

/* ".", "..", then the newest entry first, as Linux's tmpfs does: what is created during
 * the reads is not met, so that a program which renames as it reads comes to an end. */
MUST_CHECK int dir_read(struct file *file, struct dir_emit *emit);
int64_t dir_seek(struct file *file, int64_t offset, int whence);
