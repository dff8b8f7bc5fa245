/* SPDX-License-Identifier: MIT */
/*
 * Operations on several semaphores of an array at once, and the tasks that wait to do theirs.
 *
 * Operations are tried one after the other; the first that cannot be done takes those before it
 * back. Then the task waits in the array's list, with its operations on its stack. A task that
 * changes values does for the waiters what they wait for, in the order in which they came, and
 * wakes those that are done: none is overtaken while it wakes. A waiter that wakes for another
 * reason looks under the lock whether it is done nevertheless.
 */
#include "kernel/lib/assert.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ipc/sem_internal.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define SEM_BLOCKED 1 /* result of an attempt, beside 0 and negative ones */

/* One: 0, SEM_BLOCKED or -ERANGE, and then nothing has changed. */
static int op_apply_locked(struct sem_array *array, const struct lx_sembuf *op,
                           struct sem_undo *undo)
{
    struct semaphore *sem = &array->sems[op->num];
    int value = sem->value + op->op; /* of 16 bits each: no overflow */

    ASSERT(mutex_is_held(&array->object.lock));
    if ((!op->op && sem->value) || value < 0)
        return SEM_BLOCKED;
    if (value > LX_SEMVMX)
        return -ERANGE;
    if (op->flags & LX_SEM_UNDO) {
        int adjust = undo->adjust[op->num] - op->op;

        if (adjust < -LX_SEMAEM - 1 || adjust > LX_SEMAEM)
            return -ERANGE;
        undo->adjust[op->num] = (int16_t)adjust;
    }
    sem->value = value;
    return 0;
}

static void op_take_back_locked(struct sem_array *array, const struct lx_sembuf *op,
                                struct sem_undo *undo)
{
    ASSERT(mutex_is_held(&array->object.lock));
    array->sems[op->num].value -= op->op;
    if (op->flags & LX_SEM_UNDO)
        undo->adjust[op->num] = (int16_t)(undo->adjust[op->num] + op->op);
}

/* All or none. 0, SEM_BLOCKED; -EAGAIN: the one that cannot be done must not wait; -ERANGE. */
static int ops_try_locked(struct sem_array *array, struct sem_waiter *waiter)
{
    unsigned i;
    int result = 0;

    ASSERT(mutex_is_held(&array->object.lock));
    for (i = 0; i < waiter->nops && !result; i++)
        result = op_apply_locked(array, &waiter->ops[i], waiter->undo);
    if (!result) {
        for (i = 0; i < waiter->nops; i++)
            array->sems[waiter->ops[i].num].pid = waiter->pid;
        array->otime_s = ipc_now_s();
        return 0;
    }
    waiter->blocking = &waiter->ops[--i];
    /* Whether it may wait is a matter of the one that cannot be done, not of the first. */
    if (result == SEM_BLOCKED && (waiter->blocking->flags & LX_IPC_NOWAIT))
        result = -EAGAIN;
    while (i-- > 0)
        op_take_back_locked(array, &waiter->ops[i], waiter->undo);
    return result;
}

/* Its stack is there until the lock is free. */
void sem_waiter_finish_locked(struct sem_array *array, struct sem_waiter *waiter, int result)
{
    ASSERT(mutex_is_held(&array->object.lock));
    list_remove(&waiter->link);
    waiter->done = true;
    waiter->result = result;
    waitq_wake_all(&waiter->queue);
}

/* Else it only waits for zeroes, for which the right to read is enough. */
static bool waiter_alters(const struct sem_waiter *waiter)
{
    for (unsigned i = 0; i < waiter->nops; i++)
        if (waiter->ops[i].op)
            return true;
    return false;
}

/* From the first again whenever one has changed values: it may have freed one before it. */
void sem_waiters_advance_locked(struct sem_array *array)
{
    struct list *node = array->waiters.next;

    ASSERT(mutex_is_held(&array->object.lock));
    while (node != &array->waiters) {
        struct sem_waiter *waiter = list_entry(node, struct sem_waiter, link);
        int result = ops_try_locked(array, waiter);

        node = node->next;
        sched_preempt_point();
        if (result == SEM_BLOCKED)
            continue;
        if (!result && waiter_alters(waiter))
            node = array->waiters.next == &waiter->link ? waiter->link.next : array->waiters.next;
        sem_waiter_finish_locked(array, waiter, result);
    }
}

/* Until it is done, whatever else wakes it. */
static int waiter_wait_locked(struct sem_array *array, struct sem_waiter *waiter,
                              uint64_t deadline_ns)
{
    int err = 0;

    ASSERT(mutex_is_held(&array->object.lock));
    waitq_init(&waiter->queue);
    list_push_back(&array->waiters, &waiter->link);
    /* Woken without being done: a wake-up for nothing, so it goes on waiting. */
    while (!waiter->done && !err)
        err = waitq_wait(&waiter->queue, &array->object.lock, deadline_ns);
    if (waiter->done)
        return waiter->result;
    list_remove(&waiter->link);
    return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

/* What can be said of the operations before they are tried, in the order of Linux. */
static int ops_check_locked(const struct task *self, const struct sem_array *array,
                            const struct sem_waiter *waiter)
{
    ASSERT(mutex_is_held(&array->object.lock));
    if (array->object.removed)
        return -EIDRM;
    return ipc_access(&array->object, &self->fs->cred, waiter_alters(waiter) ? 0222 : 0444);
}

/* The undo entry needs memory, so it comes before the lock. -EFBIG: no such semaphore. */
static int ops_prepare(struct task *self, struct sem_array *array, struct sem_waiter *waiter)
{
    bool undoes = false;

    for (unsigned i = 0; i < waiter->nops; i++) {
        if (waiter->ops[i].num >= array->nsems)
            return -EFBIG;
        undoes = undoes || (waiter->ops[i].flags & LX_SEM_UNDO);
    }
    return undoes ? sem_undo_get(self, array, &waiter->undo) : 0;
}

int sem_operate(struct task *self, int id, const struct lx_sembuf *ops, unsigned nops,
                uint64_t deadline_ns)
{
    struct sem_waiter waiter = {.ops = ops, .nops = nops, .pid = self->process->pid};
    struct ipc_object *object;
    struct sem_array *array;
    int err = ipc_get(ipc_table_of(self, IPC_SEM), id, &object);

    if (err)
        return err;
    /* The number of semaphores never changes: numbers are compared without the lock. */
    array = array_of(object);
    err = ops_prepare(self, array, &waiter);
    if (!err) {
        mutex_lock(&object->lock);
        err = ops_check_locked(self, array, &waiter);
        if (!err)
            err = ops_try_locked(array, &waiter);
        if (!err && waiter_alters(&waiter))
            sem_waiters_advance_locked(array);
        else if (err == SEM_BLOCKED)
            err = waiter_wait_locked(array, &waiter, deadline_ns);
        mutex_unlock(&object->lock);
    }
    ipc_put(object);
    return err;
}
