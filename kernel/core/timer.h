/* SPDX-License-Identifier: MIT */
/*
 * core/timer.h - call me at a time
 *
 * Owns:    for each processor the pending timers, in the order of their deadlines; what its
 *          hardware is set to. A timer fires on the processor that started it.
 * Rule:    the hardware timer runs only while a timer is pending.
 * Locks:   one spinlock a processor, rank TIMER, interrupts off. Not held while a function runs.
 *          timer_start and timer_stop wait for a function that runs on another processor: no lock
 *          may be held that it takes. So a timer's function never runs twice at a time, and not
 *          when the timer has been stopped.
 * Context: timer_start and timer_stop: any but NMI. Functions run in the timer interrupt, with
 *          interrupts off.
 * Units:   nanoseconds of monotonic time.
 * Tests:   kernel/selftest/core_checks.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct timer {
    struct list link;                      /* [lock of .cpu] */
    uint64_t deadline_ns;                  /* [lock of .cpu] */
    uint32_t cpu;                          /* [lock of .cpu] where it is pending, or was last */
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

void timer_init(struct timer *timer, void (*function)(struct timer *timer));
void timer_start(struct timer *timer, uint64_t deadline_ns); /* moves it if it is pending */
void timer_stop(struct timer *timer); /* afterwards it is not pending; may be called when idle */
/* In a timer's function: it does not look at the timer any more, nobody need wait for the rest. */
void timer_let_go(void);
bool timer_pending(const struct timer *timer);

/* From the timer interrupt. */
void timer_interrupt(void);
uint64_t timer_interrupts(void); /* so far */
