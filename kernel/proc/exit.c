/* SPDX-License-Identifier: MIT */
/*
 * Exit: the end of a task, and of a process.
 *
 * A task ends by itself (exit) or with its process (exit_group, a fatal signal): then .ending is
 * set, .end and .end_code say how, and the others get TIF_KILL. Only the first of several such ends
 * counts; without one the exit code of the task that is the last to exit does. A task that executes
 * a program (exec_task) ends the others, too: they die alone then, unless the process is killed.
 * SIGKILL goes to one task only, which passes it to the others in slices (process_notify_others),
 * and so does one that was on its way out already. A task is added under process.lock, and not once
 * .ending or .exec_task is set: so none is missed.
 *
 * Two counts make the last task do what is the process's. `live`: a task refuses signals first
 * (exiting); the last one does so for the process (sig_exiting). `present`: each task has given its
 * descriptors, memory and directories back, and if it is not the leader left the list and its
 * number, before it counts down; the one that comes to 0 ends the process. It need not be the
 * leader, which is a zombie among living tasks if it ends first. A task is freed when its stack
 * has been left, a leader with its process.
 *
 * Steps of a process, in the order in which others can see them: signals are refused, descriptors
 * are closed, memory and directories go, the terminal is released, vfork's parent goes on. Then
 * children get new parents and groups that are orphaned by that are hung up; then the process is a
 * zombie, which its parent is told; it is unlinked at once if the parent does not want to wait.
 *
 * Children leave in slices of EXIT_SLICE, with the tree unlocked in between; a process without
 * children becomes a zombie in the same hold of the lock that saw the last one leave, so no process
 * ever has a zombie for a parent. An ancestor that exits itself is passed over as an heir; one that
 * begins to exit afterwards finds the children in its own list. Signals to orphaned groups are sent
 * between slices, never under the lock: the group is held by a reference meanwhile.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/tables.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/signal/signal_share.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/signal.h"

#define EXIT_SLICE 32  /* children that get a new parent while the lock is held */
#define HEIR_SLICE 256 /* generations that are looked through while the lock is held */
#define EXIT_PLAIN 8   /* of those that go by family_move_plain_locked: take as long as one other */

void process_release_parent(struct process *process)
{
    if (__atomic_exchange_n(&process->vfork_done, 1, __ATOMIC_ACQ_REL) == 0)
        waitq_wake_all(&process->release_wait);
}

/* Off the program's tables before they are freed; the kernel half is the same in both. */
static void memory_leave(struct task *self)
{
    struct vm_space *space = self->thread.space;
    uint64_t npages = vm_space_end_begin(space); /* the OOM killer misses them at no time */

    irq_disable();
    self->thread.space = NULL;
    self->thread.arch.cr3 = tables_kernel_root();
    self->thread.arch.cr3_users = NULL;
    cr3_write(self->thread.arch.cr3);
    vm_space_leave(space);
    irq_enable();
    vm_space_end(space, npages);
}

/* True: no parent waits for it: it is an orphan, or the parent said so (SIGCHLD ignored, or
 * SA_NOCLDWAIT). */
bool process_tell_parent_locked(struct process *process)
{
    struct process *parent = process->parent;
    bool orphan = parent == &process_init_process;
    bool same = __atomic_load_n(&parent->generation, __ATOMIC_RELAXED) == process->parent_program;
    /* The program that was asked for another one is gone: the new one may have more rights. */
    int signal = same ? process->exit_signal : LX_SIGCHLD;
    bool unwanted = orphan ? !process->reaped_by_init
                           : signal == LX_SIGCHLD && signal_children_unwanted(parent);

    ASSERT(process_tree_is_held());
    if (signal && !orphan)
        signal_send_child_locked(parent, process, signal);
    waitq_wake_all(&parent->child_wait);
    return unwanted;
}

/* What the child asked for in case that its parent ends: prctl(PR_SET_PDEATHSIG). */
static void child_warn_locked(struct process *parent, struct process *child)
{
    struct lx_siginfo info = {.code = LX_SI_USER, .sender = {.pid = parent->pid}};

    ASSERT(process_tree_is_held());
    if (!child->asks_death_signal) /* nearly always, and it may have thousands of tasks */
        return;
    process_each_task (task, child) {
        int err;

        /* Read once: the child runs, and may change it. */
        info.signo = __atomic_load_n(&task->death_signal, __ATOMIC_RELAXED);
        if (!info.signo)
            continue;
        info.sender.uid = identity_of_locked(parent).uid;
        err = signal_send_info_locked(child, NULL, &info, false);
        ASSERT(!err);
    }
}

/* The next subreaper above that is not on its way out itself; in the end init. It may be thousands
 * of generations away, so the lock is given up on the way there. An ancestor that goes meanwhile
 * has left its children to one that is further up: those that were passed need no second look, and
 * if it was this one itself the way has become shorter. */
static struct process *heir_find_locked(const struct process *process, uint64_t *flags)
{
    struct process *heir = process->parent;
    unsigned steps = 0;

