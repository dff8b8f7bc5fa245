/* SPDX-License-Identifier: MIT */
/*
 * sched/sched_queue.h - the order of a run queue, where each call would count
 *
 * Used by: the scheduler's own files. Protocol and constants: sched/sched_queue.c.
 * Locks:   everything here is under the queue's lock, rank RUNQ, interrupts off.
 */
#pragma once

#include "kernel/arch/x86_64/tsc.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/sched_internal.h"

extern uint64_t sched_sleeper_ticks, sched_wakeup_ticks; /* constant after sched_queue_init */
void sched_queue_init(void);
void sched_tree_insert(struct runq *queue, struct thread *thread);
void sched_tree_remove(struct runq *queue, struct thread *thread);

/* sched_rt.c: what the functions below do where a real-time thread has to do with it. */
void sched_rt_init(void);
void sched_rt_charge(struct runq *queue, uint64_t ticks);
void sched_rt_enqueue(struct runq *queue, struct thread *thread);
void sched_rt_remove(struct runq *queue, struct thread *thread);
struct thread *sched_rt_dequeue(struct runq *queue);
struct thread *sched_rt_exchange(struct runq *queue, struct thread *thread);
bool sched_rt_first_is_due(struct runq *queue);
bool sched_rt_preempts(struct runq *queue, const struct thread *thread);

/* Whether a lies before b: they may wrap. */
static inline bool sched_before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

/* A thread that is between two queues has its virtual time relative to their minima. */
static inline void sched_vruntime_leave(const struct runq *queue, struct thread *thread)
{
    thread->vruntime -= queue->min_vruntime;
}

static inline void sched_vruntime_join(const struct runq *queue, struct thread *thread)
{
    thread->vruntime += queue->min_vruntime;
}

static inline void sched_raise_min_locked(struct runq *queue, uint64_t vruntime)
{
    ASSERT(spin_is_held_inline(&queue->lock));
    if (sched_before(queue->min_vruntime, vruntime))
        queue->min_vruntime = vruntime;
}

/* Accounts the current thread's time up to now. */
static inline void sched_charge_locked(struct runq *queue)
{
    struct thread *self = queue->current;
    uint64_t now = tsc_read();
    uint64_t ticks = now - queue->since;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (unlikely((int64_t)ticks < 0)) /* the clocks of two processors may differ a little */
        return;
    queue->since = now;
    self->ran += ticks;
    if (unlikely(self->prio)) {
        sched_rt_charge(queue, ticks);
        return;
    }
    self->vruntime += (uint64_t)(((unsigned __int128)ticks * self->vruntime_factor) >> 32);
}

/* The same, and the minimum follows. */
static inline void sched_update_min_locked(struct runq *queue)
{
    uint64_t vruntime;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (queue->current->is_idle)
        return;
    sched_charge_locked(queue);
    vruntime = queue->current->vruntime;
    if (queue->first && sched_before(queue->first->vruntime, vruntime))
        vruntime = queue->first->vruntime;
    sched_raise_min_locked(queue, vruntime);
}

/* A thread that has slept is not further behind the others than its credit allows. */
static inline void sched_vruntime_limit(const struct runq *queue, struct thread *thread)
{
    uint64_t least = queue->min_vruntime - sched_sleeper_ticks;

    if (sched_before(thread->vruntime, least))
        thread->vruntime = least;
}

static inline void sched_tree_make_sole(struct runq *queue, struct thread *thread)
{
    thread->run_node = (struct rb_node){.parent_and_colour = RB_BLACK};
    queue->tree.root = &thread->run_node;
    queue->first = thread;
}

static inline void sched_enqueue(struct runq *queue, struct thread *thread)
{
    thread->queued = true;
    if (unlikely(thread->prio))
        sched_rt_enqueue(queue, thread);
    else if (queue->waiting++ == 0)
        sched_tree_make_sole(queue, thread);
    else
        sched_tree_insert(queue, thread);
}

static inline void sched_enqueue_locked(struct runq *queue, struct thread *thread)
{
    ASSERT(spin_is_held_inline(&queue->lock));
    sched_enqueue(queue, thread);
}

/* By virtual time. */
static inline void sched_remove_fair(struct runq *queue, struct thread *thread)
{
    ASSERT(queue->waiting);
    thread->queued = false;
    if (--queue->waiting == 0) {
        queue->tree.root = NULL;
        queue->first = NULL;
    } else {
        sched_tree_remove(queue, thread);
    }
}

static inline void sched_remove(struct runq *queue, struct thread *thread)
{
    if (unlikely(thread->prio))
        sched_rt_remove(queue, thread);
    else
        sched_remove_fair(queue, thread);
}

static inline void sched_remove_locked(struct runq *queue, struct thread *thread)
{
    ASSERT(spin_is_held_inline(&queue->lock));
    sched_remove(queue, thread);
}

/* The first, out of the queue; NULL: none. */
static inline struct thread *sched_dequeue(struct runq *queue)
{
    struct thread *first = queue->first;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (unlikely(queue->rt_waiting))
        return sched_rt_dequeue(queue);
    if (!first)
        return NULL;
    sched_remove_fair(queue, first);
    sched_raise_min_locked(queue, first->vruntime);
    return first;
}

/* The first, which comes out, while this thread goes in. */
static inline struct thread *sched_exchange_locked(struct runq *queue, struct thread *thread)
{
    struct thread *first = queue->first;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (unlikely(queue->rt_waiting || thread->prio))
        return sched_rt_exchange(queue, thread);
    if (queue->waiting == 1) {
        first->queued = false;
        thread->queued = true;
        sched_tree_make_sole(queue, thread);
    } else {
        sched_remove_fair(queue, first);
        sched_enqueue(queue, thread);
    }
    sched_raise_min_locked(queue, first->vruntime);
    return first;
}

/* Whether the first in the queue is to run instead of the current thread: it has had no more. The
 * latter's time is accounted. */
static inline bool sched_first_is_due(struct runq *queue)
{
    if (unlikely(queue->rt_waiting || queue->current->prio))
        return sched_rt_first_is_due(queue);
    return queue->first && !sched_before(queue->current->vruntime, queue->first->vruntime);
}

/* The current thread gives up what it may be behind the first. */
static inline void sched_go_last_locked(const struct runq *queue)
{
    ASSERT(spin_is_held_inline(&queue->lock));
    if (unlikely(queue->current->prio))
        queue->current->rt_last = true;
    else if (queue->first && sched_before(queue->current->vruntime, queue->first->vruntime))
        queue->current->vruntime = queue->first->vruntime;
}

/* A thread became runnable: it may be far enough behind the current thread to replace it. */
static inline void sched_check_preempt(struct runq *queue, const struct thread *thread)
{
    struct thread *current = queue->current;

    if (unlikely(thread->prio || current->prio)) {
        if (!current->is_idle && sched_rt_preempts(queue, thread))
            arch_thread_add_work(&current->arch, TIF_RESCHED);
    } else if (!current->is_idle &&
               sched_before(thread->vruntime + sched_wakeup_ticks, current->vruntime))
        arch_thread_add_work(&current->arch, TIF_RESCHED);
}
