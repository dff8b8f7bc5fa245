/* SPDX-License-Identifier: MIT */
#include "kernel/sched/sched_inside.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"

struct runq sched_queues[CPU_MAX];
static struct thread idle_threads[CPU_MAX];
static uint64_t idle_mask; /* [a] processors in their idle thread */
static unsigned online;    /* [a] */
static const struct sched_ops *ops;

void sched_set_ops(const struct sched_ops *new_ops)
{
    ops = new_ops;
}

unsigned sched_cpus_online(void)
{
    return __atomic_load_n(&online, __ATOMIC_RELAXED);
}

uint64_t sched_switches(void)
{
    uint64_t sum = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        sum += sched_queues[cpu].switches;
    return sum;
}

unsigned sched_running(void)
{
    uint64_t idle = __atomic_load_n(&idle_mask, __ATOMIC_RELAXED);
    unsigned sum = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        sum += sched_queues[cpu].waiting + !(idle >> cpu & 1);
    return sum;
}

static void enqueue_locked(struct runq *queue, struct thread *thread)
{
    list_push_back(&queue->queue, &thread->link);
    queue->waiting++;
}

static struct thread *dequeue_locked(struct runq *queue)
{
    struct list *node = list_pop_front(&queue->queue);

    if (!node)
        return NULL;
    queue->waiting--;
    return list_entry(node, struct thread, link);
}

static unsigned place(const struct thread *thread);
static uint64_t make_runnable(struct thread *thread);

/* After a switch, on the new thread's stack: the old one is out for good. */
static void finish(void)
{
    struct runq *queue = sched_own_queue();
    struct thread *previous = queue->previous;
    bool dead = previous->state == THREAD_DEAD;
    bool moving = previous->moving;
    bool crowded = queue->waiting != 0;

    if (unlikely(moving)) {
        previous->moving = false;
        previous->cpu = place(previous);
    }
    spin_unlock(&queue->lock);
    queue->counting = false;
    if (crowded)
        sched_slice_start(queue);
    if (unlikely(queue->current->alarm))
        sched_alarm_start(queue);
    if (moving)
        sched_kick(make_runnable(previous));
    if (dead && previous->ended)
        previous->ended(previous);
}

/* The time since the last switch belongs to the current thread. */
static void account_locked(struct runq *queue)
{
    struct thread *self = queue->current;
    uint64_t now = tsc_read(), user = cpu_self()->user_ticks;

    self->ran += now - queue->since;
    self->ran_user += user - queue->since_user;
    self->switches[self->state == THREAD_BLOCKED]++;
    if (self->tells_switch)
        arch_thread_add_work(&self->arch, ARCH_WORK_RSEQ);
    queue->switches++;
    queue->since = now;
    queue->since_user = user;
}

/* Queue locked, interrupts off; unlocked by finish on the other side. */
static void switch_locked(struct runq *queue, struct thread *next)
{
    struct thread *self = queue->current;
    uint64_t bit = 1ULL << cpu_self()->index;

    if (next == self) {
        spin_unlock(&queue->lock);
        return;
    }
    if (next->is_idle)
        __atomic_fetch_or(&idle_mask, bit, __ATOMIC_SEQ_CST);
    else if (self->is_idle)
        __atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST);
    account_locked(queue);
    queue->current = next;
    queue->previous = self;
    ASSERT(next->cpu == cpu_self()->index);
    arch_thread_switch(&self->arch, &next->arch);
    finish();
}

/* The next thread of this processor; the caller's has been dealt with. */
static void reschedule_locked(struct runq *queue)
{
    struct thread *next = dequeue_locked(queue);

    if (!next)
        next = queue->idle;
    switch_locked(queue, next);
}

void sched_first(void)
{
    finish();
    irq_enable();
}

