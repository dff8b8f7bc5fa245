/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers of a made-up machine; the numbers are the kernel's.
 */
#pragma once

#define msr_read  msr_read_instruction
#define msr_write msr_write_instruction
#include "../../../../../../kernel/arch/x86_64/msr.h"
#undef msr_read
#undef msr_write

uint64_t msr_read(uint32_t msr);
void msr_write(uint32_t msr, uint64_t value);
