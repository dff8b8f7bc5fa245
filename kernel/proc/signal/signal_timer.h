/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal_timer.h - timers that send a signal to their process: setitimer, timer_create
 *
 * Owns:    struct signal_timer, in a table of its process.
 * Rule:    a timer that fires in an interrupt only leaves itself in a list (.fired) and wakes
 *          its task, which sends itself the signal on the way to ring 3. A periodic timer starts
 *          again when its signal is taken, as on Linux: what was missed is its overrun.
 * Locks:   of a process that has had several tasks: signal_timers.mutex, rank SIGNAL_TIMER, around
 *          the calls that name a timer (signal_timers_lock), taken inside by the others.
 * Context: the tasks of the process, and deferred work of it.
 * Fails:   -ENOMEM, -EAGAIN (too many), -EINVAL.
 * Tests:   tests/user/signal/sig_timer.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/mutex.h"
#include "shared/linux/signal.h"

#define SIGNAL_ITIMERS 3

struct process;
struct task;
struct signal_timer;

/* Of a process. o its only task, or with the mutex   a atomic */
struct signal_timers {
    struct mutex mutex;
    struct deferred rung;                         /* of a process with several tasks: collects */
    struct signal_timer **by_id;                  /* [o] timer_create's, in chains by .next_id */
    uint32_t size;                                /* [o] of by_id: 0 or a power of two */
    uint32_t count;                               /* [o] of timers in it */
    int next_id;                                  /* [o] the first that the next one may get */
    struct signal_timer *itimers[SIGNAL_ITIMERS]; /* [o] */
    struct signal_timer *cpu;   /* [o] those of processor time, linked by .next_cpu */
    struct signal_timer *fired; /* [a] those that the interrupt found due, by .next_fired */
};

/* Times of a timer in nanoseconds; a value of 0: not running. */
struct signal_timer_times {
    uint64_t value, interval;
};

/* What a timer counts. The process's time in ring 3, or on a processor at all, goes on only while
 * it runs: such timers are looked at by the process itself, see signal_timers_check_cpu. */
enum signal_clock {
    SIGNAL_CLOCK_MONOTONIC,
    SIGNAL_CLOCK_REALTIME, /* only a time given as absolute is another */
    SIGNAL_CLOCK_USER,
    SIGNAL_CLOCK_CPU,
};

/* Timers of setitimer have these numbers, those of timer_create 0 and up. */
#define SIGNAL_TIMER_ITIMER(which) (-1 - (which))

void signal_timer_init_cache(void);

/* A number for a new timer. It is used up even if the timer cannot be made then, as on Linux. */
int signal_timer_take_id(struct process *process);
/* A timer with that number that sends signo (0: nothing), to that task (0: to the process). */
struct signal_timer_clock {
    enum signal_clock clock;
    struct task *counted; /* of processor time: of that task of the process; NULL: of all */
};
MUST_CHECK int signal_timer_create(struct process *process, int id, int signo, int tid,
                                   uint64_t value, bool value_given,
                                   const struct signal_timer_clock *clock);
/* The one of setitimer, made on first use. */
MUST_CHECK int signal_timer_itimer(struct process *process, int which, int signo,
                                   enum signal_clock clock);

MUST_CHECK int signal_timer_delete(struct process *process, int id);

/* absolute: times->value is a time of the timer's clock, else it counts from now. before may be
 * NULL. */
MUST_CHECK int signal_timer_set(struct process *process, int id, bool absolute,
                                const struct signal_timer_times *times,
                                struct signal_timer_times *before);
MUST_CHECK int signal_timer_get(struct process *process, int id, struct signal_timer_times *times);
/* Expirations that the last signal did not tell of. */
MUST_CHECK int signal_timer_overrun(struct process *process, int id);

void signal_timers_init(struct signal_timers *timers);

/* True: to be unlocked. */
MUST_CHECK bool signal_timers_lock(struct process *process);
void signal_timers_unlock(struct process *process, bool locked);

/* Signals of timers that have fired become pending. Cheap when none has. */
void signal_timers_collect(struct task *self);
#define signal_timers_fired(process)                                                               \
    (__atomic_load_n(&(process)->timers.fired, __ATOMIC_SEQ_CST) != NULL)

/* TIF_CPU_TIME: timers of processor time, and RLIMIT_CPU. The work is added when one of them
 * is set, and by the alarm that this sets for the first that will be due. */
void signal_timers_check_cpu(struct task *self);

/* A signal was taken: if a timer sent it, its overrun goes to info, and the timer goes on. */
void signal_timer_taken(struct task *self, struct lx_siginfo *info);
static inline void signal_timers_taken(struct task *self, struct lx_siginfo *info)
{
    if (info->code == LX_SI_TIMER || info->code == LX_SI_KERNEL) /* itimers are the kernel's */
        signal_timer_taken(self, info);
}

/* exec (timer_create's) or exit (all). */
void signal_timers_drop(struct process *process, bool all);
