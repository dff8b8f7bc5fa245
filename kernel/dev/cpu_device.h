/* SPDX-License-Identifier: MIT */
/*
 * dev/cpu_device.h - /dev/cpu/N/cpuid and /dev/cpu/N/msr
 *
 * Owns:    both kinds of character device; the list of registers that may be read.
 * Rule:    nothing is written; a register that is not in the list, or does not exist, is EIO.
 * Context: start-up, when all processors run.
 * Fails:   -ENOMEM.
 * Tests:   tests/user/proc/cpu_device.c, tests/hardware/
 */
#pragma once

#include "kernel/lib/util.h"

MUST_CHECK int cpu_devices_init(void);
