/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): which request needs what of the tracee. The rest is in proc/ptrace.
 */
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/syscall/handlers.h"
#include "shared/linux/errno.h"

/* Only these three need no tracee that is stopped already. Options of SEIZE are checked before the
 * task is looked up, as on Linux. */
int64_t sys_ptrace(struct task *self, int64_t request, int tid, uint64_t address, uint64_t data)
{
    switch (request) {
    case LX_PTRACE_TRACEME:
        return ptrace_trace_me(self);
    case LX_PTRACE_ATTACH:
        return ptrace_attach(self, tid, false, 0);
    case LX_PTRACE_SEIZE:
        if (address || (data & ~(uint64_t)LX_PTRACE_O_ALLOWED))
            return -EIO;
        if (ptrace_options_check(self, data))
            return -EPERM;
        return ptrace_attach(self, tid, true, data);
    default:
        return ptrace_request(self, (int)request, tid, address, data);
    }
}
