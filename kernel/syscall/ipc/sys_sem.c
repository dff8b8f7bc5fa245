/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores: semget, semop, semtimedop, semctl.
 *
 * The handlers copy operations, values and structures; everything else is in proc/ipc/sem.c. A few
 * operations are copied to the stack, more to memory of their own.
 *
 * The order of refusals is Linux's: the time's address, the number of operations, their address,
 * then the id and what the time says. The last argument of semctl is a number, or an address, as
 * the command has it.
 */
#include "kernel/proc/ipc/sem.h"

#include "kernel/core/clock.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/time.h"

#define OPS_FEW    8 /* most calls have one */
#define NS_PER_SEC 1000000000LL

/* Honoured: IPC_CREAT, IPC_EXCL. */
int64_t sys_semget(struct task *self, int key, int nsems, int flags)
{
    return sem_get(self, key, nsems, flags);
}

/* A time that is too long is none that anything could see the end of. */
static int sem_deadline(const struct lx_timespec *time, uint64_t *deadline_ns)
{
    uint64_t ns = INT64_MAX;

    if (time->sec < 0 || time->nsec < 0 || time->nsec >= NS_PER_SEC)
        return -EINVAL;
    if (time->sec < INT64_MAX / NS_PER_SEC)
        ns = (uint64_t)(time->sec * NS_PER_SEC + time->nsec);
    *deadline_ns = MIN(clock_monotonic_ns() + ns, (uint64_t)INT64_MAX);
    return 0;
}

/* Honoured: IPC_NOWAIT and SEM_UNDO of each operation. */
int64_t sys_semtimedop(struct task *self, int id, struct uptr user_ops, uint32_t nops,
                       struct uptr timeout)
{
    struct lx_sembuf few[OPS_FEW], *ops = few;
    struct lx_timespec time;
    uint64_t deadline_ns = 0;
    int err = timeout.va ? vm_user_read(&time, timeout, sizeof(time)) : 0;

    if (err)
        return err;
    if (nops > ipc_limits.sem_ops)
        return -E2BIG;
    if (nops < 1)
        return -EINVAL;
    if (nops > OPS_FEW)
        ops = kmalloc(nops * sizeof(*ops));
    if (!ops)
        return -ENOMEM;
    err = vm_user_read(ops, user_ops, nops * sizeof(*ops));
    if (!err && id < 0)
        err = -EINVAL;
    if (!err && timeout.va)
        err = sem_deadline(&time, &deadline_ns);
    if (!err)
        err = sem_operate(self, id, ops, nops, deadline_ns);
    if (ops != few)
        kfree(ops);
    return err;
}

int64_t sys_semop(struct task *self, int id, struct uptr user_ops, uint32_t nops)
{
    return sys_semtimedop(self, id, user_ops, nops, (struct uptr){0});
}

/* GETALL: copied from the array first, since user memory may be long in coming. */
static int64_t values_write(struct task *self, int id, struct uptr buffer)
{
    uint16_t *values;
    unsigned count;
    int err = sem_values(self, id, &values, &count);

    if (err)
        return err;
    err = vm_user_write(buffer, values, count * sizeof(*values));
    ipc_free(values, count * sizeof(*values));
    return err;
}

/* SETALL: all of them are checked before the first is set. */
static int64_t values_read(struct task *self, int id, struct uptr buffer)
{
    uint16_t *values;
    unsigned count;
    int err = sem_count(self, id, &count);

    if (err)
        return err;
    values = ipc_alloc(count * sizeof(*values));
    if (!values)
        return -ENOMEM;
    err = vm_user_read(values, buffer, count * sizeof(*values));
    for (unsigned i = 0; !err && i < count; i++)
        if (values[i] > LX_SEMVMX)
            err = -ERANGE;
    if (!err)
        err = sem_set_values(self, id, values, count);
    ipc_free(values, count * sizeof(*values));
    return err;
}

/* What may be, or (usage) what is there in two of the same fields. */
static COLD int64_t sem_info_write(const struct task *self, struct uptr buffer, bool usage)
{
    struct lx_seminfo info;
    int highest = sem_info(self, &info), err;

    if (!usage) {
        info.semusz = LX_SEMUSZ;
        info.semaem = LX_SEMAEM;
    }
    info.semmni = (int)ipc_limits.sem_sets;
    info.semmap = info.semmns = info.semmnu = (int)ipc_limits.sem_all;
    info.semmsl = (int)ipc_limits.sem_set;
    info.semopm = info.semume = (int)ipc_limits.sem_ops;
    info.semvmx = LX_SEMVMX;
    err = vm_user_write(buffer, &info, sizeof(info));
    return err ? err : highest;
}

/* IPC_SET: owner, group and mode; the rest of the structure means nothing. */
static int64_t sem_change(struct task *self, int id, struct uptr buffer)
{
    struct lx_semid_ds change;
    int err = vm_user_read(&change, buffer, sizeof(change));

    return err ? err : ipc_set(self, IPC_SEM, id, &change.perm);
}

/* All commands of semctl(2). */
COLD int64_t sys_semctl(struct task *self, int id, int number, int command, uint64_t argument)
{
    struct uptr buffer = {argument};

    if (id < 0)
        return -EINVAL;
    switch (command) {
    case LX_IPC_INFO:
    case LX_SEM_INFO:
        return sem_info_write(self, buffer, command == LX_SEM_INFO);
    case LX_IPC_STAT:
        return ipc_stat(self, IPC_SEM, id, IPC_BY_ID, buffer);
    case LX_SEM_STAT:
        return ipc_stat(self, IPC_SEM, id, IPC_BY_INDEX, buffer);
    case LX_SEM_STAT_ANY:
        return ipc_stat(self, IPC_SEM, id, IPC_BY_INDEX_ANY, buffer);
    case LX_GETALL:
        return values_write(self, id, buffer);
    case LX_SETALL:
        return values_read(self, id, buffer);
    case LX_GETVAL:
    case LX_GETPID:
    case LX_GETNCNT:
    case LX_GETZCNT:
        return sem_value(self, id, number, command);
    case LX_SETVAL:
        return sem_set_value(self, id, number, (int)argument);
    case LX_IPC_SET:
        return sem_change(self, id, buffer);
    case LX_IPC_RMID:
        return ipc_remove(self, IPC_SEM, id);
    default:
        return -EINVAL;
    }
}
