/* SPDX-License-Identifier: MIT */
/*
 * Two descriptors at once: reserved and told to the program.
 */
#include "kernel/syscall/fs/fd_pair.h"

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_user.h"

/* Nothing but the caller's making of the files can fail afterwards; then it gives the numbers back,
 * and the program finds in its array what it has no use for. */
int fd_pair_reserve(struct task *self, struct uptr result, bool cloexec, int fds[2])
{
    int err;

    fds[0] = fd_reserve(self->files, 0, cloexec);
    if (fds[0] < 0)
        return fds[0];
    fds[1] = fd_reserve(self->files, 0, cloexec);
    err = fds[1] < 0 ? fds[1] : vm_user_write(result, fds, 2 * sizeof(fds[0]));
    if (!err)
        return 0;
    if (fds[1] >= 0)
        fd_unreserve(self->files, fds[1]);
    fd_unreserve(self->files, fds[0]);
    return err;
}
