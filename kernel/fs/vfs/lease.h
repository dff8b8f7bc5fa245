/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/lease.h - leases of files (F_SETLEASE): to be told before another opens the file
 *
 * Owns:    struct lease, in the locks of its inode (flock.h).
 * Used by: open and truncate, which break leases; fcntl; the end of an open file.
 * Locks:   INODE of the inode, inside.
 * Context: thread, no lock of that rank or later held.
 * Fails:   -EAGAIN, -EINTR and its kin, -ENOMEM; -EACCES, -EINVAL for what fcntl(2) says.
 * Tests:   tests/user/fs/leases.c
 */
#pragma once

#include "kernel/fs/vfs/file.h"

/* What /proc/sys/fs shows and changes. [a] */
extern uint64_t lease_break_time; /* seconds; 0: no bound */
extern uint64_t leases_enable;

/* type: LX_F_RDLCK, LX_F_WRLCK, LX_F_UNLCK. The file has an owner to tell, but for UNLCK. */
MUST_CHECK int lease_set(struct file *file, int type);
/* What the holder is to come down to. */
int lease_get(struct file *file);
/* Of an open file that goes; with the inode's lock and inode->locks. */
void lease_clear_file_locked(struct file *file);

/* Waits until no lease is in the way of an open with these flags. */
MUST_CHECK int lease_break_slow(struct inode *inode, uint32_t flags);
/* The caller counts as a reader or writer of the file already: lease_set sees that, or this sees
 * the lease. */
static inline int lease_break(struct inode *inode, uint32_t flags)
{
    return likely(!__atomic_load_n(&inode->locks, __ATOMIC_SEQ_CST))
               ? 0
               : lease_break_slow(inode, flags);
}
