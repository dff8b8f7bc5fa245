/* SPDX-License-Identifier: MIT */
/* Resource limits. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* Limits that something else enforces take effect at once. The process lives. */
static void limit_apply_locked(struct process *process, unsigned resource)
{
    struct task *task = process->task;
    uint64_t current = process->limits[resource].current;

    if (resource == LX_RLIMIT_NOFILE) {
        __atomic_store_n(&task->files->limit, (uint32_t)MIN(current, FD_LIMIT_MAX),
                         __ATOMIC_RELAXED);
    } else if (resource == LX_RLIMIT_CPU) {
        arch_thread_add_work(&task->thread.arch, ARCH_WORK_CPU_TIME);
        sched_poke(&task->thread);
    } else {
        process_limits_apply_locked(process);
    }
}

static int limit_set_locked(const struct task *self, struct process *process, unsigned resource,
                            const struct lx_rlimit *wanted)
{
    const struct lx_rlimit *old = &process->limits[resource];

    if (wanted->current > wanted->maximum)
        return -EINVAL;
    if (resource == LX_RLIMIT_NOFILE && wanted->maximum > FD_LIMIT_MAX)
        return -EPERM;
    if (wanted->maximum > old->maximum && !credentials_is_privileged(&self->fs->cred))
        return -EPERM;
    process->limits[resource] = *wanted;
    limit_apply_locked(process, resource);
    return 0;
}

/* Only who is that user in every way, or root. */
static bool may_see_locked(const struct task *self, const struct process *process)
{
    const struct credentials *mine = &self->fs->cred, *its = &process->task->fs->cred;

    if (process == self->process || credentials_is_privileged(mine))
        return true;
    return mine->uid == its->uid && mine->uid == its->euid && mine->uid == its->suid &&
           mine->gid == its->gid && mine->gid == its->egid && mine->gid == its->sgid;
}

/* wanted may be NULL. */
static int limit_change(struct task *self, int pid, unsigned resource,
                        const struct lx_rlimit *wanted, struct lx_rlimit *before)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *process = pid ? process_find_locked(pid) : self->process;
    int err = 0;

    if (!process || !process->task || process->sig_exiting)
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
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

int64_t sys_prlimit64(struct task *self, int pid, unsigned resource, struct uptr limit,
                      struct uptr old)
{
    struct lx_rlimit before, wanted;
    int err = limit.va ? vm_user_read(&wanted, limit, sizeof(wanted)) : 0;

    if (!err)
        err = limit_change(self, pid, resource, limit.va ? &wanted : NULL, &before);
    return err || !old.va ? err : vm_user_write(old, &before, sizeof(before));
}

int64_t sys_getrlimit(struct task *self, unsigned resource, struct uptr limit)
{
    if (resource >= LX_RLIM_NLIMITS)
        return -EINVAL;
    return vm_user_write(limit, &self->process->limits[resource], sizeof(struct lx_rlimit));
}

int64_t sys_setrlimit(struct task *self, unsigned resource, struct uptr limit)
{
    struct lx_rlimit before, wanted;
    int err = vm_user_read(&wanted, limit, sizeof(wanted));

    return err ? err : limit_change(self, 0, resource, &wanted, &before);
}
