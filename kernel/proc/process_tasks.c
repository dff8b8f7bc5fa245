/* SPDX-License-Identifier: MIT */
/*
 * Many tasks of a process at once: work for all others, and their end for exec.
 *
 * exec from any task: it puts itself down as exec_task, which keeps tasks from being added, lets a
 * second exec fail and makes those that are killed die alone; sends the others to their end; waits
 * until it is the only one present. SIGKILL ends the wait: then the exec is given up and the whole
 * process dies. The dead leader is still on the list: the caller takes its place, its number and
 * its account in one step under both locks. From then on nothing finds the old leader but an
 * interrupt of one of the process's timers that has just read the pointer, which sets a flag in it:
 * the list's reference is therefore dropped after a grace period.
 *
 * A core file is written by the task that the signal was for (dumper). Every task passes one point
 * on its way out, under process.lock: it is counted as leaving, or sees the dumper and waits,
 * uninterruptibly, for it is killed. The dumper waits until all live tasks that were not leaving
 * have come. What is to end the writing is sent to the dumper (process_kill_locked).
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define NOTIFY_SLICE 32 /* tasks, in one hold of process.lock */

/* Up to a slice of the tasks behind that one; the last of them, NULL: there was none. */
static struct task *notify_some_locked(struct task *self, struct task *task, uint32_t work)
{
    struct process *process = self->process;
    struct task *last = NULL;

    ASSERT(spin_is_held(&process->lock));
    for (unsigned i = 0; i < NOTIFY_SLICE; i++) {
        task = process_next_task(process, task);
        if (!task)
            break;
        last = task;
        if (task == self || task->exiting)
            continue;
        arch_thread_add_work(&task->thread.arch, work);
        sched_notify(&task->thread);
        if (unlikely(task->dump_waits))
            sched_wake(&task->thread);
    }
    return last;
}

void process_notify_others(struct task *self, uint32_t work)
{
    struct process *process = self->process;
    struct task *at = NULL, *last;

    do {
        spin_lock(&process->lock);
        /* One that has left the list meanwhile leads nowhere: once more from the beginning. */
        last = notify_some_locked(self, at && list_empty(&at->link) ? NULL : at, work);
        if (last)
            task_get(last);
        spin_unlock(&process->lock);
        if (at)
            task_put(at);
        at = last;
        sched_preempt_point();
    } while (at);
}

COLD struct task *process_walk_task_locked(struct process *process, struct task *task,
                                           unsigned *steps, uint64_t *flags)
{
    ASSERT(process_tree_is_held());
    if (!task)
        return process_next_task(process, NULL);
    task_get(task);
    process_tree_pause_locked(steps, flags);
    if (unlikely(list_empty(&task->link))) {
        /* It has left meanwhile, and leads nowhere: once more from the beginning. */
        spin_unlock_irqrestore(&process_tree_lock, *flags);
        task_put(task);
        *flags = spin_lock_irqsave(&process_tree_lock);
        return process_next_task(process, NULL);
    }
    task_put(task); /* not the last reference: the list has one */
    return process_next_task(process, task);
}

unsigned process_count_tasks(const struct process *process)
{
    bool leader_gone = process->leader && __atomic_load_n(&process->leader->gone, __ATOMIC_RELAXED);
    unsigned present = __atomic_load_n(&process->present, __ATOMIC_RELAXED);

    ASSERT(process_is_held(process));
    return MAX(present + leader_gone, 1U);
}

/* Those that are on their way out do not count, though their references may: then it is refused. */
bool process_claim_fs(const struct task *self)
{
    const struct fs_struct *place = self->fs->place;
    unsigned own = 0;
    bool claimed;

    spin_lock(&self->process->lock);
    process_each_task (task, self->process)
        own += !task->exiting && task->fs->place == place;
    claimed = fs_context_claim(self->fs, own);
    spin_unlock(&self->process->lock);
    return claimed;
}

/* Others read the pointer under process_tree_lock (/proc, kcmp): it changes under that. */
void process_replace_place(struct task *self, struct fs_struct *place)
{
    struct fs_struct *old = self->fs->place;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    self->fs->place = place;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    fs_struct_put(old);
}

#define ROOTS_MOST 64

/* As many as there is room for to put what was there before. */
static COLD unsigned roots_replace(struct vfs_path old, struct dentry *root,
                                   struct dentry *dropped[ROOTS_MOST])
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process_walk walk;
    struct process *process;
    unsigned count = 0;

    process_walk_all_locked(&walk);
    while (count <= ROOTS_MOST - 2 && (process = process_walk_next_locked(&walk, &flags)) != NULL) {
        spin_lock(&process->lock);
        process_each_task (task, process)
            if (!task->exiting && count <= ROOTS_MOST - 2)
                count += fs_struct_replace(task->fs->place, old, root, dropped + count);
        spin_unlock(&process->lock);
    }
    process_walk_end_locked(&walk);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return count;
}

/* Directories cannot be put under a lock: they are gathered, some at a time. */
COLD void process_replace_roots(struct vfs_path old, struct dentry *root)
{
    struct dentry *dropped[ROOTS_MOST];
    unsigned count;

    do {
        count = roots_replace(old, root, dropped);
        for (unsigned i = 0; i < count; i++)
            dentry_put(dropped[i]);
    } while (count > ROOTS_MOST - 2);
}

