/* SPDX-License-Identifier: MIT */
/* The way back to ring 3: signals are acted on, interrupted calls end or start anew. */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/sigframe.h"
#include "kernel/proc/signal_inside.h"
#include "kernel/proc/signal_timer.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define SYSCALL_NBYTES 2 /* of the instruction */

/* Numbers of table.def that this file treats in a way of their own. */
enum {
    CALL_POLL = 7,
    CALL_SELECT = 23,
    CALL_PAUSE = 34,
    CALL_NANOSLEEP = 35,
    CALL_CLONE = 56,
    CALL_FORK = 57,
    CALL_VFORK = 58,
    CALL_SEMOP = 65,
    CALL_RT_SIGTIMEDWAIT = 128,
    CALL_RT_SIGSUSPEND = 130,
    CALL_FUTEX = 202,
    CALL_IO_GETEVENTS = 208,
    CALL_SEMTIMEDOP = 220,
    CALL_CLOCK_NANOSLEEP = 230,
    CALL_EPOLL_WAIT = 232,
    CALL_PSELECT6 = 270,
    CALL_PPOLL = 271,
    CALL_EPOLL_PWAIT = 281,
    CALL_CLONE3 = 435,
    CALL_EPOLL_PWAIT2 = 441,
};

enum restart {
    RESTART_ALWAYS,     /* nothing has happened yet */
    RESTART,            /* after a handler with SA_RESTART, and when no handler runs */
    RESTART_NO_HANDLER, /* only when no handler runs */
    RESTART_NEVER,
};

/* As in signal(7), "Interruption of system calls and library functions by signal handlers". */
static enum restart restart_of(const struct trap_frame *frame)
{
    switch (frame->error) {
    case CALL_CLONE:
    case CALL_FORK:
    case CALL_VFORK:
    case CALL_CLONE3:
        return RESTART_ALWAYS;
    case CALL_POLL:
    case CALL_SELECT:
    case CALL_PAUSE:
    case CALL_NANOSLEEP:
    case CALL_RT_SIGSUSPEND:
    case CALL_CLOCK_NANOSLEEP:
    case CALL_PSELECT6:
    case CALL_PPOLL:
        return RESTART_NO_HANDLER;
    case CALL_SEMOP:
    case CALL_SEMTIMEDOP:
    case CALL_RT_SIGTIMEDWAIT:
    case CALL_IO_GETEVENTS:
    case CALL_EPOLL_WAIT:
    case CALL_EPOLL_PWAIT:
    case CALL_EPOLL_PWAIT2:
        return RESTART_NEVER;
    case CALL_FUTEX: /* with a time-out, the fourth argument, it is a sleep */
        return frame->r10 ? RESTART_NO_HANDLER : RESTART;
    default:
        return RESTART;
    }
}

static bool is_interrupted_call(const struct trap_frame *frame)
{
    return frame->vector == VECTOR_SYSCALL && frame->rax == (uint64_t)-EINTR;
}

/* Back to the SYSCALL instruction with its number; the arguments are in their registers still. */
static void restart(struct trap_frame *frame)
{
    frame->rip -= SYSCALL_NBYTES;
    frame->rax = (uint32_t)frame->error;
}

/* Runs the handler when ring 3 goes on. */
static void handle(struct task *self, struct trap_frame *frame, const struct lx_sigaction *action,
                   const struct lx_siginfo *info)
{
    uint64_t mask = self->sig_restore ? self->sig_saved_mask : self->sig_mask;
    uint64_t blocked = self->sig_mask | action->mask;

    if (is_interrupted_call(frame) &&
        restart_of(frame) <= (action->flags & LX_SA_RESTART ? RESTART : RESTART_ALWAYS))
        restart(frame);
    self->restart_deadline_ns = 0;
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
    /* More is blocked, so nothing new can have become ready. */
    __atomic_store_n(&self->sig_mask, blocked & ~SIGNAL_UNBLOCKABLE, __ATOMIC_RELEASE);
}

/* Takes the next signal. 0: none is left; else its action is that of the moment. */
static int next_signal(struct task *self, struct lx_siginfo *info, struct lx_sigaction *action)
{
    struct process *process = self->process;
    int number;

    spin_lock(&process->lock);
    number = signal_take(self, info);
    if (number) {
        *action = process->actions[number - 1];
        if (action->handler > LX_SIG_IGN && (action->flags & LX_SA_RESETHAND))
            process->actions[number - 1].handler = LX_SIG_DFL;
        if (action->handler == LX_SIG_DFL && (SIGNAL_BIT(number) & SIGNAL_DEFAULT_STOP))
            process->sig_stopping = number;
    }
    spin_unlock(&process->lock);
    if (number)
        signal_timers_taken(self, info);
    return number;
}

/* True: a handler will run (or SIGSEGV waits because it cannot). */
static bool act(struct task *self, struct trap_frame *frame, const struct lx_siginfo *info,
                const struct lx_sigaction *action)
{
    uint64_t bit = SIGNAL_BIT(info->signo);

    if (action->handler == LX_SIG_IGN)
        return false;
    if (action->handler != LX_SIG_DFL) {
        handle(self, frame, action, info);
        return true;
    }
    if (bit & SIGNAL_DEFAULT_STOP)
        signal_stop(self, info->signo);
    else if (!(bit & SIGNAL_DEFAULT_IGNORE))
        process_exit(self, PROCESS_SIGNALED, info->signo);
    return false;
}

static void no_handler(struct task *self, struct trap_frame *frame)
{
    if (is_interrupted_call(frame) && restart_of(frame) != RESTART_NEVER)
        restart(frame);
    if (self->sig_restore) {
        self->sig_restore = false;
        signal_set_mask(self, self->sig_saved_mask);
    }
}

static bool has_work(const struct task *self, uint32_t work)
{
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & work) != 0;
}

static void die_if_killed(struct task *self)
{
    if (!has_work(self, ARCH_WORK_KILL))
        return;
    if (__atomic_load_n(&self->process->limit_reached, __ATOMIC_ACQUIRE))
        process_exit(self, PROCESS_LIMIT, 0);
    process_exit(self, PROCESS_SIGNALED, LX_SIGKILL);
}

static void deliver(struct task *self, struct trap_frame *frame)
{
    struct lx_sigaction action;
    struct lx_siginfo info;

    signal_timers_collect(self);
    while (next_signal(self, &info, &action)) {
        if (act(self, frame, &info, &action))
            return; /* if there are more, the entry code calls again */
        die_if_killed(self);
        signal_timers_collect(self);
    }
    no_handler(self, frame);
}

void hook_return_work(struct trap_frame *frame)
{
    struct task *self = task_current();

    if (has_work(self, ARCH_WORK_RESCHED))
        sched_yield_cpu();
    die_if_killed(self);
    if (has_work(self, ARCH_WORK_CPU_TIME))
        signal_timers_check_cpu(self);
    if (has_work(self, ARCH_WORK_SIGNAL))
        deliver(self, frame);
    if (has_work(self, ARCH_WORK_RSEQ))
        rseq_resume(self, frame);
}
