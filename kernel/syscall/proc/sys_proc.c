/* SPDX-License-Identifier: MIT */
/*
 * Processes: exit, numbers, prctl, arch_prctl.
 *
 * What is stored here belongs to the caller alone and needs no lock, but for words that
 * others read (the name, the flags of the address space), which are single stores or copies that
 * may be seen half done, as on Linux.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_prctl.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

/* The status has 8 bits (exit(3)). */
int64_t sys_exit(struct task *self, int code)
{
    task_exit(self, PROCESS_EXITED, code & 0xff);
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

/* The parent may change at any moment, when it dies: the number is that of this moment. */
int64_t sys_getppid(struct task *self)
{
    return process_parent_pid(self->process);
}

/* The word is cleared, and a futex on it woken, when the task leaves its memory. */
int64_t sys_set_tid_address(struct task *self, struct uptr address)
{
    self->clear_tid = address;
    return self->tid;
}

/* 24 is the size of struct robust_list_head: another size means another layout. */
int64_t sys_set_robust_list(struct task *self, struct uptr head, size_t nbytes)
{
    if (nbytes != 24)
        return -EINVAL;
    self->robust_list = head;
    return 0;
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
        /* The GS base of ring 3 is in KERNEL_GS_BASE while the kernel runs: SWAPGS exchanges the
         * two. */
        msr_write(option == LX_ARCH_SET_FS ? MSR_FS_BASE : MSR_KERNEL_GS_BASE, address);
        return 0;
    case LX_ARCH_GET_FS:
    case LX_ARCH_GET_GS:
        value = msr_read(option == LX_ARCH_GET_FS ? MSR_FS_BASE : MSR_KERNEL_GS_BASE);
        return vm_user_write(result, &value, sizeof(value));
    /* Ring 3 may always use CPUID: that it faults instead is a feature of some processors, which
     * this kernel leaves alone. */
    case LX_ARCH_GET_CPUID:
        return 1;
    case LX_ARCH_SET_CPUID:
        return -ENODEV;
    default:
        return -EINVAL;
    }
}

/* As seen by a parent that ends, this comes before or after the child has another parent: a child
 * that still finds its old one afterwards, as programs check, gets the signal. */
static void death_signal_set(struct task *self, int signal)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    __atomic_store_n(&self->death_signal, signal, __ATOMIC_RELAXED);
    if (signal) /* for good: at the parent's end those that never asked are not looked at */
        self->process->asks_death_signal = true;
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* Honoured: SET_NAME, GET_NAME, DUMPABLE, PDEATHSIG, CHILD_SUBREAPER, NO_NEW_PRIVS, TIMERSLACK;
 * others in sys_prctl.h. */
int64_t sys_prctl(struct task *self, int option, uint64_t two, uint64_t three, uint64_t four,
                  uint64_t five)
{
    struct process *process = self->process;
    struct uptr at = {two};
    char name[sizeof(self->name)] = "";
    int value;
    int64_t length;

    switch (option) {
    case LX_PR_SET_NAME:
        /* Too long a name is cut, not refused. */
        length = vm_user_read_string(name, at, sizeof(name));
        if (length == -EFAULT)
            return -EFAULT;
        name[sizeof(name) - 1] = 0;
        memcpy(self->name, name, sizeof(name));
        return 0;
    case LX_PR_GET_NAME:
        return vm_user_write(at, self->name, sizeof(self->name));
    case LX_PR_SET_PDEATHSIG:
        if (two > LX_NSIG)
            return -EINVAL;
        death_signal_set(self, (int)two);
        return 0;
    case LX_PR_GET_PDEATHSIG:
        return vm_user_write(at, &self->death_signal, sizeof(self->death_signal));
    case LX_PR_SET_CHILD_SUBREAPER:
        process->subreaper = two != 0;
        return 0;
    case LX_PR_GET_CHILD_SUBREAPER:
        value = process->subreaper;
        return vm_user_write(at, &value, sizeof(value));
    case LX_PR_GET_DUMPABLE:
        return !__atomic_load_n(&self->thread.space->undumpable, __ATOMIC_RELAXED);
    case LX_PR_SET_DUMPABLE:
        if (two > 1)
            return -EINVAL;
        __atomic_store_n(&self->thread.space->undumpable, !two, __ATOMIC_RELAXED);
        return 0;
    case LX_PR_GET_TIMERSLACK:
        return (int64_t)self->slack_ns; /* as it is, even if it looks like an error */
    case LX_PR_SET_TIMERSLACK:
        self->slack_ns = two ? two : self->slack_start_ns;
        return 0;
    case LX_PR_SET_NO_NEW_PRIVS:
        if (two != 1 || three || four || five)
            return -EINVAL;
        self->inherited.no_new_privs = true;
        return 0;
    case LX_PR_GET_NO_NEW_PRIVS:
        return two || three || four || five ? -EINVAL : self->inherited.no_new_privs;
    default:
        return prctl_processor(self, option, &(struct prctl_args){two, three, four, five});
    }
}
