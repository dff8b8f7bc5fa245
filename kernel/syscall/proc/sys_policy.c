/* SPDX-License-Identifier: MIT */
/*
 * Scheduling policies: sched_setscheduler and kin, sched_setattr.
 *
 * All calls that set become one struct policy_request. What is wrong with it by itself is EINVAL
 * and is found before rights are looked at, for which the target must be known; then it is applied
 * under process_tree_lock, so that two calls on one thread do not mix. SCHED_DEADLINE has no queue
 * here: its parameters are checked as Linux does, and then there is never bandwidth left (EBUSY).
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define RT_PRIORITIES   99 /* of SCHED_FIFO and SCHED_RR: 1 to 99 */
#define DEADLINE_MIN_NS 1024ULL
#define PERIOD_MIN_NS   100000ULL /* what Linux's sched_deadline_period_{min,max}_us start with */
#define PERIOD_MAX_NS   (1000ULL << 22)
#define FLAGS_KEEP      (LX_SCHED_FLAG_KEEP_POLICY | LX_SCHED_FLAG_KEEP_PARAMS)
#define FLAGS_CLAMP     (LX_SCHED_FLAG_UTIL_CLAMP_MIN | LX_SCHED_FLAG_UTIL_CLAMP_MAX)
#define FLAGS_ALL                                                                                  \
    (LX_SCHED_FLAG_RESET_ON_FORK | LX_SCHED_FLAG_RECLAIM | LX_SCHED_FLAG_DL_OVERRUN | FLAGS_KEEP | \
     FLAGS_CLAMP)

struct policy_request {
    struct lx_sched_attr attr;
    bool keep_policy; /* and whether children are reset */
    bool keep_nice;
};

/* Whether niceness is a parameter of it. */
static bool has_nice(uint32_t policy)
{
    return policy == LX_SCHED_NORMAL || policy == LX_SCHED_BATCH;
}

/* As Linux admits them: the runtime lies within the deadline, and that within the period, which is
 * the deadline where none is given. */
static bool deadline_valid(const struct lx_sched_attr *attr)
{
    uint64_t period = attr->period ? attr->period : attr->deadline;

    if (!attr->deadline || attr->runtime < DEADLINE_MIN_NS || (attr->deadline | period) >> 63)
        return false;
    return period >= attr->deadline && attr->deadline >= attr->runtime && period >= PERIOD_MIN_NS &&
           period <= PERIOD_MAX_NS;
}

