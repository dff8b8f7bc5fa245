/* SPDX-License-Identifier: MIT */
/*
 * Signal masks and actions, and waiting for signals by hand.
 *
 * TIF_SIGNAL of a task means: there is perhaps something to do before ring 3. It is set by senders
 * and timers and brought up to date by signal_recheck under process.lock, whenever the mask, the
 * set that sigtimedwait waits for, or the queues have changed. A flag too many costs a look at the
 * queues; one too few would leave a signal pending for ever.
 */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_share.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define ACTION_FLAGS                                                                               \
    (LX_SA_NOCLDSTOP | LX_SA_NOCLDWAIT | LX_SA_SIGINFO | LX_SA_RESTORER | LX_SA_ONSTACK |          \
     LX_SA_EXPOSE_TAGBITS | LX_SA_RESTART | LX_SA_NODEFER | LX_SA_RESETHAND)

uint64_t signal_pending(const struct task *self)
{
    return __atomic_load_n(&self->sig_queue.set, __ATOMIC_ACQUIRE) |
           __atomic_load_n(&self->process->sig_queue.set, __ATOMIC_ACQUIRE);
}

/* The flag is cleared first and timers are looked at last: one that fires in between sets it
 * again. */
void signal_recheck(struct task *task)
{
    struct arch_thread *arch = &task->thread.arch;

    /* sig_wait: signals that are blocked, yet end the sleep of sigtimedwait. */
    if (signal_pending(task) & (~task->sig_mask | task->sig_wait)) {
        arch_thread_add_work(arch, TIF_SIGNAL);
        return;
    }
    if (!(__atomic_load_n(&arch->work, __ATOMIC_RELAXED) & TIF_SIGNAL))
        return;
    arch_thread_clear_work(arch, TIF_SIGNAL);
    if (task->sig_restore || task->sig_restart || task->trap_pending ||
        (task->process->sig_stopped && !task->stop_passed) || signal_timers_fired(task->process))
        arch_thread_add_work(arch, TIF_SIGNAL);
}

/* Without the lock while nothing is pending: a sender notes its signal before it looks at the mask,
 * this stores the mask before it looks at the signals, so one of the two sees the other. */
void signal_set_mask(struct task *self, uint64_t mask)
{

    __atomic_store_n(&self->sig_mask, mask & ~SIGNAL_UNBLOCKABLE, __ATOMIC_SEQ_CST);
    if (likely(!signal_pending(self)))
        return;
    spin_lock(&self->process->lock);
    signal_recheck(self);
    if (self->process->threaded)
        signal_retarget_locked(self->process, self->sig_mask);
    spin_unlock(&self->process->lock);
}

/* The flag makes signal_deliver run even without a signal: it is what puts the mask back. */
void signal_restore_mask_later(struct task *self, uint64_t saved)
{
    self->sig_saved_mask = saved;
    self->sig_restore = true;
    arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
}

/* A signal that is ignored from now on does not stay pending. The result is to be freed. */
static NOINLINE struct signal_entry *drop_ignored_locked(struct task *self, int number)
{
    struct signal_entry *dead;

    ASSERT(spin_is_held(&self->process->lock));
    if (!signal_is_ignored(self->process, number))
        return NULL;
    dead = signal_queue_cut(&self->process->sig_queue, SIGNAL_BIT(number), NULL);
    process_each_task (task, self->process)
        dead = signal_queue_cut(&task->sig_queue, SIGNAL_BIT(number), dead);
    signal_recheck(self);
    return dead;
}

int64_t signal_set_action(struct task *self, int number, struct uptr action, struct uptr old)
{
    struct process *process = self->process;
    struct lx_sigaction wanted, before, *slot;
    struct signal_entry *dead = NULL;

    /* Linux's order of errors: the new action is read before the number is checked. */
    if (!action.va)
        wanted = (struct lx_sigaction){}; /* not used, which not every compiler finds out */
    else if (vm_user_read_words(&wanted.handler, action, sizeof(wanted) / 8))
        return -EFAULT;
    if (!signal_valid(number) || (action.va && (SIGNAL_BIT(number) & SIGNAL_UNBLOCKABLE)))
        return -EINVAL;
    slot = &process->actions[number - 1];
    spin_lock_inline(&process->lock);
    if (old.va)
        before = *slot;
    if (action.va) {
        slot->handler = wanted.handler;
        /* Programs probe for flags by setting them and reading back what the kernel kept
         * (sigaction(2), SA_UNSUPPORTED). */
        slot->flags = wanted.flags & ACTION_FLAGS;
        slot->restorer = wanted.restorer;
        slot->mask = wanted.mask & ~SIGNAL_UNBLOCKABLE;
        process->actions_set |= SIGNAL_BIT(number);
        if (unlikely(process->threaded || (signal_pending(self) & SIGNAL_BIT(number))))
            dead = drop_ignored_locked(self, number);
    }
    spin_unlock_inline(&process->lock);
    if (unlikely(dead))
        signal_entries_free(dead);
    if (unlikely(signal_is_shared(process)) && action.va)
        signal_share_action(process, number);
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}

