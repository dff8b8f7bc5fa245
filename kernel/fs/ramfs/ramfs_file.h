/* SPDX-License-Identifier: MIT */
/*
 * fs/ramfs/ramfs_file.h - the contents of regular files in ramfs
 *
 * Owns:    the operations on an inode's page_cache: read, write, seek, mmap, truncate, fallocate.
 * Used by: ramfs, initrd.
 * Locks:   INODE; user memory is copied outside it, or under it with faults disabled.
 * Context: thread.
 * Fails:   -ENOSPC, -EFBIG, -EFAULT when not even one byte could be copied.
 * Tests:   tests/host/fs_file_test.c, fs_model_test.c
 */
#pragma once

#include "kernel/fs/vfs/file.h"

extern const struct file_ops ramfs_file_file_ops;
extern const struct vm_pager_ops ramfs_pager_ops;

MUST_CHECK int ramfs_truncate_locked(struct inode *inode, uint64_t nbytes);
/* fallocate(2): LX_FALLOC_KEEP_SIZE and PUNCH_HOLE as given; the range is checked already. */
MUST_CHECK int ramfs_allocate(struct file *file, uint32_t mode, uint64_t offset, uint64_t nbytes,
                              bool drops_set_id);
