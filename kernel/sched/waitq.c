/* SPDX-License-Identifier: MIT */
/*
 * Wait queues.
 *
 * A waiter is in the queue, or woken: the waker takes it out and sets .woken under the queue's
 * lock, then makes its thread runnable. The thread looks at .woken after it has said that it is
 * about to block (sched_prepare), and sched_block looks at the state that a waker changes: whatever
 * the order, one of them sees the other. A thread that goes on for another reason (a signal, the
 * time) still is in the queue and has to leave it; leaving takes the lock, so that no waker looks
 * at the waiter, which lies on the thread's stack, after that.
 *
 * Wake-ups are sent after the lock is dropped (sched_kick): the thread that is woken often takes
 * the same lock first of all.
 *
 * Any number of threads may wait in one queue, so all of them are woken in slices. Between these
 * interrupts get through, and other threads where the caller could be preempted.
 */
#include "kernel/sched/waitq.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/restart.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define WAKE_SLICE 64 /* threads that are woken while interrupts are off */

void waitq_init(struct waitq *queue)
{
    spin_init(&queue->lock, SPIN_WAITQ);
    list_init(&queue->waiters);
}

/* The first of the list, which is the queue's or one that waiters_wake_rest_and_unlock has taken
 * over. */
static uint32_t wake_first_locked(struct waitq *queue, struct list *waiters)
{
    struct waiter *waiter = list_entry(list_pop_front(waiters), struct waiter, link);
    struct thread *thread = waiter->thread;

    ASSERT(spin_is_held_inline(&queue->lock));
    __atomic_store_n(&waiter->woken, true, __ATOMIC_SEQ_CST);
    return sched_wake_quietly(thread);
}

static void waiters_wake_locked(struct waitq *queue, struct list *waiters, struct cpumask *kicks)
{
    ASSERT(spin_is_held_inline(&queue->lock));
    for (unsigned i = 0; !list_empty(waiters) && i < WAKE_SLICE; i++)
        sched_kick_add(kicks, wake_first_locked(queue, waiters));
}

/* Those that are left behind the first. In a list of their own, so that threads which come
 * meanwhile, perhaps the same ones, do not make it endless; they can leave it as they leave the
 * queue. The lock goes in between. The caller keeps the queue. */
static COLD NOINLINE void waiters_wake_rest_and_unlock(struct waitq *queue, uint32_t first,
                                                       uint64_t flags)
{
    struct list rest = LIST_INIT(rest);
    struct cpumask kicks = {{0}};

    ASSERT(spin_is_held_inline(&queue->lock));
    sched_kick_add(&kicks, first);
    list_move_front(&queue->waiters, queue->waiters.prev, &rest);
    for (;;) {
        bool last;

        waiters_wake_locked(queue, &rest, &kicks);
        last = list_empty(&rest); /* then the queue may go with the last of them */
        spin_unlock_irqrestore(&queue->lock, flags);
        sched_kick_set(&kicks);
        if (last)
            return;
        sched_preempt_if_allowed();
        kicks = (struct cpumask){{0}};
        flags = spin_lock_irqsave(&queue->lock);
    }
}

/* Most queues have one waiter, or none: a set of processors is for more. */
void waitq_wake_all(struct waitq *queue)
{
    uint64_t flags = spin_lock_irqsave(&queue->lock);
    uint32_t kicks = 0;

    if (!list_empty(&queue->waiters))
        kicks = wake_first_locked(queue, &queue->waiters);
    if (unlikely(!list_empty(&queue->waiters))) {
        waiters_wake_rest_and_unlock(queue, kicks, flags);
        return;
    }
    spin_unlock_irqrestore(&queue->lock, flags);
    sched_kick(kicks);
}

/* As on Linux, no wake-up is kept for a waiter that comes later: the state that the waiter checks
 * is the memory of what happened. */
void waitq_wake_one(struct waitq *queue)
{
    uint64_t flags = spin_lock_irqsave(&queue->lock);
    uint32_t kicks = 0;

    if (!list_empty(&queue->waiters))
        kicks = wake_first_locked(queue, &queue->waiters);
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

struct sleep_timer {
    struct timer timer;
    struct thread *thread;
};

static void sleep_is_over(struct timer *timer)
{
    struct thread *thread = container_of(timer, struct sleep_timer, timer)->thread;
    uint32_t kicks = sched_wake_quietly(thread);

    timer_detach(); /* the thread stops the timer first of all */
    sched_kick(kicks);
}

static bool any_woken(const struct waiter *waiters, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (__atomic_load_n(&waiters[i].woken, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

/* A function of its own: a sleep without a deadline does not pay for the timer. */
static NOINLINE void block_until(uint64_t deadline_ns, bool realtime)
{
    struct sleep_timer alarm = {.thread = thread_current()};

    timer_init(&alarm.timer, sleep_is_over);
    /* A real-time timer follows the clock when it is set; converting the time here would not. */
    (realtime ? timer_start_realtime : timer_start)(&alarm.timer, deadline_ns);
    sched_block();
    timer_stop(&alarm.timer);
}

/* Blocks once, until the deadline if there is one. */
static int sleep_once(const struct waiter *waiters, unsigned count, uint64_t deadline_ns,
                      bool realtime)
{
    sched_assert_may_sleep();
    sched_prepare(SCHED_INTERRUPTIBLE);
    if (any_woken(waiters, count)) {
        sched_cancel();
        return 0;
    }
    if (deadline_ns)
        block_until(deadline_ns, realtime);
    else
        sched_block();
    if (any_woken(waiters, count))
        return 0;
    /* Woken comes before interrupted: a wake-up that was meant for this thread alone is not lost to
     * a signal. */
    if (waitq_interrupted())
        return -ERESTARTSYS;
    if (deadline_ns && (realtime ? clock_realtime_ns() : clock_monotonic_ns()) >= deadline_ns)
        return -ETIMEDOUT;
    return 0;
}

int waitq_sleep(const struct waiter *waiters, unsigned count, uint64_t deadline_ns)
{
    return sleep_once(waiters, count, deadline_ns, false);
}

int waitq_sleep_killable(const struct waiter *waiter)
{
    sched_assert_may_sleep();
    sched_prepare(SCHED_KILLABLE);
    if (any_woken(waiter, 1)) {
        sched_cancel();
        return 0;
    }
    sched_block();
    if (!any_woken(waiter, 1) &&
        (__atomic_load_n(&thread_current()->arch.work, __ATOMIC_RELAXED) & TIF_KILL))
        return -EINTR;
    return 0;
}

int waitq_sleep_realtime(const struct waiter *waiters, unsigned count, uint64_t realtime_ns)
{
    return sleep_once(waiters, count, realtime_ns, true);
}

int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns)
{
    struct waiter waiter;
    int result;

    sched_assert_may_sleep();
    waitq_enter(queue, &waiter);
    if (held)
        mutex_unlock(held);
    result = waitq_sleep(&waiter, 1, deadline_ns);
    waitq_leave(queue, &waiter);
    /* A wake-up for this thread alone that came after the signal: it must not be lost. */
    if (unlikely(result && waiter.woken))
        result = 0;
    if (held)
        mutex_lock(held);
    return result;
}

bool waitq_interrupted(void)
{
    return (__atomic_load_n(&thread_current()->arch.work, __ATOMIC_RELAXED) & ~TIF_QUIET) != 0;
}
