/* SPDX-License-Identifier: MIT */
/*
 * syscall/proc/sys_prctl.h - the parts of prctl(2)
 *
 * Rule:    each part answers for its own options, and passes others on to the next one: sys_prctl,
 *          prctl_processor, prctl_capability. The last one refuses them.
 * Fails:   -EINVAL, -EPERM, -EFAULT, -ENODEV, -ENXIO, -ERANGE.
 * Tests:   tests/user/proc/prctl.c, capability.c
 */
#pragma once

#include "kernel/lib/util.h"

struct task;

struct prctl_args {
    uint64_t two, three, four, five;
};

MUST_CHECK int64_t prctl_processor(struct task *self, int option, const struct prctl_args *args);
MUST_CHECK int64_t prctl_capability(struct task *self, int option, const struct prctl_args *args);
