/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/cpuid.h - what the processor says of itself
 *
 * Rule:    ask for a leaf only after leaf 0 (or 0x80000000) has said that it exists.
 */
#pragma once

#include <stdint.h>

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid_query(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}
