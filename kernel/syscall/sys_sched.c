/* SPDX-License-Identifier: MIT */
/* Who gets the processor, how long, and which: niceness, policies, affinity. */
#include "kernel/fs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/sched.h"

#define CPU_SET_NBYTES 8  /* room for 64 processors */
#define RT_PRIORITIES  99 /* of SCHED_FIFO and SCHED_RR: 1 to 99 */

int64_t sys_sched_yield(struct task *self)
{
    (void)self;
    sched_yield_cpu();
    return 0;
}

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

/* --- niceness --- */

/* Whether its owner, or root, asks. Tree locked; the process lives. */
static bool may_set_locked(const struct task *self, const struct process *process)
{
    const struct credentials *mine = &self->fs->cred, *its = &process->task->fs->cred;

    return mine->euid == its->uid || mine->euid == its->euid || credentials_is_privileged(mine);
}

static bool lives_locked(const struct process *process)
{
    return process->task && !process->sig_exiting;
}

static bool is_meant_locked(const struct process *process, int which, int who)
{
    if (!lives_locked(process))
        return false;
    if (which == LX_PRIO_PROCESS)
        return process->pid == who;
    if (which == LX_PRIO_PGRP)
        return process->group == who;
    return process->task->fs->cred.uid == (uint32_t)who;
}

/* 0 means the caller's own. */
static int who_is_meant(const struct task *self, int which, int who)
{
    if (who)
        return who;
    if (which == LX_PRIO_PROCESS)
        return self->tid;
    return which == LX_PRIO_PGRP ? self->process->group : (int)self->fs->cred.uid;
}

static bool is_idle(uint32_t policy)
{
    return (policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK) == LX_SCHED_IDLE;
}

/* Better than before only for root, or up to RLIMIT_NICE. */
static int nice_set_locked(const struct task *self, struct process *process, int nice)
{
    struct thread *thread = &process->task->thread;
    uint64_t limit = process->limits[LX_RLIMIT_NICE].current;

    if (!may_set_locked(self, process))
        return -EPERM;
    if (nice < thread->nice && (uint64_t)(SCHED_NICE_MAX + 1 - nice) > limit &&
        !credentials_is_privileged(&self->fs->cred))
        return -EACCES;
    sched_set_nice(thread, nice, is_idle(thread->policy));
    return 0;
}

