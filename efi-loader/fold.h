/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/fold.h - sixteen bytes that have the same checksum as many
 *
 * POSIX's cksum is a division of polynomials, and a remainder may be taken in steps: with
 * carry-less multiplication, 64 bytes a step. What is left goes through lib/cksum.c as it is. That
 * makes checking the files four times cheaper than reading them.
 *
 * Used by: payload.c, where the processor can do it (fold_possible).
 * Context: any; vector registers are the firmware's and the loader's alike.
 * Tests:   tests/host/cksum_test.c, against cksum(1).
 */
#pragma once

#include "kernel/lib/util.h"

#define FOLD_NBYTES 16

/* PCLMULQDQ and PSHUFB. */
bool fold_possible(void);

/* How many bytes from the start `out` stands for; 0 (and nothing in `out`) where there are too
 * few. For the first bytes of a file only: the state before them is taken to be 0. */
MUST_CHECK size_t fold(const void *bytes, size_t nbytes, unsigned char out[FOLD_NBYTES]);
