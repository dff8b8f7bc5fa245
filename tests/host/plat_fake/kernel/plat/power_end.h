/* SPDX-License-Identifier: MIT */
/*
 * The ends of a made-up machine: both jump back into the test.
 */
#pragma once

#include "kernel/lib/util.h"

NORETURN void power_end_stop(void);
NORETURN void power_end_triple_fault(void);