/* By itself: a priority goes with the real-time policies, and with them alone. */
static int policy_check(const struct lx_sched_attr *attr)
{
    switch (attr->policy) {
    case LX_SCHED_NORMAL:
    case LX_SCHED_BATCH:
    case LX_SCHED_IDLE:
        return attr->priority ? -EINVAL : 0;
    case LX_SCHED_FIFO:
    case LX_SCHED_RR:
        return attr->priority < 1 || attr->priority > RT_PRIORITIES ? -EINVAL : 0;
    case LX_SCHED_DEADLINE:
        return attr->priority || !deadline_valid(attr) ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

/* sched(7), "Privileges and resource limits": what the owner may do without a capability. */
static bool policy_allowed_locked(const struct task *self, struct task *target,
                                  const struct policy_request *request)
{
    const struct lx_sched_attr *attr = &request->attr;
    const struct thread *thread = &target->thread;
    struct process *process = target->process;
    uint64_t limit = process->limits[LX_RLIMIT_RTPRIO].current;
    uint32_t policy = thread->policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK;

    ASSERT(spin_is_held(&process_tree_lock));
    if (credentials_capable(&self->fs->cred, LX_CAP_SYS_NICE))
        return true;
    if (!sched_may_set_locked(self, process) || attr->policy == LX_SCHED_DEADLINE)
        return false;
    if (sched_policy_is_realtime(attr->policy)) {
        if (attr->policy != policy && !limit)
            return false;
        if (attr->priority > thread->rt_own && attr->priority > limit)
            return false;
    } else if (!request->keep_nice && has_nice(attr->policy) && attr->nice < thread->nice &&
               !sched_may_have_nice(self, process, attr->nice)) {
        return false;
    }
    /* SCHED_IDLE is less than any niceness: to leave it is to get a better one. */
    if (sched_policy_is_idle(policy) && !sched_policy_is_idle(attr->policy) &&
        !sched_may_have_nice(self, process, thread->nice))
        return false;
    return !(thread->policy & LX_SCHED_RESET_ON_FORK) ||
           (attr->flags & LX_SCHED_FLAG_RESET_ON_FORK);
}

/* Niceness is kept where none is given; the weight follows from it and the policy. */
static void policy_apply_locked(struct thread *thread, const struct policy_request *request)
{
    const struct lx_sched_attr *attr = &request->attr;
    uint32_t reset = attr->flags & LX_SCHED_FLAG_RESET_ON_FORK ? LX_SCHED_RESET_ON_FORK : 0;
    int nice = thread->nice;

    ASSERT(spin_is_held(&process_tree_lock));
    if (attr->flags & LX_SCHED_FLAG_KEEP_PARAMS) { /* on Linux that means the policy as well */
        sched_set_policy(thread, (thread->policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK) | reset,
                         thread->rt_own);
        return;
    }
    if (!request->keep_nice && has_nice(attr->policy))
        nice = attr->nice;
    sched_set_nice(thread, nice, sched_policy_is_idle(attr->policy));
    if (attr->priority) /* RLIMIT_RTTIME may count from now on */
        arch_thread_add_work(&thread->arch, TIF_CPU_TIME);
    sched_set_policy(thread, attr->policy | reset, attr->priority);
}

/* In the order in which Linux looks: what is kept, what is valid, what is allowed, what there is.
 */
static int policy_set_locked(struct task *self, struct task *target, struct policy_request *request)
{
    struct lx_sched_attr *attr = &request->attr;
    const struct thread *thread = &target->thread;
    int err;

    ASSERT(spin_is_held(&process_tree_lock));
    if (request->keep_policy) {
        attr->policy = thread->policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK;
        attr->flags |= thread->policy & LX_SCHED_RESET_ON_FORK ? LX_SCHED_FLAG_RESET_ON_FORK : 0;
    }
    if (attr->flags & LX_SCHED_FLAG_KEEP_PARAMS) {
        request->keep_nice = true;
        attr->priority = thread->rt_own;
    }
    err = policy_check(attr);
    if (err)
        return err;
    if (!policy_allowed_locked(self, target, request))
        return -EPERM;
    if (attr->flags & FLAGS_CLAMP)
        return -EOPNOTSUPP;
    if (attr->policy == LX_SCHED_DEADLINE)
        return -EBUSY;
    policy_apply_locked(&target->thread, request);
    return 0;
}

/* The mutex behind futex_pi_reprioritize is not to be taken under the tree lock, so the target is
 * referenced meanwhile. */
static int64_t policy_set(struct task *self, int pid, struct policy_request *request)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct task *target = sched_target_find_locked(self, pid);
    int err = target ? policy_set_locked(self, target, request) : -ESRCH;
    bool blocked = !err && futex_pi_is_blocked(target);

    if (blocked) {
        task_get(target);
        process_get(target->process);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (blocked) { /* what it waits for is lent its new priority */
        futex_pi_reprioritize(target);
        sched_target_put(target);
    }
    return err;
}

/* policy < 0: as it is. */
static int64_t scheduler_set(struct task *self, int pid, int policy, struct uptr param)
{
    struct policy_request request = {.keep_policy = policy < 0, .keep_nice = true};
    struct lx_sched_attr *attr = &request.attr;
    int err;

    if (pid < 0 || !param.va)
        return -EINVAL;
    err = vm_user_read(&attr->priority, param, sizeof(attr->priority));
    if (err)
        return err;
    if (policy >= 0) {
        attr->policy = (uint32_t)policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK;
        attr->flags = policy & LX_SCHED_RESET_ON_FORK ? LX_SCHED_FLAG_RESET_ON_FORK : 0;
    }
    return policy_set(self, pid, &request);
}

/* Honoured: OTHER, BATCH (the same), IDLE, FIFO, RR, RESET_ON_FORK. */
COLD int64_t sys_sched_setscheduler(struct task *self, int pid, int policy, struct uptr param)
{
    return policy < 0 ? -EINVAL : scheduler_set(self, pid, policy, param);
}

COLD int64_t sys_sched_setparam(struct task *self, int pid, struct uptr param)
{
    return scheduler_set(self, pid, -1, param);
}

/* The structure grows with the versions of the interface: the program says how much of it there is,
 * and E2BIG comes with how much this kernel knows. */
static int attr_read(struct uptr from, struct lx_sched_attr *attr)
{
    uint32_t known = sizeof(*attr), nbytes;
    int err = vm_user_read(&nbytes, from, sizeof(nbytes));

    if (err)
        return err;
    if (!nbytes)
        nbytes = LX_SCHED_ATTR_SIZE_VER0;
    err = nbytes < LX_SCHED_ATTR_SIZE_VER0 || nbytes > PAGE_SIZE ? -E2BIG : 0;
    if (!err && nbytes > known)
        err = vm_user_check_zero((struct uptr){from.va + known}, nbytes - known);
    if (err == -E2BIG)
        return vm_user_write(from, &known, sizeof(known)) ? -E2BIG : err;
    return err ? err : vm_user_read(attr, from, MIN(nbytes, known)) ? -EFAULT : (int)nbytes;
}

/* Honoured: RESET_ON_FORK, KEEP_POLICY, KEEP_PARAMS. */
COLD int64_t sys_sched_setattr(struct task *self, int pid, struct uptr at, unsigned flags)
{
    struct policy_request request = {.attr = {0}};
    struct lx_sched_attr *attr = &request.attr;
    int nbytes;

    if (!at.va || pid < 0 || flags)
        return -EINVAL;
    nbytes = attr_read(at, attr);
    if (nbytes < 0)
        return nbytes;
    if ((attr->flags & FLAGS_CLAMP) && nbytes < (int)sizeof(*attr))
        return -EINVAL;
    attr->nice = MAX(MIN(attr->nice, SCHED_NICE_MAX), SCHED_NICE_MIN);
    if ((int32_t)attr->policy < 0 || (attr->flags & ~(uint64_t)FLAGS_ALL))
        return -EINVAL;
    request.keep_policy = (attr->flags & LX_SCHED_FLAG_KEEP_POLICY) != 0;
    return policy_set(self, pid, &request);
}

/* What a call that asks may see of a thread. */
static int policy_get(struct task *self, int pid, struct lx_sched_attr *attr)
{
    struct task *target = pid < 0 ? NULL : sched_target_get(self, pid);
    const struct thread *thread;

    if (!target)
        return pid < 0 ? -EINVAL : -ESRCH;
    thread = &target->thread;
    *attr = (struct lx_sched_attr){.size = sizeof(*attr)};
    attr->policy = __atomic_load_n(&thread->policy, __ATOMIC_RELAXED);
    if (sched_policy_is_realtime(attr->policy))
        attr->priority = __atomic_load_n(&thread->rt_own, __ATOMIC_RELAXED);
    else
        attr->nice = thread->nice;
    attr->runtime = thread->slice_ns; /* for sched_rr_get_interval */
    sched_target_put(target);
    return 0;
}

/* A program that knows less gets less: unlike when it sets, no field is missed by it. */
COLD int64_t sys_sched_getattr(struct task *self, int pid, struct uptr at, unsigned nbytes,
                               unsigned flags)
{
    struct lx_sched_attr attr;
    int err;

    if (!at.va || pid < 0 || flags || nbytes > PAGE_SIZE || nbytes < LX_SCHED_ATTR_SIZE_VER0)
        return -EINVAL;
    err = policy_get(self, pid, &attr);
    if (err)
        return err;
    attr.flags = attr.policy & LX_SCHED_RESET_ON_FORK ? LX_SCHED_FLAG_RESET_ON_FORK : 0;
    attr.policy &= ~(uint32_t)LX_SCHED_RESET_ON_FORK;
    attr.runtime = 0;
    attr.size = MIN(nbytes, (unsigned)sizeof(attr));
    return vm_user_write(at, &attr, attr.size);
}

COLD int64_t sys_sched_getscheduler(struct task *self, int pid)
{
    struct lx_sched_attr attr;
    int err = policy_get(self, pid, &attr);

    return err ? err : (int64_t)attr.policy;
}

COLD int64_t sys_sched_getparam(struct task *self, int pid, struct uptr param)
{
    struct lx_sched_attr attr;
    int err = param.va ? policy_get(self, pid, &attr) : -EINVAL;

    return err ? err : vm_user_write(param, &attr.priority, sizeof(attr.priority));
}

/* Constants, which programs ask for all the same (sched_get_priority_max(2)). */
COLD int64_t sys_sched_get_priority_max(struct task *self, int policy)
{
    (void)self;
    switch (policy) {
    case LX_SCHED_FIFO:
    case LX_SCHED_RR:
        return RT_PRIORITIES;
    case LX_SCHED_NORMAL:
    case LX_SCHED_BATCH:
    case LX_SCHED_IDLE:
    case LX_SCHED_DEADLINE:
        return 0;
    default:
        return -EINVAL;
    }
}

COLD int64_t sys_sched_get_priority_min(struct task *self, int policy)
{
    return MIN(sys_sched_get_priority_max(self, policy), 1);
}

/* Of SCHED_FIFO 0, which is no limit; of SCHED_RR its turn; else the slice. */
COLD int64_t sys_sched_rr_get_interval(struct task *self, int pid, struct uptr interval)
{
    struct lx_timespec slice = {0, 0};
    struct lx_sched_attr attr;
    int err = policy_get(self, pid, &attr);

    if (err)
        return err;
    if (!sched_policy_is_realtime(attr.policy))
        slice.nsec = (int64_t)attr.runtime;
    else if ((attr.policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK) == LX_SCHED_RR)
        slice.nsec = SCHED_RR_TURN_NS;
    return vm_user_write(interval, &slice, sizeof(slice));
}
