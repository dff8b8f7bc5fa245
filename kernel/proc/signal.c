/* SPDX-License-Identifier: MIT */
#include "kernel/proc/signal.h"

#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/proc/process.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"

#define UNBLOCKABLE (SIGNAL_BIT(LX_SIGKILL) | SIGNAL_BIT(LX_SIGSTOP))
#define DEFAULT_IGNORE                                                                             \
    (SIGNAL_BIT(LX_SIGCHLD) | SIGNAL_BIT(LX_SIGCONT) | SIGNAL_BIT(LX_SIGURG) |                     \
     SIGNAL_BIT(LX_SIGWINCH))
#define DEFAULT_STOP                                                                               \
    (SIGNAL_BIT(LX_SIGSTOP) | SIGNAL_BIT(LX_SIGTSTP) | SIGNAL_BIT(LX_SIGTTIN) |                    \
     SIGNAL_BIT(LX_SIGTTOU))

static bool is_ignored(const struct process *process, int number)
{
    /* A handler is not called yet: the default action stands in for it. */
    return process->actions[number - 1].handler == LX_SIG_IGN ||
           (SIGNAL_BIT(number) & DEFAULT_IGNORE);
}

static void send(struct task *task, uint64_t *pending, int number)
{
    /* A blocked signal stays pending even if ignored: its action may change before it is let in. */
    if (is_ignored(task->process, number) && !(task->sig_mask & SIGNAL_BIT(number)))
        return;
    __atomic_fetch_or(pending, SIGNAL_BIT(number), __ATOMIC_RELEASE);
    signal_recheck(task);
}

void signal_send_process(struct process *process, int number)
{
    send(process->task, &process->sig_pending, number);
}

void signal_send_task(struct task *task, int number)
{
    send(task, &task->sig_pending, number);
}

void signal_force(struct task *self, int number)
{
    struct lx_sigaction *action = &self->process->actions[number - 1];

    if (action->handler == LX_SIG_IGN || (self->sig_mask & SIGNAL_BIT(number)))
        action->handler = LX_SIG_DFL;
    self->sig_mask &= ~SIGNAL_BIT(number);
    __atomic_fetch_or(&self->sig_pending, SIGNAL_BIT(number), __ATOMIC_RELEASE);
    signal_recheck(self);
}

uint64_t signal_pending(const struct task *self)
{
    return __atomic_load_n(&self->sig_pending, __ATOMIC_ACQUIRE) |
           __atomic_load_n(&self->process->sig_pending, __ATOMIC_ACQUIRE);
}

void signal_recheck(struct task *self)
{
    if (signal_pending(self) & ~self->sig_mask)
        arch_thread_add_work(&self->thread.arch, ARCH_WORK_SIGNAL);
    else
        arch_thread_clear_work(&self->thread.arch, ARCH_WORK_SIGNAL);
}

void signal_drop_ignored(struct task *self, int number)
{
    if (!is_ignored(self->process, number))
        return;
    __atomic_fetch_and(&self->sig_pending, ~SIGNAL_BIT(number), __ATOMIC_ACQ_REL);
    __atomic_fetch_and(&self->process->sig_pending, ~SIGNAL_BIT(number), __ATOMIC_ACQ_REL);
    signal_recheck(self);
}

void signal_set_mask(struct task *self, uint64_t mask)
{
    self->sig_mask = mask & ~UNBLOCKABLE;
    signal_recheck(self);
}

