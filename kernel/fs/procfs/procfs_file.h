/* SPDX-License-Identifier: MIT */
/*
 * fs/procfs/procfs_file.h - what procfs.c and procfs_file.c share
 *
 * Owns:    the operations of text files.
 * Used by: procfs.c.
 * Locks:   none held by callers; piece_lock, a spinlock of rank PROCFS, inside.
 * Context: thread.
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"

extern const struct file_ops procfs_file_ops;
