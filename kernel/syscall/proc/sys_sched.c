/* SPDX-License-Identifier: MIT */
/*
 * Scheduling parameters: niceness, affinity. Policies: sys_policy.c.
 *
 * The target is found by number under process_tree_lock, which also keeps its credentials and its
 * task in place while rights are checked. Calls on a group or a user visit many processes; the walk
 * gives the lock up in between (process_walk_next_locked), so their number does not show in the
 * time that interrupts are off. A new affinity of the caller's own switches threads at once, so it
 * is applied with a reference to the process and without the lock.
 */
#include "kernel/syscall/proc/sys_sched.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/sched.h"

int64_t sys_sched_yield(struct task *self)
{
    (void)self;
    sched_yield_cpu();
    return 0;
}

/* Out of date as soon as the program runs again, unless it is bound to a processor. One NUMA node;
 * the cache argument has been unused since Linux 2.6.24. */
int64_t sys_getcpu(struct task *self, struct uptr cpu, struct uptr node, struct uptr cache)
{
    uint32_t index = cpu_self()->index, zero = 0;
    int err = 0;

    (void)self;
    (void)cache;
    if (cpu.va)
        err = vm_user_write(cpu, &index, sizeof(index));
    if (!err && node.va)
        err = vm_user_write(node, &zero, sizeof(zero));
    return err;
}

/* --- whom a call means --- */

/* 0 means the caller. A task stays until its process was waited for: that of a zombie has a
 * niceness and a policy, too, and they may be changed. */
struct task *sched_target_find_locked(struct task *self, int pid)
{
    ASSERT(spin_is_held(&process_tree_lock));
    return pid ? task_scheduled_find_locked(pid) : self;
}

