/* SPDX-License-Identifier: MIT */
/*
 * Real-time threads: SCHED_FIFO, SCHED_RR, and what is lent priority.
 *
 * A thread with a priority waits in a tree of its own, by priority and then by arrival, and comes
 * before all that are shared out by virtual time. One that is displaced goes back to the front of
 * its priority; one that yields, or whose turn of SCHED_RR is over, behind all of it.
 *
 * The limit: on each processor real-time threads have SCHED_RT_RUNTIME_NS of each period. What is
 * left belongs to the others, if any waits there: a thread that never sleeps slows the machine
 * down, but what ends it still runs. With none waiting it goes on. A processor that is left to the
 * others is no place for real-time threads from elsewhere.
 *
 * The priority in effect (.prio) is the greater of the policy's own and of what is lent by the
 * waiters for locks that the thread holds (proc/futex). Both change under the lock of the thread's
 * queue, in or out of a tree, or running: .queued says which.
 *
 * Processors: a waking thread goes where it displaces the least (sched_rt_place); one that is
 * displaced moves if another processor would run it at once; a processor that has lost real-time
 * work looks for some that waits elsewhere (sched_rt_pull).
 */
#include "kernel/core/clock.h"
#include "kernel/sched/sched_queue.h"
#include "shared/linux/sched.h"

/* Ticks. Constant after start-up. */
static uint64_t period_ticks, runtime_ticks, turn_ticks;

COLD void sched_rt_init(void)
{
    period_ticks = clock_ns_to_ticks(SCHED_RT_PERIOD_NS);
    runtime_ticks = clock_ns_to_ticks(SCHED_RT_RUNTIME_NS);
    turn_ticks = clock_ns_to_ticks(SCHED_RR_TURN_NS);
}

void sched_rt_charge(struct runq *queue, uint64_t ticks)
{
    queue->rt_ran += ticks;
    queue->current->rr_ran += ticks;
}

/* The limit is reached. The current thread's time is accounted. */
static bool rt_is_limited(struct runq *queue)
{
    uint64_t periods = (queue->since - queue->rt_period) / period_ticks;

    /* What was too much counts in the next period: a host that takes the processor away may let a
     * period end before anything looks. */
    if (periods) {
        queue->rt_period += periods * period_ticks;
        queue->rt_ran -= MIN(queue->rt_ran, periods * runtime_ticks);
        queue->rt_ran = MIN(queue->rt_ran, runtime_ticks);
    }
    return queue->rt_ran >= runtime_ticks;
}

static bool rt_turn_is_over(const struct thread *thread)
{
    return (thread->policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK) == LX_SCHED_RR &&
           thread->rr_ran >= turn_ticks;
}

static bool rt_before(const struct thread *thread, const struct thread *other)
{
    return thread->prio != other->prio ? thread->prio > other->prio
                                       : sched_before(thread->rt_order, other->rt_order);
}

static void rt_insert(struct runq *queue, struct thread *thread, bool in_front)
{
    struct rb_node **link = &queue->rt_tree.root, *parent = NULL;
    bool is_first = true;

    thread->rt_order = in_front ? --queue->rt_begin : queue->rt_end++;
    while (*link) {
        parent = *link;
        if (rt_before(thread, rb_entry(parent, struct thread, run_node))) {
            link = &parent->left;
        } else {
            link = &parent->right;
            is_first = false;
        }
    }
    rb_insert(&queue->rt_tree, &thread->run_node, parent, link);
    if (is_first)
        queue->rt_first = thread;
    queue->rt_waiting++;
}

COLD void sched_rt_enqueue(struct runq *queue, struct thread *thread)
{
    queue->waiting++;
    rt_insert(queue, thread, false);
}

COLD void sched_rt_remove(struct runq *queue, struct thread *thread)
{
    struct rb_node *next = rb_next(&thread->run_node);

    ASSERT(queue->rt_waiting);
    queue->waiting--;
    queue->rt_waiting--;
    thread->queued = false;
    if (queue->rt_first == thread)
        queue->rt_first = next ? rb_entry(next, struct thread, run_node) : NULL;
    rb_erase(&queue->rt_tree, &thread->run_node);
}

