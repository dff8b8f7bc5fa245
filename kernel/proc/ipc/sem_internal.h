/* SPDX-License-Identifier: MIT */
/*
 * proc/ipc/sem_internal.h - arrays of semaphores as proc/ipc/sem*.c share them
 *
 * Locks:   l object.lock of the array.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/sched/waitq.h"

struct semaphore {
    int value, pid; /* [l] of the last one that changed or tested it */
};

struct sem_array {
    struct ipc_object object;
    struct list waiters; /* [l] struct sem_waiter, in the order in which they came */
    struct list undos;   /* [l] struct sem_undo */
    int64_t otime_s;     /* [l] */
    unsigned nsems;      /* [I] */
    struct semaphore sems[];
};

/* What one group of tasks has to have undone in one array. l array's lock   u list's lock */
struct sem_undo {
    struct list link;        /* [u] */
    struct list array_link;  /* [l] */
    struct sem_array *array; /* [I] one reference, also if that was removed */
    int16_t adjust[];        /* [l] to be added to each semaphore */
};

/* On the stack of the task that waits. All [l]. */
struct sem_waiter {
    struct list link;
    const struct lx_sembuf *ops;
    unsigned nops;
    const struct lx_sembuf *blocking; /* the first of them that cannot be done now */
    struct sem_undo *undo;            /* NULL: none of them is to be undone */
    int pid;
    bool done; /* taken out of the list, with this result */
    int result;
    struct waitq queue;
};

static inline struct sem_array *array_of(struct ipc_object *object)
{
    return container_of(object, struct sem_array, object);
}

void sem_array_put(struct sem_array *array);
/* Values have changed: whatever can go on does, the one that came first before others. */
void sem_waiters_advance_locked(struct sem_array *array);
/* Out of the list, with that result, and woken. Its stack is there until the lock is free. */
void sem_waiter_finish_locked(struct sem_array *array, struct sem_waiter *waiter, int result);
/* What the task has to have undone in that array, made if it is not there. -ENOMEM. */
MUST_CHECK int sem_undo_get(struct task *self, struct sem_array *array, struct sem_undo **out_undo);
