/* SPDX-License-Identifier: MIT */
/*
 * Context switch, blocking and waking.
 *
 * The kernel is not preempted: a thread leaves its processor by blocking, by ending, or on its way
 * back to ring 3 when TIF_RESCHED says so.
 *
 * Blocking: the thread registers with what will wake it, sets its state to BLOCKED
 * (sched_prepare), looks at the condition once more and calls sched_block, which takes the run
 * queue's lock and leaves only if the state still says BLOCKED. sched_wake changes the state under
 * the same lock, so a wake-up between the two is seen by one of them.
 *
 * Switching: the lock of the processor's run queue is taken by the thread that leaves and dropped
 * by sched_switch_finish on the stack of the one that comes. Until then the old thread's registers
 * and stack are in use, and no other processor can take it: to put it into a queue it needs the
 * lock of the queue of thread.cpu. A thread goes to another processor in three ways only: when it
 * is woken, when an idle processor takes it out of a queue, and when it moves itself; in the last
 * case the new processor is chosen by sched_switch_finish, once it is off the old one (.leaving).
 *
 * A reschedule interrupt makes another processor look at its queue. It is sent after the locks are
 * dropped: on a busy host the processor that is interrupted would take the sender's only to spin on
 * a lock that it holds.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/ipi.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/sched/hazard.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched_queue.h"

PERCPU struct runq sched_queues;

static inline uint32_t make_runnable(struct thread *thread);

/* The lock is dropped, and the new thread's time begins. */
static inline void begin_and_unlock(struct runq *queue)
{
    bool has_waiting = queue->waiting != 0;

    spin_unlock_inline(&queue->lock);
    rcu_quiescent();
    queue->counting = false;
    if (unlikely(queue->current->alarm))
        sched_alarm_start(queue);
    if (has_waiting)
        sched_slice_begin(queue);
}

/* The old thread does not come back to this processor by itself (it moves, or has ended), or others
 * may come for it. */
static NOINLINE void finish_leaver(struct runq *queue, struct thread *previous)
{
    bool dead = previous->state == THREAD_DEAD;
    /* Read before the lock goes: afterwards another processor may run the old thread, or free
     * it. */
    unsigned leaving = previous->leaving;
    bool migrating = leaving & THREAD_MIGRATES;

    previous->leaving = 0;
    if (migrating) {
        sched_vruntime_leave(queue, previous);
        previous->cpu = sched_place(previous);
    }
    begin_and_unlock(queue);
    if (migrating)
        sched_kick(make_runnable(previous));
    if (leaving & THREAD_RT_LEAVES)
        sched_rt_pull(queue);
    if (dead && previous->ended)
        previous->ended(previous);
}

/* After a switch, on the new thread's stack: the old one is out for good. */
void sched_switch_finish(void)
{
    struct runq *queue = sched_own_queue();
    struct thread *previous = queue->previous;

    if (unlikely(previous->state == THREAD_DEAD || previous->leaving))
        finish_leaver(queue, previous);
    else
        begin_and_unlock(queue);
}

/* What the thread that leaves the processor has to be told. */
static void switch_account(struct runq *queue, struct thread *self)
{
    uint64_t user = CPU_OWN->user_ticks;

    ASSERT(spin_is_held_inline(&queue->lock));
    self->ran_user += user - queue->since_user;
    queue->since_user = user;
    /* Index 0: it had to give way; 1: it waits. Linux's nonvoluntary and voluntary switches. */
    self->switches[self->state == THREAD_BLOCKED]++;
    queue->switches++;
    if (self->rseq_registered)
        arch_thread_add_work(&self->arch, TIF_RSEQ);
}

/* Queue locked, interrupts off; unlocked by sched_switch_finish on the other side. The caller has
 * charged the current thread: those that give way do so before they choose. */
