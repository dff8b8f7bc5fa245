/* SPDX-License-Identifier: MIT */
/*
 * sched/sched.h - which thread runs where
 *
 * Owns:    a run queue for each processor, the idle threads, time slices, time accounts.
 * Rule:    the kernel is not preempted: a thread gives the processor up by blocking, by ending, or
 *          on its way back to ring 3. The first real-time thread by its priority runs next, as
 *          far as the limit lets it (sched_rt.c); else the one that has had the least time by its
 * weight, which follows from its niceness, runs next; a slice is timed only while another thread
 * waits for the processor. A wake-up goes to an idle processor if one may run the thread; an idle
 * processor takes waiting threads from the others. Locks:   one spinlock a run queue, rank RUNQ,
 * interrupts off; never two at once. Context: as noted. Tests:   kernel/selftest/sched_checks.c,
 * tests/user
 */
#pragma once

#include "kernel/core/irq.h"
#include "kernel/core/spinlock.h"
#include "kernel/sched/thread.h"

#define SCHED_NICE_MIN (-20)
#define SCHED_NICE_MAX 19

/* On each processor, from the thread that starts it up, which goes on as an ordinary thread
 * (boot processor), or as the idle thread: from sched_join_cpu on it may be given work, which
 * sched_become_idle does. */
void sched_init_cpu(void);
void sched_join_cpu(void);
NORETURN void sched_become_idle(void);
unsigned sched_cpus_online(void);

/* Any context but NMI. A blocked thread becomes runnable; others are left alone. */
void sched_wake(struct thread *thread);
/* The same in two steps, for a caller that holds a lock that the thread takes first of all: the
 * result goes to sched_kick once the lock is free. On a busy host the thread's processor would take
 * that of the caller, only to spin. */
MUST_CHECK uint32_t sched_wake_quietly(struct thread *thread);
/* At most two processors to be interrupted, each as its index + 1 in 16 bits; 0: none. */
#define SCHED_KICK_OF(cpu)     ((uint32_t)(cpu) + 1)
#define SCHED_KICK_ALSO(first) ((uint32_t)(first) << 16)
void sched_kick_some(uint32_t kicks);
static inline void sched_kick(uint32_t kicks)
{
    if (kicks)
        sched_kick_some(kicks);
}
/* For many at once: each processor is interrupted once. The set is the caller's own. */
void sched_kick_add(struct cpumask *cpus, uint32_t kicks);
void sched_kick_set(const struct cpumask *cpus);
/* Work was added to the thread: it looks at it soon. Ends a wait that pending work may end; a
 * processor that runs the thread in ring 3 is made to enter the kernel. */
void sched_notify(struct thread *thread);

/* Gives the processor up until sched_wake. The caller has told its waker about itself, and set the
 * state with sched_prepare before that, so a wake-up in between is not lost. ended_by: the pending
 * work that ends the wait, too. */
#define SCHED_UNINTERRUPTIBLE 0u
#define SCHED_INTERRUPTIBLE   (~TIF_QUIET) /* signals and whatever else is to be done at once */
#define SCHED_KILLABLE        TIF_KILL
void sched_prepare(uint32_t ended_by);
void sched_block(void);
void sched_cancel(void); /* after sched_prepare: stays awake after all */

void sched_yield_cpu(void);

/* Whether the thread sleeps and no processor is on its stack: what it has in registers is in
 * memory, and stays so until it is woken. */
bool sched_is_off(const struct thread *thread);

/* For mutexes. The thread may be gone: it is compared, not looked at. */
unsigned sched_find_running(const struct thread *thread); /* its processor now; CPU_MAX: none */
bool sched_runs_on(const struct thread *thread, unsigned cpu);
/* Whether another thread is due on this processor. */
static inline bool sched_must_yield(void)
{
    return (__atomic_load_n(&CPU_OWN->thread->work, __ATOMIC_RELAXED) & TIF_RESCHED) != 0;
}
/* The start of each function that may sleep. */
static inline void sched_assert_may_sleep(void)
{
    ASSERT(!spin_any_held() && !irq_in_handler());
}

void sched_preempt(void); /* sched_preempt_point's slow path */

/* Preemption point, for loops whose length a program chooses: gives the processor up if another
 * thread should have it. Thread context, interrupts on; mutexes may be held, spinlocks not. */
void sched_preempt_point(void);

/* The same where even the call counts. */
static inline void sched_preempt_point_inline(void)
{
    ASSERT(!spin_any_held());
    if (unlikely(sched_must_yield()))
        sched_preempt();
}
/* The same in any context but NMI: where the processor may not be given up, it is not. */
void sched_preempt_if_allowed(void);
NORETURN void sched_exit(void);

/* Runs a new thread for the first time: its first function calls sched_first. */
void sched_start(struct thread *thread);
void sched_first(void);

/* Takes effect when the thread is next placed, for the caller at once. Some processor of the set is
 * online. */
void sched_set_affinity(struct thread *thread, const struct cpumask *affinity);
/* Those of them that are online; never none. */
void sched_affinity_online(const struct thread *thread, struct cpumask *cpus);
/* All that are online. */
extern struct cpumask sched_allowed; /* [a] */

/* Its share of a processor follows; idle: less than with the highest niceness. */
void sched_set_nice(struct thread *thread, int nice, bool idle);

/* Linux's policy, perhaps with RESET_ON_FORK, and its real-time priority, 1 to 99; 0: none. */
#define SCHED_RR_TURN_NS    100000000 /* among those of one priority */
#define SCHED_RT_RUNTIME_NS 950000000 /* the limit: on each processor, as Linux's default ... */
#define SCHED_RT_PERIOD_NS  1000000000
void sched_set_policy(struct thread *thread, uint32_t policy, unsigned priority);
/* Its time on processors since it last waited for anything. */
uint64_t sched_rt_awake_ns(const struct thread *thread);
/* The thread runs with at least that real-time priority until this is called anew. */
void sched_lend_priority(struct thread *thread, unsigned priority);
/* What others see of both: a moment later it may be another. */
static inline unsigned sched_priority(const struct thread *thread)
{
    return __atomic_load_n(&thread->prio, __ATOMIC_RELAXED);
}

/* Time on a processor up to now, precise to the tick: in ring 3, and in all. */
struct sched_times {
    uint64_t user_ns, total_ns;
};
void sched_thread_times(const struct thread *thread, struct sched_times *times);
/* Of a processor since it was started: in ring 3, in the kernel, idle. */
struct sched_cpu_times {
    uint64_t user_ns, system_ns, idle_ns;
};
void sched_cpu_times(unsigned cpu, struct sched_cpu_times *times);

/* Switches from one thread to another, and threads that run or could, on all processors. For /proc:
 * no lock is taken. */
uint64_t sched_switches(void);
unsigned sched_running(void);

/* Work was added that does not end a wait: if the thread runs in ring 3, it enters the kernel. */
void sched_kick_thread(struct thread *thread);

/* The caller gets TIF_CPU_TIME once it has run so much longer; UINT64_MAX: never. */
void sched_set_alarm(uint64_t ns);
