/* SPDX-License-Identifier: MIT */
/*
 * Job control: stop, continue, and the end of a process's signals.
 *
 * A stop has three steps. The signal is taken (sig_stopping, under process.lock); the tree is told
 * (sig_stopped; stopped and report_stop, under both locks); the task sleeps until sig_stopped is
 * false. SIGCONT takes back whichever step has been reached: it clears sig_stopping, or clears
 * sig_stopped and wakes the task. sig_continued then says that the tree still shows a stop; the
 * next holder of the tree lock, sender or task, reports the continuation once. A stop signal from a
 * terminal does nothing in an orphaned group: nothing would ever continue it.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

/* A stop signal takes back a SIGCONT that waits, and the other way round. A process that is about
 * to stop (it has taken the signal, but does not sleep yet) is covered: sig_stopping. */
void signal_stop_change(struct process *process, int number)
{
    uint64_t drop = number == LX_SIGCONT ? SIGNAL_DEFAULT_STOP : SIGNAL_BIT(LX_SIGCONT);
    struct signal_entry *dead;

    ASSERT(spin_is_held(&process->lock));
    /* POSIX 2.4.1: pending stop signals are discarded when SIGCONT comes, and the other way round,
     * whether they are blocked or not. */
    dead = signal_queue_cut(&process->sig_queue, drop, NULL);
    process_each_task (task, process)
        dead = signal_queue_cut(&task->sig_queue, drop, dead);
    /* Thousands are possible, of timers that were deleted; and interrupts are off. */
    signal_entries_free_later(dead);
    __atomic_fetch_and(&process->group_signals, ~drop, __ATOMIC_RELAXED);
    if (number != LX_SIGCONT)
        return;
    process->sig_stopping = 0;
    if (process->sig_stopped) {
        process->sig_stopped = false;
        process->sig_continued = true;
        /* sleep_stopped looks at sig_stopped after it has set its state, so this is never lost. */
        process_each_task (task, process)
            sched_wake(&task->thread);
    }
}

/* SIGCHLD about a stop or its end, if the parent asks for it; wait(2) in any case. */
static void parent_tell_locked(struct process *process, int code, int status)
{
    struct process *parent = process->parent;
    const struct lx_sigaction *action = &parent->actions[LX_SIGCHLD - 1];
    struct lx_siginfo info = {
        .signo = LX_SIGCHLD,
        .code = code,
        .child = {.pid = process->pid, .uid = identity_of_locked(process).uid, .status = status},
    };

    ASSERT(process_tree_is_held());
    if (action->handler != LX_SIG_IGN && !(action->flags & LX_SA_NOCLDSTOP)) {
        int err = signal_send_info_locked(parent, NULL, &info, false);

        ASSERT(!err);
    }
    waitq_wake_all(&parent->child_wait);
}

void signal_continue_report_locked(struct process *process)
{
    bool continued;

    ASSERT(process_tree_is_held());
    spin_lock(&process->lock);
    continued = process->sig_continued;
    process->sig_continued = false;
    spin_unlock(&process->lock);
    /* signal_exit has taken the stop back already, and an end is all that is reported from then
     * on. */
    if (!continued || process->sig_exiting)
        return;
    process_set_stopped_locked(process, false);
    process->report_stop = 0;
    process->report_cont = true;
    family_update_locked(process);
    parent_tell_locked(process, LX_CLD_CONTINUED, LX_SIGCONT);
}

/* True: the process counts as stopped from here on. */
static bool stop_begin_locked(struct process *process, int number)
{
    bool begun;

    ASSERT(process_tree_is_held());
    if (number != LX_SIGSTOP && process_group_is_orphaned(&process->group_pid->group))
        return false;
    spin_lock(&process->lock);
    /* SIGCONT may have come since the signal was taken: then there is no stop. */
    begun = process->sig_stopping == number;
    process->sig_stopping = 0;
    process->sig_stopped = begun;
    spin_unlock(&process->lock);
    if (!begun)
        return false;
    process_set_stopped_locked(process, true);
    process->report_stop = number;
    process->report_cont = false;
    family_update_locked(process);
    parent_tell_locked(process, LX_CLD_STOPPED, number);
    return true;
}

