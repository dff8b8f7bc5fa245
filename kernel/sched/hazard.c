/* SPDX-License-Identifier: MIT */
/*
 * Hazard pointers: one object a processor that is read without a lock.
 *
 * One store and one load on either side, with a full fence between them (Dekker's pattern): the
 * reader stores the pointer and then checks that the object may be used; the writer makes it
 * unusable and then looks at the pointers. So the reader turns back, or the writer waits for it.
 */
#include "kernel/sched/hazard.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/sched.h"

static PERCPU struct {
    const void *object; /* [a] written by its own processor alone */
} ALIGNED(64) hazards;

/* The exchange is a full fence: what the reader loads from here on is not older than the writer's
 * stores, or the writer sees the pointer. */
void hazard_enter(const void *object)
{
    const void *before =
        __atomic_exchange_n(&percpu_own(hazards)->object, object, __ATOMIC_SEQ_CST);

    ASSERT(!before);
}

void hazard_leave(void)
{
    __atomic_store_n(&percpu_own(hazards)->object, NULL, __ATOMIC_RELEASE);
}

/* Interrupts off, or between enter and leave: the thread stays where it is. */
bool hazard_is_held(void)
{
    return __atomic_load_n(&percpu_own(hazards)->object, __ATOMIC_RELAXED) != NULL;
}

void hazard_drain(const void *object)
{
    unsigned self = cpu_self()->index;

    ASSERT(!spin_any_held());
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        while (cpu != self &&
               __atomic_load_n(&percpu_of(hazards, cpu)->object, __ATOMIC_ACQUIRE) == object)
            cpu_pause();
}
