/* SPDX-License-Identifier: MIT */
/*
 * Priorities of input and output: ioprio_set, ioprio_get.
 *
 * Kept and inherited for programs that ask; nothing waits for a disk here. A value is a class and a
 * level in it. A thread that has set none has the one that follows from its policy and niceness,
 * which a question about a group or a user sees; about the thread itself it is 0.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_sched.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"

#define LEVELS      8
#define CLASS_SHIFT 13
#define WHICH_MAX   3 /* a thread, a group, a user */

enum ioprio_class { CLASS_NONE, CLASS_REALTIME, CLASS_BEST_EFFORT, CLASS_IDLE };

#define IOPRIO(class, level) ((class) << CLASS_SHIFT | (level))

/* The class real time needs the right to any niceness. */
static int ioprio_check(const struct task *self, int value)
{
    int level = value & (IOPRIO(1, 0) - 1);

    switch (value >> CLASS_SHIFT) {
    case CLASS_REALTIME:
        if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_NICE))
            return -EPERM;
        return level < LEVELS ? 0 : -EINVAL;
    case CLASS_BEST_EFFORT:
        return level < LEVELS ? 0 : -EINVAL;
    case CLASS_IDLE:
        return 0;
    case CLASS_NONE:
        return level ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

/* A word by itself: a thread that asks meanwhile sees the old one or the new one. */
static int ioprio_set_locked(const struct task *self, struct task *target, int value)
{
    ASSERT(spin_is_held(&process_tree_lock));
    if (!sched_may_set_locked(self, target->process))
        return -EPERM;
    __atomic_store_n(&target->ioprio, (uint16_t)value, __ATOMIC_RELAXED);
    return 0;
}

/* Of several targets the first refusal counts, and none at all is ESRCH. */
static int ioprio_set_merge(int result, int next)
{
    return result < 0 && result != -ESRCH ? result : next;
}

/* `raw`: 0 for what was never set. */
static int ioprio_get_locked(const struct task *self, struct task *target, int raw)
{
    const struct thread *thread = &target->thread;
    int value = __atomic_load_n(&target->ioprio, __ATOMIC_RELAXED);
    int level = (thread->nice + 20) / 5;

    ASSERT(spin_is_held(&process_tree_lock));
    (void)self;
    if (raw || value >> CLASS_SHIFT)
        return value;
    if (sched_policy_is_idle(thread->policy))
        return IOPRIO(CLASS_IDLE, level);
    return IOPRIO(sched_policy_is_realtime(thread->policy) ? CLASS_REALTIME : CLASS_BEST_EFFORT,
                  level);
}

/* The best, which is the least. */
static int ioprio_get_merge(int result, int next)
{
    return result < 0 ? next : MIN(result, next);
}

/* Kinds of targets are those of setpriority, counted from 1. */
COLD int64_t sys_ioprio_set(struct task *self, int which, int target, int value)
{
    const struct priority_call call = {ioprio_set_locked, ioprio_set_merge, value};
    int err = ioprio_check(self, value);

    if (err)
        return err;
    if (which < 1 || which > WHICH_MAX)
        return -EINVAL;
    return priority_apply(self, which - 1, target, &call);
}

COLD int64_t sys_ioprio_get(struct task *self, int which, int target)
{
    const struct priority_call call = {ioprio_get_locked, ioprio_get_merge, which == 1};

    if (which < 1 || which > WHICH_MAX)
        return -EINVAL;
    return priority_apply(self, which - 1, target, &call);
}
