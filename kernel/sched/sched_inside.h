/* SPDX-License-Identifier: MIT */
/*
 * sched/sched_inside.h - what the files of the scheduler share among themselves
 *
 * Used by: sched/sched.c (who runs), sched/sched_time.c (how long, and how long so far).
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/sched/sched.h"

struct runq {
    struct spinlock lock;
    struct list queue;       /* [lock] runnable threads that do not run */
    unsigned waiting;        /* [lock] their number; read without it as a hint */
    struct thread *current;  /* [lock] */
    struct thread *previous; /* [lock] held over a switch, for finish */
    struct thread *idle;     /* I */
    uint64_t since;          /* [lock] ticks: when the current thread came */
    uint64_t since_user;     /* [lock] the processor's user_ticks then */
    uint64_t switches;       /* [lock] */
    struct timer slice;
    uint64_t slice_end_ns; /* [own processor] when the current thread has to give way, if ... */
    bool counting;         /* [own processor] ... somebody waits behind it */
    struct timer alarm;    /* of the current thread, if it has one */
} ALIGNED(64);

extern struct runq sched_queues[CPU_MAX];

static inline struct runq *sched_own_queue(void)
{
    return &sched_queues[cpu_self()->index];
}

/* Locks the queue of the processor where the thread is to run, runs or ran last: while that is
 * still switching away from it, the lock is held. The thread goes to another processor only under
 * this lock, so what the holder sees of it holds. Interrupts off. */
struct runq *sched_queue_lock(const struct thread *thread);

/* The following: of this processor, interrupts off. */
void sched_timers_init(struct runq *queue);
/* Somebody waits behind the current thread: from now on its time counts. */
void sched_slice_start(struct runq *queue);
/* The current thread, which has come back to the processor, has an alarm. */
void sched_alarm_start(struct runq *queue);
