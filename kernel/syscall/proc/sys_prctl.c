/* SPDX-License-Identifier: MIT */
/*
 * Options of prctl about the processor and the memory: what a task may use of them, and what is
 * known of their faults.
 *
 * Some only remember a wish that this kernel has no occasion to act on: it has no huge pages, never
 * waits for a disk to free memory, and stops at an uncorrected machine check whatever a process
 * would rather have. Speculation is never restricted here, so that is what is told, and it cannot
 * be changed.
 */
#include "kernel/syscall/proc/sys_prctl.h"

#include "kernel/proc/process.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

/* Of this thread; children begin with what their maker has. */
static int64_t tsc_get(struct task *self, struct uptr at)
{
    int value = self->thread.arch.no_tsc ? LX_PR_TSC_SIGSEGV : LX_PR_TSC_ENABLE;

    return vm_user_write(at, &value, sizeof(value));
}

static int64_t tsc_set(struct task *self, uint64_t value)
{
    if (value != LX_PR_TSC_ENABLE && value != LX_PR_TSC_SIGSEGV)
        return -EINVAL;
    arch_thread_forbid_tsc(&self->thread.arch, value == LX_PR_TSC_SIGSEGV);
    return 0;
}

/* All kinds of it that have a number here are let alone. */
static int64_t speculation_get(const struct prctl_args *args)
{
    if (args->three || args->four || args->five)
        return -EINVAL;
    return args->two <= LX_PR_SPEC_INDIRECT_BRANCH ? LX_PR_SPEC_ENABLE : -ENODEV;
}

static int64_t speculation_set(const struct prctl_args *args)
{
    if (args->four || args->five)
        return -EINVAL;
    if (args->two == LX_PR_SPEC_STORE_BYPASS)
        return -ENXIO;
    if (args->two != LX_PR_SPEC_INDIRECT_BRANCH)
        return -ENODEV;
    switch (args->three) {
    case LX_PR_SPEC_ENABLE:
        return 0;
    case LX_PR_SPEC_DISABLE:
    case LX_PR_SPEC_FORCE_DISABLE:
        return -EPERM;
    default:
        return -ERANGE;
    }
}

static int64_t mce_kill_set(struct task *self, const struct prctl_args *args)
{
    if (args->four || args->five)
        return -EINVAL;
    if (args->two == LX_PR_MCE_KILL_CLEAR && !args->three)
        self->inherited.mce_kill = LX_PR_MCE_KILL_DEFAULT;
    else if (args->two == LX_PR_MCE_KILL_SET && args->three <= LX_PR_MCE_KILL_DEFAULT)
        self->inherited.mce_kill = (uint8_t)args->three;
    else
        return -EINVAL;
    return 0;
}

/* For programs that write pages back, on which freeing memory waits. */
static int64_t io_flusher(struct task *self, bool set, const struct prctl_args *args)
{
    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_RESOURCE))
        return -EPERM;
    if (args->three || args->four || args->five || args->two > set)
        return -EINVAL;
    if (!set)
        return self->inherited.io_flusher;
    self->inherited.io_flusher = args->two;
    return 0;
}

/* Of the process, as exec keeps it. */
static int64_t huge_pages(struct process *process, bool set, const struct prctl_args *args)
{
    if (args->three || args->four || args->five || (!set && args->two))
        return -EINVAL;
    if (!set)
        return __atomic_load_n(&process->no_huge_pages, __ATOMIC_RELAXED);
    __atomic_store_n(&process->no_huge_pages, args->two != 0, __ATOMIC_RELAXED);
    return 0;
}

/* With no flags. Strict mode has no argument here, whatever it is. */
static int64_t seccomp_set(struct task *self, const struct prctl_args *args)
{
    switch (args->two) {
    case LX_SECCOMP_MODE_STRICT:
        return seccomp_set_strict(self);
    case LX_SECCOMP_MODE_FILTER:
        return seccomp_set_filter(self, 0, (struct uptr){args->three});
    default:
        return -EINVAL;
    }
}

/* Honoured: TSC, SECCOMP. Remembered: MCE_KILL, IO_FLUSHER, THP_DISABLE. What is: TIMING,
 * SPECULATION_CTRL, GET_TID_ADDRESS. */
COLD int64_t prctl_processor(struct task *self, int option, const struct prctl_args *args)
{
    struct uptr at = {args->two};

    switch (option) {
    case LX_PR_GET_TIMING:
        return LX_PR_TIMING_STATISTICAL;
    case LX_PR_SET_TIMING:
        return args->two == LX_PR_TIMING_STATISTICAL ? 0 : -EINVAL;
    case LX_PR_GET_SECCOMP:
        return self->seccomp_mode;
    case LX_PR_SET_SECCOMP:
        return seccomp_set(self, args);
    case LX_PR_GET_TSC:
        return tsc_get(self, at);
    case LX_PR_SET_TSC:
        return tsc_set(self, args->two);
    case LX_PR_GET_TID_ADDRESS:
        return vm_user_write(at, &self->clear_tid, sizeof(self->clear_tid));
    case LX_PR_MCE_KILL:
        return mce_kill_set(self, args);
    case LX_PR_MCE_KILL_GET:
        return args->two || args->three || args->four || args->five ? -EINVAL
                                                                    : self->inherited.mce_kill;
    case LX_PR_SET_THP_DISABLE:
    case LX_PR_GET_THP_DISABLE:
        return huge_pages(self->process, option == LX_PR_SET_THP_DISABLE, args);
    case LX_PR_SET_IO_FLUSHER:
    case LX_PR_GET_IO_FLUSHER:
        return io_flusher(self, option == LX_PR_SET_IO_FLUSHER, args);
    case LX_PR_GET_SPECULATION_CTRL:
        return speculation_get(args);
    case LX_PR_SET_SPECULATION_CTRL:
        return speculation_set(args);
    default:
        return prctl_capability(self, option, args);
    }
}
