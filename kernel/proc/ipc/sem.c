/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores: arrays of them, and what can be asked and set.
 *
 * An array is under the lock of its object; what waits for it, and how that goes on, is in
 * sem_ops.c. Whatever sets values clears what is to be undone there, and lets waiters go on.
 *
 * Removal takes the array out of the table, ends all waiters and cuts the entries of sem_undo.c off
 * from it. They keep its memory until they are found, no more.
 */
#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ipc/sem_internal.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

static size_t array_nbytes(unsigned nsems)
{
    return sizeof(struct sem_array) + nsems * sizeof(struct semaphore);
}

/* Behind the last entry that undoes something in it, too. */
static void array_free(struct ipc_object *object)
{
    struct sem_array *array = array_of(object);

    ipc_free(array, array_nbytes(array->nsems));
}

void sem_array_put(struct sem_array *array)
{
    ipc_put(&array->object);
}

/* -EINVAL before -ENOSPC, as Linux has it. */
static COLD int array_create(const struct task *self, struct ipc_table *table, uint64_t size,
                             int key, int flags, struct ipc_object **out_object)
{
    struct sem_array *array;

    (void)self, (void)key, (void)flags;
    if (!size)
        return -EINVAL;
    if (table->total + size > ipc_limits.sem_all)
        return -ENOSPC;
    array = ipc_alloc(array_nbytes((unsigned)size));
    if (!array)
        return -ENOMEM;
    list_init(&array->waiters);
    list_init(&array->undos);
    array->nsems = (unsigned)size;
    array->object.size = array->object.units = size;
    *out_object = &array->object;
    return 0;
}

COLD int sem_get(struct task *self, int key, int nsems, int flags)
{
    if (nsems < 0 || (unsigned)nsems > ipc_limits.sem_set)
        return -EINVAL;
    return ipc_open(self, IPC_SEM, key, (unsigned)nsems, flags);
}

/* --- control --- */

/* Locked, and the caller has those rights. */
static int array_lock(const struct task *self, int id, uint32_t wanted,
                      struct sem_array **out_array)
{
    struct ipc_object *object;
    int err = ipc_lock_number(ipc_table_of(self, IPC_SEM), id, IPC_BY_ID, &self->fs->cred, wanted,
                              &object);

    if (!err)
        *out_array = array_of(object);
    return err;
}

/* And the reference of array_lock. */
static void array_unlock(struct sem_array *array)
{
    ipc_unlock_put(&array->object);
}

/* Waiters are told; what would have been undone is not: the entries keep the memory, no more. */
static void array_end_locked(struct sem_array *array)
{
    ASSERT(mutex_is_held(&array->object.lock));
    while (!list_empty(&array->waiters)) {
        sem_waiter_finish_locked(array, list_entry(array->waiters.next, struct sem_waiter, link),
                                 -EIDRM);
        sched_preempt_point();
    }
    while (list_pop_front(&array->undos))
        sched_preempt_point();
}

/* What was found before it left the table sees the mark. */
static COLD bool array_remove_locked(struct ipc_object *object)
{
    ASSERT(mutex_is_held(&object->lock));
    ipc_unlink_locked(object);
    array_end_locked(array_of(object));
    return true;
}

/* --- values --- */

/* As Linux counts: a task waits for one semaphore only, the first that it cannot do. */
static int waiters_count_locked(const struct sem_array *array, unsigned number, bool for_zero)
{
    int count = 0;

    ASSERT(mutex_is_held(&array->object.lock));
    list_for_each (node, &array->waiters) {
        const struct lx_sembuf *op = list_entry(node, struct sem_waiter, link)->blocking;

        sched_preempt_point();
        if (op->num == number && (for_zero ? op->op == 0 : op->op < 0))
            count++;
    }
    return count;
}

/* The number of a semaphore is looked at when the caller may read the array, as on Linux.
 * What it says may be out of date when the caller has it: that is in the nature of the question. */
COLD int sem_value(struct task *self, int id, int number, int command)
{
    struct sem_array *array;
    int result = array_lock(self, id, 0444, &array);

    if (result)
        return result;
    if (number < 0 || (unsigned)number >= array->nsems)
        result = -EINVAL;
    else if (command == LX_GETVAL)
        result = array->sems[number].value;
    else if (command == LX_GETPID)
        result = array->sems[number].pid;
    else
        result = waiters_count_locked(array, (unsigned)number, command == LX_GETZCNT);
    array_unlock(array);
    return result;
}

