/* SPDX-License-Identifier: MIT */
/*
 * Process groups and sessions.
 *
 * A group and a session are numbers of processes that live on as long as they have members
 * (proc/pid.h). All changes are made under process_tree_lock, which also guards parents and
 * children: the rules below can be checked and acted on in one step.
 *
 * Whether a group is orphaned depends on the parents of its members, so a change of group is
 * recorded with every child. The lock is given up between children, hence the reference to the
 * process.
 */
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"

/* The process meant by a number, the caller for 0. Tree locked. */
static struct process *process_meant_locked(const struct task *self, int pid)
{
    ASSERT(process_tree_is_held());
    return pid ? process_find_locked(pid) : self->process;
}

int64_t sys_getpgrp(struct task *self)
{
    return __atomic_load_n(&self->process->group, __ATOMIC_RELAXED);
}

int64_t sys_getpgid(struct task *self, int pid)
{
    const struct process *process;
    int64_t result;
    uint64_t flags;

    if (!pid)
        return sys_getpgrp(self);
    flags = spin_lock_irqsave(&process_tree_lock);
    process = process_find_locked(pid);
    result = process ? process->group : -ESRCH;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

int64_t sys_getsid(struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = process_meant_locked(self, pid);
    int64_t result = process ? process->session : -ESRCH;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

/* The order of the errors is Linux's: not a child, another session, has executed a program, leads a
 * session, no such group in this session. */
static int64_t set_group_locked(struct task *self, struct process *process, int number,
                                uint64_t *flags)
{
    struct pid *group;

    ASSERT(process_tree_is_held());
    if (process != self->process && process->parent != self->process)
        return -ESRCH;
    if (process != self->process) {
        if (process->session != self->process->session)
            return -EPERM;
        if (process->has_execed)
            return -EACCES;
    }
    if (process->session == process->pid)
        return -EPERM; /* the leader of a session */
    if (!number || number == process->pid) {
        group = process->own_pid;
    } else {
        group = process_group_find_locked(number);
        if (!group || group->group.session->number != process->session)
            return -EPERM;
    }
    process_set_group_locked(process, group, flags);
    return 0;
}

int64_t sys_setpgid(struct task *self, int pid, int group)
{
    struct process *process;
    int64_t result = -ESRCH;
    bool has_children;
    uint64_t flags;

    if (!group)
        group = pid;
    if (group < 0)
        return -EINVAL;
    flags = spin_lock_irqsave(&process_tree_lock);
    process = process_meant_locked(self, pid);
    has_children = process && !list_empty(&process->family.children);
    if (has_children) /* the lock is given up meanwhile */
        process_get(process);
    if (process)
        result = set_group_locked(self, process, group, &flags);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (has_children)
        process_put(process);
    return result;
}

/* The new session has a new group and no controlling terminal. */
int64_t sys_setsid(struct task *self)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int64_t result = -EPERM;

    /* Not for the leader of a group, nor when a group of that number lives on. */
    if (!process->own_pid->group.count) {
        result = process->pid;
        process_set_session_locked(process, &flags);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}
