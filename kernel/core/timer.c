/* SPDX-License-Identifier: MIT */
/*
 * Kernel timers: functions that run at a time, in an interrupt.
 *
 * A timer is idle, pending in the queue of one processor (.cpu), or running: its function is called
 * there, in the interrupt, and queue.running names it. The queue's lock covers the trees, the
 * timer's fields and what the hardware is set to; it is not held while a function runs, since that
 * takes locks before it (run queues, wait queues).
 *
 * Stopping waits while another processor runs the function: the timer often lies on the stack of
 * the thread that stops it. A function that has looked at its timer for the last time detaches
 * itself, so that the thread it wakes does not spin for the rest of it. A function may start its
 * own timer again: queue.running is then its own processor's and is not waited for.
 *
 * Starting a pending timer for a later time leaves it in its place and only moves the deadline: the
 * interrupt finds it too early there and sorts it in again. So programs that push a timer along
 * before it fires, as most do, never change the tree.
 *
 * However many timers are due at one instant, an interrupt works on them for SLICE_NS, and another
 * one comes GAP_NS later: meanwhile other interrupts get through, and the program goes on.
 *
 * Two trees a processor: keys of the second are real time, which differs from monotonic time by
 * an offset that changes when the clock is set. Then every processor computes its hardware's time
 * anew; nothing is moved.
 */
#include "kernel/core/timer.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/spinlock.h"

#define SLICE_NS   100000 /* of interrupts off, for timers that are due */
#define GAP_NS     50000  /* then so long on, before the rest */
#define MOVES_MOST 64     /* timers sorted in again while the queue is locked */

/* Pending timers of one clock, earliest first. [lock of the queue] */
struct timer_set {
    struct rb_tree tree;
    struct timer *first; /* NULL: none */
};

struct timer_queue {
    struct spinlock lock;
    struct timer_set sets[2]; /* [lock] by struct timer.realtime */
    struct timer *running;    /* [lock], atomic: whose function runs now */
    uint64_t due_ns;          /* [lock] what the hardware is set to; UINT64_MAX: to nothing */
    uint64_t interrupts;
    struct timer_lateness lateness; /* own processor's; read by any */
} ALIGNED(64);

static PERCPU struct timer_queue queues;
static const struct timer_ops *ops; /* constant after start-up */

static struct timer_queue *own_queue(void)
{
    return percpu_own(queues);
}

/* The monotonic time of the earliest key; UINT64_MAX: none. */
static uint64_t timer_earliest_ns(const struct timer_queue *queue)
{
    const struct timer *mono = queue->sets[false].first, *real = queue->sets[true].first;
    uint64_t earliest = mono ? mono->key_ns : UINT64_MAX;

    return likely(!real) ? earliest : MIN(earliest, clock_monotonic_of_realtime(real->key_ns));
}

/* Of this processor: no other can reach its timer. Not earlier than in least_ns. */
static void hardware_set_locked(struct timer_queue *queue, uint64_t least_ns)
{
    uint64_t earliest = timer_earliest_ns(queue), now;

    ASSERT(spin_is_held(&queue->lock));
    queue->due_ns = UINT64_MAX;
    if (earliest == UINT64_MAX) {
        ops->stop();
        return;
    }
    now = clock_monotonic_ns();
    queue->due_ns = MAX(earliest, now + least_ns);
    ops->oneshot(queue->due_ns - now);
}

void timer_set_ops(const struct timer_ops *new_ops)
{
    ops = new_ops;
    timer_join();
}

void timer_join(void)
{
    spin_init(&own_queue()->lock, SPIN_TIMER);
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer))
{
    timer->pending = false;
    timer->realtime = false;
    timer->function = function;
    timer->cpu = CPU_OWN->index;
}

/* Locks the queue where the timer is pending or was last. */
static struct timer_queue *timer_queue_lock(const struct timer *timer)
{
    for (;;) {
        uint32_t cpu = __atomic_load_n(&timer->cpu, __ATOMIC_ACQUIRE);
        struct timer_queue *queue = percpu_of(queues, cpu);

        spin_lock(&queue->lock);
        if (timer->cpu == cpu)
            return queue;
        spin_unlock(&queue->lock);
    }
}

