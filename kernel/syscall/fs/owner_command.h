/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/owner_command.h - the commands of fcntl and ioctl about signals of files
 *
 * Owns:    numbers and structures between a program and proc/signal/file_owner.h.
 * Used by: sys_fcntl.c.
 * Context: thread, no locks held.
 * Fails:   -EFAULT, -EINVAL, -ENOMEM, -ESRCH.
 * Tests:   tests/user/signal/sigio.c, tests/user/event/dnotify.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"

struct file;
struct task;

static inline bool is_owner_command(int command)
{
    return (command >= LX_F_SETOWN && command <= LX_F_GETSIG) ||
           (command >= LX_F_SETOWN_EX && command <= LX_F_GETOWNER_UIDS) ||
           (command >= LX_F_SETLEASE && command <= LX_F_NOTIFY);
}

MUST_CHECK int64_t owner_command(struct task *self, struct file *file, int fd, int command,
                                 uint64_t argument);

/* Of sockets: SIOCSPGRP, SIOCGPGRP, and their other numbers. */
static inline bool is_owner_request(uint32_t request)
{
    return request == LX_FIOSETOWN || request == LX_SIOCSPGRP || request == LX_FIOGETOWN ||
           request == LX_SIOCGPGRP;
}

MUST_CHECK int64_t owner_request(struct file *file, uint32_t request, struct uptr argument);
