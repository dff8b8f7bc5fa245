/* SPDX-License-Identifier: MIT */
/*
 * Process groups and sessions, and the end of a session's terminal.
 *
 * A group and a session are numbers of processes that live on as long as they have members
 * (proc/pid.h). All changes are made there, under process_tree_lock, which also guards parents and
 * children: the rules are checked and acted on in one step.
 */
#include "kernel/dev/tty/tty.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"

/* The process meant by a number, the caller for 0. Tree locked. */
static struct process *process_meant_locked(const struct task *self, int pid)
{
    ASSERT(process_tree_is_held());
    return pid ? process_of_task_locked(pid) : self->process;
}

int64_t sys_getpgrp(struct task *self)
{
    return __atomic_load_n(&self->process->group, __ATOMIC_RELAXED);
}

/* Apart from the caller's own, which needs no lock. */
static NOINLINE int64_t group_of_number(int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = process_of_task_locked(pid);
    int64_t result = process ? process->group : -ESRCH;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

int64_t sys_getpgid(struct task *self, int pid)
{
    return pid ? group_of_number(pid) : sys_getpgrp(self);
}

int64_t sys_getsid(struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = process_meant_locked(self, pid);
    int64_t result = process ? process->session : -ESRCH;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

int64_t sys_setpgid(struct task *self, int pid, int group)
{
    return process_set_group(self->process, pid, group);
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

/* The caller's own terminal; without one there is nothing to do. */
int64_t sys_vhangup(struct task *self)
{
    struct tty *tty;

    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_TTY_CONFIG))
        return -EPERM;
    tty = tty_ops()->current();
    if (tty) {
        tty_hang_up(tty);
        tty_put(tty);
    }
    return 0;
}
