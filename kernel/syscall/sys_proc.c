/* SPDX-License-Identifier: MIT */
/* Processes and their limits. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/core/clock.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/auxv.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

int64_t sys_exit(struct task *self, int code)
{
    process_exit(self, PROCESS_EXITED, code & 0xff);
}

int64_t sys_exit_group(struct task *self, int code)
{
    process_exit(self, PROCESS_EXITED, code & 0xff);
}

int64_t sys_getpid(struct task *self)
{
    return self->process->pid;
}

int64_t sys_gettid(struct task *self)
{
    return self->tid;
}

int64_t sys_getppid(struct task *self)
{
    return process_parent_pid(self->process);
}

int64_t sys_set_tid_address(struct task *self, struct uptr address)
{
    self->clear_tid = address;
    return self->tid;
}

int64_t sys_set_robust_list(struct task *self, struct uptr head, size_t nbytes)
{
    if (nbytes != 24)
        return -EINVAL;
    self->robust_list = head;
    return 0;
}

static bool is_self(const struct task *self, int pid)
{
    return pid == 0 || pid == self->process->pid;
}

/* FS and GS base as they are while this task runs: the registers are its own. */
int64_t sys_arch_prctl(struct task *self, int option, uint64_t address)
{
    struct uptr result = {address};
    uint64_t value;

    (void)self;
    switch (option) {
    case LX_ARCH_SET_FS:
    case LX_ARCH_SET_GS:
        if (address >= USER_END)
            return -EPERM;
        msr_write(option == LX_ARCH_SET_FS ? MSR_FS_BASE : MSR_KERNEL_GS_BASE, address);
        return 0;
    case LX_ARCH_GET_FS:
    case LX_ARCH_GET_GS:
        value = msr_read(option == LX_ARCH_GET_FS ? MSR_FS_BASE : MSR_KERNEL_GS_BASE);
        return vm_user_write(result, &value, sizeof(value));
    default:
        return -EINVAL;
    }
}

/* Honoured: SET_NAME, GET_NAME, GET_DUMPABLE (1), SET_DUMPABLE (checked), PDEATHSIG (kept; no
 * parent dies), NO_NEW_PRIVS (nothing gives any). */
int64_t sys_prctl(struct task *self, int option, uint64_t two, uint64_t three, uint64_t four,
                  uint64_t five)
{
    struct process *process = self->process;
    struct uptr at = {two};
    char name[sizeof(process->name)] = "";
    int64_t length;

    switch (option) {
    case LX_PR_SET_NAME:
        length = vm_user_read_string(name, at, sizeof(name));
        if (length == -EFAULT)
            return -EFAULT;
        name[sizeof(name) - 1] = 0;
        memcpy(process->name, name, sizeof(name));
        return 0;
    case LX_PR_GET_NAME:
        return vm_user_write(at, process->name, sizeof(process->name));
    case LX_PR_SET_PDEATHSIG:
        if (two > LX_NSIG)
            return -EINVAL;
        process->death_signal = (int)two;
        return 0;
    case LX_PR_GET_PDEATHSIG:
        return vm_user_write(at, &process->death_signal, sizeof(process->death_signal));
    case LX_PR_GET_DUMPABLE:
        return 1;
    case LX_PR_SET_DUMPABLE:
        return two <= 1 ? 0 : -EINVAL;
    case LX_PR_SET_NO_NEW_PRIVS:
        if (two != 1 || three || four || five)
            return -EINVAL;
        process->no_new_privs = true;
        return 0;
    case LX_PR_GET_NO_NEW_PRIVS:
        return two || three || four || five ? -EINVAL : process->no_new_privs;
    default:
        return -EINVAL;
    }
}

/* Limits that something enforces take effect at once. */
static void limit_apply(struct task *self, unsigned resource, const struct lx_rlimit *limit)
{
    uint64_t current = limit->current;

    if (resource == LX_RLIMIT_NOFILE)
        __atomic_store_n(&self->files->limit, (uint32_t)MIN(current, FD_LIMIT_MAX),
                         __ATOMIC_RELAXED);
    else if (resource == LX_RLIMIT_AS)
        self->thread.space->limit_pages =
            current == LX_RLIM_INFINITY ? current : current >> PAGE_SHIFT;
    else if (resource == LX_RLIMIT_DATA)
        self->thread.space->brk_limit = current;
    else if (resource == LX_RLIMIT_STACK)
        self->thread.space->stack_limit = current;
}

static int limit_check(const struct lx_rlimit *old, const struct lx_rlimit *wanted,
                       unsigned resource, bool privileged)
{
    if (wanted->current > wanted->maximum)
        return -EINVAL;
    if (resource == LX_RLIMIT_NOFILE && wanted->maximum > FD_LIMIT_MAX)
        return -EPERM;
    return wanted->maximum > old->maximum && !privileged ? -EPERM : 0;
}

int64_t sys_prlimit64(struct task *self, int pid, unsigned resource, struct uptr limit,
                      struct uptr old)
{
    struct process *process = self->process;
    struct lx_rlimit before, wanted;
    int err;

    if (limit.va) {
        err = vm_user_read(&wanted, limit, sizeof(wanted));
        if (err)
            return err;
    }
    if (!is_self(self, pid))
        return -ESRCH;
    if (resource >= LX_RLIM_NLIMITS)
        return -EINVAL;
    before = process->limits[resource];
    if (limit.va) {
        err = limit_check(&before, &wanted, resource, self->fs->cred.euid == 0);
        if (err)
            return err;
        process->limits[resource] = wanted;
        limit_apply(self, resource, &wanted);
    }
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}

int64_t sys_getrlimit(struct task *self, unsigned resource, struct uptr limit)
{
    if (resource >= LX_RLIM_NLIMITS)
        return -EINVAL;
    return vm_user_write(limit, &self->process->limits[resource], sizeof(struct lx_rlimit));
}

int64_t sys_setrlimit(struct task *self, unsigned resource, struct uptr limit)
{
    struct lx_rlimit wanted;
    int err = vm_user_read(&wanted, limit, sizeof(wanted));

    /* Read here once: prlimit64 would not take a null pointer for a fault. */
    return err ? err : sys_prlimit64(self, 0, resource, limit, (struct uptr){0});
}

/* Time in ring 3 and in the kernel is not told apart: all counts as user time. */
int64_t sys_getrusage(struct task *self, int who, struct uptr usage)
{
    uint64_t us = (clock_monotonic_ns() - self->process->started_ns) / 1000;
    struct lx_rusage result = {0};

    if (who != LX_RUSAGE_SELF && who != LX_RUSAGE_CHILDREN && who != LX_RUSAGE_THREAD)
        return -EINVAL;
    if (who != LX_RUSAGE_CHILDREN) {
        result.utime = (struct lx_timeval){(int64_t)(us / 1000000), (int64_t)(us % 1000000)};
        result.maxrss = (int64_t)(self->thread.space->resident_pages * (PAGE_SIZE / 1024));
    }
    return vm_user_write(usage, &result, sizeof(result));
}

int64_t sys_times(struct task *self, struct uptr times)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t tick_ns = 1000000000ULL / LX_CLOCK_TICKS;
    struct lx_tms result = {.utime = (int64_t)((now - self->process->started_ns) / tick_ns)};
    int err = 0;

    if (times.va)
        err = vm_user_write(times, &result, sizeof(result));
    return err ? err : (int64_t)(now / tick_ns);
}
