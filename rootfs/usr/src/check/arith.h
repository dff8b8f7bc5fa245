/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/arith.h - computations whose answers are known
 *
 * Each is a fixed computation that uses one part of a processor for some thousand steps and folds
 * all of its intermediate results into one number. The vector units of all widths compute the same.
 * Tests:   tests/user/checks.plan; the answers are the same on Linux and under QEMU's emulation
 */
#pragma once

#include <stdint.h>

uint64_t arith_integer(void);
uint64_t arith_divide(void);
uint64_t arith_x87(void);
uint64_t arith_sse_integer(void);
uint64_t arith_sse_float(void);
uint64_t arith_avx_float(void);
uint64_t arith_avx2_integer(void);
uint64_t arith_avx512_integer(void);
uint64_t arith_avx512_float(void);
uint64_t arith_fma(void);
uint64_t arith_popcount(void);
uint64_t arith_bmi(void);
uint64_t arith_crc(void);
uint64_t arith_clmul(void);
uint64_t arith_aes(void);
uint64_t arith_sha(void);
