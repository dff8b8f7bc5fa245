/* SPDX-License-Identifier: MIT */
/*
 * Idle threads, start-up of run queues, and the reschedule interrupt.
 *
 * An idle processor has its bit in sched_idle_mask. The loop sets the bit, then looks for work once
 * more, then halts with the instruction after STI: a waker that sees no bit after it has put its
 * thread into a queue (sched_idle_for) has put it there before that last look, which finds it; one
 * that sees the bit sends an interrupt, which ends HLT. The idle thread is in no run queue and is
 * chosen when the tree is empty.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/irq.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/plat/lapic.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched_queue.h"

static PERCPU struct thread idle_threads;

/* The reschedule interrupt. A program that runs here looks at its pending work on the way out. */
static void reschedule_interrupt(void)
{
    struct runq *queue = sched_own_queue();

    /* Acknowledged first: nothing below may switch threads, but a slice that is started may be over
     * before the handler returns. */
    lapic_eoi();
    /* The sender put a thread into this queue and could not start this processor's timer. */
    if (!queue->current->is_idle && __atomic_load_n(&queue->waiting, __ATOMIC_RELAXED))
        sched_slice_start(queue);
    /* The interrupt may also have come from a grace period that waits for this processor. */
    rcu_ask_here();
}

/* Interrupts are off but in irq_wait: what makes a thread runnable here is either seen before HLT
 * or ends it. */
static void idle_loop(void)
{
    struct runq *queue = sched_own_queue();
    unsigned self = CPU_OWN->index;

    irq_disable();
    for (;;) {
        struct thread *stolen = NULL;

        rcu_quiescent();
        if (!__atomic_load_n(&queue->waiting, __ATOMIC_SEQ_CST)) {
            /* Its bit may have been cleared for a thread that another processor stole. */
            cpumask_set(&sched_idle_mask, self);
            stolen = sched_steal(self);
        }
        if (!stolen && !__atomic_load_n(&queue->waiting, __ATOMIC_SEQ_CST)) {
            irq_wait();
            continue;
        }
        /* A stolen thread goes through the queue, for another one may have come meanwhile that has
         * had less time. */
        spin_lock(&queue->lock);
        if (stolen) {
            sched_vruntime_join(queue, stolen);
            sched_enqueue_locked(queue, stolen);
        }
        sched_reschedule_locked(queue);
    }
}

static void idle_first(void *argument)
{
    (void)argument;
    sched_switch_finish();
    idle_loop();
}

static void queue_init(struct thread *current, struct thread *idle)
{
    struct runq *queue = sched_own_queue();

    spin_init(&queue->lock, SPIN_RUNQ);
    sched_timers_init(queue);
    queue->current = current;
    queue->idle = idle;
    idle->is_idle = true;
    idle->cpu = CPU_OWN->index;
    /* From here on the processor can be given threads: the count is what wakers and thieves go
     * by. */
    idle->state = THREAD_RUNNABLE;
    cpumask_set(&sched_allowed, CPU_OWN->index);
    __atomic_fetch_add(&sched_online, 1, __ATOMIC_SEQ_CST);
}

void sched_init_cpu(void)
{
    struct thread *idle = percpu_own(idle_threads);

    if (thread_create(idle, idle_first, NULL))
        panic("not enough memory for an idle thread");
    irq_set_handler(ARCH_VECTOR_KICK, reschedule_interrupt);
    sched_queue_init();
    queue_init(thread_current(), idle);
}

void sched_join_cpu(void)
{
    struct thread *self = percpu_own(idle_threads);

    /* The code that started this processor goes on as its idle thread, so both arguments are the
     * same. */
    thread_adopt(self);
    queue_init(self, self);
}

void sched_become_idle(void)
{
    cpumask_set(&sched_idle_mask, CPU_OWN->index);
    idle_loop();
    __builtin_unreachable();
}
