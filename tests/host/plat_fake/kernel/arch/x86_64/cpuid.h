/* SPDX-License-Identifier: MIT */
/*
 * plat_fake/arch/x86_64/cpuid.h - what a made-up processor says of itself
 *
 * The structure is the kernel's.
 */
#pragma once

#define cpuid_query cpuid_query_instruction
#include_next "kernel/arch/x86_64/cpuid.h"
#undef cpuid_query

struct cpuid_result cpuid_query(uint32_t leaf, uint32_t subleaf);