static void switch_locked(struct runq *queue, struct thread *next)
{
    struct thread *self = queue->current;

    ASSERT(spin_is_held_inline(&queue->lock));
    if (next == self) {
        bool has_waiting = queue->waiting != 0;

        spin_unlock_inline(&queue->lock);
        if (has_waiting)
            sched_slice_start(queue);
        return;
    }
    /* The order of these atomic operations against the queues is what rcu.c and idle_loop rely
     * on. */
    if (next->is_idle)
        cpumask_set(&sched_idle_mask, CPU_OWN->index);
    else if (self->is_idle)
        cpumask_clear(&sched_idle_mask, CPU_OWN->index);
    switch_account(queue, self);
    /* It had the processor for itself, which puts it behind no thread that comes later. */
    if (next->is_idle)
        sched_raise_min_locked(queue, self->vruntime);
    if (unlikely(self->prio | next->prio))
        sched_rt_switch_locked(queue, next);
    __atomic_store_n(&queue->current, next, __ATOMIC_RELAXED);
    queue->previous = self;
    ASSERT(next->cpu == CPU_OWN->index);
    arch_thread_switch(&self->arch, &next->arch);
    sched_switch_finish();
}

/* To the next thread of this processor; the caller's has been dealt with. */
void sched_reschedule_locked(struct runq *queue)
{
    struct thread *next;

    ASSERT(spin_is_held_inline(&queue->lock));
    sched_charge_locked(queue);
    next = sched_dequeue(queue);
    switch_locked(queue, next ? next : queue->idle);
}

void sched_first(void)
{
    sched_switch_finish();
    irq_enable();
}

void sched_prepare(uint32_t ended_by)
{
    struct thread *self = thread_current();

    self->wait_ended_by = ended_by;
    __atomic_store_n(&self->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
}

void sched_cancel(void)
{
    __atomic_store_n(&thread_current()->state, THREAD_RUNNABLE, __ATOMIC_RELEASE);
}

/* Work that ends the thread's wait. */
static bool wait_is_over(const struct thread *thread)
{
    return (__atomic_load_n(&thread->arch.work, __ATOMIC_SEQ_CST) & thread->wait_ended_by) != 0;
}

void sched_block(void)
{
    struct thread *self = thread_current();
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();

    ASSERT(!spin_any_held());
    spin_lock_inline(&queue->lock);
    if (self->state != THREAD_BLOCKED || wait_is_over(self)) {
        self->state = THREAD_RUNNABLE;
        spin_unlock_inline(&queue->lock);
    } else {
        sched_reschedule_locked(queue);
    }
    irq_restore(flags);
}

/* Leaves the processor, runnable: for good if it is to move, else behind the first, which there is.
 * Queue locked, as for switch_locked. `moves` is what sched_should_move has said: not to be asked
 * twice, since the thread's affinity may have been changed in between. */
static void give_way(struct runq *queue, bool moves)
{
    if (moves) {
        queue->current->leaving = THREAD_MIGRATES;
        sched_reschedule_locked(queue);
    } else {
        switch_locked(queue, sched_exchange_locked(queue, queue->current));
    }
}

void sched_yield_cpu(void)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();
    bool moves;

    arch_thread_clear_work(CPU_OWN->thread, TIF_RESCHED);
    rcu_quiescent();
    spin_lock_inline(&queue->lock);
    /* Its place in the tree is for the time up to now. */
    sched_charge_locked(queue);
    if (queue->waiting)
        sched_go_last_locked(queue);
    moves = sched_should_move(queue);
    if (queue->waiting || moves)
        give_way(queue, moves);
    else
        spin_unlock_inline(&queue->lock);
    irq_restore(flags);
}

