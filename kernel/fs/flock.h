/* SPDX-License-Identifier: MIT */
/*
 * fs/flock.h - advisory locks on whole files: flock(2)
 *
 * Owns:    the list of locks at each inode. A lock belongs to an open file, whoever holds that.
 * Used by: the system call, file_put.
 * Locks:   INODE of the inode.
 * Context: thread.
 * Fails:   -EAGAIN with LX_LOCK_NB, -EINTR, -EINVAL, -ENOMEM.
 * Tests:   tests/host/fs_file_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct file;

void flock_init(void);

/* operation: LX_LOCK_SH, LX_LOCK_EX or LX_LOCK_UN, perhaps with LX_LOCK_NB. */
MUST_CHECK int flock_apply(struct file *file, int operation);
void flock_release_file(struct file *file);