void sched_prepare(bool interruptible)
{
    struct thread *self = thread_current();

    self->interruptible = interruptible;
    __atomic_store_n(&self->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
}

void sched_cancel(void)
{
    __atomic_store_n(&thread_current()->state, THREAD_RUNNABLE, __ATOMIC_RELEASE);
}

/* What ends an interruptible wait. The end of a slice does not. */
static bool work_pending(const struct thread *thread)
{
    return (__atomic_load_n(&thread->arch.work, __ATOMIC_SEQ_CST) & ~ARCH_WORK_QUIET) != 0;
}

void sched_block(void)
{
    struct thread *self = thread_current();
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();

    ASSERT(!spin_any_held());
    spin_lock(&queue->lock);
    if (self->state != THREAD_BLOCKED || (self->interruptible && work_pending(self))) {
        self->state = THREAD_RUNNABLE;
        spin_unlock(&queue->lock);
    } else {
        reschedule_locked(queue);
    }
    irq_restore(flags);
}

/* Processors where it may run. */
static uint64_t allowed_of(const struct thread *thread)
{
    return __atomic_load_n(&thread->affinity, __ATOMIC_RELAXED) &
           ((online < 64 ? 1ULL << online : 0) - 1);
}

static unsigned waiting_on(unsigned cpu)
{
    return __atomic_load_n(&sched_queues[cpu].waiting, __ATOMIC_RELAXED);
}

/* The processor of these where the fewest threads wait; `first` unless another has fewer. */
static unsigned shortest(uint64_t cpus, unsigned first)
{
    for (; cpus; cpus &= cpus - 1)
        if (waiting_on((unsigned)__builtin_ctzll(cpus)) < waiting_on(first))
            first = (unsigned)__builtin_ctzll(cpus);
    return first;
}

/* Whether a thread that gives way should go on elsewhere: it must, or others wait here while
 * another processor has nothing to do or much less. */
static bool should_move(const struct runq *queue)
{
    uint64_t allowed = allowed_of(queue->current);
    unsigned self = cpu_self()->index;

    if (!(allowed >> self & 1))
        return true;
    if (!queue->waiting || allowed == 1ULL << self)
        return false;
    return (__atomic_load_n(&idle_mask, __ATOMIC_RELAXED) & allowed) ||
           waiting_on(shortest(allowed, self)) + 2 <= queue->waiting;
}

void sched_yield_cpu(void)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_own_queue();

    arch_thread_clear_work(cpu_self()->thread, ARCH_WORK_RESCHED);
    spin_lock(&queue->lock);
    if (should_move(queue)) {
        queue->current->moving = true;
        reschedule_locked(queue);
    } else if (queue->waiting) {
        enqueue_locked(queue, queue->current);
        reschedule_locked(queue);
    } else {
        spin_unlock(&queue->lock);
    }
    irq_restore(flags);
}

void sched_exit(void)
{
    struct thread *self = thread_current();
    struct runq *queue;

    irq_disable();
    ASSERT(self->mutexes == 0);
    queue = sched_own_queue();
    spin_lock(&queue->lock);
    self->state = THREAD_DEAD;
    reschedule_locked(queue);
    ASSERT(!"an ended thread ran again");
    __builtin_unreachable();
}

/* Where a thread that became runnable should go: its last processor if that is idle, another idle
 * one, else where the fewest wait. The next one who looks finds an idle processor taken. */
static unsigned place(const struct thread *thread)
{
    uint64_t allowed = allowed_of(thread);
    uint64_t idle = __atomic_load_n(&idle_mask, __ATOMIC_SEQ_CST) & allowed;
    unsigned last = thread->cpu;

    if (!(allowed >> last & 1))
        last = (unsigned)__builtin_ctzll(allowed);
    if (!idle)
        return shortest(allowed, last);
    if (!(idle >> last & 1))
        last = (unsigned)__builtin_ctzll(idle);
    __atomic_fetch_and(&idle_mask, ~(1ULL << last), __ATOMIC_SEQ_CST);
    return last;
}

void sched_kick_some(uint64_t cpus)
{
    for (; cpus; cpus &= cpus - 1)
        ops->kick((unsigned)__builtin_ctzll(cpus));
}

/* It is in no queue yet, but its .cpu says where it goes. The result is to be kicked. */
static uint64_t make_runnable(struct thread *thread)
{
    unsigned cpu = thread->cpu;
    struct runq *queue = &sched_queues[cpu];
    bool idle;

    spin_lock(&queue->lock);
    enqueue_locked(queue, thread);
    idle = queue->current->is_idle;
    spin_unlock(&queue->lock);
    if (cpu != cpu_self()->index)
        return 1ULL << cpu;
    if (!idle)
        sched_slice_start(queue);
    return 0;
}

struct runq *sched_queue_lock(const struct thread *thread)
{
    for (;;) {
        unsigned cpu = __atomic_load_n(&thread->cpu, __ATOMIC_ACQUIRE);
        struct runq *queue = &sched_queues[cpu];

        spin_lock(&queue->lock);
        if (thread->cpu == cpu)
            return queue;
        spin_unlock(&queue->lock);
    }
}

/* The result is to be kicked. */
static uint64_t wake(struct thread *thread, bool only_interruptible)
{
    uint64_t flags = irq_save(), kick = 0;
    struct runq *queue = sched_queue_lock(thread);
    bool must_run = false;

    if (thread->state == THREAD_BLOCKED && (thread->interruptible || !only_interruptible)) {
        thread->state = THREAD_RUNNABLE;
        must_run = queue->current != thread;
        if (must_run)
            __atomic_store_n(&thread->cpu, place(thread), __ATOMIC_RELEASE);
    } else if (only_interruptible && queue->current == thread) {
        if (thread->cpu != cpu_self()->index) /* out of ring 3, to look at its work */
            kick = 1ULL << thread->cpu;
    }
    spin_unlock(&queue->lock);
    if (must_run)
        kick = make_runnable(thread);
    irq_restore(flags);
    return kick;
}