void sched_preempt(void)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();
    bool moves;

    ASSERT(!hazard_is_held());
    arch_thread_clear_work(CPU_OWN->thread, TIF_RESCHED);
    rcu_quiescent();
    spin_lock_inline(&queue->lock);
    sched_charge_locked(queue);
    moves = sched_should_move(queue);
    if (moves || sched_first_is_due(queue)) {
        give_way(queue, moves);
    } else {
        bool has_waiting = queue->waiting != 0;

        spin_unlock_inline(&queue->lock);
        if (has_waiting)
            sched_slice_start(queue);
    }
    irq_restore(flags);
}

void sched_preempt_if_allowed(void)
{
    if (sched_must_yield() && irq_enabled() && !spin_any_held() && !irq_in_handler())
        sched_preempt();
}

void sched_preempt_point(void)
{
    sched_preempt_point_inline();
}

void sched_exit(void)
{
    struct thread *self = thread_current();
    struct runq *queue;

    irq_disable();
    ASSERT(self->mutexes == 0);
    queue = sched_own_queue();
    spin_lock_inline(&queue->lock);
    self->state = THREAD_DEAD;
    sched_reschedule_locked(queue);
    ASSERT(!"an ended thread ran again");
    __builtin_unreachable();
}

void sched_kick_some(uint32_t kicks)
{
    for (; kicks; kicks >>= 16)
        if (kicks & 0xffff)
            ipi_send((kicks & 0xffff) - 1, ARCH_VECTOR_KICK);
}

COLD void sched_kick_add(struct cpumask *cpus, uint32_t kicks)
{
    for (; kicks; kicks >>= 16)
        if (kicks & 0xffff)
            cpumask_set(cpus, (kicks & 0xffff) - 1);
}

COLD void sched_kick_set(const struct cpumask *cpus)
{
    cpumask_each(cpu, cpus) ipi_send(cpu, ARCH_VECTOR_KICK);
}

/* Into the queue of its processor, which is locked; the lock is dropped. The result goes to
 * sched_kick. The lock is dropped here and not by the caller: the interrupt is sent, and the slice
 * started, without it. */
static uint32_t enqueue_and_unlock(struct runq *queue, struct thread *thread)
{
    unsigned cpu = thread->cpu;
    bool idle = queue->current->is_idle;
    uint32_t kick;

    sched_vruntime_limit(queue, thread);
    sched_enqueue_locked(queue, thread);
    sched_check_preempt(queue, thread);
    kick = idle || sched_is_alone() ? 0 : sched_idle_for(thread);
    spin_unlock_inline(&queue->lock);
    /* Another processor starts its own slice timer when the interrupt gets there. */
    if (cpu != CPU_OWN->index)
        return SCHED_KICK_ALSO(kick) | SCHED_KICK_OF(cpu);
    if (!idle)
        sched_slice_start(queue);
    return kick;
}

/* A thread between two queues, whose .cpu says where it goes. The result goes to sched_kick. */
static inline uint32_t make_runnable(struct thread *thread)
{
    struct runq *queue = sched_queue_of(thread->cpu);

    spin_lock_inline(&queue->lock);
    sched_update_min_locked(queue);
    sched_vruntime_join(queue, thread);
    return enqueue_and_unlock(queue, thread);
}

static inline struct runq *runq_lock_of(const struct thread *thread)
{
    for (;;) {
        unsigned cpu = __atomic_load_n(&thread->cpu, __ATOMIC_ACQUIRE);
        struct runq *queue = sched_queue_of(cpu);

        spin_lock_inline(&queue->lock);
        if (thread->cpu == cpu)
            return queue;
        spin_unlock_inline(&queue->lock);
    }
}

COLD bool sched_is_off(const struct thread *thread)
{
    uint64_t flags = irq_save();
    struct runq *queue = runq_lock_of(thread);
    bool is_off = queue->current != thread && thread->state == THREAD_BLOCKED;

    spin_unlock(&queue->lock);
    irq_restore(flags);
    return is_off;
}

struct runq *sched_queue_lock(const struct thread *thread)
{
    return runq_lock_of(thread);
}