/* Which of those that wait is next, when none runs; NULL: none waits. */
static struct thread *rt_choose(struct runq *queue)
{
    if (queue->rt_first && !(queue->first && rt_is_limited(queue)))
        return queue->rt_first;
    return queue->first;
}

COLD struct thread *sched_rt_dequeue(struct runq *queue)
{
    struct thread *next = rt_choose(queue);

    ASSERT(spin_is_held_inline(&queue->lock));
    if (!next)
        return NULL;
    sched_remove(queue, next);
    if (!next->prio)
        sched_raise_min_locked(queue, next->vruntime);
    return next;
}

/* Both change places without a search: of two threads that take turns neither is ever alone in a
 * tree. */
static struct thread *rt_swap(struct runq *queue, struct thread *thread, bool last)
{
    struct thread *first = queue->rt_first;

    first->queued = false;
    thread->queued = true;
    thread->rt_order = last ? queue->rt_end++ : --queue->rt_begin;
    thread->run_node = (struct rb_node){.parent_and_colour = RB_BLACK};
    queue->rt_tree.root = &thread->run_node;
    queue->rt_first = thread;
    return first;
}

/* It may be the first that comes out again. */
struct thread *sched_rt_exchange(struct runq *queue, struct thread *thread)
{
    ASSERT(spin_is_held_inline(&queue->lock));
    if (thread->prio) {
        bool last = thread->rt_last || rt_turn_is_over(thread);

        if (last)
            thread->rr_ran = 0;
        thread->rt_last = false;
        if (queue->rt_waiting == 1 && !queue->first &&
            queue->rt_first->prio >= thread->prio + !last)
            return rt_swap(queue, thread, last);
        queue->waiting++;
        thread->queued = true;
        rt_insert(queue, thread, !last);
    } else {
        sched_enqueue(queue, thread);
    }
    return sched_rt_dequeue(queue);
}

COLD bool sched_rt_first_is_due(struct runq *queue)
{
    struct thread *current = queue->current, *first = queue->rt_first;
    bool limited = rt_is_limited(queue);

    ASSERT(spin_is_held_inline(&queue->lock));
    if (!current->prio) {
        if (first && !limited)
            return true;
        return queue->first && !sched_before(current->vruntime, queue->first->vruntime);
    }
    if (limited && queue->first)
        return true;
    if (first && first->prio >= current->prio)
        return first->prio > current->prio || rt_turn_is_over(current);
    if (rt_turn_is_over(current))
        current->rr_ran = 0; /* its next turn: no other one of its priority waits */
    return false;
}

COLD bool sched_rt_preempts(struct runq *queue, const struct thread *thread)
{
    const struct thread *current = queue->current;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (current->prio && !thread->prio)
        return rt_is_limited(queue);
    return thread->prio > current->prio && (current->prio || !rt_is_limited(queue));
}

/* --- processors --- */

/* Without a lock, as a hint: that processor has been left to the others for now. */
static bool rt_looks_limited(const struct runq *queue, uint64_t now)
{
    return __atomic_load_n(&queue->rt_ran, __ATOMIC_RELAXED) >= runtime_ticks &&
           now - __atomic_load_n(&queue->rt_period, __ATOMIC_RELAXED) < period_ticks;
}

COLD unsigned sched_rt_place(const struct thread *thread)
{
    unsigned best = CPU_MAX, lowest = thread->prio;
    uint64_t now = tsc_read();
    struct cpumask cpus;

    sched_affinity_online(thread, &cpus);
    cpumask_each(cpu, &cpus)
    {
        const struct runq *queue = sched_queue_of(cpu);
        unsigned prio = __atomic_load_n(&queue->current_prio, __ATOMIC_RELAXED);

        if (!prio && rt_looks_limited(queue, now))
            continue;
        /* Where its caches are, if that is as good. */
        if (prio < lowest || (prio == lowest && best < CPU_MAX && cpu == thread->cpu)) {
            lowest = prio;
            best = cpu;
        }
    }
    return best;
}

