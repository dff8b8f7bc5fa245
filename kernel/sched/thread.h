/* SPDX-License-Identifier: MIT */
/*
 * sched/thread.h - kernel threads: a guarded stack and what a processor needs to run on it
 *
 * Owns:    struct thread, its creation and its end.
 * Used by: proc embeds it first in struct task; main for the boot thread; sched/sched.c runs it.
 * Locks:   the fields marked r belong to the run queue of thread.cpu (rank RUNQ).
 * Context: threads, unless a line says otherwise.
 * Fails:   -ENOMEM.
 * Tests:   kernel/selftest/sched_checks.c
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/thread.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"
#include "kernel/sched/mutex.h"

struct task;
struct vm_space;

#define THREAD_SLICE_NS     4000000u /* with niceness 0 and better */
#define THREAD_SLICE_MIN_NS 750000u

#define THREAD_MIGRATES  1u /* off to another processor */
#define THREAD_RT_LEAVES 2u /* of real time, for one of less: others may wait elsewhere */

enum thread_state {
    THREAD_RUNNABLE, /* in a run queue, or running */
    THREAD_BLOCKED,  /* sched_wake makes it runnable */
    THREAD_DEAD,     /* switched away from for the last time, or about to be */
};

/* I constant after creation   o only the owning thread   a atomic   r run queue of .cpu */
struct thread {
    struct arch_thread arch; /* first: the processor's block points here */
    struct task *task;       /* [I] the program's thread that this is, or NULL */
    struct vm_space *space;  /* [o] the address space of ring 3; NULL: none */
    uint64_t mutexes;        /* [o] mutexes held: the sum of their units */
    uint8_t state;           /* [r] enum thread_state */
    uint32_t wait_ended_by;  /* [r] while blocked: the pending work (TIF_*) that ends the wait */
    uint8_t leaving;         /* [r] THREAD_MIGRATES, THREAD_RT_LEAVES: for switch_finish */
    bool is_idle;            /* [I] */
    bool rseq_registered;    /* [o] gets TIF_RSEQ when it is switched away from */
    uint32_t cpu;            /* [r] where it is to run, runs, or ran last */
    struct cpumask affinity; /* [a] written under the lock of its run queue */
    uint32_t slice_ns;       /* [a] its turn while others wait */
    uint32_t policy;         /* [a] Linux's, perhaps with RESET_ON_FORK */
    int8_t nice;             /* [a] -20 to 19 */
    uint8_t prio;            /* [r] real-time priority in effect, 1 to 99; 0: by virtual time */
    uint8_t rt_own;         /* [r] that of its policy, read by others; prio is the greater of ... */
    uint8_t rt_lent;        /* [r] ... this and what those lend it that wait for its locks */
    bool queued;            /* [r] in the tree of a run queue */
    bool rt_last;           /* [r] is to go behind those of the same priority */
    uint64_t rt_order;      /* [r] its place among those of the same priority */
    uint64_t rt_awake;      /* [r] .ran when it was last woken */
    uint64_t rr_ran;        /* [r] ticks of its turn (SCHED_RR) */
    uint64_t ran, ran_user; /* [r] ticks until the last switch: in all, in ring 3 */
    uint64_t faults;        /* [o] on its memory */
    uint64_t switches[2];   /* [r] away from it: it had to give way, it waits */
    uint64_t alarm;         /* [o, its interrupts] `ran` at which to ring; 0: off */
    struct rb_node run_node;     /* [r] in the run queue */
    uint64_t vruntime;           /* [r] ticks, weighted: see sched_queue.c */
    uint64_t vruntime_factor;    /* [a] 2^32 for niceness 0 */
    struct list mutex_link;      /* [mutex.lock] waiting for it */
    struct list *dropped_rights; /* [o] files in messages that it is closing: net/unix */
    /* Called on another stack when the thread is gone for good: frees it. Interrupts off. */
    void (*ended)(struct thread *thread);
};

/* The thread in which start-up runs; it exists before memory does. */
void thread_init_boot(uint64_t kernel_cr3);
/* Gives the boot thread its guarded stack, once there are windows. */
void thread_set_boot_stack(uint64_t top);

/* What runs on this processor, on the stack that the processor was started with, is this thread. */
void thread_adopt(struct thread *thread);

/* One that never runs: what may be asked of it and set in it is there. Its memory was zero. */
void thread_init_record(struct thread *thread);
/* In memory that is zero: a thread that will run function(argument) on a stack of its own once it
 * is woken. */
MUST_CHECK int thread_create(struct thread *thread, void (*function)(void *argument),
                             void *argument);
/* Frees the stack of a thread that has ended, or never ran. */
void thread_destroy(struct thread *thread);

static inline struct thread *thread_current(void)
{
    return container_of(CPU_OWN->thread, struct thread, arch);
}
