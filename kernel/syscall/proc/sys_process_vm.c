/* SPDX-License-Identifier: MIT */
/*
 * The memory of other processes: process_vm_readv, process_vm_writev, process_madvise.
 *
 * Bytes go through a page of the kernel's, a piece of a page at a time: what the other process maps
 * is accessed under the lock of its space, what the caller maps may be long in coming. The rights
 * that count are those of the other's areas. What was moved before an error is the result.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* The memory of the process, referenced, for a caller that may look into it: `refusal` else. A
 * process without memory is none for any caller. */
static int space_get_locked(const struct task *self, struct process *process, bool by_real_ids,
                            int refusal, struct vm_space **out_space)
{
    struct vm_space *space = NULL;

    ASSERT(process_tree_is_held());
    if (process) {
        spin_lock(&process->lock);
        space = process_space_locked(process);
        spin_unlock(&process->lock);
    }
    if (!space)
        return -ESRCH;
    if (space != self->thread.space && !process_may_look_locked(process, by_real_ids))
        return refusal;
    vm_space_get(space);
    *out_space = space;
    return 0;
}

/* --- process_vm_readv, process_vm_writev --- */

struct transfer {
    struct vm_space *space; /* of the other process */
    struct user_iter local;
    bool write; /* to the other */
    char *page;
    uint64_t done;
};

/* Within a page of the other's. What the caller has less of is moved all the same. */
static int transfer_piece(struct transfer *transfer, uint64_t va, size_t nbytes)
{
    size_t moved = nbytes;
    int err;

    if (transfer->write)
        moved = user_iter_get(&transfer->local, transfer->page, nbytes);
    err = vm_peer_copy(transfer->space, va, transfer->page, moved, transfer->write);
    if (err)
        return err == -ENOMEM || err == -EINTR ? err : -EFAULT;
    if (!transfer->write)
        moved = user_iter_put(&transfer->local, transfer->page, nbytes);
    transfer->done += moved;
    return moved < nbytes ? -EFAULT : 0;
}

/* A page boundary of the other process ends a piece: its pages come and go one by one. Between two
 * pieces nothing is held, so a kill takes effect and the other goes on. */
static int transfer_segment(struct transfer *transfer, const struct user_iter_segment *remote)
{
    uint64_t va = remote->base.va, left = MIN(remote->nbytes, transfer->local.left);
    int err = 0;

    while (left && !err) {
        size_t piece = MIN(left, PAGE_SIZE - (va & PAGE_MASK));

        err = vm_kill_pending() ? -EINTR : transfer_piece(transfer, va, piece);
        va += piece;
        left -= piece;
    }
    return err;
}

/* The space is held over the transfer: the other process may exit meanwhile, its memory stays. */
static int64_t transfer_all(struct task *self, int pid, const struct user_vector *local,
                            const struct user_vector *remote, size_t count, bool write)
{
    struct transfer transfer = {.write = write};
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    int err = space_get_locked(self, pid > 0 ? process_of_task_locked(pid) : NULL, true, -EPERM,
                               &transfer.space);

    spin_unlock_irqrestore(&process_tree_lock, tree);
    if (err)
        return err;
    user_iter_init_user(&transfer.local, local->segments, local->nbytes);
    transfer.page = kmalloc(PAGE_SIZE);
    err = transfer.page ? 0 : -ENOMEM;
    for (size_t i = 0; i < count && !err; i++)
        err = transfer_segment(&transfer, &remote->segments[i]);
    kfree(transfer.page);
    vm_space_put(transfer.space);
    return transfer.done ? (int64_t)transfer.done : err;
}

/* In the order of Linux: the caller's own buffers, and if there is nothing in them no more. */
static int64_t process_vm_move(struct task *self, int pid, struct uptr user_local,
                               uint64_t local_count, struct uptr user_remote, uint64_t remote_count,
                               uint64_t flags, bool write)
{
    struct user_vector local, remote;
    int64_t result;

    if (flags)
        return -EINVAL;
    result = user_vector_get(&local, user_local, (uint32_t)local_count);
    if (result)
        return result;
    if (local.nbytes) {
        result = remote_count > LX_UIO_MAXIOV
                     ? -EINVAL
                     : user_vector_get_remote(&remote, user_remote, (uint32_t)remote_count);
        if (!result) {
            if (remote.nbytes)
                result = transfer_all(self, pid, &local, &remote, remote_count, write);
            user_vector_put(&remote);
        }
    }
    user_vector_put(&local);
    return result;
}

/* No flags are known. */
int64_t sys_process_vm_readv(struct task *self, int pid, struct uptr local, uint64_t local_count,
                             struct uptr remote, uint64_t remote_count, uint64_t flags)
{
    return process_vm_move(self, pid, local, local_count, remote, remote_count, flags, false);
}

int64_t sys_process_vm_writev(struct task *self, int pid, struct uptr local, uint64_t local_count,
                              struct uptr remote, uint64_t remote_count, uint64_t flags)
{
    return process_vm_move(self, pid, local, local_count, remote, remote_count, flags, true);
}

/* --- process_madvise --- */

/* In Linux's order: the descriptor, whether the process still is, the advice, the right. */
static int pidfd_space_get(const struct task *self, int fd, int advice, struct vm_space **out_space)
{
    struct fd_ref ref = fd_find(self->files, fd);
    const struct pidfd *pidfd = ref.file ? pidfd_of(ref.file) : NULL;
    int err = -EBADF;
    uint64_t tree;

    if (pidfd) {
        tree = spin_lock_irqsave(&process_tree_lock);
        if (!pidfd->process)
            err = -ESRCH;
        else if (advice != LX_MADV_COLD && advice != LX_MADV_PAGEOUT && advice != LX_MADV_WILLNEED)
            err = -EINVAL;
        else
            err = space_get_locked(self, pidfd->process, false, -EACCES, out_space);
        spin_unlock_irqrestore(&process_tree_lock, tree);
    }
    fd_ref_put(ref);
    return err;
}

/* Honoured: COLD, PAGEOUT, WILLNEED, all of which are hints without an effect here: as with madvise
 * the caller still learns of what is not mapped. */
COLD int64_t sys_process_madvise(struct task *self, int pidfd, struct uptr user_vector,
                                 size_t count, int advice, unsigned flags)
{
    struct user_vector vector;
    struct vm_space *space;
    int64_t done = 0;
    int err = flags ? -EINVAL : user_vector_get(&vector, user_vector, (uint32_t)count);

    if (err)
        return err;
    err = pidfd_space_get(self, pidfd, advice, &space);
    if (!err) {
        if (space != self->thread.space && !credentials_capable(&self->fs->cred, LX_CAP_SYS_NICE))
            err = -EPERM;
        for (uint32_t i = 0; i < (uint32_t)count && !err; i++) {
            err = vm_check_mapped(space, vector.segments[i].base.va, vector.segments[i].nbytes);
            if (!err)
                done += (int64_t)vector.segments[i].nbytes;
        }
        vm_space_put(space);
    }
    user_vector_put(&vector);
    return done ? done : err;
}