/* The lowest deliverable signal, faults of the task itself first; 0: none. */
static int take(struct task *self)
{
    const uint64_t synchronous = SIGNAL_BIT(LX_SIGSEGV) | SIGNAL_BIT(LX_SIGBUS) |
                                 SIGNAL_BIT(LX_SIGILL) | SIGNAL_BIT(LX_SIGTRAP) |
                                 SIGNAL_BIT(LX_SIGFPE) | SIGNAL_BIT(LX_SIGSYS);
    uint64_t ready = signal_pending(self) & ~self->sig_mask;
    uint64_t bit;

    if (!ready)
        return 0;
    if (ready & synchronous)
        ready &= synchronous;
    bit = ready & -ready;
    if (__atomic_fetch_and(&self->sig_pending, ~bit, __ATOMIC_ACQ_REL) & bit)
        return __builtin_ctzll(bit) + 1;
    __atomic_fetch_and(&self->process->sig_pending, ~bit, __ATOMIC_ACQ_REL);
    return __builtin_ctzll(bit) + 1;
}

/* Nobody can send SIGCONT while this is the only process: only its limit or SIGKILL ends it. */
static void stop_until_killed(struct task *self)
{
    irq_disable();
    while (!(__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & ARCH_WORK_KILL))
        irq_wait();
    irq_enable();
}

void hook_return_work(struct trap_frame *frame)
{
    struct task *self = task_current();
    int number;

    (void)frame;
    if (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & ARCH_WORK_KILL) {
        if (__atomic_load_n(&self->process->limit_reached, __ATOMIC_ACQUIRE))
            process_exit(self, PROCESS_LIMIT, 0);
        process_exit(self, PROCESS_SIGNALED, LX_SIGKILL);
    }
    number = take(self);
    signal_recheck(self);
    if (!number || is_ignored(self->process, number))
        return;
    if (SIGNAL_BIT(number) & DEFAULT_STOP)
        stop_until_killed(self);
    else
        process_exit(self, PROCESS_SIGNALED, number);
}

void hook_bad_return(struct trap_frame *frame)
{
    trap_frame_set_full(frame);
    frame->rip = 0; /* never looked at again: the signal ends the task before it returns */
    signal_force(task_current(), LX_SIGSEGV);
}

/* A page fault: 0 when it is resolved, else the signal. */
static int page_fault(struct task *self, const struct trap_frame *frame, uint64_t cr2)
{
    enum vm_access access = frame->error & FAULT_FETCH   ? VM_EXEC
                            : frame->error & FAULT_WRITE ? VM_WRITE
                                                         : VM_READ;
    int err;

    /* From ring 3, yet not an access by ring 3: the processor read its own tables at an address
     * that the program chose (or, emulated, the stack of a far return under SMAP). */
    if (!(frame->error & FAULT_USER))
        return LX_SIGSEGV;
    err = vm_fault(self->thread.space, cr2, access);
    if (err == -ENOMEM)
        return LX_SIGKILL;
    if (err == -ENXIO)
        return LX_SIGBUS;
    return err ? LX_SIGSEGV : 0;
}

void hook_user_fault(struct trap_frame *frame, uint64_t cr2)
{
    static const uint8_t signals[VECTOR_FIRST_INTERRUPT] = {
        [VECTOR_DIVIDE] = LX_SIGFPE,       [VECTOR_DEBUG] = LX_SIGTRAP,
        [VECTOR_BREAKPOINT] = LX_SIGTRAP,  [VECTOR_OVERFLOW] = LX_SIGSEGV,
        [VECTOR_BOUND] = LX_SIGSEGV,       [VECTOR_INVALID_OPCODE] = LX_SIGILL,
        [VECTOR_INVALID_TSS] = LX_SIGSEGV, [VECTOR_NO_SEGMENT] = LX_SIGBUS,
        [VECTOR_STACK] = LX_SIGBUS,        [VECTOR_PROTECTION] = LX_SIGSEGV,
        [VECTOR_X87] = LX_SIGFPE,          [VECTOR_ALIGNMENT] = LX_SIGBUS,
        [VECTOR_SIMD] = LX_SIGFPE,
    };
    struct task *self = task_current();
    int number;

    if (frame->vector == VECTOR_PAGE_FAULT)
        number = page_fault(self, frame, cr2);
    else
        number = signals[frame->vector] ? signals[frame->vector] : LX_SIGSEGV;
    if (number)
        signal_force(self, number);
}
