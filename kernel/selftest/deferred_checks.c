/* SPDX-License-Identifier: MIT */
/*
 * Deferred work: each item is done once for each time that it was queued while it was not waiting,
 * in order, wherever it was queued from; a flush comes behind all of it.
 *
 * The thread runs on any processor. So a check that needs items to wait keeps it busy with one of
 * its own (gate), which ends when the check says so.
 */
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/irq.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/fmt.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/ktest.h"

#define ROUNDS   2000u
#define DELAY_NS 2000000ULL

static bool gate_open;   /* atomic */
static bool gate_is_met; /* atomic: the thread is in gate_wait */

static void gate_wait(struct deferred *item)
{
    (void)item;
    __atomic_store_n(&gate_is_met, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&gate_open, __ATOMIC_ACQUIRE))
        sched_yield_cpu();
}

/* From here on what is queued waits, until gate_open is set. */
static void gate_close(struct deferred *gate)
{
    deferred_init(gate, gate_wait);
    __atomic_store_n(&gate_open, false, __ATOMIC_RELEASE);
    __atomic_store_n(&gate_is_met, false, __ATOMIC_RELEASE);
    deferred_queue(gate);
    while (!__atomic_load_n(&gate_is_met, __ATOMIC_ACQUIRE))
        sched_yield_cpu();
}

struct counted {
    struct deferred item;
    unsigned runs, again; /* how often it ran; how often it is to queue itself */
    unsigned order;       /* of its last run, among all */
    bool in_thread;       /* where sleeping is allowed */
};

static unsigned runs; /* by the thread of deferred work alone */

static void counted_run(struct deferred *item)
{
    struct counted *counted = container_of(item, struct counted, item);

    counted->in_thread = !spin_any_held() && !irq_in_handler();
    counted->runs++;
    counted->order = ++runs;
    if (counted->again) {
        counted->again--;
        deferred_queue(item);
    }
    sched_yield_cpu();
}

KTEST(deferred_once, "deferred-once-and-in-order")
{
    struct counted first = {.again = 2}, second = {.again = 0};
    struct deferred gate;
    bool taken, twice;

    deferred_init(&first.item, counted_run);
    deferred_init(&second.item, counted_run);
    runs = 0;
    gate_close(&gate);
    taken = deferred_queue(&first.item) && deferred_queue(&second.item);
    twice = deferred_queue(&first.item) || deferred_queue(&second.item);
    __atomic_store_n(&gate_open, true, __ATOMIC_RELEASE);
    /* An item that queues itself comes behind the flush: one flush more for each time. */
    for (unsigned i = 0; i < 3; i++)
        deferred_flush();
    KTEST_EXPECT(taken && !twice, "queued: %d, queued twice: %d", taken, twice);
    KTEST_EXPECT(first.runs == 3 && second.runs == 1, "ran %u and %u times, not 3 and 1",
                 first.runs, second.runs);
    KTEST_EXPECT(second.order == 2 && first.order == 4, "places %u and %u, not 4 and 2",
                 first.order, second.order);
    KTEST_EXPECT(first.in_thread && second.in_thread, "not where it may sleep");
    return true;
}

static struct counted from_interrupt;
static volatile unsigned rang;

static void timer_queues(struct timer *timer)
{
    (void)timer;
    deferred_queue(&from_interrupt.item);
    rang++;
}

/* Under the lock of the last rank the thread cannot be woken, and is all the same. */
KTEST(deferred_anywhere, "deferred-from-interrupts-and-under-locks")
{
    static struct spinlock lock = SPINLOCK_INIT(SPIN_SERIAL);
    struct counted under_lock = {.again = 0};
    uint64_t end, flags;
    struct timer timer;

    from_interrupt = (struct counted){.again = 0};
    deferred_init(&from_interrupt.item, counted_run);
    deferred_init(&under_lock.item, counted_run);
    rang = 0;
    timer_init(&timer, timer_queues);
    timer_start(&timer, clock_monotonic_ns() + DELAY_NS);
    KTEST_EXPECT(ktest_await(&rang, 1), "the timer did not ring");
    timer_stop(&timer);
    deferred_flush();
    KTEST_EXPECT(from_interrupt.runs == 1, "from an interrupt: ran %u times", from_interrupt.runs);
    flags = spin_lock_irqsave(&lock);
    deferred_queue(&under_lock.item);
    spin_unlock_irqrestore(&lock, flags);
    /* No flush: it would wake the thread. */
    end = clock_monotonic_ns() + 1000 * DELAY_NS;
    while (!*(volatile unsigned *)&under_lock.runs && clock_monotonic_ns() < end)
        sched_yield_cpu();
    KTEST_EXPECT(under_lock.runs == 1, "under a lock: ran %u times", under_lock.runs);
    return true;
}

static PERCPU struct counted of_cpu;
static PERCPU unsigned accepted; /* each its own processor's */

static void queue_many(void *argument)
{
    unsigned cpu = CPU_OWN->index;

    (void)argument;
    for (unsigned i = 0; i < ROUNDS; i++)
        *percpu_of(accepted, cpu) += deferred_queue(&percpu_of(of_cpu, cpu)->item);
}

/* All processors at once: nothing is lost, nothing done twice. */
KTEST(deferred_cpus, "deferred-from-all-processors")
{
    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++) {
        *percpu_of(of_cpu, cpu) = (struct counted){.again = 0};
        deferred_init(&percpu_of(of_cpu, cpu)->item, counted_run);
        *percpu_of(accepted, cpu) = 0;
    }
    for (unsigned i = 0; i < 20; i++) {
        ipi_call_all(queue_many, NULL);
        sched_yield_cpu();
    }
    deferred_flush();
    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        KTEST_EXPECT(*percpu_of(accepted, cpu) &&
                         percpu_of(of_cpu, cpu)->runs == *percpu_of(accepted, cpu),
                     "processor %u: queued %u times, ran %u", cpu, *percpu_of(accepted, cpu),
                     percpu_of(of_cpu, cpu)->runs);
    return true;
}