int64_t sys_setpriority(struct task *self, int which, int who, int nice)
{
    int result = -ESRCH;
    uint64_t flags;

    if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
        return -EINVAL;
    nice = MAX(MIN(nice, SCHED_NICE_MAX), SCHED_NICE_MIN);
    flags = spin_lock_irqsave(&process_tree_lock);
    who = who_is_meant(self, which, who);
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        int err = is_meant_locked(p, which, who) ? nice_set_locked(self, p, nice) : -ESRCH;

        if (err == 0 && result == -ESRCH)
            result = 0;
        else if (err && err != -ESRCH)
            result = err;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

/* The best niceness of those meant, as 20 - nice: never negative. */
int64_t sys_getpriority(struct task *self, int which, int who)
{
    int result = -ESRCH;
    uint64_t flags;

    if (which < LX_PRIO_PROCESS || which > LX_PRIO_USER)
        return -EINVAL;
    flags = spin_lock_irqsave(&process_tree_lock);
    who = who_is_meant(self, which, who);
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (is_meant_locked(p, which, who))
            result = MAX(result, SCHED_NICE_MAX + 1 - p->task->thread.nice);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

/* --- policies --- */

/* The process meant, referenced, or NULL. */
static struct process *process_get_by_pid(const struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *process = pid ? process_find_locked(pid) : self->process;

    if (process && !lives_locked(process))
        process = NULL;
    if (process)
        process_get(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return process;
}

/* There are no real-time policies: nobody has the right to one, as with RLIMIT_RTPRIO 0. */
static int policy_check(int policy, int priority)
{
    switch (policy) {
    case LX_SCHED_NORMAL:
    case LX_SCHED_BATCH:
    case LX_SCHED_IDLE:
        return priority ? -EINVAL : 0;
    case LX_SCHED_FIFO:
    case LX_SCHED_RR:
        return priority < 1 || priority > RT_PRIORITIES ? -EINVAL : -EPERM;
    default:
        return -EINVAL;
    }
}

static void policy_apply(struct thread *thread, uint32_t policy)
{
    __atomic_store_n(&thread->policy, policy, __ATOMIC_RELAXED);
    sched_set_nice(thread, thread->nice, is_idle(policy));
}

/* policy < 0: as it is. */
static int64_t policy_set(struct task *self, int pid, int policy, struct uptr param)
{
    struct process *process;
    int priority, err;
    uint64_t flags;

    if (pid < 0 || !param.va)
        return -EINVAL;
    err = vm_user_read(&priority, param, sizeof(priority));
    if (err)
        return err;
    flags = spin_lock_irqsave(&process_tree_lock);
    process = pid ? process_find_locked(pid) : self->process;
    if (!process || !lives_locked(process)) {
        err = -ESRCH;
    } else {
        struct thread *thread = &process->task->thread;

        if (policy < 0)
            policy = thread->policy;
        err = policy_check(policy & ~LX_SCHED_RESET_ON_FORK, priority);
        if (err != -EINVAL && !may_set_locked(self, process))
            err = -EPERM;
        if (!err)
            policy_apply(thread, (uint32_t)policy);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* Honoured: OTHER, BATCH (the same), IDLE (the shortest turns), RESET_ON_FORK. */
int64_t sys_sched_setscheduler(struct task *self, int pid, int policy, struct uptr param)
{
    return policy < 0 ? -EINVAL : policy_set(self, pid, policy, param);
}

int64_t sys_sched_setparam(struct task *self, int pid, struct uptr param)
{
    return policy_set(self, pid, -1, param);
}

int64_t sys_sched_getscheduler(struct task *self, int pid)
{
    struct process *process = pid < 0 ? NULL : process_get_by_pid(self, pid);
    int64_t policy;

    if (!process)
        return pid < 0 ? -EINVAL : -ESRCH;
    policy = (int64_t)process->task->thread.policy;
    process_put(process);
    return policy;
}

int64_t sys_sched_getparam(struct task *self, int pid, struct uptr param)
{
    int64_t policy = param.va ? sys_sched_getscheduler(self, pid) : -EINVAL;
    int none = 0;

    return policy < 0 ? policy : vm_user_write(param, &none, sizeof(none));
}

static bool is_realtime(int policy)
{
    return policy == LX_SCHED_FIFO || policy == LX_SCHED_RR;
}

int64_t sys_sched_get_priority_max(struct task *self, int policy)
{
    (void)self;
    if (is_realtime(policy))
        return RT_PRIORITIES;
    return policy == LX_SCHED_DEADLINE || !policy_check(policy, 0) ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(struct task *self, int policy)
{
    return is_realtime(policy) ? 1 : sys_sched_get_priority_max(self, policy);
}

int64_t sys_sched_rr_get_interval(struct task *self, int pid, struct uptr interval)
{
    struct process *process = pid < 0 ? NULL : process_get_by_pid(self, pid);
    struct lx_timespec slice = {0, 0};

    if (!process)
        return pid < 0 ? -EINVAL : -ESRCH;
    slice.nsec = process->task->thread.slice_ns;
    process_put(process);
    return vm_user_write(interval, &slice, sizeof(slice));
}

/* --- affinity --- */

static uint64_t cpus_online(void)
{
    unsigned count = sched_cpus_online();

    return count < 64 ? (1ULL << count) - 1 : UINT64_MAX;
}

int64_t sys_sched_getaffinity(struct task *self, int pid, unsigned nbytes, struct uptr mask)
{
    struct process *process;
    uint64_t cpus;

    if (nbytes * 8 < CPU_SET_NBYTES * 8 || (nbytes & 7)) /* bits, in 32 bits, as Linux */
        return -EINVAL;
    process = process_get_by_pid(self, pid);
    if (!process)
        return -ESRCH;
    cpus = __atomic_load_n(&process->task->thread.affinity, __ATOMIC_RELAXED) & cpus_online();
    process_put(process);
    return vm_user_write(mask, &cpus, CPU_SET_NBYTES) ? -EFAULT : CPU_SET_NBYTES;
}

/* Processors that are not there are ignored, but some must be left. */
int64_t sys_sched_setaffinity(struct task *self, int pid, unsigned nbytes, struct uptr mask)
{
    struct process *process;
    uint64_t cpus = 0, flags;
    bool may;

    if (vm_user_read(&cpus, mask, MIN(nbytes, (unsigned)CPU_SET_NBYTES)))
        return -EFAULT;
    process = process_get_by_pid(self, pid);
    if (!process)
        return -ESRCH;
    flags = spin_lock_irqsave(&process_tree_lock);
    may = lives_locked(process) && may_set_locked(self, process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    cpus &= cpus_online();
    if (may && cpus)
        sched_set_affinity(&process->task->thread, cpus);
    process_put(process);
    if (!may)
        return -EPERM;
    return cpus ? 0 : -EINVAL;
}
