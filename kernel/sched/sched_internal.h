/* SPDX-License-Identifier: MIT */
/*
 * sched/sched_internal.h - what the files of the scheduler share among themselves
 *
 * Used by: sched/sched.c (context switch, blocking, waking), sched/sched_queue.c (the order of a
 *          run queue), sched/sched_rt.c (real-time threads), sched/sched_balance.c (which
 * processor), sched/sched_time.c (time slices, accounts), sched/sched_idle.c (idle threads,
 * start-up).
 */
#pragma once

#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sched/sched.h"

struct runq {
    struct spinlock lock;
    unsigned waiting;        /* [lock] threads in both trees; read without it as a hint */
    unsigned rt_waiting;     /* [lock] those in rt_tree; a hint likewise */
    struct rb_tree tree;     /* [lock] runnable threads that do not run, by virtual time */
    struct thread *first;    /* [lock] the one that has had the least of it; NULL: none */
    uint8_t current_prio;    /* [lock] the current thread's .prio; a hint likewise */
    uint64_t min_vruntime;   /* [lock] never falls: what newcomers are measured by */
    struct thread *current;  /* [lock], atomic for mutexes */
    struct thread *previous; /* [lock] held over a switch, for switch_finish */
    struct thread *idle;     /* I */
    uint64_t since;          /* [lock] ticks: the current thread's time is accounted up to then */
    uint64_t since_user;     /* [lock] the processor's user_ticks at the last switch */
    uint64_t switches;       /* [lock] */
    struct timer slice;
    uint64_t slice_end_ns;     /* [own processor] when the current thread has to give way, if ... */
    bool counting;             /* [own processor] ... another thread waits for the processor */
    struct timer alarm;        /* of the current thread, if it has one */
    struct rb_tree rt_tree;    /* [lock] runnable real-time threads that do not run */
    struct thread *rt_first;   /* [lock] */
    uint64_t rt_begin, rt_end; /* [lock] the next .rt_order in front of all and behind all */
    uint64_t rt_period;        /* [lock] ticks: when the period of the limit began */
    uint64_t rt_ran;           /* [lock] ticks of real-time threads in it */
} ALIGNED(64);

extern struct runq sched_queues; /* percpu.h */

/* Kept in one register: the compiler would rather compute it anew for each field. */
static inline struct runq *sched_queue_of(unsigned cpu)
{
    struct runq *queue = percpu_of(sched_queues, cpu);

    __asm__("" : "+r"(queue));
    return queue;
}

static inline struct runq *sched_own_queue(void)
{
    struct runq *queue = percpu_own(sched_queues);

    __asm__("" : "+r"(queue));
    return queue;
}

/* Locks the queue of the processor where the thread is to run, runs or ran last: while that is
 * still switching away from it, the lock is held. The thread goes to another processor only under
 * this lock, so what the holder sees of it holds. Interrupts off. */
struct runq *sched_queue_lock(const struct thread *thread);

/* --- sched.c --- */

/* To the next thread of this processor; the caller's has been dealt with. Interrupts off; drops
 * the queue's lock. */
void sched_reschedule_locked(struct runq *queue);
/* The first thing on a stack that has been switched to. */
void sched_switch_finish(void);

/* --- sched_balance.c --- */

extern unsigned sched_online;          /* [a] processors that run threads: those of sched_allowed */
extern struct cpumask sched_idle_mask; /* [a] those in their idle thread */
/* There is no other processor to be given a thread: sets need not be looked at. */
static inline bool sched_is_alone(void)
{
    return __atomic_load_n(&sched_online, __ATOMIC_RELAXED) == 1;
}
/* Those that are not in their idle thread. One that is left out has no reader of rcu.h, and will
 * see what was stored before the call. */
void sched_cpus_busy(struct cpumask *busy);
/* Where a thread that became runnable should go. */
unsigned sched_place(const struct thread *thread);
/* The thread has just been put into a queue behind others: an idle processor that should look for
 * it, for sched_kick; 0: none. The queue is still locked: without the lock the thread may run, and
 * end. */
uint32_t sched_idle_for(const struct thread *thread);
/* Whether a thread that gives way should go on elsewhere. */
bool sched_should_move(const struct runq *queue);
/* The first of real time that may run there, out of that queue; NULL: none. */
struct thread *sched_steal_rt_locked(struct runq *victim, unsigned cpu);
/* Takes a waiting thread from the processor that has most of them; NULL: none. */
struct thread *sched_steal(unsigned self);

/* --- sched_rt.c --- */

/* Without a lock, as a hint: that processor runs a thread of real time, or is about to. */
static inline bool sched_has_rt(unsigned cpu)
{
    const struct runq *queue = sched_queue_of(cpu);

    return __atomic_load_n(&queue->current_prio, __ATOMIC_RELAXED) ||
           __atomic_load_n(&queue->rt_waiting, __ATOMIC_RELAXED);
}
/* The allowed processor whose thread has the lowest priority, if that is lower than the thread's;
 * CPU_MAX: none. */
unsigned sched_rt_place(const struct thread *thread);
/* The current thread or the next one is of real time. */
void sched_rt_switch_locked(struct runq *queue, const struct thread *next);
/* What waits for another processor and is due here comes here. Interrupts off, no lock held. */
void sched_rt_pull(struct runq *queue);

/* --- sched_time.c: of this processor, interrupts off --- */

void sched_timers_init(struct runq *queue);
/* Another thread waits for the processor: from now on the current thread's slice counts. */
void sched_slice_begin(struct runq *queue);
static inline void sched_slice_start(struct runq *queue)
{
    if (!queue->counting)
        sched_slice_begin(queue);
}
/* The current thread, which has come back to the processor, has an alarm. */
void sched_alarm_start(struct runq *queue);
