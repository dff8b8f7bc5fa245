/* SPDX-License-Identifier: MIT */
/*
 * sched/waitq.h - where threads wait for an event
 *
 * Rule:    the event is guarded by a mutex; the waiter checks it under the mutex, calls waitq_wait
 *          and checks again: wake-ups may be spurious. The waker changes the state under the same
 *          mutex (or before waking). Without a mutex: waitq_enter, check, then waitq_sleep.
 * Locks:   waitq.lock, a spinlock, rank WAITQ, interrupts off.
 * Context: waiting: threads only, no spinlock held, no other mutex held. Waking: any but NMI.
 * Tests:   kernel/selftest/sched_checks.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

struct thread;

struct waitq {
    struct spinlock lock;
    struct list waiters; /* [lock] struct waiter */
};

/* On the waiting thread's stack. */
struct waiter {
    struct list link; /* [waitq.lock] */
    struct thread *thread;
    bool woken; /* [waitq.lock], atomic for the waiter */
};

void waitq_init(struct waitq *queue);
/* Under the mutex that guards the event: every waiter is seen that still is to be woken. */
static inline bool waitq_is_empty(struct waitq *queue)
{
    return __atomic_load_n(&queue->waiters.next, __ATOMIC_RELAXED) == &queue->waiters;
}

/* Where more than a few can wait, the lock is given up in between: the caller keeps the queue. */
void waitq_wake_all(struct waitq *queue);
/* The one that has waited longest. It is woken for certain: its waitq_wait returns 0. */
void waitq_wake_one(struct waitq *queue);

/* Gives up `held` (may be NULL), sleeps, takes it again. deadline_ns: monotonic time, 0 for none.
 * 0: woken; -ERESTARTSYS: a signal is pending or the task is to die; -ETIMEDOUT. */
MUST_CHECK int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns);

/* In steps, also for several queues at once (poll): enter each with a waiter of its own, look at
 * the events, sleep, leave each. waitq_sleep returns as waitq_wait does; 0 when any waiter was
 * woken or the wake-up is spurious. */
void waitq_enter(struct waitq *queue, struct waiter *waiter);
void waitq_leave(struct waitq *queue, struct waiter *waiter);
MUST_CHECK int waitq_sleep(const struct waiter *waiters, unsigned count, uint64_t deadline_ns);
/* The same until a real time, also when the clock is set meanwhile. */
MUST_CHECK int waitq_sleep_realtime(const struct waiter *waiters, unsigned count,
                                    uint64_t realtime_ns);

/* For one waiter, and for what a signal must not cut short: -EINTR only when the task is to die. */
MUST_CHECK int waitq_sleep_killable(const struct waiter *waiter);

/* Whether a wait would end at once with -ERESTARTSYS: long copies look, and stop with what they
 * have. */
bool waitq_interrupted(void);
