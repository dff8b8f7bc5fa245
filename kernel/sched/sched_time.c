/* SPDX-License-Identifier: MIT */
/*
 * Time slices, accounts of processor time, and its alarm.
 *
 * A slice is timed only while another thread waits for the processor (.counting); the timer is left
 * running when threads are switched, and its handler decides by slice_end_ns whether the time is
 * really over, since setting a timer costs more than a handler that finds nothing to do. All of
 * this belongs to one processor and is touched with interrupts off, so it has no lock but the
 * queue's for what other processors may read: ran, ran_user, since.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/sched/sched_queue.h"

#define ALARM_MAX_NS (1ULL << 58) /* nine years: in ticks it must not overflow */

/* When the slice is over, the thread gives way on its return to ring 3, if the first in the queue
 * has had no more time than it. The timer may have been started for a thread before it: it is not
 * set anew with every switch. */
static void slice_over(struct timer *timer)
{
    struct runq *queue = sched_own_queue();
    bool due, has_waiting;

    if (!queue->counting)
        return;
    /* The timer was started for a thread that has left since: this one's slice began later. */
    if (clock_monotonic_ns() < queue->slice_end_ns) {
        timer_start(timer, queue->slice_end_ns);
        return;
    }
    queue->counting = false;
    spin_lock(&queue->lock);
    sched_charge_locked(queue);
    due = sched_first_is_due(queue);
    has_waiting = queue->waiting != 0;
    spin_unlock(&queue->lock);
    if (due)
        arch_thread_add_work(CPU_OWN->thread, TIF_RESCHED);
    else if (has_waiting)
        sched_slice_start(queue);
}

void sched_slice_begin(struct runq *queue)
{
    queue->counting = true;
    /* A pending timer that rings early is kept: slice_over starts it again for the rest. */
    queue->slice_end_ns = clock_monotonic_ns() + queue->current->slice_ns;
    if (!timer_pending(&queue->slice) || queue->slice.deadline_ns > queue->slice_end_ns)
        timer_start(&queue->slice, queue->slice_end_ns);
}

/* Ticks until the current thread's alarm; 0: it is due. Its time has just been accounted. */
static inline uint64_t alarm_left(const struct thread *self)
{
    return self->alarm > self->ran ? self->alarm - self->ran : 0;
}

/* Called at every switch to a thread with an alarm: the timer counts real time, the alarm time on
 * the processor, so only the time left while it runs means anything. */
void sched_alarm_start(struct runq *queue)
{
    timer_start(&queue->alarm,
                clock_monotonic_ns() + clock_ticks_to_ns(alarm_left(queue->current)));
}

/* Under the lock: a waker on another processor does the same, and one that came between looks at
 * .ran and .since would have their sum wrong by all the time since the last switch. */
static void current_charge(struct runq *queue)
{
    spin_lock(&queue->lock);
    sched_charge_locked(queue);
    spin_unlock(&queue->lock);
}

/* It may be that of a thread that is gone from this processor. */
static void cpu_alarm_rings(struct timer *timer)
{
    struct runq *queue = sched_own_queue();
    struct thread *self = queue->current;

    (void)timer;
    if (!self->alarm)
        return;
    current_charge(queue);
    if (alarm_left(self)) {
        sched_alarm_start(queue);
        return;
    }
    self->alarm = 0;
    arch_thread_add_work(&self->arch, TIF_CPU_TIME);
}

void sched_set_alarm(uint64_t ns)
{
    struct thread *self = thread_current();
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();

    self->alarm = 0;
    if (ns != UINT64_MAX) {
        current_charge(queue);
        /* One tick more, for the conversion rounds down: an alarm that rings before its time would
         * find no timer due, and be set again. */
        self->alarm = self->ran + clock_ns_to_ticks(MIN(ns, ALARM_MAX_NS)) + 1;
        sched_alarm_start(queue);
    }
    irq_restore(flags);
}

void sched_timers_init(struct runq *queue)
{
    timer_init(&queue->slice, slice_over);
    timer_init(&queue->alarm, cpu_alarm_rings);
    queue->since = tsc_read();
    queue->since_user = cpu_self()->user_ticks;
}

/* Ticks that the processor has spent in ring 3, read by any: see struct cpu. */
static inline uint64_t user_ticks(unsigned cpu)
{
    uint64_t ticks = __atomic_load_n(&cpu_all[cpu]->user_ticks, __ATOMIC_ACQUIRE);

    return (int64_t)ticks < 0 ? ticks + tsc_read() : ticks;
}

/* What has been added since the last switch: clocks of two processors may differ a little. */
static uint64_t ticks_since(uint64_t now, uint64_t then)
{
    return (int64_t)(now - then) > 0 ? now - then : 0;
}

void sched_thread_times(const struct thread *thread, struct sched_times *times)
{
    /* The lock of the queue keeps the thread where it is and its numbers as they are: it is either
     * off its processor, with all of its time in .ran, or running, with the rest since the last
     * switch. */
    uint64_t flags = irq_save();
    struct runq *queue = sched_queue_lock(thread);
    uint64_t user = thread->ran_user, total = thread->ran;

    if (queue->current == thread) {
        user += ticks_since(user_ticks(thread->cpu), queue->since_user);
        total += ticks_since(tsc_read(), queue->since);
    }
    spin_unlock(&queue->lock);
    irq_restore(flags);
    times->total_ns = clock_ticks_to_ns(total);
    /* The two clocks are read at different moments: never more time in ring 3 than in all. */
    times->user_ns = clock_ticks_to_ns(MIN(user, total));
}

void sched_cpu_times(unsigned cpu, struct sched_cpu_times *times)
{
    struct sched_times idle;
    uint64_t user = clock_ticks_to_ns(user_ticks(cpu));
    uint64_t total = clock_monotonic_ns();

    sched_thread_times(sched_queue_of(cpu)->idle, &idle);
    times->idle_ns = idle.total_ns;
    times->user_ns = user;
    /* What is neither idle nor ring 3 is the kernel's; monotonic time began before the processor
     * did, which a processor that started late shows as time in the kernel. */
    times->system_ns = total > user + idle.total_ns ? total - user - idle.total_ns : 0;
}

uint64_t sched_switches(void)
{
    uint64_t sum = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        sum += sched_queue_of(cpu)->switches;
    return sum;
}
