/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal_timer_internal.h - what the two files of timers share
 *
 * Used by: signal_timer.c (the timers of a process: made, set, read, deleted), signal_timer_fire.c
 *          (what happens when one is due). Protocol: signal_timer.c.
 */
#pragma once

#include "kernel/core/timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_timer.h"

/* o the owning task   a atomic */
struct signal_timer {
    struct timer timer;
    struct process *process;                    /* [I] */
    struct signal_timer *next_cpu, *next_fired; /* [o] */
    struct signal_timer **link_cpu;             /* [o] what points to it in that list */
    struct signal_timer *next_id;               /* [o] in the chain of by_id */
    int id;                                     /* [I] */
    int signo;                                  /* [I] 0: none */
    int tid;                                    /* [I] the task that gets it; 0: the process */
    struct signal_entry *entry;                 /* [s] of timer_create's: its one signal */
    enum signal_clock clock;                    /* [I] */
    struct task *counted;                       /* [I] whose time it counts; NULL: of all tasks */
    bool armed;                                 /* [o] one of processor time: it runs */
    bool realtime;                              /* [o] counts real time: it was given such a time */
    uint64_t deadline_ns; /* [o] of the next or last expiration, as time_of; 0: off */
    uint64_t interval_ns; /* [o] */
    int overrun;          /* [o] told with the last signal */
    uint32_t fired;       /* [a] set by the interrupt */
    bool queued;          /* [o] its signal waits to be taken */
};

static inline bool signal_timer_is_cpu(const struct signal_timer *timer)
{
    return timer->clock >= SIGNAL_CLOCK_USER;
}

/* --- signal_timer.c --- */

struct signal_timer *signal_timer_find(const struct process *process, int id);

/* --- signal_timer_fire.c --- */

void signal_timer_rings(struct timer *hardware);
/* All that have fired, in that order. */
struct signal_timer *signal_timers_fired_take(struct signal_timers *timers);
void signal_timers_fired_push(struct signal_timers *timers, struct signal_timer *timer);
/* What the timer counts, now. By the process itself. */
uint64_t signal_timer_time(const struct signal_timer *timer);
void signal_timer_start(struct signal_timer *timer, uint64_t deadline_ns);
void signal_timer_disarm(struct signal_timer *timer);
/* Expirations that lie behind now, the first of them at the deadline; moves the deadline on. */
uint64_t signal_timer_forward(struct signal_timer *timer, uint64_t now);
void signal_timers_rung(struct deferred *item);
