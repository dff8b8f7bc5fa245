/* SPDX-License-Identifier: MIT */
/*
 * Deferred work: a queue without a lock, and the thread that empties it.
 *
 * Those that queue push onto a stack; the thread takes all of it at once and turns it round, so an
 * item cannot come back between a push's load and its exchange, and the order is that of queueing.
 * Only the push that finds the stack empty wakes the thread: the others come before the thread has
 * taken the stack, which it does before it sleeps.
 *
 * item.queued is cleared before the function is called. A caller that finds it set comes before
 * that: its stores are seen by the function, as both sides change the flag by atomic exchanges.
 *
 * Under a lock of rank RUNQ or later no thread can be woken. Then the processor sends itself an
 * interrupt, which comes when the lock has been dropped and it allows interrupts again.
 */
#include "kernel/sched/deferred.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/ipi.h"
#include "kernel/core/irq.h"
#include "kernel/lib/assert.h"
#include "kernel/plat/lapic.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"

static struct deferred *stack; /* [a] newest first */
static struct thread worker;
static bool started;         /* [a] the worker can be woken */
static struct waitq flushed; /* those that wait in deferred_flush */

void deferred_init(struct deferred *item, void (*function)(struct deferred *item))
{
    *item = (struct deferred){.function = function};
}

static void worker_wake(void)
{
    if (!__atomic_load_n(&started, __ATOMIC_ACQUIRE))
        return; /* it looks at the stack first of all */
    if (CPU_OWN->spin_mask < 1u << SPIN_RUNQ)
        sched_wake(&worker);
    else
        ipi_send(CPU_OWN->index, ARCH_VECTOR_DEFERRED);
}

static void wake_interrupt(void)
{
    lapic_eoi();
    sched_wake(&worker);
}

bool deferred_queue(struct deferred *item)
{
    struct deferred *first;

    if (__atomic_exchange_n(&item->queued, true, __ATOMIC_SEQ_CST))
        return false;
    first = __atomic_load_n(&stack, __ATOMIC_RELAXED);
    do
        item->next = first;
    while (!__atomic_compare_exchange_n(&stack, &first, item, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
    if (!first)
        worker_wake();
    return true;
}

/* All that is queued, oldest first. */
static struct deferred *deferred_take(void)
{
    struct deferred *taken = __atomic_exchange_n(&stack, NULL, __ATOMIC_SEQ_CST), *list = NULL;

    while (taken) {
        struct deferred *next = taken->next;

        taken->next = list;
        list = taken;
        taken = next;
    }
    return list;
}

/* The item is its owner's again when the flag is clear: it is not looked at after that. */
static void deferred_do(struct deferred *item)
{
    void (*function)(struct deferred * item) = item->function;

    (void)__atomic_exchange_n(&item->queued, false, __ATOMIC_SEQ_CST);
    function(item);
    /* What it forgot to unlock would show up in the next one, which is not to blame. */
    ASSERT(!worker.mutexes);
    sched_preempt_point();
}

static void worker_run(void *argument)
{
    (void)argument;
    sched_first();
    for (;;) {
        struct deferred *list = deferred_take();

        while (list) {
            struct deferred *next = list->next;

            deferred_do(list);
            list = next;
        }
        /* The state first, then the look: a push in between makes the thread runnable again. */
        sched_prepare(SCHED_UNINTERRUPTIBLE);
        if (__atomic_load_n(&stack, __ATOMIC_SEQ_CST))
            sched_cancel();
        else
            sched_block();
    }
}

int deferred_start(void)
{
    int err = thread_create(&worker, worker_run, NULL);

    if (err)
        return err;
    waitq_init(&flushed);
    irq_set_handler(ARCH_VECTOR_DEFERRED, wake_interrupt);
    sched_start(&worker);
    __atomic_store_n(&started, true, __ATOMIC_RELEASE);
    sched_wake(&worker); /* for what was queued between its first look and the store */
    return 0;
}

/* --- flush --- */

/* An item behind all others, on the stack of the thread that waits. */
struct flush {
    struct deferred item;
    bool done; /* [a] the waiter's stack may be gone when it is set */
};

static void flush_reached(struct deferred *item)
{
    __atomic_store_n(&container_of(item, struct flush, item)->done, true, __ATOMIC_SEQ_CST);
    waitq_wake_all(&flushed);
}

/* Signals do not end it: what waits relies on the result. */
void deferred_flush(void)
{
    struct flush flush = {.item = DEFERRED_INIT(flush_reached)};
    struct waiter waiter;

    sched_assert_may_sleep();
    ASSERT(thread_current() != &worker);
    deferred_queue(&flush.item);
    while (!__atomic_load_n(&flush.done, __ATOMIC_ACQUIRE)) {
        waitq_enter(&flushed, &waiter);
        sched_prepare(SCHED_UNINTERRUPTIBLE);
        if (__atomic_load_n(&flush.done, __ATOMIC_SEQ_CST))
            sched_cancel();
        else
            sched_block();
        waitq_leave(&flushed, &waiter);
    }
}
