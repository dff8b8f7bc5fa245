/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of processes: pidfd_open, pidfd_getfd. Signals by them are in sys_kill.c, waiting by
 * them in sys_fork.c.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs/procfs.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* Honoured: NONBLOCK, for waitid. The descriptor closes on exec. */
int64_t sys_pidfd_open(struct task *self, int pid, unsigned flags)
{
    if (flags & ~LX_O_NONBLOCK || pid <= 0)
        return -EINVAL;
    return pidfd_open(self, pid, flags);
}

/* Its leader's descriptor of that number, as /proc/PID/fd has it. */
static int file_of_locked(struct process *process, int fd, struct file **out_file)
{
    ASSERT(process_tree_is_held());
    if (!process)
        return -ESRCH;
    if (!process_may_look_locked(process, true))
        return -EPERM;
    *out_file =
        process->leader && !process->leader->exiting ? fd_get(process->leader->files, fd) : NULL;
    return *out_file ? 0 : -EBADF;
}

/* The file is referenced under the tree's lock, while the process is there; the descriptor that it
 * gets here is another one of the same open file, and closes on exec. */
int64_t sys_pidfd_getfd(struct task *self, int pidfd, int target, unsigned flags)
{
    struct fd_ref ref;
    struct file *file = NULL;
    uint64_t tree;
    int err = -EBADF, fd;

    if (flags)
        return -EINVAL;
    ref = fd_find(self->files, pidfd);
    if (ref.file && pidfd_of(ref.file)) {
        tree = spin_lock_irqsave(&process_tree_lock);
        err = file_of_locked(pidfd_of(ref.file)->process, target, &file);
        spin_unlock_irqrestore(&process_tree_lock, tree);
    }
    fd_ref_put(ref);
    if (err)
        return err;
    fd = fd_install(self->files, file, 0, true);
    if (fd < 0)
        file_put(file);
    return fd;
}
