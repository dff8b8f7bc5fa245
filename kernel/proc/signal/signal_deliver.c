/* SPDX-License-Identifier: MIT */
/*
 * Delivery of signals on the return to ring 3, and restart of interrupted calls.
 *
 * One handler's frame is pushed at a time; the entry code calls again while more are ready, so the
 * handler of the last runs first. A signal is taken and its action read in one hold of
 * process.lock. Timers that have fired are made into signals first.
 *
 * A call that was interrupted has left a code of lib/restart.h in RAX, which the program must not
 * see. hook_syscall notes that in sig_restart and sets TIF_SIGNAL, which stays set until the code
 * has been translated here: with a handler to -EINTR or back to the call, without one always back
 * to the call.
 */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/futex/rseq.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/return_to_user.h"
#include "kernel/proc/signal/sigframe.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_share.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define SYSCALL_NBYTES 2 /* of the instruction */

/* Pushing a handler's frame sets RAX to 0, so a call is restarted once at most. */
static bool is_interrupted_call(const struct trap_frame *frame)
{
    return trap_frame_is_call(frame) && restart_is_code((int64_t)frame->rax);
}

/* Back to the SYSCALL instruction with its number, or with that of the call that goes on with it;
 * the arguments are in their registers still. */
static void call_restart(struct trap_frame *frame)
{
    uint32_t number = (uint32_t)frame->error;

    if ((int64_t)frame->rax == -ERESTART_RESTARTBLOCK)
        number = RESTART_CALL;
    frame->rip -= SYSCALL_NBYTES;
    frame->rax = number;
}

/* Which call goes on is noted by that call: its number and the code in RAX can be a tracer's, and
 * filters of seccomp see RESTART_CALL alone. */
COLD int64_t signal_restart_until(struct task *self, uint64_t deadline_ns)
{
    const uint32_t number = (uint32_t)arch_thread_frame(&self->thread.arch)->error;

    if (number != RESTART_CALL)
        self->restart_number = number;
    self->restart_deadline_ns = deadline_ns;
    return -ERESTART_RESTARTBLOCK;
}

/* A handler is about to run: as in signal(7), "Interruption of system calls and library functions
 * by signal handlers". */
static void call_end_or_restart(struct task *self, struct trap_frame *frame, bool sa_restart)
{
    int64_t result = (int64_t)frame->rax;

    self->sig_restart = false;
    if (!is_interrupted_call(frame))
        return;
    if (result == -ERESTARTNOINTR || (result == -ERESTARTSYS && sa_restart))
        call_restart(frame);
    else
        frame->rax = (uint64_t)-EINTR;
}

/* Runs the handler when ring 3 goes on. */
static void signal_handle(struct task *self, struct trap_frame *frame,
                          const struct lx_sigaction *action, const struct lx_siginfo *info)
{
    uint64_t mask = self->sig_restore ? self->sig_saved_mask : self->sig_mask;
    uint64_t blocked = self->sig_mask | action->mask;

    /* Decided before the frame is pushed: the handler's sigreturn then runs the call again. */
    call_end_or_restart(self, frame, (action->flags & LX_SA_RESTART) != 0);
    /* The rest of an interrupted sleep belongs to that call: after a handler the program gets
     * EINTR. */
    self->restart_deadline_ns = 0;
    self->restart_number = 0;
    /* An open sequence is aborted first, so that the frame holds the address of its abort
     * handler. */
    if (unlikely(self->ptrace))
        ptrace_handler_prepare(self, frame);
    if (rseq_signal(self, frame) || sigframe_push(self, frame, action, info, mask)) {
        spin_lock(&self->process->lock);
        if (info->signo == LX_SIGSEGV) /* its own handler cannot be told */
            self->process->actions[LX_SIGSEGV - 1].handler = LX_SIG_DFL;
        spin_unlock(&self->process->lock);
        signal_force(self, LX_SIGSEGV);
        return;
    }
    self->sig_restore = false;
    if (!(action->flags & LX_SA_NODEFER))
        blocked |= SIGNAL_BIT(info->signo);
    /* More is blocked, so nothing new can have become ready, but for other tasks. */
    if (unlikely(self->process->threaded))
        signal_set_mask(self, blocked);
    else
        __atomic_store_n(&self->sig_mask, blocked & ~SIGNAL_UNBLOCKABLE, __ATOMIC_RELEASE);
    if (unlikely(self->ptrace))
        ptrace_handler_entered(self);
}

