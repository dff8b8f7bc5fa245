/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/thread.h - the processor's part of a thread
 *
 * Owns:    saved stack pointer, address space, segment bases, FPU state, pending-work flags.
 * Used by: sched embeds it first in struct thread; entry code reads .work at every return.
 * Locks:   none: only the owning thread and the switch touch it; .work is atomic.
 */
#pragma once

#include "kernel/arch/x86_64/cpumask.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/util.h"

/* Reasons to call hook_exit_to_user before the next return to ring 3. */
#define TIF_SIGNAL   0x1u /* a signal may be deliverable */
#define TIF_KILL     0x2u /* the task must end: limit reached or the like */
#define TIF_RESCHED  0x4u
#define TIF_CPU_TIME 0x8u  /* timers of processor time are to be looked at */
#define TIF_RSEQ     0x10u /* it was off the processor, and its program has asked to be informed */
#define TIF_FILE     0x20u /* its call has made files ready that signals tell of */
/* What does not end a wait. */
#define TIF_QUIET (TIF_RESCHED | TIF_CPU_TIME | TIF_RSEQ | TIF_FILE)

/* In .rare. */
#define ARCH_RARE_NO_TSC 0x1u /* RDTSC faults in ring 3 */
#define ARCH_RARE_DEBUG  0x2u /* .debug has been written by a tracer */

/* Hardware breakpoints of ring 3. They are on while the thread has a processor, in the kernel, too,
 * which passes over them (traps.c). */
struct arch_debug {
    uint64_t address[DR_COUNT];
    uint64_t dr7;      /* as loaded */
    uint64_t dr7_told; /* as its tracer has written it */
    uint64_t dr6;      /* DR6_HITS and DR6_SINGLE_STEP of its last #DB */
};

struct arch_thread {
    uint64_t rsp;              /* while not running: where its callee-saved registers are */
    uint64_t stack_top;        /* of its kernel stack */
    uint64_t cr3;              /* its address space; the kernel's own for kernel threads */
    struct cpumask *cr3_users; /* processors on that address space; NULL: the kernel's own */
    uint32_t work;             /* atomic, ARCH_WORK_* */
    uint32_t faults_disabled;  /* > 0: a fault on user memory is not resolved but fixed up */
    uint32_t fail_nth;         /* allocations until one fails on purpose; 0: none (mm/fail_nth.h) */
    uint32_t rare;             /* ARCH_RARE_*: what most threads have not, and a switch looks at */
    void *fpu;                 /* XSAVE or FXSAVE area; NULL for kernel threads */
    uint64_t fs_base, gs_base; /* of ring 3, while not running */
    uint16_t ds, es, fs, gs;   /* selectors of ring 3, while not running */
    struct arch_debug debug;   /* changed while not running, and by arch_thread_end_debug */
};

struct trap_frame;

/* Makes `to` the running thread of this processor. Returns when someone switches back to `from`.
 * Interrupts off. */
void arch_thread_switch(struct arch_thread *from, struct arch_thread *to);

/* Prepares a thread that was never run: the first switch to it calls function(argument) on its
 * stack with interrupts off; function never returns. */
void arch_thread_prepare(struct arch_thread *thread, void (*function)(void *argument),
                         void *argument);

/* The frame at the top of a kernel stack: what ring 3 last entered with, or will start with. */
struct trap_frame *arch_thread_frame(const struct arch_thread *thread);

/* Leaves for ring 3 with the registers in the frame at the top of this thread's stack. */
NORETURN void arch_enter_user(struct trap_frame *frame);

/* Of the running thread: whether ring 3 may read the time stamp counter. */
void arch_thread_forbid_tsc(struct arch_thread *thread, bool forbid);

/* The running thread has no breakpoints any more. */
void arch_thread_end_debug(struct arch_thread *thread);

/* The running thread's selectors of ring 3, into another thread's block. */
void arch_thread_copy_selectors(struct arch_thread *thread);
/* The other way round, for the running thread itself. Interrupts off. */
void arch_thread_load_selectors(const struct arch_thread *thread);

static inline void arch_thread_add_work(struct arch_thread *thread, uint32_t work)
{
    __atomic_fetch_or(&thread->work, work, __ATOMIC_RELEASE);
}

static inline void arch_thread_clear_work(struct arch_thread *thread, uint32_t work)
{
    __atomic_fetch_and(&thread->work, ~work, __ATOMIC_ACQ_REL);
}