/* The same, once no other processor runs the timer's function: that may still look at whatever the
 * timer lies in after it has woken a thread. flags: the caller's, from before interrupts went off.
 */
static struct timer_queue *quiet_lock(const struct timer *timer, uint64_t flags)
{
    for (;;) {
        struct timer_queue *queue;

        ASSERT(!irq_enabled()); /* a timer that fires here would want the lock */
        queue = timer_queue_lock(timer);
        if (__atomic_load_n(&queue->running, __ATOMIC_ACQUIRE) != timer || queue == own_queue())
            return queue;
        spin_unlock(&queue->lock);
        irq_restore(flags);
        cpu_pause();
        irq_disable();
    }
}

/* Into its place; true if it is the first there. */
static bool timer_insert_locked(struct timer_queue *queue, struct timer *timer)
{
    struct timer_set *set = &queue->sets[timer->realtime];
    struct rb_node **link = &set->tree.root, *parent = NULL;
    uint64_t key_ns = timer->deadline_ns;
    bool is_first = true;

    ASSERT(spin_is_held(&queue->lock) && !timer->pending);
    timer->pending = true;
    timer->key_ns = key_ns;
    while (*link) {
        parent = *link;
        if (key_ns < rb_entry(parent, struct timer, node)->key_ns) {
            link = &parent->left;
        } else { /* behind those of the same time */
            link = &parent->right;
            is_first = false;
        }
    }
    rb_insert(&set->tree, &timer->node, parent, link);
    if (is_first)
        set->first = timer;
    return is_first;
}

/* Out of the queue that it is pending in; true if it was the first there. */
static bool timer_remove_locked(struct timer_queue *queue, struct timer *timer)
{
    struct timer_set *set = &queue->sets[timer->realtime];
    bool was_first = set->first == timer;

    ASSERT(spin_is_held(&queue->lock) && timer->pending);
    if (was_first) {
        struct rb_node *next = rb_next(&timer->node);

        set->first = next ? rb_entry(next, struct timer, node) : NULL;
    }
    rb_erase(&set->tree, &timer->node);
    timer->pending = false;
    return was_first;
}

/* Locks the caller's own queue, and makes the timer, which is pending nowhere else then, belong to
 * it. True if a timer of this queue has to be removed first. Another processor's hardware is left
 * as it is: an interrupt too many does no harm. */
static struct timer_queue *timer_claim(struct timer *timer, uint64_t flags)
{
    struct timer_queue *queue = quiet_lock(timer, flags), *own = own_queue();

    if (likely(queue == own))
        return own;
    if (timer->pending)
        timer_remove_locked(queue, timer);
    __atomic_store_n(&timer->cpu, CPU_OWN->index, __ATOMIC_RELEASE);
    spin_unlock(&queue->lock);
    spin_lock(&own->lock);
    return own;
}

static void timer_start_on(struct timer *timer, uint64_t deadline_ns, bool realtime)
{
    uint64_t flags = irq_save();
    struct timer_queue *queue = timer_claim(timer, flags);
    bool changed = false;

    if (timer->pending && (timer->realtime != realtime || deadline_ns < timer->key_ns))
        changed = timer_remove_locked(queue, timer);
    timer->deadline_ns = deadline_ns;
    timer->realtime = realtime;
    if (!timer->pending)
        changed |= timer_insert_locked(queue, timer);
    if (changed)
        hardware_set_locked(queue, 0);
    spin_unlock(&queue->lock);
    irq_restore(flags);
}

void timer_start(struct timer *timer, uint64_t deadline_ns)
{
    timer_start_on(timer, deadline_ns, false);
}

void timer_start_realtime(struct timer *timer, uint64_t realtime_ns)
{
    timer_start_on(timer, realtime_ns, true);
}

