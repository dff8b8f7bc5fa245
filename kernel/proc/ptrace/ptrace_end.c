/* SPDX-License-Identifier: MIT */
/*
 * ptrace: what wait(2) reports to a tracer, and ends of tracees and tracers.
 *
 * A tracee with news is in its tracer's list of them, in the order of the news. The end of a task
 * is news, too, and outlives the task: its tracee stays without it (TRACEE_ENDED), and the number
 * with the tracee, until the tracer has waited. Of a process whose tracer is its parent there is
 * one end to tell, the process's own. If another process traces it, that one is told first: the
 * parent sees nothing of the end (process.trace_held) before the tracer has waited, or has ended
 * itself.
 */
#include "kernel/lib/assert.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

#define END_SLICE   32   /* tracees, in one hold of the lock */
#define STATUS_CORE 0x80 /* wait(2): a core file */

COLD void ptrace_tell_locked(struct tracee *tracee, int code, int status)
{
    struct process *tracer = tracee->tracer;
    const struct lx_sigaction *action = &tracer->actions[LX_SIGCHLD - 1];
    const bool is_end = tracee->state == TRACEE_ENDED;
    struct lx_siginfo info = {
        .signo = LX_SIGCHLD,
        .code = code,
        .child = {.pid = tracee->tid, .status = status},
    };

    ASSERT(process_tree_is_held());
    if (list_empty(&tracee->news_link))
        list_push_back(&tracer->trace_news, &tracee->news_link);
    if (tracee->task)
        info.child.uid = identity_of_locked(tracee->task->process).uid;
    if (action->handler != LX_SIG_IGN && (is_end || !(action->flags & LX_SA_NOCLDSTOP))) {
        int err = signal_send_info_locked(tracer, NULL, &info, false);

        ASSERT(!err);
    }
    waitq_wake_all(&tracer->child_wait);
}

/* ---- ends of tracees ---- */

/* A limit of the harness looks like a kill. */
COLD uint64_t ptrace_status_of(const struct process *process)
{
    if (process->end == PROCESS_EXITED)
        return (uint64_t)process->end_code << 8;
    if (process->end == PROCESS_LIMIT)
        return LX_SIGKILL;
    return (uint64_t)process->end_code | (process->core_dumped ? STATUS_CORE : 0);
}

