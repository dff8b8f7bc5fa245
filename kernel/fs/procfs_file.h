/* SPDX-License-Identifier: MIT */
/*
 * fs/procfs_file.h - what procfs.c and procfs_file.c share
 *
 * Used by: fs only.
 */
#pragma once

#include "kernel/fs/procfs.h"

extern const struct file_ops procfs_file_ops;

/* May the caller look into the node's process, if it has one: 0, -EACCES, -ESRCH. */
MUST_CHECK int procfs_access(const struct procfs_node *node);
