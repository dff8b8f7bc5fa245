/* SPDX-License-Identifier: MIT */
/*
 * The choice of a processor for each thread.
 *
 * A thread that wakes goes to its last processor if that is idle, to another idle one, else to the
 * one where the fewest wait. A thread that gives way goes elsewhere when its processor is no longer
 * allowed, another one is idle or has much less to do. An idle processor takes a waiting thread
 * from the one that has most of them. Nothing else moves threads, so one that runs alone stays.
 *
 * Reads other processors' numbers without their locks: they are hints. What follows from a wrong
 * one is a thread on a longer queue until its slice ends, never one that is lost: threads change
 * queues under the locks alone. sched_idle_mask is exact in one direction: a processor sets its bit
 * before it looks for work for the last time and halts. A waker that has put a thread behind others
 * looks at the mask once more, so none waits beside a processor that has just become idle.
 */
#include "kernel/lib/assert.h"
#include "kernel/sched/sched_queue.h"

#define STEAL_LOOKS 64 /* the victim's lock is held meanwhile */

uint64_t sched_idle_mask;
unsigned sched_online;
uint64_t sched_allowed;

unsigned sched_cpus_online(void)
{
    return __atomic_load_n(&sched_online, __ATOMIC_RELAXED);
}

uint64_t sched_cpus_busy(void)
{
    return ~__atomic_load_n(&sched_idle_mask, __ATOMIC_SEQ_CST) &
           __atomic_load_n(&sched_allowed, __ATOMIC_RELAXED);
}

unsigned sched_running(void)
{
    uint64_t idle = __atomic_load_n(&sched_idle_mask, __ATOMIC_RELAXED);
    unsigned sum = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        sum += sched_queues[cpu].waiting + !(idle >> cpu & 1);
    return sum;
}

/* Processors where it may run. */
static uint64_t allowed_of(const struct thread *thread)
{
    return __atomic_load_n(&thread->affinity, __ATOMIC_RELAXED) &
           __atomic_load_n(&sched_allowed, __ATOMIC_RELAXED);
}

static unsigned waiting_on(unsigned cpu)
{
    return __atomic_load_n(&sched_queues[cpu].waiting, __ATOMIC_RELAXED);
}

/* The processor of these where the fewest threads wait; `first` unless another has fewer. */
static unsigned shortest_queue(uint64_t cpus, unsigned first)
{
    for (; cpus; cpus &= cpus - 1)
        if (waiting_on((unsigned)__builtin_ctzll(cpus)) < waiting_on(first))
            first = (unsigned)__builtin_ctzll(cpus);
    return first;
}

bool sched_should_move(const struct runq *queue)
{
    uint64_t allowed = allowed_of(queue->current);
    unsigned self = CPU_OWN->index;

    if (!(allowed >> self & 1))
        return true;
    if (!queue->waiting || allowed == 1ULL << self)
        return false;
    return (__atomic_load_n(&sched_idle_mask, __ATOMIC_RELAXED) & allowed) ||
           waiting_on(shortest_queue(allowed, self)) + 2 <= queue->waiting;
}

/* An idle processor is taken out of the mask at once: the next waker finds another one, and of two
 * that have seen the same bit one. A thread stays where its caches are if that costs nothing: the
 * last processor wins among idle ones. */
unsigned sched_place(const struct thread *thread)
{
    uint64_t allowed = allowed_of(thread), idle;
    unsigned last = thread->cpu;

    if (!(allowed >> last & 1))
        last = (unsigned)__builtin_ctzll(allowed);
    while ((idle = __atomic_load_n(&sched_idle_mask, __ATOMIC_SEQ_CST) & allowed) != 0) {
        unsigned cpu = idle >> last & 1 ? last : (unsigned)__builtin_ctzll(idle);
        uint64_t bit = 1ULL << cpu;

        if (__atomic_fetch_and(&sched_idle_mask, ~bit, __ATOMIC_SEQ_CST) & bit)
            return cpu;
    }
    return shortest_queue(allowed, last);
}

uint64_t sched_idle_for(uint64_t affinity)
{
    uint64_t idle;

    /* The queue's number was stored before, and an idle processor looks at it after it has set its
     * bit: with a fence on both sides one of the two sees the other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    idle = __atomic_load_n(&sched_idle_mask, __ATOMIC_RELAXED) & affinity;
    return idle & -idle;
}

/* The first of a queue that may run on that processor, out of it. */
static struct thread *steal_locked(struct runq *victim, unsigned cpu)
{
    struct thread *thread = victim->first;

    ASSERT(spin_is_held_inline(&victim->lock));
    for (unsigned looks = 0; thread && looks < STEAL_LOOKS; looks++) {
        struct rb_node *next;

        if (__atomic_load_n(&thread->affinity, __ATOMIC_RELAXED) >> cpu & 1) {
            sched_remove_locked(victim, thread);
            sched_vruntime_leave(victim, thread);
            thread->cpu = cpu;
            return thread;
        }
        next = rb_next(&thread->run_node);
        thread = next ? rb_entry(next, struct thread, run_node) : NULL;
    }
    return NULL;
}

/* The processor where the most threads wait; CPU_MAX: none where any does. */
static unsigned longest_queue(uint64_t without)
{
    unsigned longest = CPU_MAX, most = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++) {
        unsigned waiting = without >> cpu & 1 ? 0 : waiting_on(cpu);

        if (waiting > most) {
            most = waiting;
            longest = cpu;
        }
    }
    return longest;
}

/* The longest queue may have threads alone that are bound to their processor: then the next one. */
struct thread *sched_steal(unsigned self)
{
    uint64_t looked_at = 1ULL << self;
    struct thread *found = NULL;
    unsigned cpu;

    while (!found && (cpu = longest_queue(looked_at)) != CPU_MAX) {
        struct runq *victim = &sched_queues[cpu];

        spin_lock(&victim->lock);
        found = steal_locked(victim, self);
        spin_unlock(&victim->lock);
        looked_at |= 1ULL << cpu;
    }
    return found;
}

unsigned sched_find_running(const struct thread *thread)
{
    unsigned online = sched_cpus_online();

    for (unsigned cpu = 0; cpu < online; cpu++)
        if (sched_runs_on(thread, cpu))
            return cpu;
    return CPU_MAX;
}

bool sched_runs_on(const struct thread *thread, unsigned cpu)
{
    return cpu < CPU_MAX && __atomic_load_n(&sched_queues[cpu].current, __ATOMIC_RELAXED) == thread;
}
