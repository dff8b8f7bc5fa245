/* SPDX-License-Identifier: MIT */
#include "kernel/sched/waitq.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

void waitq_init(struct waitq *queue)
{
    spin_init(&queue->lock, SPIN_WAITQ);
    list_init(&queue->waiters);
}

static uint64_t wake_first_locked(struct waitq *queue)
{
    struct waiter *waiter = list_entry(list_pop_front(&queue->waiters), struct waiter, link);
    struct thread *thread = waiter->thread;

    __atomic_store_n(&waiter->woken, true, __ATOMIC_SEQ_CST);
    return sched_wake_quietly(thread);
}

void waitq_wake_all(struct waitq *queue)
{
    uint64_t flags = spin_lock_irqsave(&queue->lock), kicks = 0;

    while (!list_empty(&queue->waiters))
        kicks |= wake_first_locked(queue);
    spin_unlock_irqrestore(&queue->lock, flags);
    sched_kick(kicks);
}

void waitq_wake_one(struct waitq *queue)
{
    uint64_t flags = spin_lock_irqsave(&queue->lock), kicks = 0;

    if (!list_empty(&queue->waiters))
        kicks = wake_first_locked(queue);
    spin_unlock_irqrestore(&queue->lock, flags);
    sched_kick(kicks);
}

void waitq_enter(struct waitq *queue, struct waiter *waiter)
{
    uint64_t flags = spin_lock_irqsave(&queue->lock);

    waiter->thread = thread_current();
    waiter->woken = false;
    list_push_back(&queue->waiters, &waiter->link);
    spin_unlock_irqrestore(&queue->lock, flags);
}

/* The lock also waits for a waker that is still looking at this waiter. */
void waitq_leave(struct waitq *queue, struct waiter *waiter)
{
    uint64_t flags = spin_lock_irqsave(&queue->lock);

    list_remove(&waiter->link);
    spin_unlock_irqrestore(&queue->lock, flags);
}

struct alarm {
    struct timer timer;
    struct thread *thread;
};

static void alarm_rings(struct timer *timer)
{
    uint64_t kicks = sched_wake_quietly(container_of(timer, struct alarm, timer)->thread);

    timer_let_go(); /* the thread stops the timer first of all */
    sched_kick(kicks);
}

static bool any_woken(const struct waiter *waiters, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (__atomic_load_n(&waiters[i].woken, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

int waitq_sleep(const struct waiter *waiters, unsigned count, uint64_t deadline_ns)
{
    struct thread *self = thread_current();
    struct alarm alarm = {.thread = self};
    int result = 0;

    timer_init(&alarm.timer, alarm_rings);
    sched_prepare(true);
    if (any_woken(waiters, count)) {
        sched_cancel();
        return 0;
    }
    if (deadline_ns)
        timer_start(&alarm.timer, deadline_ns);
    sched_block();
    if (deadline_ns)
        timer_stop(&alarm.timer);
    if (any_woken(waiters, count))
        return 0;
    if (__atomic_load_n(&self->arch.work, __ATOMIC_SEQ_CST) & ~ARCH_WORK_QUIET)
        result = -EINTR;
    else if (deadline_ns && clock_monotonic_ns() >= deadline_ns)
        result = -ETIMEDOUT;
    return result;
}

int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns)
{
    struct waiter waiter;
    int result;

    ASSERT(!spin_any_held());
    waitq_enter(queue, &waiter);
    if (held)
        mutex_unlock(held);
    result = waitq_sleep(&waiter, 1, deadline_ns);
    waitq_leave(queue, &waiter);
    if (held)
        mutex_lock(held);
    return result;
}

bool waitq_interrupted(void)
{
    return (__atomic_load_n(&thread_current()->arch.work, __ATOMIC_RELAXED) & ~ARCH_WORK_QUIET) !=
           0;
}
