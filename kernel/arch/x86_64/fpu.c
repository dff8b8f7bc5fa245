/* SPDX-License-Identifier: MIT */
/*
 * FPU, SSE and AVX state: eager, by XSAVE, or FXSAVE where there is none.
 *
 * The kernel is built without these registers, so they hold the running thread's values from entry
 * to return; a switch saves and restores them. XCR0 enables what CPUID offers up to AVX-512.
 */
#include "kernel/arch/x86_64/fpu.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

#define FXSAVE_NBYTES       512
#define XSAVE_HEADER_NBYTES 64
#define AREA_FCW            0
#define AREA_MXCSR          24

#define FCW_INITIAL   0x037fU /* all exceptions masked, 64-bit precision */
#define MXCSR_INITIAL 0x1f80U /* all exceptions masked, round to nearest */

static void xcr0_write(uint64_t value)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* Nothing that firmware computed with is left: an unmasked exception of the x87 unit would come
 * with the next instruction that looks, in any program. */
static void firmware_state_drop(void)
{
    uint32_t mxcsr = MXCSR_INITIAL;

    __asm__ volatile("fninit");
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

void fpu_enable(void)
{
    firmware_state_drop();
    features.fpu_nbytes = FXSAVE_NBYTES;
    if (features.xsave) {
        xcr0_write(features.xcr0);
        features.fpu_nbytes = cpuid_query(0xd, 0).ebx; /* for the components now on */
    }
    ASSERT(features.fpu_nbytes <= FPU_AREA_MAX);
}

/* Linux's start values: all exceptions masked, as a program expects at its entry. */
void fpu_area_init(void *area)
{
    /* XSTATE_BV of zero means "initial" for every component; MXCSR is read all the same. */
    memset(area, 0, features.fpu_nbytes);
    memcpy((char *)area + AREA_FCW, &(uint16_t){FCW_INITIAL}, 2);
    memcpy((char *)area + AREA_MXCSR, &(uint32_t){MXCSR_INITIAL}, 4);
}

/* A mask of all ones: XCR0 limits it to what is on. */
void fpu_save(void *area)
{
    if (features.xsave)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

/* XSAVE leaves most of its header alone; XRSTOR requires it to be zero (Intel SDM vol. 1, 13.4.2).
 */
void fpu_save_fresh(void *area)
{
    if (features.xsave)
        memset((char *)area + FXSAVE_NBYTES, 0, XSAVE_HEADER_NBYTES);
    fpu_save(area);
}

void fpu_restore(const void *area)
{
    if (features.xsave)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

uint32_t fpu_mxcsr_read(void)
{
    uint32_t value;

    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

uint16_t fpu_status_read(void)
{
    uint16_t value;

    __asm__ volatile("fnstsw %0" : "=m"(value));
    return value;
}
