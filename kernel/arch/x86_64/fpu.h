/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/fpu.h - x87, SSE, AVX state of ring 3
 *
 * Rule:    eager: saved and restored at every switch between threads that have an area. The kernel
 *          itself is built without these registers.
 * Context: interrupts off, but fpu_area_init.
 */
#pragma once

#include "kernel/lib/util.h"

#define XCR0_X87    0x01ULL
#define XCR0_SSE    0x02ULL
#define XCR0_AVX    0x04ULL
#define XCR0_AVX512 0xe0ULL

#define FPU_AREA_MAX 4096 /* bytes; fpu_enable asserts that the components fit */

/* Sets XCR0 and learns the size of the save area. */
void fpu_enable(void);

/* Areas are 64-byte aligned (XSAVE demands it) and features.fpu_nbytes long. */
void fpu_area_init(void *area);  /* the state in which Linux starts a program */
void fpu_save_fresh(void *area); /* fpu_save into an area that was never set up */
void fpu_save(void *area);
void fpu_restore(const void *area);

/* MXCSR as the running program left it; FPU status and control word, for si_code. */
uint32_t fpu_mxcsr_read(void);
uint16_t fpu_status_read(void);
