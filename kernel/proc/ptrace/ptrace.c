/* SPDX-License-Identifier: MIT */
/*
 * ptrace: which process traces which tasks.
 *
 * A tracee is linked under process_tree_lock and its process.lock, and is let go under both, by its
 * tracer's request, at its tracer's end, or at its own. All three can happen at any moment, so the
 * task looks at its own tracee only under the tree lock, and looks again whenever it had dropped
 * it. There are no references: what is linked lives, for the end of a task unlinks it first.
 *
 * PTRACE_ATTACH makes the task stop by a SIGSTOP, as ptrace(2) has it; a seized one does not stop.
 * One that sleeps in a stopped group is woken, and goes to sleep again as a tracee that has told
 * its tracer of the stop.
 */
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"

static struct slab_cache *tracee_cache;

COLD void ptrace_init(void)
{
    tracee_cache = slab_cache_create("tracee", sizeof(struct tracee));
}

static COLD struct tracee *tracee_alloc(void)
{
    struct tracee *tracee = slab_zalloc(tracee_cache);

    if (tracee) {
        list_init(&tracee->link);
        list_init(&tracee->news_link);
    }
    return tracee;
}

COLD void ptrace_tracee_free(struct tracee *tracee)
{
    if (tracee)
        slab_free(tracee_cache, tracee);
}

/* What a task compares the numbers of its calls with: with 0 all of them take the slow path. */
COLD void ptrace_watch_locked(struct task *task)
{
    const struct tracee *tracee = task->ptrace;
    bool slow = task->seccomp_mode || (tracee && (tracee->watches_calls || tracee->steps));

    ASSERT(process_tree_is_held());
    __atomic_store_n(&task->direct_calls, slow ? 0 : task_direct_calls, __ATOMIC_RELEASE);
}

static COLD void link_locked(struct tracee *tracee, struct task *task, struct process *tracer)
{
    ASSERT(process_tree_is_held() && !task->ptrace);
    tracee->task = task;
    tracee->tracer = tracer;
    tracee->tid = task->tid;
    list_push_back(&tracer->tracees, &tracee->link);
    spin_lock(&task->process->lock);
    __atomic_store_n(&task->ptrace, tracee, __ATOMIC_SEQ_CST);
    task->trace_count++;
    task->process->traced++;
    spin_unlock(&task->process->lock);
}

/* The task has no tracee any more; whatever it was made to do differently ends. */
COLD void ptrace_unlink_locked(struct tracee *tracee)
{
    struct task *task = tracee->task;

    ASSERT(process_tree_is_held());
    list_remove(&tracee->link);
    list_init(&tracee->link);
    list_remove(&tracee->news_link);
    list_init(&tracee->news_link);
    if (!task)
        return;
    spin_lock(&task->process->lock);
    __atomic_store_n(&task->ptrace, NULL, __ATOMIC_RELEASE);
    ptrace_watch_locked(task);
    task->process->traced--;
    task->trap_pending = task->stop_passed = false;
    /* It stops with its process again. */
    if (task->process->sig_stopped && !task->exiting) {
        arch_thread_add_work(&task->thread.arch, TIF_SIGNAL);
        sched_notify(&task->thread);
    }
    spin_unlock(&task->process->lock);
}

COLD void ptrace_let_go_locked(struct tracee *tracee, int signal)
{
    struct task *task = tracee->task;
    bool stopped = tracee->state == TRACEE_STOPPED;

    ASSERT(process_tree_is_held() && tracee->state != TRACEE_ENDED);
    /* Below 0: what it would have had without a word of the tracer's. */
    if (stopped && signal >= 0)
        task->ptrace_signal = signal;
    ptrace_unlink_locked(tracee);
    ptrace_tracee_free(tracee);
    if (stopped)
        sched_wake(&task->thread);
}

COLD bool ptrace_hides_locked(const struct process *child)
{
    const struct tracee *tracee = child->leader ? child->leader->ptrace : NULL;

    ASSERT(process_tree_is_held());
    return tracee && tracee->tracer == child->parent;
}

COLD bool ptrace_is_capable_locked(struct process *tracer)
{
    struct credentials cred = identity_of_locked(tracer);

    ASSERT(process_tree_is_held());
    return credentials_capable(&cred, LX_CAP_SYS_PTRACE);
}

static COLD bool has_rights_of_locked(struct process *tracer, struct process *process)
{
    struct credentials by = identity_of_locked(tracer), of = identity_of_locked(process);

    ASSERT(process_tree_is_held());
    return !(of.permitted & ~by.permitted);
}

COLD bool ptrace_is_same_user_locked(struct process *tracer, struct task *task)
{
    struct credentials by = identity_of_locked(tracer), of = identity_of_locked(task->process);

    ASSERT(process_tree_is_held());
    return by.uid == of.uid && by.uid == of.euid && by.uid == of.suid && by.gid == of.gid &&
           by.gid == of.egid && by.gid == of.sgid && has_rights_of_locked(tracer, task->process);
}