void signal_clear_handlers(struct process *process)
{
    if (signal_is_shared(process))
        signal_unshare(process);
    spin_lock(&process->lock);
    for (uint64_t left = process->actions_set; left; left &= left - 1) {
        struct lx_sigaction *action = &process->actions[__builtin_ctzll(left)];

        /* execve(2): caught signals go back to their default, ignored ones stay ignored. */
        bool ignored = action->handler == LX_SIG_IGN;

        *action = (struct lx_sigaction){.handler = ignored ? LX_SIG_IGN : LX_SIG_DFL};
    }
    spin_unlock(&process->lock);
    signal_timers_drop(process, false);
}

/* A fault of the task itself comes before anything else, so that its handler finds the registers
 * of the fault; then the lowest number. */
static int signal_lowest(uint64_t ready)
{
    const uint64_t synchronous = SIGNAL_BIT(LX_SIGSEGV) | SIGNAL_BIT(LX_SIGBUS) |
                                 SIGNAL_BIT(LX_SIGILL) | SIGNAL_BIT(LX_SIGTRAP) |
                                 SIGNAL_BIT(LX_SIGFPE) | SIGNAL_BIT(LX_SIGSYS);

    if (ready & synchronous)
        ready &= synchronous;
    return __builtin_ctzll(ready) + 1;
}

/* Signals to the task come before those to the process, as on Linux (dequeue_signal). */
static int signal_take_pending(struct task *self, uint64_t wanted, struct lx_siginfo *info)
{
    struct process *process = self->process;
    struct signal_queue *queue = &self->sig_queue;
    uint64_t ready = queue->set & wanted;
    int number;

    if (!ready) {
        queue = &process->sig_queue;
        ready = queue->set & wanted;
    }
    if (!ready)
        return 0;
    number = signal_lowest(ready);
    signal_queue_take(queue, number, info);
    return number;
}

int signal_take(struct task *self, struct lx_siginfo *info)
{
    /* The recheck afterwards clears the flag if this was the last one. */
    int number = signal_take_pending(self, ~self->sig_mask, info);

    signal_recheck(self);
    return number;
}

int signal_take_from(struct task *self, uint64_t set, struct lx_siginfo *info)
{
    int number;

    signal_timers_collect(self);
    spin_lock(&self->process->lock);
    number = signal_take_pending(self, set, info);
    signal_recheck(self);
    spin_unlock(&self->process->lock);
    if (number)
        signal_timers_taken(self, info);
    return number;
}

void signal_set_wait(struct task *self, uint64_t set)
{
    spin_lock(&self->process->lock);
    self->sig_wait = set;
    signal_recheck(self);
    if (self->process->threaded)
        signal_retarget_locked(self->process, self->sig_mask);
    spin_unlock(&self->process->lock);
}

/* While it sleeps, blocked signals of the set end the sleep. */
int signal_wait_for(struct task *self, uint64_t set, uint64_t deadline_ns, struct lx_siginfo *info)
{
    int number = signal_take_from(self, set, info);
    struct waitq no_event;
    int err;

    if (number)
        return number;
    /* A queue that is never woken: only a signal or the time ends the wait. */
    waitq_init(&no_event);
    signal_set_wait(self, set);
    do {
        err = waitq_wait(&no_event, NULL, deadline_ns);
        if (err)
            number = signal_take_from(self, set, info);
        /* A timer has rung whose signal is blocked, and none of the set: that interrupts no
         * wait. */
        if (!number && err == -ERESTARTSYS && !waitq_interrupted())
            err = 0;
    } while (!err);
    signal_set_wait(self, 0);
    if (number)
        return number;
    return err == -ETIMEDOUT ? -EAGAIN : err;
}
