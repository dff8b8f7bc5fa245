/* SPDX-License-Identifier: MIT */
/*
 * Processor time, faults and memory used: getrusage, times, processor-time clocks.
 *
 * A process's own sums and those of the children it has waited for are read together under the tree
 * lock, so that a child that is reaped meanwhile is counted in exactly one of them.
 */
#include "kernel/syscall/proc/sys_usage.h"
#include "kernel/core/clock.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/auxv.h"
#include "shared/linux/errno.h"

#define TICK_NS (1000000000ULL / LX_CLOCK_TICKS)

static struct lx_timeval usage_timeval_of(uint64_t ns)
{
    return (struct lx_timeval){(int64_t)(ns / 1000000000), (int64_t)(ns / 1000 % 1000000)};
}

/* Fields that this kernel has no use for stay 0, as most do on Linux. */
int usage_tell(struct uptr at, const struct process_usage *usage)
{
    struct lx_rusage result = {
        .utime = usage_timeval_of(usage->user_ns),
        .stime = usage_timeval_of(usage->system_ns),
        .maxrss = (int64_t)(usage->peak_pages * (PAGE_SIZE / 1024)),
        .minflt = (int64_t)usage->faults,
        .nvcsw = (int64_t)usage->switches[1],
        .nivcsw = (int64_t)usage->switches[0],
    };

    return vm_user_write(at, &result, sizeof(result));
}

/* The peak of memory is noted first, since it is kept in the address space while it grows. */
static void usage_read_both(struct task *self, struct process_usage *own,
                            struct process_usage *children)
{
    uint64_t flags;

    process_usage_note_memory(self->process, self->thread.space);
    process_usage_take(self->process, own);
    flags = spin_lock_irqsave(&process_tree_lock);
    *children = self->process->children_usage;
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

int64_t sys_getrusage(struct task *self, int target, struct uptr at)
{
    struct process_usage own, children;

    if (target != LX_RUSAGE_SELF && target != LX_RUSAGE_CHILDREN && target != LX_RUSAGE_THREAD)
        return -EINVAL;
    usage_read_both(self, &own, &children);
    if (target == LX_RUSAGE_THREAD) { /* memory is the process's all the same */
        own = (struct process_usage){.peak_pages = own.peak_pages};
        process_usage_add_task(&own, self);
    }
    return usage_tell(at, target == LX_RUSAGE_CHILDREN ? &children : &own);
}

/* The result counts ticks since start-up; it is no time of the day. */
int64_t sys_times(struct task *self, struct uptr times)
{
    struct process_usage own, children;
    struct lx_tms result;
    int err = 0;

    usage_read_both(self, &own, &children);
    result = (struct lx_tms){
        .utime = (int64_t)(own.user_ns / TICK_NS),
        .stime = (int64_t)(own.system_ns / TICK_NS),
        .cutime = (int64_t)(children.user_ns / TICK_NS),
        .cstime = (int64_t)(children.system_ns / TICK_NS),
    };
    if (times.va)
        err = vm_user_write(times, &result, sizeof(result));
    return err ? err : (int64_t)(clock_monotonic_ns() / TICK_NS);
}

/* The process clock of any process may be read, the thread clock of the caller's own threads only.
 * A negative id is ~pid << 3 with the kind of clock in the low bits (clock_getcpuclockid(3)). */
int cpu_clock_read(struct task *self, int clock, struct cpu_clock *result)
{
    int what = clock < 0 ? clock & LX_CPUCLOCK_WHAT_MASK : LX_CPUCLOCK_SCHED;
    bool thread =
        clock < 0 ? (clock & LX_CPUCLOCK_PERTHREAD_MASK) != 0 : clock == LX_CLOCK_THREAD_CPUTIME_ID;
    int pid = clock < 0 ? ~(clock >> 3) : 0;
    struct process_usage usage = {0};
    struct process *process;
    const struct task *task;
    uint64_t flags;

    if (what > LX_CPUCLOCK_SCHED)
        return -EINVAL;
    flags = spin_lock_irqsave(&process_tree_lock);
    task = pid ? task_find_locked(pid) : self;
    process = pid ? process_of_task_locked(pid) : self->process;
    if (process && thread && process != self->process)
        process = NULL;
    if (process && thread)
        process_usage_add_task(&usage, task);
    else if (process)
        process_get(process);
    result->thread = process && thread;
    result->tid = result->thread ? task->tid : 0;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!process)
        return -EINVAL;
    result->own = process == self->process;
    if (!thread) {
        process_usage_take(process, &usage);
        process_put(process);
    }
    result->user_only = what == LX_CPUCLOCK_VIRT;
    result->ns = usage.user_ns + (result->user_only ? 0 : usage.system_ns);
    return 0;
}
