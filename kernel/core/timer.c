/* SPDX-License-Identifier: MIT */
#include "kernel/core/timer.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/spinlock.h"

struct timer_queue {
    struct spinlock lock;
    struct list pending;   /* [lock] earliest first */
    struct timer *running; /* [lock], atomic: whose function runs now */
    uint64_t interrupts;
} ALIGNED(64);

static struct timer_queue queues[CPU_MAX];
static const struct timer_ops *ops; /* constant after start-up */

static struct timer_queue *own_queue(void)
{
    return &queues[cpu_self()->index];
}

static struct timer *earliest_locked(const struct timer_queue *queue)
{
    if (list_empty(&queue->pending))
        return NULL;
    return list_entry(queue->pending.next, struct timer, link);
}

/* Of this processor: no other can reach its timer. */
static void hardware_set_locked(const struct timer_queue *queue)
{
    struct timer *first = earliest_locked(queue);
    uint64_t now;

    if (!first) {
        ops->stop();
        return;
    }
    now = clock_monotonic_ns();
    ops->oneshot(first->deadline_ns > now ? first->deadline_ns - now : 0);
}

void timer_set_ops(const struct timer_ops *new_ops)
{
    for (unsigned i = 0; i < CPU_MAX; i++) {
        spin_init(&queues[i].lock, SPIN_TIMER);
        list_init(&queues[i].pending);
    }
    ops = new_ops;
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer))
{
    list_init(&timer->link);
    timer->function = function;
    /* Once a timer names this processor, others may lock its queue: that has to exist. */
    (void)own_queue();
    timer->cpu = cpu_self()->index;
}

/* Locks the queue where the timer is pending or was last. */
static struct timer_queue *queue_lock(const struct timer *timer)
{
    for (;;) {
        uint32_t cpu = __atomic_load_n(&timer->cpu, __ATOMIC_ACQUIRE);
        struct timer_queue *queue = &queues[cpu];

        spin_lock(&queue->lock);
        if (timer->cpu == cpu)
            return queue;
        spin_unlock(&queue->lock);
    }
}

/* The same, once no other processor runs the timer's function: that may still look at whatever the
 * timer lies in after it has woken somebody. flags: the caller's, from before interrupts went off.
 */
static struct timer_queue *quiet_lock(const struct timer *timer, uint64_t flags)
{
    for (;;) {
        struct timer_queue *queue = queue_lock(timer);

        if (__atomic_load_n(&queue->running, __ATOMIC_ACQUIRE) != timer || queue == own_queue())
            return queue;
        spin_unlock(&queue->lock);
        irq_restore(flags);
        cpu_pause();
        irq_disable();
    }
}

/* Off whatever queue it is on. Another processor's hardware is left as it is: an interrupt too
 * many does no harm. */
static void remove_locked(struct timer_queue *queue, struct timer *timer)
{
    bool was_first = earliest_locked(queue) == timer;

    list_remove(&timer->link);
    if (was_first && queue == &queues[cpu_self()->index])
        hardware_set_locked(queue);
}

void timer_start(struct timer *timer, uint64_t deadline_ns)
{
    uint64_t flags = irq_save();
    struct timer_queue *queue = quiet_lock(timer, flags);
    struct list *before;

    remove_locked(queue, timer);
    timer->deadline_ns = deadline_ns;
    __atomic_store_n(&timer->cpu, cpu_self()->index, __ATOMIC_RELEASE);
    spin_unlock(&queue->lock);

    queue = own_queue();
    spin_lock(&queue->lock);
    before = &queue->pending;
    /* Most timers are later than the others: look from the end. */
    while (before->prev != &queue->pending &&
           list_entry(before->prev, struct timer, link)->deadline_ns > deadline_ns)
        before = before->prev;
    list_push_back(before, &timer->link);
    if (earliest_locked(queue) == timer)
        hardware_set_locked(queue);
    spin_unlock(&queue->lock);
    irq_restore(flags);
}

void timer_stop(struct timer *timer)
{
    uint64_t flags = irq_save();
    struct timer_queue *queue = quiet_lock(timer, flags);

    remove_locked(queue, timer);
    spin_unlock(&queue->lock);
    irq_restore(flags);
}

void timer_let_go(void)
{
    __atomic_store_n(&own_queue()->running, NULL, __ATOMIC_RELEASE);
}

bool timer_pending(const struct timer *timer)
{
    return !list_empty(&timer->link);
}

/* Takes the first timer whose time has come off the list; NULL when none is left. */
static struct timer *expired_take(struct timer_queue *queue)
{
    struct timer *first;

    spin_lock(&queue->lock);
    first = earliest_locked(queue);
    if (first && first->deadline_ns <= clock_monotonic_ns())
        list_remove(&first->link);
    else
        first = NULL;
    queue->running = first;
    if (!first)
        hardware_set_locked(queue);
    spin_unlock(&queue->lock);
    return first;
}

void timer_interrupt(void)
{
    struct timer_queue *queue = own_queue();
    struct timer *timer;

    __atomic_fetch_add(&queue->interrupts, 1, __ATOMIC_RELAXED);
    while ((timer = expired_take(queue)) != NULL)
        timer->function(timer);
}

uint64_t timer_interrupts(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < CPU_MAX; i++)
        sum += __atomic_load_n(&queues[i].interrupts, __ATOMIC_RELAXED);
    return sum;
}
