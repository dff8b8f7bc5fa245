/* SPDX-License-Identifier: MIT */
/*
 * Job control: stop, continue, and the end of a process's signals.
 *
 * A stop has four steps. The signal is taken (sig_stopping, under process.lock: several tasks may
 * have one each); the stop begins
 * (sig_stopped), and the other tasks are told to look; each task joins it on its way to ring 3
 * (task.stop_round, counted down in sig_stop_left); the last to join reports to the tree (stopped
 * and report_stop, under both locks). A task sleeps in stop_wait as long as that stop goes on. One
 * that exits is waited for no more. A task that is added while sig_stopped is set, by a tracee that
 * goes on, counts as stopped and stops before it begins. SIGCONT takes back
 * whichever step has been reached: it clears sig_stopping, or clears sig_stopped and wakes one that
 * sleeps. sig_continued then says that the tree still shows a stop; the next holder of the tree
 * lock, sender or task, reports the continuation once. A stop signal from a terminal does nothing
 * in an orphaned group: nothing would ever continue it.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

/* A fork that goes on does not give them to its child. */
static void group_signals_drop(struct process *process, uint64_t drop)
{
    uint32_t count = __atomic_load_n(&process->group_count, __ATOMIC_RELAXED);

    for (; drop; drop &= drop - 1)
        __atomic_store_n(&process->group_sent[__builtin_ctzll(drop)], count - INT32_MAX / 2,
                         __ATOMIC_RELAXED);
}

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
    if (process->task_signals & drop) /* hardly ever */
        process_each_task (task, process)
            dead = signal_queue_cut(&task->sig_queue, drop, dead);
    process->task_signals &= ~drop;
    /* Thousands are possible, of timers that were deleted; and interrupts are off. */
    signal_entries_free_later(dead);
    group_signals_drop(process, drop);
    if (number != LX_SIGCONT)
        return;
    process->sig_stopping = 0;
    if (process->sig_stopped) {
        process->sig_stopped = false;
        process->sig_continued |= process->sig_stop_left == 0;
        if (unlikely(process->traced))
            ptrace_continued_locked(process);
        waitq_wake_one(&process->stop_wait); /* and that one the next */
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

/* Tree locked: all tasks have stopped. */
static void stop_report_locked(struct process *process)
{
    const int number = process->sig_stop_number;

    ASSERT(process_tree_is_held());
    process_set_stopped_locked(process, true);
    if (unlikely(ptrace_hides_locked(process)))
        return;
    process->report_stop = number;
    process->report_cont = false;
    family_update_locked(process);
    parent_tell_locked(process, LX_CLD_STOPPED, number);
}

/* True: the tasks of the process are to stop from here on. */
static bool stop_begin_locked(struct process *process, int number)
{
    bool begun;

    ASSERT(process_tree_is_held());
    spin_lock(&process->lock);
    /* SIGCONT may have come since the signal was taken: then there is no stop. */
    begun = (process->sig_stopping & SIGNAL_BIT(number)) &&
            (number == LX_SIGSTOP || !process_group_is_orphaned(&process->group_pid->group));
    process->sig_stopping &= ~SIGNAL_BIT(number);
    if (begun && process->sig_stopped) { /* a tracee that went on is stopped again */
        process->sig_stop_number = number;
        task_current()->stop_passed = false;
    }
    if (begun && !process->sig_stopped) {
        process->sig_stopped = true;
        process->sig_stop_number = number;
        process->sig_stop_left = process->live;
        if (++process->stop_round == 0)
            process->stop_round = 1;
    }
    spin_unlock(&process->lock);
    return begun;
}

static bool stop_must_die(const struct task *self)
{
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & TIF_KILL) != 0;
}

/* True: the caller counts as stopped, for this stop. */
static bool stop_count(struct task *self)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool last = false, stopped;

    spin_lock(&process->lock);
    stopped = process->sig_stopped;
    if (stopped && self->stop_round != process->stop_round) {
        self->stop_round = process->stop_round;
        last = --process->sig_stop_left == 0;
    }
    spin_unlock(&process->lock);
    if (last)
        stop_report_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return stopped;
}

/* Whether the stop that the caller was counted in goes on. */
static bool stop_goes_on(struct task *self)
{
    struct process *process = self->process;
    bool goes_on;

    spin_lock(&process->lock);
    goes_on = process->sig_stopped && self->stop_round == process->stop_round;
    spin_unlock(&process->lock);
    return goes_on;
}