void timer_stop(struct timer *timer)
{
    uint64_t flags = irq_save();
    struct timer_queue *queue = quiet_lock(timer, flags);

    if (timer->pending && timer_remove_locked(queue, timer) && queue == own_queue())
        hardware_set_locked(queue, 0);
    spin_unlock(&queue->lock);
    irq_restore(flags);
}

void timer_detach(void)
{
    __atomic_store_n(&own_queue()->running, NULL, __ATOMIC_RELEASE);
}

static void timer_look_again(void *argument)
{
    struct timer_queue *queue = own_queue();
    uint64_t flags = spin_lock_irqsave(&queue->lock);

    (void)argument;
    hardware_set_locked(queue, 0);
    spin_unlock_irqrestore(&queue->lock, flags);
}

void timer_clock_was_set(void)
{
    ipi_call_all(timer_look_again, NULL);
}

/* A timer of the set whose time has come, out of it; NULL when none is left, or too many were
 * looked at that have been moved on. */
static struct timer *timer_expired_locked(struct timer_queue *queue, struct timer_set *set,
                                          uint64_t now_ns, unsigned *moves)
{
    struct timer *first;

    ASSERT(spin_is_held_inline(&queue->lock));
    while ((first = set->first) != NULL && first->key_ns <= now_ns && *moves < MOVES_MOST) {
        timer_remove_locked(queue, first);
        if (first->deadline_ns <= now_ns)
            return first;
        timer_insert_locked(queue, first); /* it was moved on */
        ++*moves;
    }
    return NULL;
}

/* NULL: there is nothing more to do in this interrupt, which began its slice at that time. */
static struct timer *timer_take_expired(struct timer_queue *queue, uint64_t begin_ns)
{
    struct timer *timer = NULL;
    unsigned moves = 0;
    uint64_t now_ns;
    bool is_over;

    spin_lock(&queue->lock);
    now_ns = clock_monotonic_ns();
    is_over = now_ns - begin_ns >= SLICE_NS;
    if (likely(!is_over))
        timer = timer_expired_locked(queue, &queue->sets[false], now_ns, &moves);
    if (!is_over && !timer && queue->sets[true].first)
        timer = timer_expired_locked(queue, &queue->sets[true], clock_realtime_ns(), &moves);
    queue->running = timer;
    if (!timer)
        hardware_set_locked(queue, is_over || moves >= MOVES_MOST ? GAP_NS : 0);
    spin_unlock(&queue->lock);
    return timer;
}

/* Nothing but interrupts that are off, or a host that is busy, makes one late. */
static void lateness_note(struct timer_lateness *lateness, uint64_t late_ns)
{
    if (late_ns >= TIMER_LATE_NS)
        __atomic_fetch_add(&lateness->count, 1, __ATOMIC_RELAXED);
    if (late_ns > lateness->max_ns)
        __atomic_store_n(&lateness->max_ns, late_ns, __ATOMIC_RELAXED);
}

void timer_interrupt(void)
{
    struct timer_queue *queue = own_queue();
    uint64_t begin_ns = clock_monotonic_ns();
    struct timer *timer;

    __atomic_fetch_add(&queue->interrupts, 1, __ATOMIC_RELAXED);
    if (begin_ns > queue->due_ns)
        lateness_note(&queue->lateness, begin_ns - queue->due_ns);
    while ((timer = timer_take_expired(queue, begin_ns)) != NULL)
        timer->function(timer);
}

uint64_t timer_interrupts(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < cpu_count; i++)
        sum += __atomic_load_n(&percpu_of(queues, i)->interrupts, __ATOMIC_RELAXED);
    return sum;
}

struct timer_lateness timer_lateness(void)
{
    struct timer_lateness all = {0};

    for (unsigned i = 0; i < cpu_count; i++) {
        all.count += __atomic_load_n(&percpu_of(queues, i)->lateness.count, __ATOMIC_RELAXED);
        all.max_ns = MAX(all.max_ns,
                         __atomic_load_n(&percpu_of(queues, i)->lateness.max_ns, __ATOMIC_RELAXED));
    }
    return all;
}
