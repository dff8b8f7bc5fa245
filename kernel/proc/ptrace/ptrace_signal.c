/* SPDX-License-Identifier: MIT */
/*
 * ptrace: requests about signals of a stopped tracee: that of its stop, those that wait, its mask.
 *
 * The tracee is frozen, and its mask its tracer's; queues are under process.lock, for signals come
 * at any time.
 */
#include "kernel/lib/string.h"
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* What is behind the kernel's own members are zeroes: nothing of its stack is shown. */
static COLD int64_t info_tell(uint64_t to, const struct lx_siginfo *info)
{
    char bytes[LX_SIGINFO_NBYTES] = {0};

    memcpy(bytes, info, sizeof(*info));
    return vm_user_write((struct uptr){to}, bytes, sizeof(bytes));
}

/* A stop of a group that was not seized has none. */
COLD int64_t ptrace_signal_info_read(struct ptrace_request *r)
{
    return r->tracee->has_info ? info_tell(r->data, &r->tracee->info) : -EINVAL;
}

/* Signals that wait, as many as there are. They may come and go between two of them. */
COLD int64_t ptrace_signals_peek(struct ptrace_request *r)
{
    struct process *process = r->task->process;
    const struct signal_queue *queue = &r->task->sig_queue;
    struct lx_peeksiginfo which;
    struct lx_siginfo info;
    bool found = true;
    int done = 0;

    if (vm_user_read(&which, (struct uptr){r->address}, sizeof(which)))
        return -EFAULT;
    if ((which.flags & ~LX_PTRACE_PEEKSIGINFO_SHARED) || which.count < 0)
        return -EINVAL;
    if (which.flags & LX_PTRACE_PEEKSIGINFO_SHARED)
        queue = &process->sig_queue;
    while (done < which.count && !vm_kill_pending()) {
        spin_lock(&process->lock);
        found = signal_queue_peek(queue, which.first + (unsigned)done, &info);
        spin_unlock(&process->lock);
        if (!found)
            break;
        if (info_tell(r->data + (uint64_t)done * LX_SIGINFO_NBYTES, &info))
            return done ? done : -EFAULT;
        done++;
        sched_preempt_point();
    }
    return done;
}

/* Any signal's, as on Linux: what the number says counts at the end of the stop. */
COLD int64_t ptrace_signal_info_write(struct ptrace_request *r)
{
    struct lx_siginfo info;

    if (!r->tracee->has_info)
        return -EINVAL;
    if (vm_user_read(&info, (struct uptr){r->data}, sizeof(info)))
        return -EFAULT;
    r->tracee->info = info;
    return 0;
}

/* Of a call that waits with another mask (sigsuspend) the one that it will restore. */
COLD int64_t ptrace_mask_read(struct ptrace_request *r)
{
    const struct task *task = r->task;
    uint64_t mask = task->sig_restore ? task->sig_saved_mask : task->sig_mask;

    if (r->address != sizeof(mask))
        return -EINVAL;
    return vm_user_write((struct uptr){r->data}, &mask, sizeof(mask));
}

/* A mask that was to come back after the call does not any more. */
COLD int64_t ptrace_mask_write(struct ptrace_request *r)
{
    struct process *process = r->task->process;
    uint64_t mask;

    if (r->address != sizeof(mask))
        return -EINVAL;
    if (vm_user_read(&mask, (struct uptr){r->data}, sizeof(mask)))
        return -EFAULT;
    spin_lock(&process->lock);
    __atomic_store_n(&r->task->sig_mask, mask & ~SIGNAL_UNBLOCKABLE, __ATOMIC_SEQ_CST);
    r->task->sig_restore = false;
    signal_recheck(r->task);
    spin_unlock(&process->lock);
    return 0;
}