/* Signals that come meanwhile wait. SIGCONT wakes one task, and each that sees its stop over wakes
 * the next: there may be thousands. Another stop may have begun by then: it counts anew, and stands
 * in the queue behind those that have not seen the end yet. */
static void sleep_stopped(struct task *self)
{
    struct waitq *queue = &self->process->stop_wait;
    int err = 0;

    while (!err && !stop_must_die(self) && stop_count(self)) {
        struct waiter waiter;

        if (unlikely(self->ptrace) && ptrace_group_stop(self))
            return;
        waitq_enter(queue, &waiter);
        /* A tracer that comes wakes it: it goes to sleep again as a tracee. */
        if (stop_goes_on(self) && !__atomic_load_n(&self->ptrace, __ATOMIC_SEQ_CST))
            err = waitq_sleep_killable(&waiter);
        waitq_leave(queue, &waiter);
        if (!stop_goes_on(self)) /* one that is to die, too: it may be the one that was woken */
            waitq_wake_one(queue);
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
    if (process->threaded)
        process_notify_others(self, TIF_SIGNAL);
    signal_stop_join(self);
}

void signal_stop_join(struct task *self)
{
    struct process *process = self->process;
    uint64_t flags;

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

/* Others go on: they get what this one was to act on, a SIGKILL included, and a stop does not wait
 * for it. True: it was the last that the stop waited for. */
static bool others_go_on_locked(struct task *self)
{
    struct process *process = self->process;

    ASSERT(spin_is_held(&process->lock));
    if (process->killed && !process->ending)
        process_kill_locked(process);
    signal_retarget_locked(process, ~0ULL);
    return process->sig_stopped && self->stop_round != process->stop_round &&
           --process->sig_stop_left == 0;
}

/* Both locks: senders look at sig_exiting under either of them. */
static bool task_refuse_signals(struct task *self)
{
    struct process *process = self->process;
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    bool last, all_stopped = false;

    spin_lock(&process->lock);
    self->exiting = true;
    process->leaving--;
    last = --process->live == 0;
    if (last) {
        process->sig_exiting = true;
        process->sig_stopped = false;
    } else {
        all_stopped = others_go_on_locked(self);
    }
    spin_unlock(&process->lock);
    if (last) {
        process_set_stopped_locked(process, false);
        process->report_stop = 0;
        process->report_cont = false;
        family_update_locked(process);
    } else if (all_stopped) {
        stop_report_locked(process);
    }
    spin_unlock_irqrestore(&process_tree_lock, tree);
    return last;
}

/* Nothing is added any more. Entries are freed without the lock: there may be thousands. It keeps
 * a timer that another task deletes from freeing its entry at the same time. */
static void queue_empty(struct process *process, struct signal_queue *queue)
{
    struct signal_entry *dead;

    if (!queue->set)
        return;
    spin_lock(&process->lock);
    dead = signal_queue_cut(queue, ~0ULL, NULL);
    spin_unlock(&process->lock);
    signal_entries_free(dead);
}

bool signal_exit(struct task *self)
{
    struct process *process = self->process;
    bool last = task_refuse_signals(self);

    /* Before the queues are emptied: a timer's entry may be in one of them, and is freed there. */
    if (last)
        signal_timers_drop(process, true);
    queue_empty(process, &self->sig_queue);
    if (last)
        queue_empty(process, &process->sig_queue);
    return last;
}

/* Whether a signal has come that ends the process without a core: it need not wait for that, as on
 * Linux. */
static bool is_dying(struct task *self)
{
    const struct process *process = self->process;
    uint64_t ready;
    bool dying = false;

    if (stop_must_die(self))
        return true;
    signal_timers_collect(self);
    spin_lock(&self->process->lock);
    ready = signal_pending(self) & ~self->sig_mask &
            ~(SIGNAL_DEFAULT_CORE | SIGNAL_DEFAULT_IGNORE | SIGNAL_DEFAULT_STOP);
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
         * below. Asked behind that: a fatal one may have come before there was a wait. */
        arch_thread_clear_work(&self->thread.arch, TIF_SIGNAL);
        err = is_dying(self) ? -EINTR : waitq_sleep(waiter, 1, 0);
    } while (err == -ERESTARTSYS);
    spin_lock(&self->process->lock);
    /* Set, so that the stop of a process or of a tracee is seen, too. */
    arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
    signal_recheck(self);
    spin_unlock(&self->process->lock);
    if (signal_timers_fired(self->process) || self->sig_restore || self->sig_restart)
        arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
    return err ? -ERESTARTSYS : 0;
}