COLD void ptrace_note_end(struct task *self, int status)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    if (self->ptrace)
        self->ptrace->end_status = status;
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static COLD void end_tell_locked(struct tracee *tracee)
{
    const int status = tracee->end_status;

    ASSERT(process_tree_is_held());
    tracee->state = TRACEE_ENDED;
    ptrace_tell_locked(tracee,
                       status & STATUS_CORE ? LX_CLD_DUMPED
                       : status & 0x7f      ? LX_CLD_KILLED
                                            : LX_CLD_EXITED,
                       status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
}

/* With SIGCHLD ignored a tracer is not told of ends, as a parent is not. */
COLD void ptrace_task_end_locked(struct task *task)
{
    struct tracee *tracee = task->ptrace;
    struct process *tracer;

    ASSERT(process_tree_is_held());
    if (likely(!tracee))
        return;
    tracer = tracee->tracer;
    if (signal_children_unwanted(tracer)) {
        ptrace_drop_locked(task);
        return;
    }
    ptrace_unlink_locked(tracee);
    /* The end of all counts more than the task's own, as on Linux. */
    if (task->process->ending)
        tracee->end_status = (int)ptrace_status_of(task->process);
    /* No other task gets the number before the tracer has waited. */
    tracee->number = task->own_pid;
    pid_get_locked(tracee->number);
    identity_get(task->identity);
    tracee->charged = task->identity;
    identity_charge_task(tracee->charged, 1);
    tracee->task = NULL;
    list_push_back(&tracer->tracees, &tracee->link);
    end_tell_locked(tracee);
}

COLD bool ptrace_process_end_locked(struct process *process)
{
    struct tracee *tracee = process->leader->ptrace;

    ASSERT(process_tree_is_held());
    if (likely(!tracee))
        return false;
    if (tracee->tracer == process->parent || signal_children_unwanted(tracee->tracer)) {
        ptrace_drop_locked(process->leader);
        return false;
    }
    process->trace_held = true;
    tracee->end_status = (int)ptrace_status_of(process);
    end_tell_locked(tracee);
    return true;
}

COLD void ptrace_drop_locked(struct task *task)
{
    struct tracee *tracee = task->ptrace;
    struct process *tracer;

    ASSERT(process_tree_is_held());
    if (likely(!tracee))
        return;
    tracer = tracee->tracer;
    ptrace_unlink_locked(tracee);
    ptrace_tracee_free(tracee);
    waitq_wake_all(&tracer->child_wait); /* it may have none to wait for any more */
}

COLD void ptrace_lose_locked(struct tracee *tracee)
{
    struct process *tracer = tracee->tracer;

    ASSERT(process_tree_is_held());
    ptrace_let_go_locked(tracee, -1);
    waitq_wake_all(&tracer->child_wait);
}

COLD void ptrace_leader_replaced_locked(struct task *old, struct task *self)
{
    ASSERT(process_tree_is_held());
    ptrace_drop_locked(old);
    if (unlikely(self->ptrace))
        self->ptrace->tid = self->process->pid;
}

/* The parent may have its end now. Returns the process if it is out of the tree by that. */
static COLD struct process *release_locked(struct process *process, bool by_parent)
{
    ASSERT(process_tree_is_held());
    process->trace_held = false;
    family_update_locked(process);
    if (by_parent) { /* which has had its report */
        process_usage_add(&process->parent->children_usage, &process->usage);
        process_usage_add(&process->parent->children_usage, &process->children_usage);
    } else if (!process_tell_parent_locked(process)) {
        return NULL;
    }
    process_unlink_locked(process);
    return process;
}

/* Drops an end that was reported, or that no process waits for. */
static COLD struct process *ended_drop_locked(struct tracee *tracee, bool told)
{
    struct process *process = tracee->task ? tracee->task->process : NULL;
    bool by_parent = process && told && tracee->tracer == process->parent;

    ASSERT(process_tree_is_held() && tracee->state == TRACEE_ENDED);
    if (tracee->number) {
        pid_put_locked(tracee->number);
        identity_charge_task(tracee->charged, -1);
        identity_put(tracee->charged);
    }
    ptrace_unlink_locked(tracee);
    ptrace_tracee_free(tracee);
    return process ? release_locked(process, by_parent) : NULL;
}

/* ---- the end of a tracer ---- */

static COLD struct process *abandon_locked(struct tracee *tracee)
{
    ASSERT(process_tree_is_held());
    /* It is its parent's from now on. */
    if (tracee->state == TRACEE_ENDED)
        return ended_drop_locked(tracee, false);
    if (tracee->options & LX_PTRACE_O_EXITKILL) {
        struct process *process = tracee->task->process;

        spin_lock(&process->lock);
        process_kill_locked(process);
        spin_unlock(&process->lock);
    }
    ptrace_let_go_locked(tracee, -1);
    return NULL;
}

/* A child of a tracee may become one itself as long as there are any. */
COLD void ptrace_tracer_end(struct process *process)
{
    struct list gone = LIST_INIT(gone);
    struct list *node;
    bool more = true;

    while (more) {
        uint64_t flags = spin_lock_irqsave(&process_tree_lock);

        for (unsigned i = 0; i < END_SLICE && !list_empty(&process->tracees); i++) {
            struct process *free =
                abandon_locked(list_entry(process->tracees.next, struct tracee, link));

            if (free)
                list_push_back(&gone, &free->sibling.link);
        }
        more = !list_empty(&process->tracees);
        spin_unlock_irqrestore(&process_tree_lock, flags);
        while ((node = list_pop_front(&gone)) != NULL)
            process_put(list_entry(node, struct process_link, link)->process);
        sched_preempt_point();
    }
}

/* ---- wait(2) ---- */

static COLD bool is_meant(const struct tracee *tracee, const struct process_wait *which,
                          const struct process *process)
{
    const int group = which->pid ? -which->pid : process->group;

    /* Descriptors of processes mean their leaders. */
    if (which->pidfd)
        return which->pidfd->process && tracee->task == which->pidfd->process->leader;
    if (which->pid == -1)
        return true;
    if (which->pid > 0)
        return tracee->tid == which->pid;
    return tracee->task && tracee->task->process->group == group;
}

/* A walk over the tracees of a process or those with news, which may be tens of thousands: it gives
 * the lock up now and then, and keeps its place by an entry of its own, which other walks pass. */
struct tracee_walk {
    struct list *head;
    bool news;
    unsigned steps;
    struct tracee cursor;
};

static COLD struct list *walk_link(struct tracee_walk *walk, struct tracee *tracee)
{
    return walk->news ? &tracee->news_link : &tracee->link;
}

/* `news`: those alone that wait(2) has something to tell of. */
static COLD void walk_begin_locked(struct tracee_walk *walk, struct process *process, bool news)
{
    ASSERT(process_tree_is_held());
    walk->news = news;
    walk->steps = 0;
    walk->head = news ? &process->trace_news : &process->tracees;
    walk->cursor.state = TRACEE_CURSOR;
    list_insert_after(walk->head, walk_link(walk, &walk->cursor));
}

/* NULL: no more. What it gives is there until the next step. */
static COLD struct tracee *walk_next_locked(struct tracee_walk *walk, uint64_t *flags)
{
    struct list *own = walk_link(walk, &walk->cursor), *node;
    struct tracee *tracee;

    ASSERT(process_tree_is_held());
    do {
        process_tree_pause_locked(&walk->steps, flags);
        node = own->next;
        if (node == walk->head)
            return NULL;
        list_move_after(node, own);
        tracee = walk->news ? list_entry(node, struct tracee, news_link)
                            : list_entry(node, struct tracee, link);
    } while (tracee->state == TRACEE_CURSOR);
    return tracee;
}

static COLD void walk_end_locked(struct tracee_walk *walk)
{
    ASSERT(process_tree_is_held());
    list_remove(walk_link(walk, &walk->cursor));
}

/* Whether there is one to wait for, news or not. */
static COLD bool any_is_meant_locked(struct process *process, const struct process_wait *which,
                                     uint64_t *flags)
{
    struct tracee_walk walk;
    struct tracee *tracee;

    ASSERT(process_tree_is_held());
    if (!which->pidfd && which->pid > 0) {
        const struct task *task = task_find_locked(which->pid);

        return task && task->ptrace && task->ptrace->tracer == process;
    }
    walk_begin_locked(&walk, process, false);
    do
        tracee = walk_next_locked(&walk, flags);
    while (tracee && !is_meant(tracee, which, process));
    walk_end_locked(&walk);
    return tracee != NULL;
}

/* *reported: a reference to a process that lives, whose usage is added without the lock. */
static COLD void change_fill_locked(const struct tracee *tracee, struct process_change *change,
                                    struct process **reported)
{
    struct process *process = tracee->task ? tracee->task->process : NULL;

    ASSERT(process_tree_is_held());
    *change = (struct process_change){.pid = tracee->tid};
    if (process) {
        change->uid = identity_of_locked(process).uid;
        change->usage = process->children_usage;
    }
    if (tracee->state == TRACEE_ENDED) {
        bool killed = tracee->end_status & 0x7f;

        if (process)
            process_usage_add(&change->usage, &process->usage);
        /* As process_wait has it of a child. */
        change->core_dumped = (tracee->end_status & STATUS_CORE) != 0;
        change->end = killed ? PROCESS_SIGNALED : PROCESS_EXITED;
        change->code = killed ? tracee->end_status & 0x7f : tracee->end_status >> 8 & 0xff;
        return;
    }
    change->stopped = change->traced = true;
    change->code = tracee->status;
    process_get(process);
    *reported = process;
}

COLD int ptrace_wait_locked(struct process *process, const struct process_wait *which,
                            struct process_change *change, struct process **reported,
                            uint64_t *flags)
{
    struct tracee_walk walk;
    struct tracee *tracee;

    ASSERT(process_tree_is_held());
    if (likely(list_empty(&process->tracees)))
        return -ECHILD;
    walk_begin_locked(&walk, process, true);
    do
        tracee = walk_next_locked(&walk, flags);
    while (tracee && (!is_meant(tracee, which, process) ||
                      (tracee->state == TRACEE_ENDED && !which->exited)));
    walk_end_locked(&walk);
    if (!tracee)
        return any_is_meant_locked(process, which, flags) ? 0 : -ECHILD;
    change_fill_locked(tracee, change, reported);
    if (which->keep)
        return 1;
    list_remove(&tracee->news_link);
    list_init(&tracee->news_link);
    if (tracee->state == TRACEE_ENDED)
        *reported = ended_drop_locked(tracee, true);
    return 1;
}