/* [first, first + count) of each entry: a value that was set is not to be undone. */
static void undos_clear_locked(struct sem_array *array, unsigned first, unsigned count)
{
    ASSERT(mutex_is_held(&array->object.lock));
    list_for_each (node, &array->undos) {
        struct sem_undo *undo = list_entry(node, struct sem_undo, array_link);

        for (unsigned i = first; i < first + count; i++)
            undo->adjust[i] = 0;
        sched_preempt_point();
    }
}

/* GETPID names the task that set it, too. */
static void value_set_locked(struct task *self, struct sem_array *array, unsigned number, int value)
{
    ASSERT(mutex_is_held(&array->object.lock));
    array->sems[number].value = value;
    array->sems[number].pid = self->process->pid;
}

COLD int sem_set_value(struct task *self, int id, int number, int value)
{
    struct sem_array *array;
    int err = value < 0 || value > LX_SEMVMX ? -ERANGE : array_lock(self, id, 0222, &array);

    if (err)
        return err;
    /* As on Linux the value is looked at before the id, the number behind the rights. */
    if (number < 0 || (unsigned)number >= array->nsems) {
        err = -EINVAL;
    } else {
        value_set_locked(self, array, (unsigned)number, value);
        undos_clear_locked(array, (unsigned)number, 1);
        array->object.ctime_s = ipc_now_s();
        sem_waiters_advance_locked(array);
    }
    array_unlock(array);
    return err;
}

/* Of an array that the caller may change. */
int sem_count(struct task *self, int id, unsigned *count)
{
    struct sem_array *array;
    int err = array_lock(self, id, 0222, &array);

    if (err)
        return err;
    *count = array->nsems;
    array_unlock(array);
    return 0;
}

COLD int sem_values(struct task *self, int id, uint16_t **out_values, unsigned *count)
{
    struct sem_array *array;
    uint16_t *values;
    int err = array_lock(self, id, 0444, &array);

    if (err)
        return err;
    /* Copied under the lock, all of one moment; the caller writes them to the program later. */
    values = ipc_alloc(array->nsems * sizeof(*values));
    for (unsigned i = 0; values && i < array->nsems; i++)
        values[i] = (uint16_t)array->sems[i].value;
    *out_values = values;
    *count = array->nsems;
    array_unlock(array);
    return values ? 0 : -ENOMEM;
}

/* count: as sem_count has said. All of them at once, then the waiters, as if by one operation. */
COLD int sem_set_values(struct task *self, int id, const uint16_t *values, unsigned count)
{
    struct sem_array *array;
    int err = array_lock(self, id, 0222, &array);

    if (err)
        return err;
    /* After all sequence numbers an id comes again: then it is not the array that was asked. */
    if (array->nsems != count) {
        array_unlock(array);
        return -EIDRM;
    }
    for (unsigned i = 0; i < count; i++)
        value_set_locked(self, array, i, values[i]);
    undos_clear_locked(array, 0, count);
    array->object.ctime_s = ipc_now_s();
    sem_waiters_advance_locked(array);
    array_unlock(array);
    return 0;
}

/* Two fields of the structure; the handler has the rest. The two counts are read one after the
 * other: arrays may come and go between them. */
COLD int sem_info(const struct task *self, struct lx_seminfo *info)
{
    struct ipc_table *table = ipc_table_of(self, IPC_SEM);
    unsigned used;
    int highest = ipc_highest(table, &used);

    *info = (struct lx_seminfo){.semusz = (int32_t)used};
    info->semaem = (int32_t)__atomic_load_n(&table->total, __ATOMIC_RELAXED);
    return highest;
}

static COLD void array_stat(const struct ipc_object *object, union ipc_stat *stat)
{
    const struct sem_array *array = container_of(object, struct sem_array, object);

    stat->sem = (struct lx_semid_ds){
        .otime = array->otime_s, .ctime = object->ctime_s, .nsems = array->nsems};
}

static COLD void array_show(const struct ipc_object *object, struct procfs_text *text)
{
    const struct sem_array *array = container_of(object, struct sem_array, object);

    procfs_print(text, "%10u %5u %5u %5u %5u %10lld %10lld\n", array->nsems, object->uid,
                 object->gid, object->cuid, object->cgid, (long long)array->otime_s,
                 (long long)object->ctime_s);
}

const struct ipc_kind sem_kind = {
    .most = &ipc_limits.sem_sets,
    .next = &ipc_limits.sem_next,
    .heading = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
               "      ctime\n",
    .stat_nbytes = sizeof(struct lx_semid_ds),
    .create = array_create,
    .free = array_free,
    .remove_locked = array_remove_locked,
    .stat = array_stat,
    .show = array_show,
};
