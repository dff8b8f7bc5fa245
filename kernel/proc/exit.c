/* SPDX-License-Identifier: MIT */
/* The end of a process, and being waited for. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/tables.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

void process_release_parent(struct process *process)
{
    if (__atomic_exchange_n(&process->released, 1, __ATOMIC_ACQ_REL) == 0)
        waitq_wake_all(&process->release_wait);
}

/* Off the program's tables before they are freed; the kernel half is the same in both. */
static void memory_leave(struct task *self)
{
    struct vm_space *space = self->thread.space;

    irq_disable();
    self->thread.space = NULL;
    self->thread.arch.cr3 = tables_kernel_root();
    self->thread.arch.cr3_users = NULL;
    cr3_write(self->thread.arch.cr3);
    vm_space_leave(space);
    irq_enable();
    vm_space_put(space);
}

/* True: nobody waits for it: it is an orphan, or the parent said so (SIGCHLD ignored, or
 * SA_NOCLDWAIT). */
static bool parent_told_locked(struct process *process)
{
    struct process *parent = process->parent;
    bool orphan = parent == &process_init_process;
    bool unwanted = orphan ? !process->awaited
                           : process->exit_signal == LX_SIGCHLD && signal_children_unwanted(parent);

    if (process->exit_signal && !orphan)
        signal_send_child_locked(parent, process);
    waitq_wake_all(&parent->child_wait);
    return unwanted;
}

/* What the child asked for in case that its parent ends: prctl(PR_SET_PDEATHSIG). */
static void child_warn_locked(const struct process *parent, struct process *child)
{
    struct lx_siginfo info = {.signo = child->death_signal,
                              .code = LX_SI_USER,
                              .sender = {.pid = parent->pid, .uid = parent->exit_uid}};
    int err = child->death_signal ? signal_send_info_locked(child, NULL, &info, false) : 0;

    ASSERT(!err);
}

/* Orphans get a new parent: the next above that adopts. init waits for none of them: of those,
 * the ones that have ended already are gone, for the caller to put. */
static void children_leave_locked(struct process *process, struct list *gone)
{
    struct process *heir = process->parent;

    while (heir->parent && !heir->adopts)
        heir = heir->parent;
    list_for_each_safe (node, &process->children) {
        struct process *child = list_entry(node, struct process, sibling);

        list_remove(node);
        child->parent = heir;
        __atomic_store_n(&child->parent_pid, heir->pid, __ATOMIC_RELAXED);
        child->exit_signal = LX_SIGCHLD;
        list_push_back(&heir->children, node);
        child_warn_locked(process, child);
        if (child->zombie && parent_told_locked(child)) {
            process_unlink_locked(child);
            list_push_back(gone, node);
        }
    }
}

void process_exit(struct task *self, enum process_end end, int code)
{
    struct process *process = self->process;
    struct list gone = LIST_INIT(gone), *node;
    uint64_t flags;

    timer_stop(&process->limit);
    signal_exit(self);
    if (process->exe) /* as on Linux, before a pipe tells others of the end: they may write to it */
        file_put(process->exe);
    process->exe = NULL;
    fd_table_put(self->files);
    self->files = NULL;
    futex_leave_memory(self);
    process_usage_note_memory(process, self->thread.space);
    memory_leave(self);
    fs_context_destroy(self->fs);
    self->fs = NULL;
    mount_sweep();
    terminal_process_exit(process);
    process_release_parent(process);

    flags = spin_lock_irqsave(&process_tree_lock);
    children_leave_locked(process, &gone);
    process->end = end;
    process->end_code = code;
    process_usage_end_locked(process);
    process->zombie = true;
    if (parent_told_locked(process)) {
        process_unlink_locked(process);
        list_push_back(&gone, &process->sibling);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    while ((node = list_pop_front(&gone)) != NULL)
        process_put(list_entry(node, struct process, sibling));
    sched_exit();
}

/* Of a child that has ended, nothing but its end is to be told any more. */
static bool is_wanted_locked(const struct process *parent, const struct process *child,
                             const struct process_wait *which)
{
    bool is_clone = child->exit_signal != LX_SIGCHLD;

    if (!(which->kinds & LX_WALL) && is_clone != !!(which->kinds & LX_WCLONE))
        return false;
    if (child->zombie && !which->exited)
        return false;
    if (which->pid > 0 || which->pid == -1)
        return true;
    return child->group == (which->pid ? -which->pid : parent->group);
}

/* Whether the child has something to tell; fills change. */
static bool has_change_locked(struct process *child, const struct process_wait *which,
                              struct process_change *change)
{
    *change = (struct process_change){
        .pid = child->pid,
        .uid = child->sig_exiting ? child->exit_uid : child->task->fs->cred.uid,
    };
    if (child->zombie) {
        change->end = child->end;
        change->code = child->end_code;
        change->core_dumped = child->core_dumped;
        return true;
    }
    if (which->stopped && child->report_stop) {
        change->stopped = true;
        change->code = child->report_stop;
        if (!which->keep)
            child->report_stop = 0;
        return true;
    }
    if (which->continued && child->report_cont) {
        change->continued = true;
        change->code = LX_SIGCONT;
        if (!which->keep)
            child->report_cont = false;
        return true;
    }
    return false;
}

/* True: it has something to tell. *reaped is the one to put. */
static bool look_locked(struct process *parent, struct process *child,
                        const struct process_wait *which, struct process_change *change,
                        struct process **reaped)
{
    if (!has_change_locked(child, which, change))
        return false;
    process_usage_locked(child, &change->usage);
    process_usage_add(&change->usage, &child->children_usage);
    if (child->zombie && !which->keep) {
        process_usage_add(&parent->children_usage, &change->usage);
        process_unlink_locked(child);
        *reaped = child;
    }
    return true;
}

/* 1: found; 0: none has changed; -ECHILD: no such child. */
static int scan_locked(struct process *parent, const struct process_wait *which,
                       struct process_change *change, struct process **reaped)
{
    struct process *child;
    bool any = false;

    if (which->pid > 0) {
        child = process_find_locked(which->pid);
        if (!child || child->parent != parent || !is_wanted_locked(parent, child, which))
            return -ECHILD;
        return look_locked(parent, child, which, change, reaped);
    }
    list_for_each_safe (node, &parent->children) {
        child = list_entry(node, struct process, sibling);
        if (!is_wanted_locked(parent, child, which))
            continue;
        any = true;
        if (look_locked(parent, child, which, change, reaped))
            return 1;
    }
    return any ? 0 : -ECHILD;
}

int process_wait(struct process *parent, const struct process_wait *which,
                 struct process_change *change)
{
    struct process *reaped = NULL;
    int found, err = 0;
    bool done;

    /* What a signal interrupts has another look: the signal may be that of a child that ends. */
    do {
        struct waiter waiter = {0};
        uint64_t flags;

        waitq_enter(&parent->child_wait, &waiter);
        flags = spin_lock_irqsave(&process_tree_lock);
        ASSERT(waiter.thread); /* a child that ends behind this look finds whom to wake */
        found = scan_locked(parent, which, change, &reaped);
        spin_unlock_irqrestore(&process_tree_lock, flags);
        done = found || which->no_hang || err;
        if (!done)
            err = waitq_sleep(&waiter, 1, 0);
        waitq_leave(&parent->child_wait, &waiter);
    } while (!done);
    if (found)
        err = MIN(found, 0);
    else if (which->no_hang)
        *change = (struct process_change){0};
    if (reaped)
        process_put(reaped);
    return err;
}
