/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/mtrr.h - memory types by physical address, the same on all processors
 *
 * Owns:    what the first processor's MTRRs hold, as the firmware has set them. The kernel has no
 *          wishes of its own: it uses the PAT, which features.c sets on each processor.
 * Rule:    processors that disagree about the type of a page see different memory (Intel SDM
 *          vol. 3, section 12.11.5).
 * Context: start-up of a processor, interrupts off, nothing else on it.
 * Fails:   never: a register that does not take its value stays, and the caller is told.
 * Tests:   tests/host/plat_mtrr_test.c, tests/user/proc/cpu_device.c, tests/hardware
 */
#pragma once

#include "kernel/lib/util.h"

/* On the first processor, before any other one starts. */
void mtrr_save(void);

enum mtrr_fate {
    MTRR_SAME, /* or it has other registers */
    MTRR_COPIED,
    MTRR_REFUSED, /* at least one register took no other value */
};

/* On another one: takes what the first has. */
MUST_CHECK enum mtrr_fate mtrr_copy(void);
