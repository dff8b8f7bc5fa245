/* SPDX-License-Identifier: MIT */
/*
 * syscall/proc/sys_usage.h - struct rusage, as getrusage and the waiting calls return it; the
 * clocks of processor time
 *
 * Fails:   -EFAULT; -EINVAL for a clock that is none, or no task's.
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/time.h"

struct process_usage;
struct task;

MUST_CHECK int usage_tell(struct uptr at, const struct process_usage *usage);

struct cpu_clock {
    uint64_t ns;
    bool own;       /* of the calling process or a thread of it */
    bool thread;    /* of one thread ... */
    int tid;        /* ... this one */
    bool user_only; /* counts time in ring 3 alone */
};

static inline bool clock_is_cpu(int clock)
{
    return clock < 0 || clock == LX_CLOCK_PROCESS_CPUTIME_ID || clock == LX_CLOCK_THREAD_CPUTIME_ID;
}
MUST_CHECK int cpu_clock_read(struct task *self, int clock, struct cpu_clock *result);