static bool stop_must_die(const struct task *self)
{
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & TIF_KILL) != 0;
}

/* Signals that come meanwhile wait: their work flag would end every sleep at once. */
static void sleep_stopped(struct task *self)
{
    struct process *process = self->process;

    while (!stop_must_die(self)) {
        sched_prepare(SCHED_INTERRUPTIBLE);
        arch_thread_clear_work(&self->thread.arch, TIF_SIGNAL);
        /* After sched_prepare: a SIGCONT in between makes the thread runnable again. */
        if (!__atomic_load_n(&process->sig_stopped, __ATOMIC_SEQ_CST)) {
            sched_cancel();
            return;
        }
        sched_block();
    }
}

void signal_stop(struct task *self, int number)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool begun = stop_begin_locked(process, number);

    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!begun)
        return;
    sleep_stopped(self);
    flags = spin_lock_irqsave(&process_tree_lock);
    /* Whichever of sender and task gets the lock first reports; the other finds the flag
     * cleared. */
    signal_continue_report_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    spin_lock(&process->lock);
    signal_recheck(self);
    if (signal_timers_fired(process))
        arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
    spin_unlock(&process->lock);
}

void signal_exit(struct task *self)
{
    struct process *process = self->process;
    uint64_t tree;

    /* Before the queues are emptied: a timer's entry may be in one of them, and is freed there. */
    signal_timers_drop(process, true);
    /* Both locks: senders look at sig_exiting under either of them. */
    tree = spin_lock_irqsave(&process_tree_lock);
    spin_lock(&process->lock);
    process->sig_exiting = true;
    process->sig_stopped = false;
    spin_unlock(&process->lock);
    process_set_stopped_locked(process, false);
    process->report_stop = 0;
    process->report_cont = false;
    family_update_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, tree);
    /* Nothing is added any more. Without the locks: there may be thousands of entries to free. */
    signal_entries_free(signal_queue_cut(&self->sig_queue, ~0ULL, NULL));
    signal_entries_free(signal_queue_cut(&process->sig_queue, ~0ULL, NULL));
}

/* Whether a signal has come that ends the process without a core: it need not wait for that, as on
 * Linux. */
static bool is_dying(struct task *self)
{
    const uint64_t core = SIGNAL_BIT(LX_SIGQUIT) | SIGNAL_BIT(LX_SIGILL) | SIGNAL_BIT(LX_SIGTRAP) |
                          SIGNAL_BIT(LX_SIGABRT) | SIGNAL_BIT(LX_SIGBUS) | SIGNAL_BIT(LX_SIGFPE) |
                          SIGNAL_BIT(LX_SIGSEGV) | SIGNAL_BIT(LX_SIGSYS) | SIGNAL_BIT(LX_SIGXCPU) |
                          SIGNAL_BIT(LX_SIGXFSZ);
    const struct process *process = self->process;
    uint64_t ready;
    bool dying = false;

    if (stop_must_die(self))
        return true;
    signal_timers_collect(self);
    spin_lock(&self->process->lock);
    ready = signal_pending(self) & ~self->sig_mask &
            ~(core | SIGNAL_DEFAULT_IGNORE | SIGNAL_DEFAULT_STOP);
    for (; ready && !dying; ready &= ready - 1)
        dying = process->actions[__builtin_ctzll(ready)].handler == LX_SIG_DFL;
    spin_unlock(&self->process->lock);
    return dying;
}

int signal_wait_killable(const struct waiter *waiter)
{
    struct task *self = task_current();
    int err;

    do {
        /* Cleared, or the sleep would end at once for a signal that has to wait anyway; put right
         * below. */
        arch_thread_clear_work(&self->thread.arch, TIF_SIGNAL);
        err = waitq_sleep(waiter, 1, 0);
    } while (err == -ERESTARTSYS && !is_dying(self));
    spin_lock(&self->process->lock);
    signal_recheck(self);
    spin_unlock(&self->process->lock);
    if (signal_timers_fired(self->process) || self->sig_restore || self->sig_restart)
        arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
    return err;
}
