/* SPDX-License-Identifier: MIT */
/*
 * What a made-up processor says of itself.
 */
#pragma once

#define cpuid_query cpuid_query_instruction
#include "../../../../../../kernel/arch/x86_64/cpuid.h"
#undef cpuid_query

struct cpuid_result cpuid_query(uint32_t leaf, uint32_t subleaf);
