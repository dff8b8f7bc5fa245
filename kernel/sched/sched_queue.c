/* SPDX-License-Identifier: MIT */
/*
 * Order of a run queue by virtual time.
 *
 * A thread's virtual time is the time that it has run, divided by its weight: Linux's weights, a
 * step of niceness is a factor of 1.25. The thread with the least of it runs next, so shares
 * follow from time used, whatever a slice was worth or a host took away.
 *
 * Only differences within one queue mean anything. The queue's minimum, which never falls, follows
 * the thread that is furthest behind, also when that had the processor for itself and leaves it; a
 * thread that leaves a queue carries its distance from that minimum to the next one. A thread that
 * slept falls behind by SLEEPER_NS at most: enough to be the first when it wakes, too little to
 * keep the others away for long. A new thread starts where its creator is (sched_start), so that
 * forking gains nothing.
 *
 * The current thread is in no tree. Its time is accounted when it is switched away from, and when
 * another thread becomes runnable beside it: if that one is behind by more than WAKEUP_NS, the
 * current thread gives way on its return to ring 3 instead of at the end of its slice.
 *
 * Everything here is under the queue's lock, rank RUNQ, interrupts off.
 */
#include "kernel/sched/sched_queue.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"

#define SLEEPER_NS 3000000
#define WAKEUP_NS  1000000

/* The same in ticks. Constant after start-up. */
uint64_t sched_sleeper_ticks, sched_wakeup_ticks;

static const uint32_t weights[SCHED_NICE_MAX - SCHED_NICE_MIN + 1] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, /* -20 */
    9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,  /* -10 */
    1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,   /* 0 */
    110,   87,    70,    56,    45,    36,    29,    23,    18,    15,    /* 10 */
};

#define WEIGHT_IDLE 3 /* policy SCHED_IDLE */
#define WEIGHT_0    1024

/* Between 0.75 and 4 ms: neither does switching eat the time, nor is a processor kept for long. A
 * thread of more weight has more turns in a row instead of longer ones. */
void sched_set_nice(struct thread *thread, int nice, bool idle)
{
    uint64_t weight = idle ? WEIGHT_IDLE : weights[nice - SCHED_NICE_MIN];
    uint64_t slice = MIN(THREAD_SLICE_NS * weight / WEIGHT_0, THREAD_SLICE_NS);

    __atomic_store_n(&thread->nice, (int8_t)nice, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->slice_ns, (uint32_t)MAX(slice, THREAD_SLICE_MIN_NS),
                     __ATOMIC_RELAXED);
    __atomic_store_n(&thread->vruntime_factor, ((uint64_t)WEIGHT_0 << 32) / weight,
                     __ATOMIC_RELAXED);
}

void sched_tree_insert(struct runq *queue, struct thread *thread)
{
    struct rb_node **link = &queue->tree.root, *parent = NULL;
    bool is_first = true;

    while (*link) {
        parent = *link;
        if (sched_before(thread->vruntime, rb_entry(parent, struct thread, run_node)->vruntime)) {
            link = &parent->left;
        } else { /* behind those of the same time */
            link = &parent->right;
            is_first = false;
        }
    }
    rb_insert(&queue->tree, &thread->run_node, parent, link);
    if (is_first)
        queue->first = thread;
}

void sched_tree_remove(struct runq *queue, struct thread *thread)
{
    if (queue->first == thread) {
        struct rb_node *next = rb_next(&thread->run_node);

        queue->first = next ? rb_entry(next, struct thread, run_node) : NULL;
    }
    rb_erase(&queue->tree, &thread->run_node);
}

void sched_queue_init(void)
{
    sched_sleeper_ticks = clock_ns_to_ticks(SLEEPER_NS);
    sched_wakeup_ticks = clock_ns_to_ticks(WAKEUP_NS);
    sched_rt_init();
}
