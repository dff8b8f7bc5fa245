/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/regs_ops.h - routines that fill registers with known values and look at them
 * again
 *
 * Used by: regs.c. Described in regs_ops.S.
 */
#pragma once

#include <stdint.h>

#define FLAG_DF (1UL << 10)
#define FLAG_NT (1UL << 14)
#define FLAG_AC (1UL << 18)
#define FLAG_ID (1UL << 21)

#define VECTORS_SIZE 512 /* 16 registers, 32 bytes apart */

extern const unsigned char vectors_wanted[VECTORS_SIZE];

int regs_call(long number, long rounds);
int regs_spin(long rounds);
void vectors_fill_sse(void);
void vectors_store_sse(void *to);
void vectors_fill_avx(void);
void vectors_store_avx(void *to);
long call_with_flags(uint64_t flags, uint64_t *after, long number, long a, long b, long c);
void touch_with_flags(uint64_t flags, char *page);
long call_with_stack(uint64_t rsp, long number);
long spin_with_stack(uint64_t rsp, long rounds);
