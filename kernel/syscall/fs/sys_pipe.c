/* SPDX-License-Identifier: MIT */
/*
 * pipe and pipe2.
 *
 * The numbers are reserved, and written to the program, before they lead anywhere: after a failed
 * copy both are taken back, and a task that shares the table has never seen half a pipe.
 */
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/fd_pair.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* Honoured: CLOEXEC, NONBLOCK, DIRECT: each write is a packet. */
int64_t sys_pipe2(struct task *self, struct uptr result, int flags)
{
    struct file *reader, *writer;
    int fds[2];
    int err;

    if ((uint32_t)flags & ~(LX_O_CLOEXEC | LX_O_NONBLOCK | LX_O_DIRECT))
        return -EINVAL;
    err = pipe_create((uint32_t)flags & (LX_O_NONBLOCK | LX_O_DIRECT), &self->fs->cred, &reader,
                      &writer);
    if (err)
        return err;
    err = fd_pair_reserve(self, result, (uint32_t)flags & LX_O_CLOEXEC, fds);
    if (err) {
        file_put(reader);
        file_put(writer);
        return err;
    }
    fd_fill(self->files, fds[0], reader);
    fd_fill(self->files, fds[1], writer);
    return 0;
}

int64_t sys_pipe(struct task *self, struct uptr result)
{
    return sys_pipe2(self, result, 0);
}
