/* SPDX-License-Identifier: MIT */
#include "kernel/core/timer.h"

#include "kernel/core/clock.h"
#include "kernel/core/spinlock.h"

static struct {
    struct spinlock lock;
    struct list pending;         /* [lock] earliest first */
    const struct timer_ops *ops; /* constant after start-up */
    uint64_t interrupts;
} timers = {.lock = SPINLOCK_INIT(SPIN_TIMER), .pending = LIST_INIT(timers.pending)};

static struct timer *earliest_locked(void)
{
    if (list_empty(&timers.pending))
        return NULL;
    return list_entry(timers.pending.next, struct timer, link);
}

static void hardware_set_locked(void)
{
    struct timer *first = earliest_locked();
    uint64_t now;

    if (!timers.ops)
        return;
    if (!first) {
        timers.ops->stop();
        return;
    }
    now = clock_monotonic_ns();
    timers.ops->oneshot(first->deadline_ns > now ? first->deadline_ns - now : 0);
}

void timer_set_ops(const struct timer_ops *ops)
{
    uint64_t flags = spin_lock_irqsave(&timers.lock);

    timers.ops = ops;
    hardware_set_locked();
    spin_unlock_irqrestore(&timers.lock, flags);
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer))
{
    list_init(&timer->link);
    timer->function = function;
}

void timer_start(struct timer *timer, uint64_t deadline_ns)
{
    uint64_t flags = spin_lock_irqsave(&timers.lock);
    struct list *before = &timers.pending;

    list_remove(&timer->link);
    timer->deadline_ns = deadline_ns;
    /* Most timers are later than the others: look from the end. */
    while (before->prev != &timers.pending &&
           list_entry(before->prev, struct timer, link)->deadline_ns > deadline_ns)
        before = before->prev;
    list_push_back(before, &timer->link);
    if (earliest_locked() == timer)
        hardware_set_locked();
    spin_unlock_irqrestore(&timers.lock, flags);
}

void timer_stop(struct timer *timer)
{
    uint64_t flags = spin_lock_irqsave(&timers.lock);
    bool was_first = earliest_locked() == timer;

    list_remove(&timer->link);
    if (was_first)
        hardware_set_locked();
    spin_unlock_irqrestore(&timers.lock, flags);
}

bool timer_pending(const struct timer *timer)
{
    return !list_empty(&timer->link);
}

/* Takes the first timer whose time has come off the list; NULL when none is left. */
static struct timer *expired_take(void)
{
    uint64_t flags = spin_lock_irqsave(&timers.lock);
    struct timer *first = earliest_locked();

    if (first && first->deadline_ns <= clock_monotonic_ns())
        list_remove(&first->link);
    else
        first = NULL;
    if (!first)
        hardware_set_locked();
    spin_unlock_irqrestore(&timers.lock, flags);
    return first;
}

void timer_interrupt(void)
{
    struct timer *timer;

    timers.interrupts++;
    while ((timer = expired_take()) != NULL)
        timer->function(timer);
}

uint64_t timer_interrupts(void)
{
    return __atomic_load_n(&timers.interrupts, __ATOMIC_RELAXED);
}
