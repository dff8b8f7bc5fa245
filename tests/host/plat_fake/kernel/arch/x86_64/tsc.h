/* SPDX-License-Identifier: MIT */
/*
 * plat_fake/arch/x86_64/tsc.h - the time-stamp counter of a made-up machine
 *
 * See tests/host/plat_fake.h.
 */
#pragma once

#include <stdint.h>

uint64_t tsc_read(void);
uint64_t tsc_read_ordered(void);
