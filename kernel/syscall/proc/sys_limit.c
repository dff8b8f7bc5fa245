/* SPDX-License-Identifier: MIT */
/*
 * Resource limits: getrlimit, setrlimit, prlimit64.
 *
 * A process's limits are guarded by its lock; the tree lock keeps the process alive and its task
 * attached meanwhile. Most limits are read where they are enforced, without a lock, since a limit
 * is two independent words. Those that something else enforces are passed on at once: the size of
 * the descriptor table, and the processor time, which the target compares on its next return to
 * ring 3.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* Limits that each task has to hear of. */
static bool concerns_tasks(unsigned resource)
{
    return resource == LX_RLIMIT_NOFILE || resource == LX_RLIMIT_CPU ||
           resource == LX_RLIMIT_RTTIME;
}

/* In slices: there may be thousands of tasks. Of two calls at a time the later one's limit stays,
 * since it is read anew for each. */
static void tasks_apply(struct process *process, unsigned resource)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const uint64_t *current = &process->limits[resource].current;
    struct task *task = NULL;
    unsigned steps = 0;

    while ((task = process_walk_task_locked(process, task, &steps, &flags)) != NULL) {
        if (task->exiting)
            continue;
        if (resource == LX_RLIMIT_NOFILE)
            __atomic_store_n(
                &task->files->limit,
                (uint32_t)MIN(__atomic_load_n(current, __ATOMIC_RELAXED), FD_LIMIT_MAX),
                __ATOMIC_RELAXED);
        else
            task_check_cpu_time(task);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* A hard limit may be lowered by all and raised by root. That a limit is below what is in use
 * already is no error: it stops further growth. */
static int limit_set_locked(const struct task *self, struct process *process, unsigned resource,
                            const struct lx_rlimit *wanted)
{
    const struct lx_rlimit *old = &process->limits[resource];

    ASSERT(spin_is_held(&process->lock));
    if (wanted->current > wanted->maximum)
        return -EINVAL;
    if (resource == LX_RLIMIT_NOFILE && wanted->maximum > FD_LIMIT_MAX)
        return -EPERM;
    if (wanted->maximum > old->maximum &&
        !credentials_capable(&self->fs->cred, LX_CAP_SYS_RESOURCE))
        return -EPERM;
    process->limits[resource] = *wanted;
    if (!process->sig_exiting && !concerns_tasks(resource))
        process_limits_apply_locked(process);
    return 0;
}

/* Allowed to root, and to a user whose real uid and gid are all the three of the target. */
static bool may_see_locked(const struct task *self, struct process *process)
{
    const struct credentials *mine = &self->fs->cred, its = identity_of_locked(process);

    ASSERT(spin_is_held(&process_tree_lock));
    if (process == self->process || credentials_capable(mine, LX_CAP_SYS_RESOURCE))
        return true;
    return mine->uid == its.uid && mine->uid == its.euid && mine->uid == its.suid &&
           mine->gid == its.gid && mine->gid == its.egid && mine->gid == its.sgid;
}

/* wanted may be NULL. The tree lock before the process's, by rank. A process that exits has no task
 * any more. */
static int limit_change(struct task *self, int pid, unsigned resource,
                        const struct lx_rlimit *wanted, struct lx_rlimit *before)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *process = pid ? process_of_task_locked(pid) : self->process;
    bool walks = false;
    int err = 0;

    if (!process) /* that of a zombie may be asked for and changed, too */
        err = -ESRCH;
    else if (!may_see_locked(self, process))
        err = -EPERM;
    else if (resource >= LX_RLIM_NLIMITS)
        err = -EINVAL;
    if (!err) {
        spin_lock(&process->lock);
        *before = process->limits[resource];
        if (wanted)
            err = limit_set_locked(self, process, resource, wanted);
        spin_unlock(&process->lock);
        walks = wanted && !err && concerns_tasks(resource);
    }
    if (walks)
        process_get(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (walks) {
        tasks_apply(process, resource);
        process_put(process);
    }
    return err;
}

/* The new limit is read before anything changes; a bad pointer for the old one does not undo the
 * change, as on Linux. */
int64_t sys_prlimit64(struct task *self, int pid, unsigned resource, struct uptr limit,
                      struct uptr old)
{
    struct lx_rlimit before, wanted;
    int err = limit.va ? vm_user_read(&wanted, limit, sizeof(wanted)) : 0;

    if (!err)
        err = limit_change(self, pid, resource, limit.va ? &wanted : NULL, &before);
    return err || !old.va ? err : vm_user_write(old, &before, sizeof(before));
}

/* Other than prlimit64, NULL is a bad pointer here. */
int64_t sys_getrlimit(struct task *self, unsigned resource, struct uptr limit)
{
    struct lx_rlimit now;
    int err = limit_change(self, 0, resource, NULL, &now);

    return err ? err : vm_user_write(limit, &now, sizeof(now));
}

int64_t sys_setrlimit(struct task *self, unsigned resource, struct uptr limit)
{
    struct lx_rlimit before, wanted;
    int err = vm_user_read(&wanted, limit, sizeof(wanted));

    return err ? err : limit_change(self, 0, resource, &wanted, &before);
}
