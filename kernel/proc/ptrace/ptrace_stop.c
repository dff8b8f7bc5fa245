/* SPDX-License-Identifier: MIT */
/*
 * ptrace: stops, as the tracee has them.
 *
 * Every stop is stop_locked: the tracee says why it stops, reports to its tracer, and sleeps until
 * it is resumed or let go, or must die. It is resumed by a change of .state, under the tree lock,
 * so no wake-up is lost. A tracer that works on it has it .frozen: then even SIGKILL lets it sleep
 * until the request is done. What it is to do next is in the tracee (.steps, .watches_calls) and in
 * task.ptrace_signal, which outlives the tracee.
 *
 * A step is RFLAGS.TF on the way to ring 3. task.trace_flag says that the flag is not the
 * program's: it is taken out at every stop and before a handler's frame is written, so that neither
 * the program nor its tracer sees it. After a call that was stepped the kernel sends the signal
 * itself, for SYSCALL has cleared the flag (Intel SDM vol. 2, SYSCALL).
 */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

#define EVENT_STATUS(event) (LX_SIGTRAP | (int)(event) << 8)
#define CALL_GOOD           0x80
#define CALL_EXECVE         59 /* the one that replaces its frame */

static COLD bool must_die(const struct task *self)
{
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & TIF_KILL) != 0;
}

/* One that is killed stops at its exit, too, as long as its tracer does not end as well: several
 * that trace each other would wait for ever. Whichever is told to end last sees the others'. */
static COLD bool stays_dead_locked(const struct tracee *tracee)
{
    const struct process *tracer = tracee->tracer, *process = tracee->task->process;

    ASSERT(process_tree_is_held());
    return tracee->at_exit && !process_is_killed(tracer) &&
           !__atomic_load_n(&tracer->ending, __ATOMIC_ACQUIRE) && !process->killed_ns &&
           !__atomic_load_n(&process->limit_reached, __ATOMIC_ACQUIRE);
}

static COLD void step_end(struct task *self)
{
    if (self->trace_flag)
        arch_thread_frame(&self->thread.arch)->rflags &= ~RFLAGS_TF;
    self->trace_flag = false;
}

/* IRETQ, for what SYSRET does to a set flag differs between processors. */
static COLD void step_begin(struct task *self)
{
    struct trap_frame *frame = arch_thread_frame(&self->thread.arch);

    if (!(frame->rflags & RFLAGS_TF)) {
        frame->rflags |= RFLAGS_TF;
        self->trace_flag = true;
    }
    if (frame->vector == VECTOR_SYSCALL)
        frame->vector = VECTOR_SYSCALL_IRET;
}

/* The signal of a stop that is no signal's. */
static COLD struct lx_siginfo info_of(const struct task *self, int status)
{
    return (struct lx_siginfo){
        .signo = LX_SIGTRAP,
        .code = status,
        .sender = {.pid = self->tid, .uid = self->fs ? self->fs->cred.uid : 0},
    };
}

/* The caller is traced. Sleeps with the lock dropped; afterwards it may not be any more. info NULL:
 * the stop has none (GETSIGINFO: EINVAL). False: that tracer has let go, whether there is another
 * by now or not. */
static COLD bool stop_locked(struct task *self, int status, const struct lx_siginfo *info,
                             uint64_t *flags)
{
    struct tracee *tracee = self->ptrace;
    const uint32_t count = self->trace_count;

    ASSERT(process_tree_is_held() && tracee->state == TRACEE_RUNS);
    step_end(self);
    tracee->status = status;
    tracee->has_info = info != NULL;
    if (info)
        tracee->info = *info;
    tracee->state = TRACEE_STOPPED;
    ptrace_tell_locked(tracee, tracee->in_group_stop ? LX_CLD_STOPPED : LX_CLD_TRAPPED,
                       status & 0x7f);
    while ((tracee = self->ptrace) != NULL && self->trace_count == count &&
           (tracee->state == TRACEE_STOPPED || tracee->frozen)) {
        if (must_die(self) && !tracee->frozen && !stays_dead_locked(tracee)) {
            list_remove(&tracee->news_link);
            list_init(&tracee->news_link);
            tracee->state = TRACEE_RUNS;
            break;
        }
        sched_prepare(tracee->frozen || must_die(self) ? SCHED_UNINTERRUPTIBLE : SCHED_KILLABLE);
        spin_unlock_irqrestore(&process_tree_lock, *flags);
        sched_block();
        *flags = spin_lock_irqsave(&process_tree_lock);
    }
    if (tracee && tracee->steps)
        step_begin(self);
    return tracee && self->trace_count == count;
}

/* A stop of its own accord. Returns the signal that the tracer has given it, which counts at calls
 * alone: ptrace(2), "Injecting and suppressing signals". */
