/* SPDX-License-Identifier: MIT */
/*
 * lib/bitmap.h - sets of small numbers, 64 to a word
 *
 * Rule:    bit i is bit i % 64 of words[i / 64]. Nothing here is atomic.
 * Context: any; the caller holds whatever lock guards the words.
 * Tests:   tests/host/bitmap_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define BITMAP_WORDS(nbits) (((nbits) + 63) / 64)

static inline bool bitmap_test(const uint64_t *words, size_t bit)
{
    return (words[bit / 64] >> (bit % 64)) & 1;
}

static inline void bitmap_set(uint64_t *words, size_t bit)
{
    words[bit / 64] |= 1ULL << (bit % 64);
}

static inline void bitmap_clear(uint64_t *words, size_t bit)
{
    words[bit / 64] &= ~(1ULL << (bit % 64));
}

/* The lowest clear (or set) bit that is at least start; nbits if there is none. */
size_t bitmap_find_zero(const uint64_t *words, size_t nbits, size_t start);
size_t bitmap_find_set(const uint64_t *words, size_t nbits, size_t start);

/* The lowest run of count clear bits at or above start; nbits if there is none. */
size_t bitmap_find_zero_run(const uint64_t *words, size_t nbits, size_t start, size_t count);

/* Bits first .. first + count - 1. */
void bitmap_set_range(uint64_t *words, size_t first, size_t count);
void bitmap_clear_range(uint64_t *words, size_t first, size_t count);

size_t bitmap_count(const uint64_t *words, size_t nbits); /* set bits */
