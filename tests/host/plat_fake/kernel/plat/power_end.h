/* SPDX-License-Identifier: MIT */
/*
 * plat_fake/plat/power_end.h - the ends of a made-up machine
 *
 * Both jump back into the test.
 */
#pragma once

#include "kernel/lib/util.h"

NORETURN void power_end_stop(void);
NORETURN void power_end_triple_fault(void);
