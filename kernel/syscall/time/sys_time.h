/* SPDX-License-Identifier: MIT */
/*
 * syscall/time/sys_time.h - real time, set by a program
 *
 * Owns:    the rule what it may be set to.
 * Used by: sys_time.c, sys_adjtime.c.
 * Context: thread, no lock held. Rights are the caller's to check.
 * Fails:   -EINVAL.
 * Tests:   tests/user/time/clocks.c, adjust.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Never less than monotonic time, as on Linux: the machine cannot have been started before 1970. */
MUST_CHECK int time_set_realtime(uint64_t ns);
