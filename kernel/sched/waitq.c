/* SPDX-License-Identifier: MIT */
#include "kernel/sched/waitq.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/mm/window.h"
#include "kernel/sched/thread.h"
#include "shared/linux/errno.h"

void waitq_init(struct waitq *queue)
{
    queue->wakeups = 0;
}

void waitq_wake_all(struct waitq *queue)
{
    __atomic_fetch_add(&queue->wakeups, 1, __ATOMIC_RELEASE);
}

void waitq_wake_one(struct waitq *queue)
{
    waitq_wake_all(queue);
}

/* The interrupt itself ends the HLT; there is nothing more to do. */
static void deadline_reached(struct timer *timer)
{
    (void)timer;
}

/* An idle processor is on the stack of its thread, not on one that an exception left behind. */
static bool on_own_stack(const struct arch_thread *thread)
{
    uint64_t here = (uint64_t)__builtin_frame_address(0);

    return here < thread->stack_top && thread->stack_top - here <= KERNEL_STACK_SIZE;
}

/* The processor sleeps in HLT: the timer interrupt (deadline, limit) or a device ends that. Events
 * are looked at with interrupts off, and HLT turns them on, so none slips through between. */
static int sleep_until(struct waitq *queue, uint64_t seen, uint64_t deadline_ns)
{
    const struct arch_thread *thread = &thread_current()->arch;
    uint64_t flags = irq_save();
    int result;

    for (;;) {
        if (__atomic_load_n(&queue->wakeups, __ATOMIC_ACQUIRE) != seen)
            result = 0;
        else if (__atomic_load_n(&thread->work, __ATOMIC_ACQUIRE) != 0)
            result = -EINTR;
        else if (deadline_ns && clock_monotonic_ns() >= deadline_ns)
            result = -ETIMEDOUT;
        else {
            ASSERT(on_own_stack(thread));
            irq_wait();
            continue;
        }
        break;
    }
    irq_restore(flags);
    return result;
}

int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns)
{
    uint64_t seen = __atomic_load_n(&queue->wakeups, __ATOMIC_ACQUIRE);
    struct timer timer;
    int result;

    ASSERT(!spin_any_held());
    if (held)
        mutex_unlock(held);
    timer_init(&timer, deadline_reached);
    if (deadline_ns)
        timer_start(&timer, deadline_ns);
    result = sleep_until(queue, seen, deadline_ns);
    timer_stop(&timer);
    if (held)
        mutex_lock(held);
    return result;
}

bool waitq_interrupted(void)
{
    return __atomic_load_n(&thread_current()->arch.work, __ATOMIC_RELAXED) != 0;
}
