/* SPDX-License-Identifier: MIT */
/*
 * fs/ramfs/memfd.h - files in memory without a name in any directory, and seals
 *
 * Owns:    the file system that such files are of; the seals of every file in ramfs.
 * Used by: memfd_create and fcntl; ramfs and mmap, which ask what is sealed.
 * Locks:   INODE: a seal is set under the file's mutex.
 * Context: thread.
 * Fails:   -ENOMEM, -ENFILE, -ENOSPC; -EPERM, -EBUSY, -EINVAL for seals.
 * Tests:   tests/user/fs/memfd.c
 */
#pragma once

#include "kernel/fs/vfs/file.h"
#include "shared/linux/fcntl.h"

#define MEMFD_SEALS_WRITE (LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE)

void memfd_init(void); /* at start-up, when ramfs works */

/* An empty file, open for reading and writing. name: as /proc shows it, at most LX_NAME_MAX bytes.
 */
MUST_CHECK int memfd_create(const char *name, bool can_be_sealed, const struct credentials *cred,
                            struct file **out_file);

/* F_ADD_SEALS and F_GET_SEALS. */
MUST_CHECK int memfd_add_seals(struct file *file, uint32_t seals);
MUST_CHECK int memfd_get_seals(const struct file *file);
bool file_is_memory(const struct file *file); /* as those of Linux's tmpfs */

/* Whether one of these seals is set for good. Without the mutex, and after a step that keeps more
 * seals from being set: inode_cut_begin, or memfd_map_begin. */
bool memfd_is_sealed_slow(struct inode *inode, uint32_t seals);
static inline bool memfd_is_sealed(struct inode *inode, uint32_t seals)
{
    return unlikely(__atomic_load_n(&inode->seals, __ATOMIC_SEQ_CST) & seals) &&
           memfd_is_sealed_slow(inode, seals);
}

/* Around making a shared mapping of a file that is open for writing: true if it may write. */
MUST_CHECK bool memfd_map_begin(struct inode *inode);
void memfd_map_end(struct inode *inode);
