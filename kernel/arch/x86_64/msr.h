/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/msr.h - model-specific registers
 *
 * Rule:    access only what CPUID or the architecture promises: anything else is #GP.
 * Numbers: Intel SDM vol. 4, AMD APM vol. 2 appendix A.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/util.h"

#define MSR_APIC_BASE      0x0000001bU
#define MSR_MCG_CAP        0x00000179U /* machine check: number of banks, what else there is */
#define MSR_MCG_CTL        0x0000017bU
#define MSR_MC0_CTL        0x00000400U /* four registers a bank from here on */
#define MSR_MISC_ENABLE    0x000001a0U /* Intel's; bit 34 hides NX */
#define MSR_PAT            0x00000277U
#define MSR_TSC_DEADLINE   0x000006e0U
#define MSR_X2APIC_BASE    0x00000800U
#define MSR_X2APIC_ID      0x00000802U
#define MSR_EFER           0xc0000080U
#define MSR_STAR           0xc0000081U
#define MSR_LSTAR          0xc0000082U
#define MSR_CSTAR          0xc0000083U
#define MSR_SFMASK         0xc0000084U
#define MSR_FS_BASE        0xc0000100U
#define MSR_GS_BASE        0xc0000101U
#define MSR_KERNEL_GS_BASE 0xc0000102U
#define MSR_TSC_AUX        0xc0000103U /* what RDTSCP and RDPID tell */
#define MSR_SYSENTER_CS    0x00000174U

#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return ((uint64_t)high << 32) | low;
}

/* msr_safe.S: false where the processor has no such register. */
bool arch_msr_read_safe(uint32_t msr, uint64_t *out_value);
/* Likewise, and where the value has a bit that the register does not take. */
MUST_CHECK bool arch_msr_write_safe(uint32_t msr, uint64_t value);

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}