static COLD int stop_simply(struct task *self, int status)
{
    struct lx_siginfo info = info_of(self, status);
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int signal = 0;

    if (self->ptrace)
        self->ptrace->at_exit = status == EVENT_STATUS(LX_PTRACE_EVENT_EXIT);
    if (self->ptrace && (!must_die(self) || stays_dead_locked(self->ptrace))) {
        self->ptrace_signal = 0;
        (void)stop_locked(self, status, &info, &flags);
        signal = self->ptrace_signal;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return signal;
}

/* A signal for the caller's own task, from the kernel or from its tracer. */
static COLD void signal_oneself(struct task *self, const struct lx_siginfo *info)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = signal_send_info_locked(self->process, self, info, false);

    spin_unlock_irqrestore(&process_tree_lock, flags);
    ASSERT(!err);
}

COLD int ptrace_signal(struct task *self, struct lx_siginfo *info)
{
    const int taken = info->signo;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int signal = taken;
    bool kept;

    if (self->ptrace && !must_die(self)) {
        /* What it gets if its tracer goes away without a word. */
        self->ptrace_signal = taken;
        kept = stop_locked(self, taken, info, &flags);
        signal = must_die(self) ? 0 : self->ptrace_signal;
        if (signal == taken && kept)
            *info = self->ptrace->info;
        if (signal && signal != taken)
            *info = (struct lx_siginfo){.code = LX_SI_USER};
        if (signal && signal != taken && kept)
            info->sender.pid = self->ptrace->tracer->pid;
        info->signo = signal;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    /* Another one than was taken may be blocked: then it waits. */
    if (signal != taken && signal && (self->sig_mask & SIGNAL_BIT(signal))) {
        signal_oneself(self, info);
        return 0;
    }
    return signal;
}

/* Whether this stop of its group was over for the task before, by its tracer's word. */
static COLD bool is_passed(const struct task *self)
{
    return __atomic_load_n(&self->stop_passed, __ATOMIC_RELAXED);
}

COLD bool ptrace_group_stop(struct task *self)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = self->ptrace;
    struct lx_siginfo info;
    int status;
    bool kept;

    if (!tracee || is_passed(self)) {
        bool passed = tracee != NULL;

        spin_unlock_irqrestore(&process_tree_lock, flags);
        return passed;
    }
    status = process->sig_stop_number | (tracee->seized ? LX_PTRACE_EVENT_STOP << 8 : 0);
    info = info_of(self, status);
    info.signo = process->sig_stop_number;
    tracee->in_group_stop = true;
    kept = stop_locked(self, status, tracee->seized ? &info : NULL, &flags);
    if (kept)
        self->ptrace->in_group_stop = false;
    /* The others stay stopped. A SIGCONT that has come meanwhile has cleared both already. */
    spin_lock(&process->lock);
    self->stop_passed = kept && process->sig_stopped;
    spin_unlock(&process->lock);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return kept;
}

/* One that was not seized stays in its stop until its tracer lets it go on; the tracer of a seized
 * one is told. */
static COLD void task_continued_locked(struct task *task)
{
    struct tracee *tracee = task->ptrace;

    ASSERT(process_tree_is_held());
    task->stop_passed = false;
    if (!tracee->seized)
        return;
    task->trap_pending = true;
    arch_thread_add_work(&task->thread.arch, TIF_SIGNAL);
    if (tracee->state == TRACEE_STOPPED && tracee->listening) {
        tracee->listening = false;
        tracee->state = TRACEE_RUNS;
        sched_wake(&task->thread);
    } else {
        sched_notify(&task->thread);
    }
}

COLD void ptrace_continued_locked(struct process *process)
{
    ASSERT(process_tree_is_held() && spin_is_held(&process->lock));
    process_each_task (task, process)
        if (task->ptrace)
            task_continued_locked(task);
}

COLD void ptrace_trap(struct task *self)
{
    spin_lock(&self->process->lock);
    self->trap_pending = false;
    spin_unlock(&self->process->lock);
    stop_simply(self, EVENT_STATUS(LX_PTRACE_EVENT_STOP));
}

COLD void ptrace_event(struct task *self, unsigned event, uint64_t message)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = self->ptrace;
    bool wanted = tracee && (tracee->options & 1U << event);

    if (tracee)
        tracee->message = message;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!wanted)
        return;
    stop_simply(self, EVENT_STATUS(event));
    /* The call was made directly, and its end is to be seen now. */
    if (!self->call_followed && !__atomic_load_n(&self->direct_calls, __ATOMIC_RELAXED)) {
        const struct trap_frame *frame = arch_thread_frame(&self->thread.arch);

        self->call_late = true;
        self->late_number = trap_frame_is_call(frame) ? (uint32_t)frame->error : CALL_EXECVE;
        arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
    }
}

/* ---- calls ---- */

