/* SPDX-License-Identifier: MIT */
/*
 * ptrace: hardware breakpoints and watchpoints of a frozen task, as words of u_debugreg.
 *
 * The task is off its processor: what is written here is loaded when it is switched to, and a task
 * without any pays nothing. Only what ring 3 can do itself may be watched, addresses in user space,
 * and what is on is checked whole, at each change: the processor ignores the low bits of a
 * misaligned address. DR6 is that of the task's last #DB. Neither children nor other tasks inherit
 * any of this, and exec ends it; the end of the tracer does not, as on Linux.
 */
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define STATUS  6
#define CONTROL 7

/* DR7 (Intel SDM vol. 3, 17.2.4). What is none of these is ignored, as on Linux: the trap on use of
 * the registers themselves, and transactions. */
#define CONTROL_MASK 0xffff03ffULL

/* The low bits of a field; of length 1 for the first. */
#define KIND(field) ((field)&3)
#define KIND_IO     2

static COLD bool breakpoint_is_valid(uint64_t address, uint64_t control, unsigned n)
{
    static const uint8_t lengths[] = {1, 2, 8, 4};
    const unsigned field = DR7_FIELD(control, n);
    const uint64_t nbytes = lengths[field >> 2];

    return KIND(field) != KIND_IO && (KIND(field) != DR7_EXECUTE || nbytes == 1) &&
           IS_ALIGNED(address, nbytes) && address <= USER_END - nbytes;
}

COLD uint64_t ptrace_debug_get(const struct task *task, unsigned number)
{
    const struct arch_debug *debug = &task->thread.arch.debug;

    if (number < DR_COUNT)
        return debug->address[number];
    if (number == STATUS)
        return debug->dr6 ^ DR6_INITIAL;
    return number == CONTROL ? debug->dr7_told : 0;
}

/* One that is off, at address 0, was never set. */
static COLD int control_set(struct arch_debug *debug, uint64_t value)
{
    const uint64_t control = value & CONTROL_MASK;

    for (unsigned n = 0; n < DR_COUNT; n++)
        if ((control & DR7_ON(n) || debug->address[n]) &&
            !breakpoint_is_valid(debug->address[n], control, n))
            return -EINVAL;
    debug->dr7_told = value;
    debug->dr7 = control | DR7_INITIAL;
    return 0;
}

/* ARCH_RARE_DEBUG stays until exec, which clears what was set, though all may be off again: the
 * tracee may be running for a moment, woken by SIGKILL, and each switch away from it has to take
 * back what it brought to its processor. */
COLD int ptrace_debug_set(struct task *task, unsigned number, uint64_t value)
{
    struct arch_debug *debug = &task->thread.arch.debug;

    if (number == CONTROL) {
        int err = control_set(debug, value);

        if (err)
            return err;
    } else if (number < DR_COUNT) {
        if (!breakpoint_is_valid(value, debug->dr7, number))
            return -EINVAL;
        debug->address[number] = value;
    } else if (number == STATUS) {
        debug->dr6 = value ^ DR6_INITIAL;
    } else {
        return -EIO; /* other names of DR6 and DR7 */
    }
    if (value)
        task->thread.arch.rare |= ARCH_RARE_DEBUG;
    return 0;
}