/* A thread that is off its processor and no longer blocked. Its queue is locked; the lock is
 * dropped. The result goes to sched_kick. */
static uint32_t place_and_unlock(struct runq *queue, struct thread *thread)
{
    unsigned cpu = sched_place(thread);

    sched_update_min_locked(queue);
    if (cpu == thread->cpu)
        return enqueue_and_unlock(queue, thread);
    sched_vruntime_leave(queue, thread);
    /* From this store on the other queue's lock is the one that guards the thread; this queue's is
     * dropped only after it, so a waker that holds it has seen the old value and finds the change
     * when it compares (sched_queue_lock). */
    __atomic_store_n(&thread->cpu, cpu, __ATOMIC_RELEASE);
    spin_unlock_inline(&queue->lock);
    return make_runnable(thread);
}

/* The result goes to sched_kick. */
static uint32_t wake_thread(struct thread *thread, bool for_work)
{
    uint64_t flags = irq_save();
    struct runq *queue = runq_lock_of(thread);
    uint32_t kick = 0;

    if (thread->state == THREAD_BLOCKED && (!for_work || wait_is_over(thread))) {
        thread->state = THREAD_RUNNABLE;
        /* It is still on its way out of its processor: it finds the state changed in sched_block
         * and stays. */
        if (queue->current != thread) {
            kick = place_and_unlock(queue, thread);
            irq_restore(flags);
            return kick;
        }
    } else if (for_work && queue->current == thread && thread->cpu != CPU_OWN->index) {
        kick = SCHED_KICK_OF(thread->cpu); /* out of ring 3, to look at its work */
    }
    spin_unlock_inline(&queue->lock);
    irq_restore(flags);
    return kick;
}

void sched_wake(struct thread *thread)
{
    sched_kick(wake_thread(thread, false));
}

uint32_t sched_wake_quietly(struct thread *thread)
{
    return wake_thread(thread, false);
}

void sched_notify(struct thread *thread)
{
    sched_kick(wake_thread(thread, true));
}

void sched_kick_thread(struct thread *thread)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_queue_lock(thread);
    unsigned cpu = thread->cpu;
    bool kick = queue->current == thread && cpu != CPU_OWN->index;

    spin_unlock_inline(&queue->lock);
    if (kick)
        sched_kick_some(SCHED_KICK_OF(cpu));
    irq_restore(flags);
}

/* It starts where its creator is: neither ahead of it, nor with a sleeper's credit. */
void sched_start(struct thread *thread)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();

    spin_lock_inline(&queue->lock);
    sched_update_min_locked(queue);
    thread->vruntime =
        queue->current->vruntime - queue->min_vruntime +
        __atomic_load_n(&sched_queue_of(thread->cpu)->min_vruntime, __ATOMIC_RELAXED);
    spin_unlock_inline(&queue->lock);
    irq_restore(flags);
    sched_wake(thread);
}

/* Another thread is not moved by the caller: it looks at the mask when it next gives way, wakes or
 * passes through the kernel, which this makes it do soon. */
COLD void sched_set_affinity(struct thread *thread, const struct cpumask *affinity)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_queue_lock(thread); /* one writer at a time */
    uint64_t *words = thread->affinity.words;
    unsigned word = 0;

    /* First both sets together: a reader that goes up the words sees words of one of them, or of
     * both, and none that are all empty unless it began before this and ended after it. */
    do
        __atomic_fetch_or(&words[word], affinity->words[word], __ATOMIC_RELAXED);
    while (cpumask_goes_on(&word));
    word = 0;
    do
        __atomic_store_n(&words[word], affinity->words[word], __ATOMIC_RELEASE);
    while (cpumask_goes_on(&word));
    spin_unlock_inline(&queue->lock);
    irq_restore(flags);
    if (thread == thread_current()) {
        sched_yield_cpu();
        return;
    }
    arch_thread_add_work(&thread->arch, TIF_RESCHED);
    sched_notify(thread);
}
