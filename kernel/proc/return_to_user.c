/* SPDX-License-Identifier: MIT */
/*
 * Pending work on the return to ring 3: preemption, death, signals, rseq.
 *
 * The entry code looks at the pending flags (TIF_*) with interrupts off right before it leaves the
 * kernel, and calls hook_exit_to_user with interrupts on as long as one is set: what an interrupt
 * adds after that look comes with an interrupt of its own. The order of the work matters: other
 * threads run first, so that what comes after is not stale when the program goes on; a task that is
 * to die does nothing else; processor time and files may send signals, so they come before
 * these; a restartable sequence is put right last, for the address at which the program goes on is
 * then settled.
 */
#include "kernel/proc/return_to_user.h"

#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/proc/futex/rseq.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/file_owner.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/sched/sched.h"

static bool has_work(const struct task *self, uint32_t work)
{
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & work) != 0;
}

void return_die_if_killed(struct task *self)
{
    if (has_work(self, TIF_KILL))
        task_exit_killed(self);
}

void hook_exit_to_user(struct trap_frame *frame)
{
    struct task *self = task_current();

    sched_preempt_point();
    return_die_if_killed(self);
    if (has_work(self, TIF_CPU_TIME))
        signal_timers_check_cpu(self);
    if (has_work(self, TIF_FILE)) {
        arch_thread_clear_work(&self->thread.arch, TIF_FILE);
        file_owner_flush();
    }
    if (has_work(self, TIF_SIGNAL))
        signal_deliver(self, frame);
    if (has_work(self, TIF_RSEQ))
        rseq_resume(self, frame);
}

/* RIP is kept for a handler to see; it is not run. */
void hook_bad_return(struct trap_frame *frame)
{
    struct task *self = task_current();

    trap_frame_set_full(frame);
    self->fault_vector = VECTOR_PROTECTION;
    self->fault_error = 0;
    signal_force(self, LX_SIGSEGV);
}