/* Into the place of the leader that has ended. */
static void leader_become(struct task *self)
{
    struct process *process = self->process;
    struct task *old = process->leader;
    struct pid *pid = self->own_pid;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    ptrace_leader_replaced_locked(old, self);
    spin_lock(&process->lock);
    process_usage_add_task(&process->usage, old);
    process->departures++;
    identity_charge_task(old->identity, -1);
    list_remove(&old->link);
    list_init(&old->link);
    __atomic_store_n(&process->leader, self, __ATOMIC_RELEASE);
    pid->task = NULL;
    pid_put_locked(pid);
    self->own_pid = NULL;
    self->tid = process->pid;
    spin_unlock(&process->lock);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    rcu_barrier();
    task_put(old);
}

/* The others have given everything back. */
static int others_await(struct process *process)
{
    int err = 0;

    while (!err && __atomic_load_n(&process->present, __ATOMIC_SEQ_CST) > 1) {
        struct waiter waiter;

        waitq_enter(&process->child_wait, &waiter);
        if (__atomic_load_n(&process->present, __ATOMIC_SEQ_CST) > 1)
            err = waitq_sleep_killable(&waiter);
        waitq_leave(&process->child_wait, &waiter);
    }
    return err;
}

int process_end_others(struct task *self)
{
    struct process *process = self->process;
    bool may;
    int err;

    if (self == process->leader && __atomic_load_n(&process->present, __ATOMIC_ACQUIRE) == 1)
        return 0;
    spin_lock(&process->lock);
    may = !process->ending && !process->exec_task && !process->killed;
    if (may)
        __atomic_store_n(&process->exec_task, self, __ATOMIC_SEQ_CST);
    spin_unlock(&process->lock);
    if (!may)
        return -EAGAIN;
    process_notify_others(self, TIF_KILL);
    err = others_await(process);
    if (!err && self != process->leader)
        leader_become(self);
    spin_lock(&process->lock);
    __atomic_store_n(&process->exec_task, NULL, __ATOMIC_SEQ_CST);
    spin_unlock(&process->lock);
    return err;
}

/* ---- core files ---- */

COLD bool process_dump_begin(struct task *self, int signal)
{
    struct process *process = self->process;
    bool decided;

    spin_lock(&process->lock);
    decided = !process->ending;
    if (decided) {
        process->end = PROCESS_SIGNALED;
        process->end_code = signal;
        process->dump_left = process->live - process->leaving - 1;
        process->dumper = self;
        __atomic_store_n(&process->ending, true, __ATOMIC_RELEASE);
    }
    spin_unlock(&process->lock);
    if (!decided)
        return false;
    if (process->threaded)
        process_notify_others(self, TIF_KILL);
    while (__atomic_load_n(&process->dump_left, __ATOMIC_ACQUIRE) && !process_is_killed(process)) {
        struct waiter waiter;
        int err = 0;

        waitq_enter(&process->child_wait, &waiter);
        if (__atomic_load_n(&process->dump_left, __ATOMIC_ACQUIRE))
            err = waitq_sleep_killable(&waiter);
        waitq_leave(&process->child_wait, &waiter);
        if (err)
            break;
    }
    return true;
}

COLD struct task *process_dump_next(struct process *process, struct task *task)
{
    spin_lock(&process->lock);
    do
        task = process_next_task(process, task);
    while (task && !task->dump_waits);
    spin_unlock(&process->lock);
    /* It has said that it waits, and is on its way to sleep. */
    while (task && !sched_is_off(&task->thread))
        sched_yield_cpu();
    return task;
}

COLD void process_dump_wait(struct task *self)
{
    struct process *process = self->process;
    bool last;

    spin_lock(&process->lock);
    last = process->dumper && --process->dump_left == 0;
    self->dump_waits = process->dumper != NULL;
    spin_unlock(&process->lock);
    if (last)
        waitq_wake_all(&process->child_wait);
    spin_lock(&process->lock);
    while (process->dumper) {
        sched_prepare(SCHED_UNINTERRUPTIBLE);
        spin_unlock(&process->lock);
        sched_block();
        spin_lock(&process->lock);
    }
    self->dump_waits = false;
    process->leaving++;
    spin_unlock(&process->lock);
}

COLD void process_dump_end(struct task *self, bool dumped)
{
    struct process *process = self->process;

    spin_lock(&process->lock);
    process->core_dumped = dumped;
    if (process_is_killed(process)) { /* meanwhile: that counts, as on Linux */
        process->end = process->limit_reached ? PROCESS_LIMIT : PROCESS_SIGNALED;
        process->end_code = LX_SIGKILL;
    }
    process->dumper = NULL;
    spin_unlock(&process->lock);
    if (process->threaded)
        process_notify_others(self, TIF_KILL);
}

/* Other tasks read the pointer, and the table behind it, under process_tree_lock (/proc, prlimit):
 * it changes under that lock, and the old table goes after it has been dropped. */
void process_replace_files(struct task *self, struct fd_table *files)
{
    struct fd_table *old = self->files;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    /* The new table follows the limit of this process, whatever the old one did. */
    files->limit = (uint32_t)MIN(self->process->limits[LX_RLIMIT_NOFILE].current, FD_LIMIT_MAX);
    self->files = files;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    fd_table_put(old);
}
