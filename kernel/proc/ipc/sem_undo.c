/* SPDX-License-Identifier: MIT */
/*
 * SEM_UNDO: what a task did to semaphores is undone when it ends.
 *
 * A list belongs to a task, or to several that were made with CLONE_SYSVSEM; it has one entry for
 * each array. The entry is in a list of the array, too, for SETVAL and SETALL clear it there. It
 * keeps the memory of its array, also behind the array's removal; a removed array's entries are out
 * of the array's list then, and are freed by the next search or at the end. An operation that has
 * found its entry looks under the array's lock whether that was removed before it touches it.
 */
#include "kernel/lib/assert.h"
#include "kernel/proc/ipc/sem_internal.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

/* a atomic */
struct sem_undo_list {
    uint32_t refs; /* [a] tasks */
    struct mutex lock;
    struct list undos; /* [lock] */
};

static size_t undo_nbytes(const struct sem_array *array)
{
    return sizeof(struct sem_undo) + array->nsems * sizeof(int16_t);
}

static int undo_list_make(struct task *self)
{
    struct sem_undo_list *list;

    if (self->sem_undo)
        return 0;
    list = ipc_alloc(sizeof(*list));
    if (!list)
        return -ENOMEM;
    list->refs = 1;
    mutex_init(&list->lock, MUTEX_INODE);
    list_init(&list->undos);
    self->sem_undo = list;
    return 0;
}

/* Out of both lists, and its array may go with it. */
static void undo_free(struct sem_undo *undo)
{
    struct sem_array *array = undo->array;

    list_remove(&undo->link);
    mutex_lock(&array->object.lock);
    list_remove(&undo->array_link);
    mutex_unlock(&array->object.lock);
    ipc_free(undo, undo_nbytes(array));
    sem_array_put(array);
}

static struct sem_undo *undo_find_locked(struct sem_undo_list *list, const struct sem_array *array)
{
    ASSERT(mutex_is_held(&list->lock));
    list_for_each_safe (node, &list->undos) {
        struct sem_undo *undo = list_entry(node, struct sem_undo, link);

        if (undo->array == array)
            return undo;
        if (__atomic_load_n(&undo->array->object.removed, __ATOMIC_RELAXED))
            undo_free(undo);
        sched_preempt_point();
    }
    return NULL;
}

int sem_undo_get(struct task *self, struct sem_array *array, struct sem_undo **out_undo)
{
    struct sem_undo_list *list;
    struct sem_undo *undo;
    int err = undo_list_make(self);

    if (err)
        return err;
    list = self->sem_undo;
    mutex_lock(&list->lock);
    undo = undo_find_locked(list, array);
    if (!undo) {
        undo = ipc_alloc(undo_nbytes(array));
        if (undo) {
            __atomic_fetch_add(&array->object.refs, 1, __ATOMIC_RELAXED);
            undo->array = array;
            list_push_back(&list->undos, &undo->link);
            list_init(&undo->array_link);
            mutex_lock(&array->object.lock);
            if (!array->object.removed)
                list_push_back(&array->undos, &undo->array_link);
            mutex_unlock(&array->object.lock);
        }
    }
    mutex_unlock(&list->lock);
    *out_undo = undo;
    return undo ? 0 : -ENOMEM;
}

int sem_fork(struct task *self, struct task *child, bool share)
{
    int err = share ? undo_list_make(self) : 0;

    if (err || !share)
        return err;
    __atomic_fetch_add(&self->sem_undo->refs, 1, __ATOMIC_RELAXED);
    child->sem_undo = self->sem_undo;
    return 0;
}

/* As semop(2) has it, within the bounds of a value: what would go below 0 stays there. */
static void undo_apply_locked(struct sem_undo *undo, int pid)
{
    struct sem_array *array = undo->array;

    ASSERT(mutex_is_held(&array->object.lock));
    for (unsigned i = 0; i < array->nsems; i++) {
        int value = array->sems[i].value + undo->adjust[i];

        sched_preempt_point();
        if (!undo->adjust[i])
            continue;
        array->sems[i].value = MAX(MIN(value, LX_SEMVMX), 0);
        array->sems[i].pid = pid;
    }
    sem_waiters_advance_locked(array);
}

void sem_exit(struct task *self)
{
    struct sem_undo_list *list = self->sem_undo;

    self->sem_undo = NULL;
    if (!list || __atomic_sub_fetch(&list->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    /* No other task has the list any more: its lock is not needed, those of the arrays are. */
    list_for_each_safe (node, &list->undos) {
        struct sem_undo *undo = list_entry(node, struct sem_undo, link);

        mutex_lock(&undo->array->object.lock);
        if (!undo->array->object.removed)
            undo_apply_locked(undo, self->process->pid);
        mutex_unlock(&undo->array->object.lock);
        undo_free(undo);
    }
    ipc_free(list, sizeof(*list));
}
