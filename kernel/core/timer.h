/* SPDX-License-Identifier: MIT */
/*
 * core/timer.h - kernel timers: a function called in the interrupt at a time
 *
 * Owns:    for each processor the pending timers, in the order of their deadlines, one set for
 *          monotonic and one for real time; what its hardware is set to. A timer fires on the
 *          processor that started it. Those of real time follow when the clock is set.
 * Rule:    the hardware timer runs only while a timer is pending.
 * Cost:    O(log n) to start and to stop; starting one again for a later time is O(1).
 * Locks:   one spinlock a processor, rank TIMER, interrupts off. Not held while a function runs.
 *          timer_start and timer_stop wait for a function that runs on another processor: no lock
 *          may be held that it takes. So a timer's function never runs twice at a time, and not
 *          when the timer has been stopped.
 * Context: timer_start and timer_stop: any but NMI. Functions run in the timer interrupt, with
 *          interrupts off.
 * Units:   nanoseconds of monotonic time, unless a name says real time.
 * Tests:   kernel/selftest/core_checks.c, tests/user/time
 */
#pragma once

#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"

/* t: the lock of the queue of .cpu. A key earlier than the deadline is an old deadline: the timer
 * moves to its place when it reaches the front. */
struct timer {
    struct rb_node node;                   /* [t] */
    uint64_t key_ns;                       /* [t] what it is sorted by, at most deadline_ns */
    uint64_t deadline_ns;                  /* [t] of the clock that .realtime says */
    uint32_t cpu;                          /* [t] where it is pending, or was last */
    bool pending;                          /* [t] */
    bool realtime;                         /* [t] */
    void (*function)(struct timer *timer); /* I may start the timer again */
};

/* The room that drives the hardware registers: one interrupt, ns nanoseconds from now or a little
 * earlier; or none. */
struct timer_ops {
    void (*oneshot)(uint64_t ns);
    void (*stop)(void);
};

/* Once, before the first timer starts. */
void timer_set_ops(const struct timer_ops *ops);
/* On every other processor, before it starts a timer. */
void timer_join(void);

void timer_init(struct timer *timer, void (*function)(struct timer *timer));
void timer_start(struct timer *timer, uint64_t deadline_ns); /* moves it if it is pending */
/* The same until a real time: when the clock is set, the timer follows. */
void timer_start_realtime(struct timer *timer, uint64_t realtime_ns);
void timer_stop(struct timer *timer); /* afterwards it is not pending; may be called when idle */
/* In a timer's function: it does not look at the timer any more, so timer_stop need not wait for
 * the rest of it. */
void timer_detach(void);
static inline bool timer_pending(const struct timer *timer)
{
    return __atomic_load_n(&timer->pending, __ATOMIC_RELAXED);
}

/* The real-time clock has been set: every processor looks again. Threads only, no lock held. */
void timer_clock_was_set(void);

/* From the timer interrupt. */
void timer_interrupt(void);
uint64_t timer_interrupts(void); /* so far */

/* How late timer interrupts came, on all processors: what interrupts that were off did to them. No
 * part of the kernel may keep them off for TIMER_LATE_NS. */
#define TIMER_LATE_NS 1000000
struct timer_lateness {
    uint64_t count; /* of those that were too late */
    uint64_t max_ns;
};
struct timer_lateness timer_lateness(void);
