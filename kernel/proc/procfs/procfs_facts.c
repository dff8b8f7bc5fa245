/* SPDX-License-Identifier: MIT */
/*
 * What stat, status and io of /proc/PID show.
 *
 * Everything is copied into struct procfs_facts under process_tree_lock and process.lock, which are
 * held with interrupts off; identity and address space are referenced instead. Numbers of the space
 * follow under its own mutex, after the spinlocks are gone. Only then is text made. So the lines of
 * one read belong together, but for the sizes, which may be a moment younger.
 */
#include "kernel/proc/procfs/procfs_facts.h"

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/resource.h"
#include "shared/linux/sched.h"

/* task NULL: init, which sleeps. */
static char state_of(const struct process *process, const struct task *task)
{
    /* Or a leader among living tasks that has given back everything that was its own. */
    if (process->zombie || (task && __atomic_load_n(&task->gone, __ATOMIC_RELAXED)))
        return 'Z';
    if (task && task->ptrace && task->ptrace->state == TRACEE_STOPPED)
        return 't';
    if (process->stopped)
        return 'T';
    /* Read without the run queue's lock: the state of a moment. */
    if (task && task->thread.state == THREAD_RUNNABLE)
        return 'R';
    return task && !(task->thread.wait_ended_by & TIF_SIGNAL) ? 'D' : 'S';
}

/* Tree and process locked. The sets are computed from the actions, as they are shown seldom and
 * change often. */
static void facts_copy_signals(struct procfs_facts *facts, const struct process *process,
                               const struct task *task)
{
    facts->pending = task->sig_queue.set;
    facts->shared_pending = process->sig_queue.set;
    facts->blocked = task->sig_mask;
    for (uint64_t left = process->actions_set; left; left &= left - 1) {
        uint64_t handler = process->actions[__builtin_ctzll(left)].handler, bit = left & -left;

        if (handler == LX_SIG_IGN)
            facts->ignored |= bit;
        else if (handler != LX_SIG_DFL)
            facts->caught |= bit;
    }
}

/* Tree and process locked; the task has not begun to exit. */
static void facts_copy_task(struct procfs_facts *facts, const struct process *process,
                            const struct task *task)
{
    facts->alive = true;
    /* Descriptors and directories stay while the tree is locked and sig_exiting is not set. */
    facts->umask = fs_context_umask(task->fs);
    facts->fd_capacity = task->files->capacity;
    facts->layout = process->layout;
    facts->space = process_space_locked(process);
    if (facts->space)
        vm_space_get(facts->space);
    facts_copy_signals(facts, process, task);
}

/* One thread's own, where the process has others. */
static void thread_facts(struct procfs_facts *facts, const struct task *task)
{
    facts->pid = task->tid;
    process_usage_add_task(&facts->usage, task);
    if (task == task->process->leader)
        return;
    facts->exit_signal = -1;
    facts->started_ns = task->started_ns;
}

/* own: of the task alone, not of the whole process. */
static void process_facts(struct procfs_facts *facts, struct process *process,
                          const struct task *task, bool own)
{
    facts->permitted = procfs_may_look_locked(process);
    str_copy(facts->name, sizeof(facts->name), task ? task->name : process_name(process));
    facts->state = state_of(process, task);
    facts->pid = facts->tgid = process->pid;
    facts->parent = process->parent_pid;
    facts->group = process->group;
    facts->session = process->session;
    facts->terminal = terminal_of_locked(process, &facts->terminal_group);
    facts->exit_signal = process->exit_signal;
    /* As wait(2) encodes it: the status in the second byte, a signal in the first. */
    facts->exit_code = facts->state != 'Z'              ? 0
                       : process->end == PROCESS_EXITED ? process->end_code << 8
                                                        : process->end_code;
    facts->executed = process->has_execed;
    if (task) {
        facts->no_new_privs = task->inherited.no_new_privs;
        facts->seccomp_mode = task->seccomp_mode;
        facts->seccomp_count = task->seccomp_count;
    }
    facts->tracer = task && task->ptrace ? task->ptrace->tracer->pid : 0;
    facts->threads = process_count_tasks(process);
    facts->children = process->children_usage;
    facts->started_ns = process->started_ns;
    if (own && !process->zombie) {
        thread_facts(facts, task);
    } else {
        process_get(process);
        facts->whole = process;
    }
    facts->rss_limit = process->limits[LX_RLIMIT_RSS].current;
    if (task) {
        const struct thread *thread = &task->thread;

        facts->cpu = thread->cpu;
        facts->nice = thread->nice;
        facts->prio = sched_priority(thread);
        facts->policy = thread->policy & ~(unsigned)LX_SCHED_RESET_ON_FORK;
        facts->rt_own = thread->rt_own;
    }
}

/* The same for `status`. */
static COLD void status_facts(struct procfs_facts *facts, struct process *process,
                              const struct task *task)
{
    struct procfs_facts_of_status *more = &facts->of_status;

    *more = (struct procfs_facts_of_status){.queue_limit =
                                                process->limits[LX_RLIMIT_SIGPENDING].current};
    facts->identity = identity_get_locked(process);
    if (!facts->identity) { /* init: all else that is left are zeroes */
        more->cred = credentials_of_user(0);
        return;
    }
    more->cred = facts->identity->cred;
    /* Of the user over all processes, as RLIMIT_SIGPENDING counts. */
    more->queued = (unsigned)facts->identity->user->used[CHARGE_SIGNALS];
    if (task)
        sched_affinity_online(&task->thread, &more->affinity);
}

int procfs_facts_take(const struct procfs_node *node, struct procfs_facts *facts, bool of_status)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    const struct task *task;
    struct vm_space *space;

    if (!process)
        return -ESRCH;
    memset(facts, 0, offsetof(struct procfs_facts, of_status));
    task = procfs_task_locked(node, process);
    process_facts(facts, process, task, task && node->tid);
    if (of_status)
        status_facts(facts, process, task);
    /* process.lock on top: exec cannot change memory and layout between two of these. */
    spin_lock(&process->lock);
    if (task && !task->exiting)
        facts_copy_task(facts, process, task);
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    /* From here on without spinlocks: the mutex may sleep. */
    if (facts->whole) {
        process_usage_take(process, &facts->usage);
        process_put(process);
    }
    space = facts->space;
    if (!space)
        return 0;
    mutex_lock(&space->lock);
    facts->mapped = space->mapped_pages;
    facts->resident = space->resident_pages;
    facts->data = space->data_pages;
    facts->locked = space->locked_pages;
    /* The top-level table is not in the count. */
    facts->tables = space->table_frames + 1;
    facts->brk_start = space->brk_start;
    mutex_unlock(&space->lock);
    return 0;
}

/* References go without locks: each may be the last. */
void procfs_facts_drop(struct procfs_facts *facts)
{
    identity_put(facts->identity);
    if (facts->space)
        vm_space_put_later(facts->space);
}