    ASSERT(process_tree_is_held());
    while (heir->parent && (!heir->subreaper || heir->sig_exiting)) {
        bool is_gone;

        heir = heir->parent;
        if (++steps % HEIR_SLICE != 0)
            continue;
        process_get(heir);
        spin_unlock_irqrestore(&process_tree_lock, *flags);
        sched_preempt_point();
        *flags = spin_lock_irqsave(&process_tree_lock);
        is_gone = !heir->group_pid;
        if (is_gone)
            spin_unlock_irqrestore(&process_tree_lock, *flags);
        process_put(heir); /* else not the last reference: the tree has one */
        if (is_gone) {
            *flags = spin_lock_irqsave(&process_tree_lock);
            heir = process->parent;
        }
    }
    return heir;
}

/* A group, referenced, that has lost the last parent that could continue its stopped members. */
static struct pid *orphaned_get_locked(struct pid *group)
{
    ASSERT(process_tree_is_held());
    if (!group->group.stopped || !process_group_is_orphaned(&group->group))
        return NULL;
    pid_get_locked(group);
    return group;
}

/* One child gets a new parent. True: its end is of no interest there, and it is out of the tree.
 * *orphaned: what signals its group needs. */
static bool child_leaves_locked(struct process *process, struct process *child,
                                struct process *heir, struct pid **orphaned)
{
    bool was_outside = process->group != child->group && process->session == child->session;

    ASSERT(process_tree_is_held());
    family_leave_locked(child);
    child->exit_signal = LX_SIGCHLD;
    family_enter_locked(heir, child);
    process_anchor_update_locked(child);
    child_warn_locked(process, child);
    *orphaned = was_outside ? orphaned_get_locked(child->group_pid) : NULL;
    if (!child->zombie || child->trace_held || !process_tell_parent_locked(child))
        return false;
    process_unlink_locked(child);
    return true;
}

/* What is to be done without the lock, between slices. */
static void slice_end(struct list *gone, struct pid *orphaned)
{
    struct list *node;

    while ((node = list_pop_front(gone)) != NULL)
        process_put(list_entry(node, struct process_link, link)->process);
    if (orphaned)
        signal_hang_up_group(orphaned);
}

/* All children get a new parent, some of them at a time. Meanwhile those that are left may have
 * children with CLONE_PARENT, which come to the end of the list: it is empty in the end. */
static void children_leave_locked(struct process *process, uint64_t *flags)
{
    struct list gone = LIST_INIT(gone);
    struct process *heir = NULL;
    unsigned steps = 0;

    ASSERT(process_tree_is_held());
    while (family_first_locked(process)) {
        struct pid *orphaned = NULL;
        struct process *child;

        /* Once in a slice: it stays for as long as the lock is held. */
        if (!heir)
            heir = heir_find_locked(process, flags);
        steps +=
            family_move_plain_locked(process, heir, (EXIT_SLICE - steps) * EXIT_PLAIN) / EXIT_PLAIN;
        child = steps++ < EXIT_SLICE ? family_first_locked(process) : NULL;
        if (child && child_leaves_locked(process, child, heir, &orphaned))
            list_push_back(&gone, &child->sibling.link);
        if (!orphaned && steps < EXIT_SLICE)
            continue;
        steps = 0;
        heir = NULL;
        spin_unlock_irqrestore(&process_tree_lock, *flags);
        slice_end(&gone, orphaned);
        sched_preempt_point();
        *flags = spin_lock_irqsave(&process_tree_lock);
    }
    spin_unlock_irqrestore(&process_tree_lock, *flags);
    slice_end(&gone, NULL);
    *flags = spin_lock_irqsave(&process_tree_lock);
}

/* Its own group may lose the parent that it had through this process. */
static void group_leave_locked(struct process *process, uint64_t *flags)
{
    struct process_group *group = &process->group_pid->group;
    struct list none = LIST_INIT(none);
    struct pid *orphaned;

    ASSERT(process_tree_is_held());
    if (!process->anchor || group->anchors > 1 || !group->stopped)
        return;
    orphaned = process->group_pid;
    pid_get_locked(orphaned);
    spin_unlock_irqrestore(&process_tree_lock, *flags);
    slice_end(&none, orphaned);
    *flags = spin_lock_irqsave(&process_tree_lock);
}

/* The process's own, once its last task refuses signals. */
static void process_end_begin(struct process *process, const struct task *self)
{
    timer_stop(&process->limit);
    if (process->exe) /* as on Linux, before a pipe shows others the end: they may write to it */
        file_put(process->exe);
    process->exe = NULL;
    /* The memory's peak is read before the memory goes. */
    process_usage_note_memory(process, self->thread.space);
}

