/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmget, shmat, shmdt, shmctl.
 *
 * The handlers copy structures in and out; everything else is in proc/ipc/shm.c. As on Linux, the
 * structure of IPC_SET is read before the id is looked up.
 */
#include "kernel/proc/ipc/shm.h"

#include "kernel/proc/task.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/ipc.h"

/* Honoured: IPC_CREAT, IPC_EXCL, SHM_NORESERVE; SHM_HUGETLB is refused. */
int64_t sys_shmget(struct task *self, int key, size_t nbytes, int flags)
{
    return ipc_open(self, IPC_SHM, key, nbytes, flags);
}

/* Honoured: SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC. Others mean nothing. */
int64_t sys_shmat(struct task *self, int id, uint64_t address, int flags)
{
    uint64_t where = 0;
    int err = shm_attach(self, id, address, flags, &where);

    return err ? err : (int64_t)where;
}

int64_t sys_shmdt(struct task *self, uint64_t address)
{
    return shm_detach(self, address);
}

/* IPC_INFO: what the limits are, as root set them. The result is the highest index in use. */
static int64_t limits_write(const struct task *self, struct uptr buffer)
{
    struct lx_shminfo limits = {ipc_limits.shm_bytes,    1,
                                ipc_limits.shm_segments, ipc_limits.shm_segments,
                                ipc_limits.shm_pages,    {0}};
    unsigned used;
    int highest = ipc_highest(ipc_table_of(self, IPC_SHM), &used);
    int err = vm_user_write(buffer, &limits, sizeof(limits));

    return err ? err : highest;
}

/* SHM_INFO: what there is of them now. */
static int64_t usage_write(const struct task *self, struct uptr buffer)
{
    struct lx_shm_info info;
    int highest = shm_info(self, &info), err = vm_user_write(buffer, &info, sizeof(info));

    return err ? err : highest;
}

/* All commands of shmctl(2). */
COLD int64_t sys_shmctl(struct task *self, int id, int command, struct uptr buffer)
{
    struct lx_shmid_ds change;
    int err;

    if (command < 0 || id < 0)
        return -EINVAL;
    switch (command) {
    case LX_IPC_INFO:
        return limits_write(self, buffer);
    case LX_SHM_INFO:
        return usage_write(self, buffer);
    case LX_IPC_STAT:
        return ipc_stat(self, IPC_SHM, id, IPC_BY_ID, buffer);
    case LX_SHM_STAT:
        return ipc_stat(self, IPC_SHM, id, IPC_BY_INDEX, buffer);
    case LX_SHM_STAT_ANY:
        return ipc_stat(self, IPC_SHM, id, IPC_BY_INDEX_ANY, buffer);
    case LX_IPC_SET:
        err = vm_user_read(&change, buffer, sizeof(change));
        return err ? err : ipc_set(self, IPC_SHM, id, &change.perm);
    case LX_IPC_RMID:
        return ipc_remove(self, IPC_SHM, id);
    case LX_SHM_LOCK:
    case LX_SHM_UNLOCK:
        return shm_lock(self, id, command == LX_SHM_LOCK);
    default:
        return -EINVAL;
    }
}