/* The task meant, referenced, or NULL. */
struct task *sched_target_get(struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct task *target = sched_target_find_locked(self, pid);

    if (target) {
        task_get(target);
        process_get(target->process);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return target;
}

void sched_target_put(struct task *target)
{
    struct process *process = target->process;

    task_put(target);
    process_put(process);
}

/* Whether its owner, or root, asks: by the effective user alone, whatever the real one is. Tree
 * locked; the process has a task. */
bool sched_may_set_locked(const struct task *self, struct process *process)
{
    const struct credentials its = identity_of_locked(process);
    const struct credentials *mine = &self->fs->cred;

    ASSERT(spin_is_held(&process_tree_lock));
    return mine->euid == its.uid || mine->euid == its.euid ||
           credentials_capable(mine, LX_CAP_SYS_NICE);
}

/* 0 means the caller's own. */
static int priority_target(const struct task *self, int which, int target)
{
    if (target)
        return target;
    if (which == LX_PRIO_PROCESS)
        return self->tid;
    return which == LX_PRIO_PGRP ? self->process->group : (int)self->fs->cred.uid;
}

/* RLIMIT_NICE counts from 20 downwards: a limit of 1 allows niceness 19, 40 allows -20
 * (getrlimit(2)). */
bool sched_may_have_nice(const struct task *self, const struct process *process, int nice)
{
    return (uint64_t)(SCHED_NICE_MAX + 1 - nice) <= process->limits[LX_RLIMIT_NICE].current ||
           credentials_capable(&self->fs->cred, LX_CAP_SYS_NICE);
}

/* Better than before only for root, or up to RLIMIT_NICE. */
static int nice_set_locked(const struct task *self, struct task *target, int nice)
{
    struct thread *thread = &target->thread;

    ASSERT(spin_is_held(&process_tree_lock));
    if (!sched_may_set_locked(self, target->process))
        return -EPERM;
    if (nice < thread->nice && !sched_may_have_nice(self, target->process, nice))
        return -EACCES;
    sched_set_nice(thread, nice, sched_policy_is_idle(thread->policy));
    return 0;
}

/* The tree lock is given up, between tasks and at the end. */
static int priority_process_locked(const struct task *self, struct process *process,
                                   const struct priority_call *call, int result, uint64_t *flags)
{
    struct task *task = NULL;
    unsigned steps = 0;

    ASSERT(spin_is_held(&process_tree_lock));
    process_get(process);
    while ((task = process_walk_task_locked(process, task, &steps, flags)) != NULL)
        result = call->merge(result, call->action(self, task, call->nice));
    spin_unlock_irqrestore(&process_tree_lock, *flags);
    process_put(process);
    *flags = spin_lock_irqsave(&process_tree_lock);
    return result;
}

static int priority_walk_locked(const struct task *self, struct process_walk *walk,
                                const struct priority_call *call, const uint32_t *uid,
                                uint64_t *flags)
{
    struct process *process;
    int result = -ESRCH;

    ASSERT(spin_is_held(&process_tree_lock));
    while ((process = process_walk_next_locked(walk, flags)) != NULL) {
        if (!uid || identity_of_locked(process).uid == *uid)
            result = priority_process_locked(self, process, call, result, flags);
    }
    process_walk_end_locked(walk);
    return result;
}

int priority_apply(const struct task *self, int which, int target, const struct priority_call *call)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process_walk walk;
    struct task *task;
    struct pid *group;
    int result = -ESRCH;

    target = priority_target(self, which, target);
    if (which == LX_PRIO_PROCESS) {
        task = task_scheduled_find_locked(target);
        if (task)
            result = call->action(self, task, call->nice);
    } else if (which == LX_PRIO_PGRP) {
        group = process_group_find_locked(target);
        if (group) {
            process_walk_group_locked(&walk, group);
            result = priority_walk_locked(self, &walk, call, NULL, &flags);
        }
    } else {
        process_walk_all_locked(&walk);
        result = priority_walk_locked(self, &walk, call, &(uint32_t){(uint32_t)target}, &flags);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

/* The last failure, or success. */
static int set_merge(int result, int next)
{
    return next || result == -ESRCH ? next : result;
}

/* Values beyond the range are cut, not refused. */
int64_t sys_setpriority(struct task *self, int which, int target, int nice)
{
    struct priority_call call = {nice_set_locked, set_merge, nice};

    if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
        return -EINVAL;
    call.nice = MAX(MIN(nice, SCHED_NICE_MAX), SCHED_NICE_MIN);
    return priority_apply(self, which, target, &call);
}

/* 20 - nice, as the raw system call returns it: 1 to 40, so that no result looks like an error. */
static int nice_get_locked(const struct task *self, struct task *target, int nice)
{
    ASSERT(spin_is_held(&process_tree_lock));
    (void)self;
    (void)nice;
    return SCHED_NICE_MAX + 1 - target->thread.nice;
}

static int get_merge(int result, int next)
{
    return MAX(result, next);
}

/* The best niceness of those meant, as 20 - nice: never negative. */
int64_t sys_getpriority(struct task *self, int which, int target)
{
    static const struct priority_call call = {nice_get_locked, get_merge, 0};

    if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
        return -EINVAL;
    return priority_apply(self, which, target, &call);
}

/* --- affinity --- */

/* As many words as have a processor, like Linux. */
static unsigned cpu_set_nbytes(void)
{
    return cpumask_words * (unsigned)sizeof(uint64_t);
}

/* Returns the bytes written. Processors that are offline are not shown. */
int64_t sys_sched_getaffinity(struct task *self, int pid, unsigned nbytes, struct uptr mask)
{
    struct task *target;
    struct cpumask cpus;

    if (nbytes * 8 < sched_cpus_online() || (nbytes & 7)) /* bits, in 32 bits, as Linux */
        return -EINVAL;
    target = sched_target_get(self, pid);
    if (!target)
        return -ESRCH;
    sched_affinity_online(&target->thread, &cpus);
    sched_target_put(target);
    nbytes = MIN(nbytes, cpu_set_nbytes());
    return vm_user_write(mask, &cpus, nbytes) ? -EFAULT : (int64_t)nbytes;
}

/* Processors that are not there are ignored, but some must be left. */
int64_t sys_sched_setaffinity(struct task *self, int pid, unsigned nbytes, struct uptr mask)
{
    struct cpumask given = {{0}}, cpus;
    struct task *target;
    uint64_t flags;
    bool may, any;

    if (vm_user_read(&given, mask, MIN(nbytes, cpu_set_nbytes())))
        return -EFAULT;
    target = sched_target_get(self, pid);
    if (!target)
        return -ESRCH;
    flags = spin_lock_irqsave(&process_tree_lock);
    may = sched_may_set_locked(self, target->process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    any = cpumask_and(&cpus, &given, &sched_allowed);
    if (may && any)
        sched_set_affinity(&target->thread, &cpus);
    sched_target_put(target);
    if (!may)
        return -EPERM;
    return any ? 0 : -EINVAL;
}