/* One that gives way to the limit makes no room for others of its kind. */
COLD void sched_rt_switch_locked(struct runq *queue, const struct thread *next)
{
    struct thread *self = queue->current;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (self->prio > next->prio && !sched_is_alone() && !rt_is_limited(queue))
        self->leaving |= THREAD_RT_LEAVES;
    if (self->state == THREAD_BLOCKED)
        __atomic_store_n(&self->rt_awake, self->ran, __ATOMIC_RELAXED);
    queue->current_prio = next->prio;
}

/* What has been taken out of another queue. */
static void rt_join(struct runq *queue, struct thread *thread)
{
    spin_lock(&queue->lock);
    sched_vruntime_join(queue, thread);
    sched_enqueue_locked(queue, thread);
    sched_check_preempt(queue, thread);
    spin_unlock(&queue->lock);
    if (!queue->current->is_idle)
        sched_slice_start(queue);
}

/* Takes the first that another processor lets wait. A hint, as other queues are read without their
 * locks: one that is missed here has seen this processor busy with more when it came, and is taken
 * at the next look, or runs when its own processor is free. */
COLD void sched_rt_pull(struct runq *queue)
{
    unsigned self = CPU_OWN->index;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++) {
        struct runq *other = sched_queue_of(cpu);
        struct thread *thread = NULL;

        if (cpu == self || !__atomic_load_n(&other->rt_waiting, __ATOMIC_RELAXED))
            continue;
        spin_lock(&other->lock);
        if (other->rt_first && other->rt_first->prio > queue->current_prio)
            thread = sched_steal_rt_locked(other, self);
        spin_unlock(&other->lock);
        if (thread) {
            rt_join(queue, thread);
            return;
        }
    }
}

/* --- priorities --- */

/* The thread's queue is locked. True: its processor is to look whether another thread is due. */
static bool rt_apply_locked(struct runq *queue, struct thread *thread)
{
    uint8_t prio = MAX(thread->rt_own, thread->rt_lent);
    bool queued = thread->queued, runs = queue->current == thread;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (prio == thread->prio)
        return false;
    if (runs)
        sched_charge_locked(queue);
    if (!thread->prio)
        __atomic_store_n(&thread->rt_awake, thread->ran, __ATOMIC_RELAXED);
    if (queued)
        sched_remove(queue, thread);
    thread->prio = prio;
    thread->rt_last = false;
    if (!prio && (runs || queued)) /* one that is off the queue is measured when it comes back */
        sched_vruntime_limit(queue, thread);
    if (queued)
        sched_enqueue(queue, thread);
    if (runs)
        queue->current_prio = prio;
    if (runs || !queued || queue->current->is_idle)
        return runs;
    return sched_rt_preempts(queue, thread);
}

static COLD void rt_change(struct thread *thread, uint8_t own, const uint32_t *policy,
                           const uint8_t *lent)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_queue_lock(thread);
    unsigned cpu = thread->cpu;
    bool look;

    if (policy) {
        __atomic_store_n(&thread->policy, *policy, __ATOMIC_RELAXED);
        __atomic_store_n(&thread->rt_own, own, __ATOMIC_RELAXED);
        thread->rr_ran = 0;
    } else {
        thread->rt_lent = *lent;
    }
    look = rt_apply_locked(queue, thread);
    if (look)
        arch_thread_add_work(&queue->current->arch, TIF_RESCHED);
    spin_unlock(&queue->lock);
    if (look && cpu != CPU_OWN->index)
        sched_kick_some(SCHED_KICK_OF(cpu));
    irq_restore(flags);
}

COLD uint64_t sched_rt_awake_ns(const struct thread *thread)
{
    uint64_t before_ns = clock_ticks_to_ns(__atomic_load_n(&thread->rt_awake, __ATOMIC_RELAXED));
    struct sched_times times;

    sched_thread_times(thread, &times);
    return times.total_ns - MIN(times.total_ns, before_ns);
}

COLD void sched_set_policy(struct thread *thread, uint32_t policy, unsigned priority)
{
    rt_change(thread, (uint8_t)priority, &policy, NULL);
}

COLD void sched_lend_priority(struct thread *thread, unsigned priority)
{
    uint8_t lent = (uint8_t)priority;

    rt_change(thread, 0, NULL, &lent);
}
