/* SPDX-License-Identifier: MIT */
/* Job control: processes that stop and continue, and the end of a process' signals. */
#include "kernel/fs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/signal_inside.h"
#include "kernel/proc/signal_timer.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

/* A stop signal takes back a SIGCONT that waits, and the other way round. A process that is about
 * to stop (it has taken the signal, but does not sleep yet) is covered: sig_stopping. */
void signal_stop_prepare(struct process *process, int number)
{
    struct task *task = process->task;
    uint64_t drop = 0;

    if (SIGNAL_BIT(number) & SIGNAL_DEFAULT_STOP)
        drop = SIGNAL_BIT(LX_SIGCONT);
    else if (number == LX_SIGCONT)
        drop = SIGNAL_DEFAULT_STOP;
    else
        return;
    signal_queue_drop(&process->sig_queue, drop);
    signal_queue_drop(&task->sig_queue, drop);
    __atomic_fetch_and(&process->group_signals, ~drop, __ATOMIC_RELAXED);
    if (number != LX_SIGCONT)
        return;
    process->sig_stopping = 0;
    if (process->sig_stopped) {
        process->sig_stopped = false;
        process->sig_continued = true;
        sched_wake(&task->thread);
    }
}

/* SIGCHLD about a stop or its end, if the parent wants that; wait(2) in any case. */
static void parent_tell_locked(struct process *process, int code, int status)
{
    struct process *parent = process->parent;
    const struct lx_sigaction *action = &parent->actions[LX_SIGCHLD - 1];
    struct lx_siginfo info = {
        .signo = LX_SIGCHLD,
        .code = code,
        .child = {.pid = process->pid,
                  .uid = process->task->fs ? process->task->fs->cred.uid : process->exit_uid,
                  .status = status},
    };

    if (action->handler != LX_SIG_IGN && !(action->flags & LX_SA_NOCLDSTOP)) {
        int err = signal_send_info_locked(parent, NULL, &info, false);

        ASSERT(!err);
    }
    waitq_wake_all(&parent->child_wait);
}

void signal_continue_report_locked(struct process *process)
{
    bool continued;
    spin_lock(&process->lock);
    continued = process->sig_continued;
    process->sig_continued = false;
    spin_unlock(&process->lock);
    if (!continued || process->sig_exiting)
        return;
    process->stopped = false;
    process->report_stop = 0;
    process->report_cont = true;
    parent_tell_locked(process, LX_CLD_CONTINUED, LX_SIGCONT);
}

bool signal_group_orphaned_locked(int group)
{
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        const struct process *parent = p->parent;

        if (p->group != group || p->sig_exiting || !parent || parent == &process_init_process ||
            parent->sig_exiting)
            continue;
        if (parent->group != group && parent->session == p->session)
            return false;
    }
    return true;
}

/* True: the process counts as stopped from here on. */
static bool stop_begin_locked(struct process *process, int number)
{
    bool begun;

    if (number != LX_SIGSTOP && signal_group_orphaned_locked(process->group))
        return false;
    spin_lock(&process->lock);
    begun = process->sig_stopping == number;
    process->sig_stopping = 0;
    process->sig_stopped = begun;
    spin_unlock(&process->lock);
    if (!begun)
        return false;
    process->stopped = true;
    process->report_stop = number;
    process->report_cont = false;
    parent_tell_locked(process, LX_CLD_STOPPED, number);
    return true;
}

static bool must_die(const struct task *self)
{
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & ARCH_WORK_KILL) != 0;
}

/* Signals that come meanwhile wait: their work flag would end every sleep at once. */
static void sleep_stopped(struct task *self)
{
    struct process *process = self->process;

    while (!must_die(self)) {
        sched_prepare(true);
        arch_thread_clear_work(&self->thread.arch, ARCH_WORK_SIGNAL);
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
    signal_continue_report_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    spin_lock(&process->lock);
    signal_recheck(self);
    if (process->timers_fired)
        arch_thread_add_work(&self->thread.arch, ARCH_WORK_SIGNAL);
    spin_unlock(&process->lock);
}

static bool group_has_stopped_locked(int group)
{
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (p->group == group && p->stopped && !p->sig_exiting)
            return true;
    return false;
}

/* Stopped members of a group that nobody can continue any more are told and let go. */
static void group_left_locked(const struct process *process, int group, int session)
{
    if (session != process->session || !group_has_stopped_locked(group) ||
        !signal_group_orphaned_locked(group))
        return;
    signal_send_group_locked(group, LX_SIGHUP);
    signal_send_group_locked(group, LX_SIGCONT);
}

void signal_leave_groups_locked(struct process *process)
{
    const struct process *parent = process->parent;

    /* Its own group loses the parent that it had through this process. */
    if (parent && parent->group != process->group && parent->session == process->session)
        group_left_locked(process, process->group, process->session);
    list_for_each (node, &process->children) {
        const struct process *child = list_entry(node, struct process, sibling);

        if (child->group != process->group)
            group_left_locked(process, child->group, child->session);
    }
}

void signal_exit(struct task *self)
{
    struct process *process = self->process;
    uint64_t tree;

    signal_timers_drop(process, true);
    tree = spin_lock_irqsave(&process_tree_lock);
    process->exit_uid = self->fs->cred.uid;
    process->exit_suid = self->fs->cred.suid;
    spin_lock(&process->lock);
    process->sig_exiting = true;
    process->sig_stopped = false;
    signal_queue_drop(&self->sig_queue, ~0ULL);
    signal_queue_drop(&process->sig_queue, ~0ULL);
    spin_unlock(&process->lock);
    process->stopped = false;
    process->report_stop = 0;
    process->report_cont = false;
    signal_leave_groups_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, tree);
}

int signal_wait_killable(const struct waiter *waiter)
{
    struct task *self = task_current();
    int err;

    do {
        arch_thread_clear_work(&self->thread.arch, ARCH_WORK_SIGNAL);
        err = waitq_sleep(waiter, 1, 0);
    } while (err == -EINTR && !must_die(self));
    spin_lock(&self->process->lock);
    signal_recheck(self);
    spin_unlock(&self->process->lock);
    if (self->process->timers_fired || self->sig_restore)
        arch_thread_add_work(&self->thread.arch, ARCH_WORK_SIGNAL);
    return err;
}
