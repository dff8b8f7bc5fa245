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

#define STEAL_LOOKS 64      /* the victim's lock is held meanwhile */
#define RT_LOAD     1000000 /* threads that one of real time counts as for those that are not */

struct cpumask sched_idle_mask;
unsigned sched_online;
struct cpumask sched_allowed;

unsigned sched_cpus_online(void)
{
    return __atomic_load_n(&sched_online, __ATOMIC_RELAXED);
}

void sched_cpus_busy(struct cpumask *busy)
{
    for (unsigned word = 0; word < cpumask_words; word++)
        busy->words[word] = ~__atomic_load_n(&sched_idle_mask.words[word], __ATOMIC_SEQ_CST) &
                            cpumask_word(&sched_allowed, word);
}

unsigned sched_running(void)
{
    unsigned sum = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++)
        sum += sched_queue_of(cpu)->waiting + !cpumask_test(&sched_idle_mask, cpu);
    return sum;
}

/* Processors where it may run. A change of the set that is under way may make it look empty: its
 * words are then read again (sched_set_affinity, which has interrupts off meanwhile). */
void sched_affinity_online(const struct thread *thread, struct cpumask *cpus)
{
    while (!cpumask_and(cpus, &thread->affinity, &sched_allowed))
        cpu_pause();
}

static unsigned waiting_on(unsigned cpu)
{
    return __atomic_load_n(&sched_queue_of(cpu)->waiting, __ATOMIC_RELAXED);
}

/* The same where the thread that waits or the one that runs is of real time: it pays when that one
 * takes the processor from this one, which another processor would serve at once. */
static COLD bool rt_move_pays(const struct runq *queue)
{
    const struct thread *current = queue->current, *first = queue->rt_first;
    struct cpumask cpus;

    if (!first || first->prio < current->prio)
        return false;
    if (current->prio)
        return sched_rt_place(current) < CPU_MAX;
    sched_affinity_online(current, &cpus);
    cpumask_each(cpu, &cpus) if (!sched_has_rt(cpu)) return true;
    return false;
}

/* Of a thread that may run here, beside others that wait: whether another processor is idle or has
 * much less to do. This one is neither. */
static NOINLINE bool move_pays(const struct runq *queue)
{
    const struct cpumask *affinity = &queue->current->affinity;
    unsigned word = 0;

    if (unlikely(queue->rt_waiting || queue->current->prio))
        return rt_move_pays(queue);
    do {
        uint64_t left = cpumask_word(affinity, word) & cpumask_word(&sched_allowed, word);

        if (left & cpumask_word(&sched_idle_mask, word))
            return true;
        for (; left; left &= left - 1)
            if (waiting_on(word * 64 + (unsigned)__builtin_ctzll(left)) + 2 <= queue->waiting)
                return true;
    } while (cpumask_goes_on(&word));
    return false;
}

bool sched_should_move(const struct runq *queue)
{
    if (unlikely(!cpumask_test(&queue->current->affinity, CPU_OWN->index)))
        return true;
    return queue->waiting && !sched_is_alone() && move_pays(queue);
}

/* Where the last processor is busy, or no longer allowed: an idle one, else the one where the
 * fewest threads wait; the last one unless another has fewer. */
static NOINLINE unsigned place_elsewhere(const struct thread *thread)
{
    unsigned best = CPU_MAX, fewest = UINT32_MAX, word = 0;
    bool is_rt = thread->prio != 0;

    do {
        uint64_t left = cpumask_word(&thread->affinity, word) & cpumask_word(&sched_allowed, word);
        uint64_t idle = left & cpumask_word(&sched_idle_mask, word);

        for (; idle; idle &= idle - 1) {
            unsigned cpu = word * 64 + (unsigned)__builtin_ctzll(idle);

            if (cpumask_clear(&sched_idle_mask, cpu))
                return cpu;
        }
        for (; left; left &= left - 1) {
            unsigned cpu = word * 64 + (unsigned)__builtin_ctzll(left), waiting = waiting_on(cpu);

            if (unlikely(!is_rt && sched_has_rt(cpu)))
                waiting += RT_LOAD;
            if (waiting < fewest || (waiting == fewest && cpu == thread->cpu)) {
                best = cpu;
                fewest = waiting;
            }
        }
    } while (cpumask_goes_on(&word));
    ASSERT(best < CPU_MAX);
    if (unlikely(is_rt)) {
        unsigned cpu = sched_rt_place(thread);

        return cpu < CPU_MAX ? cpu : best;
    }
    return best;
}

/* An idle processor is taken out of the mask at once: the next waker finds another one, and of two
 * that have seen the same bit one. A thread stays where its caches are if that costs nothing: the
 * last processor wins among idle ones, and then no other one is looked at. It is online. The
 * thread's queue is locked, so its affinity stays. */
unsigned sched_place(const struct thread *thread)
{
    unsigned last = thread->cpu;

    if (likely(cpumask_test(&thread->affinity, last)) &&
        (cpumask_test(&sched_idle_mask, last) ? cpumask_clear(&sched_idle_mask, last)
                                              : sched_is_alone()))
        return last;
    return place_elsewhere(thread);
}

uint32_t sched_idle_for(const struct thread *thread)
{
    unsigned cpu;

    /* The queue's number was stored before, and an idle processor looks at it after it has set its
     * bit: with a fence on both sides one of the two sees the other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    cpu = cpumask_first_and(&sched_idle_mask, &thread->affinity);
    return cpu < CPU_MAX ? SCHED_KICK_OF(cpu) : 0;
}

/* The first from that one on that may run on that processor, out of the queue. */
static struct thread *steal_from_locked(struct runq *victim, struct thread *thread, unsigned cpu)
{
    ASSERT(spin_is_held_inline(&victim->lock));
    for (unsigned looks = 0; thread && looks < STEAL_LOOKS; looks++) {
        struct rb_node *next;

        if (cpumask_test(&thread->affinity, cpu)) {
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

struct thread *sched_steal_rt_locked(struct runq *victim, unsigned cpu)
{
    ASSERT(spin_is_held_inline(&victim->lock));
    return steal_from_locked(victim, victim->rt_first, cpu);
}

static struct thread *steal_locked(struct runq *victim, unsigned cpu)
{
    struct thread *thread = sched_steal_rt_locked(victim, cpu);

    ASSERT(spin_is_held_inline(&victim->lock));
    return thread ? thread : steal_from_locked(victim, victim->first, cpu);
}

/* The processor where the most threads wait; CPU_MAX: none where any does. */
static unsigned longest_queue(const struct cpumask *without)
{
    unsigned longest = CPU_MAX, most = 0;

    for (unsigned cpu = 0; cpu < sched_cpus_online(); cpu++) {
        unsigned waiting = cpumask_test(without, cpu) ? 0 : waiting_on(cpu);

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
    struct cpumask looked_at = cpumask_of(self);
    struct thread *found = NULL;
    unsigned cpu;

    while (!found && (cpu = longest_queue(&looked_at)) != CPU_MAX) {
        struct runq *victim = sched_queue_of(cpu);

        spin_lock(&victim->lock);
        found = steal_locked(victim, self);
        spin_unlock(&victim->lock);
        looked_at.words[cpu / 64] |= 1ULL << (cpu & 63);
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
    return cpu < CPU_MAX &&
           __atomic_load_n(&sched_queue_of(cpu)->current, __ATOMIC_RELAXED) == thread;
}
