/* SPDX-License-Identifier: MIT */
/*
 * The time-stamp counter of a made-up machine.
 */
#pragma once

#include <stdint.h>

uint64_t tsc_read(void);