/* 0: no stop; else its status. */
static COLD int call_stop_status(struct task *self, uint8_t op, uint32_t number)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = self->ptrace;
    int status = 0;

    if (tracee && tracee->watches_calls) {
        tracee->call_op = op;
        tracee->call_number = number;
        status = LX_SIGTRAP | (tracee->options & LX_PTRACE_O_TRACESYSGOOD ? CALL_GOOD : 0);
        tracee->message = op; /* PTRACE_EVENTMSG_SYSCALL_ENTRY and _EXIT have the same values */
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return status;
}

static COLD void call_stop_end(struct task *self)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    if (self->ptrace)
        self->ptrace->call_op = LX_SYSCALL_INFO_NONE;
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static COLD void call_stop(struct task *self, uint8_t op, uint32_t number)
{
    int status = call_stop_status(self, op, number);
    int signal;

    if (!status)
        return;
    signal = stop_simply(self, status);
    if (signal)
        signal_oneself(self, &(struct lx_siginfo){.signo = signal, .code = LX_SI_KERNEL});
    call_stop_end(self);
}

COLD bool ptrace_call_enter(struct task *self, struct trap_frame *frame)
{
    self->call_followed = true;
    call_stop(self, LX_SYSCALL_INFO_ENTRY, (uint32_t)frame->error);
    /* -1 is no call: RAX stays as the tracer has set it. */
    return !must_die(self) && (uint32_t)frame->error != UINT32_MAX;
}

COLD bool ptrace_suspends_seccomp(struct task *self)
{
    uint64_t flags;
    bool suspends;

    if (likely(!__atomic_load_n(&self->ptrace, __ATOMIC_RELAXED)))
        return false;
    flags = spin_lock_irqsave(&process_tree_lock);
    suspends = self->ptrace && (self->ptrace->options & LX_PTRACE_O_SUSPEND_SECCOMP);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return suspends;
}

COLD bool ptrace_seccomp(struct task *self, uint32_t data)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = self->ptrace;
    bool wanted = tracee && (tracee->options & 1U << LX_PTRACE_EVENT_SECCOMP);

    if (wanted) {
        tracee->call_op = LX_SYSCALL_INFO_SECCOMP;
        tracee->message = data;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!wanted)
        return false;
    stop_simply(self, EVENT_STATUS(LX_PTRACE_EVENT_SECCOMP));
    call_stop_end(self);
    return !must_die(self);
}

COLD void ptrace_call_leave(struct task *self, struct trap_frame *frame, uint32_t number)
{
    const struct lx_siginfo trap = {
        .signo = LX_SIGTRAP, .code = LX_TRAP_BRKPT, .fault = {frame->rip}};
    bool stepped = self->trace_flag;

    self->call_followed = false;
    call_stop(self, LX_SYSCALL_INFO_EXIT, number);
    if (stepped && self->trace_flag && self->ptrace)
        signal_force_info(self, &trap);
}

COLD void ptrace_call_leave_late(struct task *self)
{
    self->call_late = false;
    ptrace_call_leave(self, arch_thread_frame(&self->thread.arch), self->late_number);
}

/* ---- handlers, exec ---- */

COLD void ptrace_handler_prepare(struct task *self, struct trap_frame *frame)
{
    if (self->trace_flag)
        frame->rflags &= ~RFLAGS_TF;
    self->trace_flag = false;
}

COLD void ptrace_handler_entered(struct task *self)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool steps = self->ptrace && self->ptrace->steps;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (steps)
        stop_simply(self, LX_SIGTRAP);
}

COLD bool ptrace_limits_exec(struct task *self)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool limits = self->ptrace && !self->ptrace->capable;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return limits;
}

/* A tracer that attached during the exec was not known when the rights were decided on. */
static COLD void exec_check_tracer(struct task *self)
{
    const bool undumpable = __atomic_load_n(&self->thread.space->undumpable, __ATOMIC_RELAXED);
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tracee *tracee = self->ptrace;

    if (tracee && !tracee->capable &&
        (undumpable || !ptrace_is_same_user_locked(tracee->tracer, self)))
        ptrace_lose_locked(tracee);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

COLD void ptrace_exec(struct task *self, int old_tid)
{
    const struct lx_siginfo trap = {
        .signo = LX_SIGTRAP, .code = LX_SI_USER, .sender = {.pid = self->tid}};
    const struct tracee *tracee;
    uint64_t flags;
    bool plain;

    exec_check_tracer(self);
    flags = spin_lock_irqsave(&process_tree_lock);
    tracee = self->ptrace;
    plain = tracee && !tracee->seized && !(tracee->options & 1U << LX_PTRACE_EVENT_EXEC);

    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (plain)
        signal_oneself(self, &trap);
    else
        ptrace_event(self, LX_PTRACE_EVENT_EXEC, (uint64_t)old_tid);
}