/* A task that sleeps in a stopped group sleeps on as a tracee; others get SIGSTOP. */
static COLD void attached_locked(struct tracee *tracee)
{
    struct task *task = tracee->task;
    const struct lx_siginfo stop = {.signo = LX_SIGSTOP, .code = LX_SI_KERNEL};
    bool sleeps = task->process->sig_stopped && task->stop_round == task->process->stop_round;

    ASSERT(process_tree_is_held());
    if (!tracee->seized && !sleeps) {
        int err = signal_send_info_locked(task->process, task, &stop, false);

        ASSERT(!err);
    }
    if (sleeps) /* or is about to, in that queue: then it sees its tracer */
        waitq_wake_all(&task->process->stop_wait);
}

/* The order of the errors is Linux's. One that exits is not attached to any more: its end would
 * have to be reported to a tracer that had not seen it live. */
static COLD int64_t attach_locked(struct task *self, struct tracee *tracee, int tid)
{
    struct task *task = task_find_locked(tid);

    ASSERT(process_tree_is_held());
    if (!task)
        return process_find_locked(tid) ? -EPERM : -ESRCH; /* init has no task to trace */
    if (task->process == self->process || task->exiting || task->ptrace ||
        !process_may_look_locked(task->process, true))
        return -EPERM;
    link_locked(tracee, task, self->process);
    attached_locked(tracee);
    return 0;
}

COLD int ptrace_options_check(const struct task *self, uint64_t options)
{
    if (!(options & LX_PTRACE_O_SUSPEND_SECCOMP))
        return 0;
    return credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN) && !self->seccomp_mode ? 0
                                                                                         : -EPERM;
}

COLD int64_t ptrace_attach(struct task *self, int tid, bool seize, uint64_t options)
{
    struct tracee *tracee = tracee_alloc();
    uint64_t flags;
    int64_t err;

    if (!tracee)
        return -ENOMEM;
    tracee->capable = credentials_capable(&self->fs->cred, LX_CAP_SYS_PTRACE);
    tracee->seized = seize;
    tracee->options = (uint32_t)options;
    flags = spin_lock_irqsave(&process_tree_lock);
    err = attach_locked(self, tracee, tid);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (err)
        ptrace_tracee_free(tracee);
    return err;
}

/* The harness traces nothing; a parent on its way out would let go at once. */
COLD int64_t ptrace_trace_me(struct task *self)
{
    struct tracee *tracee = tracee_alloc();
    struct process *parent;
    int64_t err = -EPERM;
    uint64_t flags;

    if (!tracee)
        return -ENOMEM;
    /* As Linux has it: by the rights of the one that asks. */
    tracee->capable = credentials_capable(&self->fs->cred, LX_CAP_SYS_PTRACE);
    flags = spin_lock_irqsave(&process_tree_lock);
    parent = self->process->parent;
    if (!self->ptrace && parent->leader &&
        (ptrace_is_capable_locked(parent) || has_rights_of_locked(parent, self->process))) {
        err = 0;
        if (!parent->sig_exiting) {
            link_locked(tracee, self, parent);
            tracee = NULL;
        }
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    ptrace_tracee_free(tracee);
    return err;
}

/* ---- children of tracees ---- */

COLD int ptrace_fork_prepare(const struct task *self, unsigned event, bool always,
                             struct tracee **out_tracee)
{
    uint64_t flags;
    bool wanted;

    *out_tracee = NULL;
    if (likely(!__atomic_load_n(&self->ptrace, __ATOMIC_RELAXED)))
        return 0;
    flags = spin_lock_irqsave(&process_tree_lock);
    wanted = self->ptrace && (always || (self->ptrace->options & 1U << event));
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!wanted)
        return 0;
    *out_tracee = tracee_alloc();
    return *out_tracee ? 0 : -ENOMEM;
}

/* The child has not run, and stops before it does: by SIGSTOP, or as a seized one does. */
COLD void ptrace_fork_locked(const struct task *self, struct task *child, struct tracee **made)
{
    const struct lx_siginfo stop = {.signo = LX_SIGSTOP, .code = LX_SI_KERNEL};
    const struct tracee *own = self->ptrace;
    struct tracee *tracee = *made;

    ASSERT(process_tree_is_held());
    if (likely(!tracee) || !own)
        return;
    *made = NULL;
    tracee->capable = own->capable;
    tracee->seized = own->seized;
    tracee->options = own->options;
    link_locked(tracee, child, own->tracer);
    if (tracee->seized) {
        child->trap_pending = true;
    } else {
        int err = signal_queue_add(&child->sig_queue, &stop, NULL, false);

        ASSERT(!err);
        child->process->task_signals |= SIGNAL_BIT(LX_SIGSTOP);
    }
    arch_thread_add_work(&child->thread.arch, TIF_SIGNAL);
}
