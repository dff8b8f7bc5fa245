/* SPDX-License-Identifier: MIT */
/* How long a thread may run, and how long it has. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/sched/sched_inside.h"

/* When the slice is over, the thread gives way on its return to ring 3. The timer may have been
 * started for a thread before it: it is not set anew with every switch. */
static void slice_over(struct timer *timer)
{
    struct runq *queue = sched_own_queue();

    if (!queue->counting)
        return;
    if (clock_monotonic_ns() < queue->slice_end_ns) {
        timer_start(timer, queue->slice_end_ns);
        return;
    }
    queue->counting = false;
    arch_thread_add_work(cpu_self()->thread, ARCH_WORK_RESCHED);
}

void sched_slice_start(struct runq *queue)
{
    if (queue->counting)
        return;
    queue->counting = true;
    queue->slice_end_ns = clock_monotonic_ns() + queue->current->slice_ns;
    if (!timer_pending(&queue->slice) || queue->slice.deadline_ns > queue->slice_end_ns)
        timer_start(&queue->slice, queue->slice_end_ns);
}

void sched_set_nice(struct thread *thread, int nice, bool idle)
{
    uint32_t slice = THREAD_SLICE_NS;

    /* Between 0.2 and 80 ms: neither does switching eat the time, nor is anybody locked out. */
    for (int i = idle ? SCHED_NICE_MAX : nice; i > 0; i--)
        slice = MAX(slice * 4 / 5, THREAD_SLICE_NS / 20);
    for (int i = idle ? 0 : nice; i < 0; i++)
        slice = MIN(slice * 5 / 4, THREAD_SLICE_NS * 20);
    __atomic_store_n(&thread->nice, (int8_t)nice, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->slice_ns, slice, __ATOMIC_RELAXED);
}

/* Ticks until the current thread's alarm; 0: it is due. Interrupts off. */
static uint64_t alarm_left(const struct runq *queue)
{
    const struct thread *self = queue->current;
    uint64_t ran = self->ran + tsc_read() - queue->since;

    return self->alarm > ran ? self->alarm - ran : 0;
}

void sched_alarm_start(struct runq *queue)
{
    timer_start(&queue->alarm, clock_monotonic_ns() + clock_ticks_to_ns(alarm_left(queue)));
}

/* It may be that of a thread that is gone from this processor. */
static void alarm_rings(struct timer *timer)
{
    struct runq *queue = sched_own_queue();
    struct thread *self = queue->current;

    (void)timer;
    if (!self->alarm)
        return;
    if (alarm_left(queue)) {
        sched_alarm_start(queue);
        return;
    }
    self->alarm = 0;
    arch_thread_add_work(&self->arch, ARCH_WORK_CPU_TIME);
}

void sched_set_alarm(uint64_t ns)
{
    struct thread *self = thread_current();
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();

    self->alarm = 0;
    if (ns != UINT64_MAX) {
        self->alarm = self->ran + (tsc_read() - queue->since) + clock_ns_to_ticks(ns) + 1;
        sched_alarm_start(queue);
    }
    irq_restore(flags);
}

void sched_timers_init(struct runq *queue)
{
    timer_init(&queue->slice, slice_over);
    timer_init(&queue->alarm, alarm_rings);
    queue->since = tsc_read();
    queue->since_user = cpu_self()->user_ticks;
}

/* Ticks that the processor has spent in ring 3, read by any: see struct cpu. */
static uint64_t user_ticks(unsigned cpu)
{
    uint64_t ticks = __atomic_load_n(&cpu_all[cpu]->user_ticks, __ATOMIC_ACQUIRE);

    return (int64_t)ticks < 0 ? ticks + tsc_read() : ticks;
}

/* What has been added since the last switch: clocks of two processors may differ a little. */
static uint64_t since(uint64_t now, uint64_t then)
{
    return (int64_t)(now - then) > 0 ? now - then : 0;
}

void sched_thread_times(const struct thread *thread, struct sched_times *times)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_queue_lock(thread);
    uint64_t user = thread->ran_user, total = thread->ran;

    if (queue->current == thread) {
        user += since(user_ticks(thread->cpu), queue->since_user);
        total += since(tsc_read(), queue->since);
    }
    spin_unlock(&queue->lock);
    irq_restore(flags);
    times->total_ns = clock_ticks_to_ns(total);
    times->user_ns = clock_ticks_to_ns(MIN(user, total));
}

void sched_cpu_times(unsigned cpu, struct sched_cpu_times *times)
{
    struct sched_times idle;
    uint64_t user = clock_ticks_to_ns(user_ticks(cpu));
    uint64_t total = clock_monotonic_ns();

    sched_thread_times(sched_queues[cpu].idle, &idle);
    times->idle_ns = idle.total_ns;
    times->user_ns = user;
    times->system_ns = total > user + idle.total_ns ? total - user - idle.total_ns : 0;
}
