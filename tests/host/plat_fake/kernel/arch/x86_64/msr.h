/* SPDX-License-Identifier: MIT */
/*
 * plat_fake/arch/x86_64/msr.h - model-specific registers of a made-up machine
 *
 * The numbers are the kernel's.
 */
#pragma once

#define msr_read  msr_read_instruction
#define msr_write msr_write_instruction
#include_next "kernel/arch/x86_64/msr.h"
#undef msr_read
#undef msr_write

uint64_t msr_read(uint32_t msr);
void msr_write(uint32_t msr, uint64_t value);
