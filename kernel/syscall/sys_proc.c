/* SPDX-License-Identifier: MIT */
/* Processes. */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
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

/* Honoured: SET_NAME, GET_NAME, GET_DUMPABLE (1), SET_DUMPABLE (checked), PDEATHSIG,
 * CHILD_SUBREAPER, NO_NEW_PRIVS. */
int64_t sys_prctl(struct task *self, int option, uint64_t two, uint64_t three, uint64_t four,
                  uint64_t five)
{
    struct process *process = self->process;
    struct uptr at = {two};
    char name[sizeof(process->name)] = "";
    int value;
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
    case LX_PR_SET_CHILD_SUBREAPER:
        process->adopts = two != 0;
        return 0;
    case LX_PR_GET_CHILD_SUBREAPER:
        value = process->adopts;
        return vm_user_write(at, &value, sizeof(value));
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