void sched_wake(struct thread *thread)
{
    sched_kick(wake(thread, false));
}

uint64_t sched_wake_quietly(struct thread *thread)
{
    return wake(thread, false);
}

void sched_notify(struct thread *thread)
{
    sched_kick(wake(thread, true));
}

void sched_poke(struct thread *thread)
{
    uint64_t flags = irq_save();
    struct runq *queue = sched_queue_lock(thread);
    unsigned cpu = thread->cpu;
    bool kick = queue->current == thread && cpu != cpu_self()->index;

    spin_unlock(&queue->lock);
    if (kick)
        ops->kick(cpu);
    irq_restore(flags);
}

void sched_start(struct thread *thread)
{
    sched_wake(thread);
}

void sched_set_affinity(struct thread *thread, uint64_t affinity)
{
    __atomic_store_n(&thread->affinity, affinity, __ATOMIC_RELAXED);
    if (thread == thread_current()) {
        sched_yield_cpu();
        return;
    }
    arch_thread_add_work(&thread->arch, ARCH_WORK_RESCHED);
    sched_notify(thread);
}

void sched_kicked(void)
{
    struct runq *queue = sched_own_queue();

    if (!queue->current->is_idle && __atomic_load_n(&queue->waiting, __ATOMIC_RELAXED))
        sched_slice_start(queue);
}

/* Takes a waiting thread from the processor that has most of them. */
static struct thread *steal(unsigned self)
{
    struct thread *found = NULL;
    struct runq *richest = NULL;
    unsigned most = 0;

    for (unsigned cpu = 0; cpu < online; cpu++) {
        unsigned waiting = waiting_on(cpu);

        if (cpu != self && waiting > most) {
            most = waiting;
            richest = &sched_queues[cpu];
        }
    }
    if (!richest)
        return NULL;
    spin_lock(&richest->lock);
    list_for_each (node, &richest->queue) {
        struct thread *thread = list_entry(node, struct thread, link);

        if (__atomic_load_n(&thread->affinity, __ATOMIC_RELAXED) >> self & 1) {
            list_remove(node);
            richest->waiting--;
            thread->cpu = self;
            found = thread;
            break;
        }
    }
    spin_unlock(&richest->lock);
    return found;
}

/* Interrupts are off but in irq_wait: what makes a thread runnable here is either seen before HLT
 * or ends it. */
static void idle_loop(void)
{
    struct runq *queue = sched_own_queue();
    unsigned self = cpu_self()->index;

    irq_disable();
    for (;;) {
        struct thread *stolen = NULL;

        if (!__atomic_load_n(&queue->waiting, __ATOMIC_SEQ_CST)) {
            /* It may have been taken off the mask for a thread that another one stole. */
            __atomic_fetch_or(&idle_mask, 1ULL << self, __ATOMIC_SEQ_CST);
            stolen = steal(self);
        }
        if (!stolen && !__atomic_load_n(&queue->waiting, __ATOMIC_SEQ_CST)) {
            irq_wait();
            continue;
        }
        spin_lock(&queue->lock);
        if (stolen)
            enqueue_locked(queue, stolen);
        reschedule_locked(queue);
    }
}

static void idle_first(void *argument)
{
    (void)argument;
    finish();
    idle_loop();
}

static void queue_init(struct thread *current, struct thread *idle)
{
    struct runq *queue = sched_own_queue();

    spin_init(&queue->lock, SPIN_RUNQ);
    list_init(&queue->queue);
    sched_timers_init(queue);
    queue->current = current;
    queue->idle = idle;
    idle->is_idle = true;
    idle->cpu = cpu_self()->index;
    idle->state = THREAD_RUNNABLE;
    __atomic_fetch_add(&online, 1, __ATOMIC_SEQ_CST);
}

void sched_init_cpu(void)
{
    struct thread *idle = &idle_threads[cpu_self()->index];

    if (thread_create(idle, idle_first, NULL))
        panic("not enough memory for an idle thread");
    queue_init(thread_current(), idle);
}

void sched_join_cpu(void)
{
    struct thread *self = &idle_threads[cpu_self()->index];

    thread_adopt(self);
    queue_init(self, self);
}

void sched_become_idle(void)
{
    __atomic_fetch_or(&idle_mask, 1ULL << cpu_self()->index, __ATOMIC_SEQ_CST);
    idle_loop();
    __builtin_unreachable();
}
