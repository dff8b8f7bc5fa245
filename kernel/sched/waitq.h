/* SPDX-License-Identifier: MIT */
/*
 * sched/waitq.h - where threads wait for an event
 *
 * Rule:    the event is guarded by a mutex; the waiter checks it under the mutex, calls waitq_wait
 *          and checks again: wake-ups may be spurious. The waker changes the state under the same
 *          mutex (or before waking).
 * Context: waiting: threads only, no spinlock held, no other mutex held. Waking: any but NMI.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

struct waitq {
    uint64_t wakeups; /* atomic; counts wake calls */
};

void waitq_init(struct waitq *queue);
void waitq_wake_all(struct waitq *queue);
void waitq_wake_one(struct waitq *queue);

/* Gives up `held` (may be NULL), sleeps, takes it again. deadline_ns: monotonic time, 0 for none.
 * 0: woken; -EINTR: a signal is pending or the task is to die; -ETIMEDOUT. */
MUST_CHECK int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns);

/* Whether a wait would end at once with -EINTR: long copies look, and stop with what they have. */
bool waitq_interrupted(void);
