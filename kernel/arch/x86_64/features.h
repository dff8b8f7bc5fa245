/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/features.h - what this processor can do, and switching it on
 *
 * Rule:    a bit in CR4 or an MSR is set only after CPUID says that it exists: on some emulators a
 *          wrong bit hangs instead of faulting.
 * Context: features_enable on every processor, interrupts off; afterwards constant.
 */
#pragma once

#include "kernel/lib/util.h"

struct features {
    bool nx, smep, smap, umip, fsgsbase, pge, xsave, avx, gb_pages, x2apic, tsc_deadline, rdrand;
    bool invariant_tsc, hypervisor, tcg, erms, rdtscp;
    uint64_t xcr0;       /* components saved by XSAVE; 0 without XSAVE */
    uint32_t fpu_nbytes; /* size of the save area */
    uint32_t hwcap;      /* CPUID.1:EDX, as AT_HWCAP gives it */
    uint32_t max_physical_bits;
    char vendor[13];
    char brand[49];
};

extern struct features features;
extern uint8_t features_smap; /* the entry code's own copy */
/* User copies use vector registers: there are no fast string instructions, and 256 bits are all
 * that the registers have (the rest would be lost). */
extern uint8_t features_wide_copy;

void features_detect(void);
void features_enable(void);
