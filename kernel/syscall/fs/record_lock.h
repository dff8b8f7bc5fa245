/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/record_lock.h - the commands of fcntl about record locks
 *
 * Owns:    struct flock between a program and fs/vfs/flock.h.
 * Used by: sys_fcntl.c.
 * Context: thread, no locks held; may sleep for long.
 * Fails:   as fcntl(2): -EAGAIN, -EBADF, -EDEADLK, -EFAULT, -EINTR, -EINVAL, -ENOLCK, -EOVERFLOW.
 * Tests:   tests/user/fs/lock_*.c
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"
#include "shared/linux/fcntl.h"

struct task;

static inline bool is_record_lock(int command)
{
    return (command >= LX_F_GETLK && command <= LX_F_SETLKW) ||
           (command >= LX_F_OFD_GETLK && command <= LX_F_OFD_SETLKW);
}

/* `fd` is the number that led to the file: whether it still does is looked at afterwards. */
MUST_CHECK int record_lock(struct task *self, struct fd_ref ref, int fd, int command,
                           struct uptr argument);
