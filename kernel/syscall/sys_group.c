/* SPDX-License-Identifier: MIT */
/* Process groups and sessions. */
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"

/* The process meant by a number, the caller for 0. Tree locked. */
static struct process *find_locked(const struct task *self, int pid)
{
    return pid ? process_find_locked(pid) : self->process;
}

int64_t sys_getpgrp(struct task *self)
{
    return __atomic_load_n(&self->process->group, __ATOMIC_RELAXED);
}

int64_t sys_getpgid(struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = find_locked(self, pid);
    int64_t result = process ? process->group : -ESRCH;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

int64_t sys_getsid(struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = find_locked(self, pid);
    int64_t result = process ? process->session : -ESRCH;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

/* Whether the session has a process of that group. */
static bool group_exists_locked(int group, int session)
{
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (p->group == group && p->session == session)
            return true;
    return false;
}

static int64_t set_group_locked(struct task *self, int pid, int group)
{
    struct process *process = find_locked(self, pid);

    if (!process || (process != self->process && process->parent != self->process))
        return -ESRCH;
    if (process != self->process) {
        if (process->session != self->process->session)
            return -EPERM;
        if (process->has_execed)
            return -EACCES;
    }
    if (process->session == process->pid)
        return -EPERM; /* the leader of a session */
    if (!group)
        group = process->pid;
    if (group != process->pid && !group_exists_locked(group, self->process->session))
        return -EPERM;
    process_move_locked(process, group, process->session);
    return 0;
}

int64_t sys_setpgid(struct task *self, int pid, int group)
{
    uint64_t flags;
    int64_t result;

    if (!group)
        group = pid;
    if (group < 0)
        return -EINVAL;
    flags = spin_lock_irqsave(&process_tree_lock);
    result = set_group_locked(self, pid, group);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

int64_t sys_setsid(struct task *self)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int64_t result = -EPERM;

    /* Not for the leader of a group, nor when a group of that number lives on. */
    if (process->group != process->pid) {
        result = process->pid;
        for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
            if (p->group == process->pid)
                result = -EPERM;
    }
    if (result > 0) {
        process_move_locked(process, process->pid, process->pid);
        process->terminal = NULL;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}