/* A tracer sees each signal, and says what becomes of it. False: nothing. The lock is dropped and
 * taken again. */
static NOINLINE bool tracer_lets_in_locked(struct task *self, struct lx_siginfo *info)
{
    int number;

    ASSERT(spin_is_held(&self->process->lock));
    spin_unlock(&self->process->lock);
    signal_timers_taken(self, info);
    number = ptrace_signal(self, info);
    spin_lock(&self->process->lock);
    return number != 0;
}

/* Takes the next signal. 0: none is left; else its action is that of the moment. */
static int next_signal(struct task *self, struct lx_siginfo *info, struct lx_sigaction *action)
{
    struct process *process = self->process;
    bool traced;
    int number;

    spin_lock_inline(&process->lock);
    do {
        number = signal_take(self, info);
        traced = number && unlikely(self->ptrace != NULL);
    } while (traced && !tracer_lets_in_locked(self, info));
    if (number) {
        number = info->signo;
        *action = process->actions[number - 1];
        if (likely(action->handler > LX_SIG_IGN)) {
            if (action->flags & LX_SA_RESETHAND)
                process->actions[number - 1].handler = LX_SIG_DFL;
        } else if (action->handler == LX_SIG_DFL && (SIGNAL_BIT(number) & SIGNAL_DEFAULT_STOP)) {
            process->sig_stopping |= SIGNAL_BIT(number);
        }
    }
    spin_unlock_inline(&process->lock);
    if (!number)
        return 0;
    if (!traced)
        signal_timers_taken(self, info);
    if (unlikely(action->flags & LX_SA_RESETHAND) && signal_is_shared(process))
        signal_share_action(process, number);
    return number;
}

/* True: a handler will run (or SIGSEGV waits because it cannot). */
static bool signal_act(struct task *self, struct trap_frame *frame, const struct lx_siginfo *info,
                       const struct lx_sigaction *action)
{
    uint64_t bit = SIGNAL_BIT(info->signo);

    if (action->handler == LX_SIG_IGN)
        return false;
    if (action->handler != LX_SIG_DFL) {
        signal_handle(self, frame, action, info);
        return true;
    }
    if (bit & SIGNAL_DEFAULT_STOP) {
        signal_stop(self, info->signo);
    } else if (!(bit & SIGNAL_DEFAULT_IGNORE)) {
        if (bit & SIGNAL_DEFAULT_CORE)
            core_dump(self, info);
        process_exit(self, PROCESS_SIGNALED, info->signo);
    }
    return false;
}

/* Every signal was ignored, stopped the process for a while, or was taken by another way: the call
 * goes on as if nothing had come, but for those that signal(7) excludes. */
static void deliver_no_handler(struct task *self, struct trap_frame *frame)
{
    self->sig_restart = false;
    if (is_interrupted_call(frame))
        call_restart(frame);
    if (self->sig_restore) {
        self->sig_restore = false;
        signal_set_mask(self, self->sig_saved_mask);
    }
}

/* What comes before the next signal: stops that a tracer has asked for, and those of the process.
 */
static inline void stop_if_asked(struct task *self)
{
    const struct process *process = self->process;

    while (unlikely(
        self->trap_pending || self->call_late ||
        (__atomic_load_n(&process->sig_stopped, __ATOMIC_RELAXED) && !self->stop_passed))) {
        if (self->call_late)
            ptrace_call_leave_late(self);
        else if (self->trap_pending)
            ptrace_trap(self);
        else
            signal_stop_join(self);
        return_die_if_killed(self);
    }
    signal_timers_collect(self);
}

void signal_deliver(struct task *self, struct trap_frame *frame)
{
    struct lx_sigaction action;
    struct lx_siginfo info;

    stop_if_asked(self);
    while (next_signal(self, &info, &action)) {
        if (signal_act(self, frame, &info, &action))
            return; /* if there are more, the entry code calls again */
        return_die_if_killed(self);
        stop_if_asked(self);
    }
    deliver_no_handler(self, frame);
}