/* Nothing of its tasks is left but the leader, as a record. */
static void process_end(struct process *process)
{
    struct pidfd *pidfd;
    uint64_t flags;
    bool reaped;

    /* Before the parent can learn of the end: a shell that waits finds the terminal free. */
    terminal_process_exit(process);
    process_release_parent(process);
    if (unlikely(!list_empty(&process->tracees)))
        ptrace_tracer_end(process);

    flags = spin_lock_irqsave(&process_tree_lock);
    children_leave_locked(process, &flags);
    group_leave_locked(process, &flags);
    ASSERT(!family_first_locked(process));
    process_usage_end_locked(process);
    signal_unshare_locked(process);
    process->zombie = true;
    process_anchor_update_locked(process);
    pidfd = pidfd_end_locked(process);
    reaped = !ptrace_process_end_locked(process);
    if (reaped) {
        family_update_locked(process);
        reaped = process_tell_parent_locked(process);
    }
    if (reaped)
        process_unlink_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (pidfd)
        pidfd_wake(pidfd);
    if (reaped)
        process_put(process);
}

/* A thread of CLONE_VFORK: the one that made it goes on. */
static void task_release_parent(struct task *self)
{
    __atomic_store_n(&self->vfork_waited, false, __ATOMIC_RELEASE);
    waitq_wake_all(&self->process->child_wait);
}

/* Not the leader: nothing finds it any more, and it is freed when its stack has been left. */
static void task_leave(struct task *self)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    ptrace_task_end_locked(self);
    spin_lock(&process->lock);
    process_remove_task_locked(process, self);
    spin_unlock(&process->lock);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    task_put(self); /* not the last reference: the thread has one */
}

static NORETURN void task_end(struct task *self)
{
    struct process *process = self->process;

    if (signal_exit(self))
        process_end_begin(process, self);
    if (unlikely(self->seccomp))
        seccomp_release(self);
    fd_table_put(self->files);
    self->files = NULL;
    futex_leave_memory(self);
    sem_exit(self);
    memory_leave(self);
    ns_exit(self);
    if (self->vfork_waited)
        task_release_parent(self);
    fs_context_destroy(self->fs);
    self->fs = NULL;
    if (self != process->leader)
        task_leave(self);
    /* In this order: process_end_others stores exec_task before it looks at the count. */
    if (__atomic_sub_fetch(&process->present, 1, __ATOMIC_SEQ_CST) == 0) {
        process_end(process);
        sched_exit();
    }
    __atomic_store_n(&self->gone, true, __ATOMIC_RELAXED);
    if (__atomic_load_n(&process->exec_task, __ATOMIC_SEQ_CST))
        waitq_wake_all(&process->child_wait);
    sched_exit();
}

/* True: the caller's way is that of all; false: another was quicker, or the caller's own end is all
 * that counts, as one executes. */
static bool end_decide(struct task *self, enum process_end end, int code)
{
    struct process *process = self->process;
    bool decided, passed;

    spin_lock(&process->lock);
    /* As on Linux exec wins over exit_group, and a fatal signal over exec. */
    decided = !process->ending && (end != PROCESS_EXITED || !process->exec_task);
    if (decided) {
        process->end = end;
        process->end_code = code;
        __atomic_store_n(&process->ending, true, __ATOMIC_RELEASE);
    }
    passed = process_dump_pass_locked(process);
    spin_unlock(&process->lock);
    if (unlikely(!passed))
        process_dump_wait(self);
    return decided;
}

void process_exit(struct task *self, enum process_end end, int code)
{
    struct process *process = self->process;

    if (end_decide(self, end, code) && process->threaded)
        process_notify_others(self, TIF_KILL);
    if (unlikely(self->ptrace))
        ptrace_event(self, LX_PTRACE_EVENT_EXIT, ptrace_status_of(process));
    task_end(self);
}

void task_exit(struct task *self, enum process_end end, int code)
{
    struct process *process = self->process;
    const int status = end == PROCESS_EXITED ? code << 8 : code;
    bool passed;

    spin_lock(&process->lock);
    passed = process_dump_pass_locked(process);
    spin_unlock(&process->lock);
    if (unlikely(!passed))
        process_dump_wait(self);
    if (unlikely(self->ptrace)) {
        ptrace_event(self, LX_PTRACE_EVENT_EXIT, (uint64_t)status);
        ptrace_note_end(self, status);
    }
    spin_lock(&process->lock);
    if (!process->ending) { /* the last one's stays, as on Linux */
        process->end = end;
        process->end_code = code;
    }
    spin_unlock(&process->lock);
    task_end(self);
}

void task_exit_killed(struct task *self)
{
    struct process *process = self->process;
    bool alone;

    spin_lock(&process->lock);
    alone = process->exec_task && process->exec_task != self;
    spin_unlock(&process->lock);
    if (alone) /* as if by itself, its tracer is told */
        task_exit(self, PROCESS_EXITED, 0);
    if (__atomic_load_n(&process->limit_reached, __ATOMIC_ACQUIRE))
        process_exit(self, PROCESS_LIMIT, 0);
    process_exit(self, PROCESS_SIGNALED, LX_SIGKILL);
}
