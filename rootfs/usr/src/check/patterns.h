/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/patterns.h - the memory test's patterns: what is written, and what must be
 * read back
 *
 * A pattern is a number of steps; each step fills memory and compares it. Three kinds:
 *   WORDS       two words by turns, which the step chooses (solid bits, walking ones, ...)
 *   INVERSIONS  moving inversions: block by block upwards the pattern is compared and its
 * complement written, then downwards the complement is compared and the pattern written ADDRESS,
 * RANDOM  each word differs: its own address, or a number that a seed brings back Used by: memory.c
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint64_t pair __attribute__((vector_size(16))); /* two words: a register of SSE2 */

enum pattern_kind { WORDS, INVERSIONS, ADDRESS, RANDOM };

struct pattern {
    const char *name;
    enum pattern_kind kind;
    unsigned steps;
    pair (*words)(unsigned step); /* WORDS and INVERSIONS */
};

extern const struct pattern patterns[];
extern const unsigned patterns_count;

/* All of these work on whole blocks of PATTERN_BLOCK bytes, aligned to 64. */
#define PATTERN_BLOCK 16384u

void words_fill(void *memory, size_t nbytes, pair value);
/* 0 if all of it is the value. What is not is looked for by the caller. */
uint64_t words_differ(const void *memory, size_t nbytes, pair value);
/* Word i is the key plus i words of 8 bytes, turned around if `flip` is all ones. */
void address_fill(void *memory, size_t nbytes, uint64_t key, uint64_t flip);
uint64_t address_differ(const void *memory, size_t nbytes, uint64_t key, uint64_t flip);

void random_fill(void *memory, size_t nbytes, uint64_t seed, uint64_t flip);
uint64_t random_differ(const void *memory, size_t nbytes, uint64_t seed, uint64_t flip);
/* Word i of that stream, for the report of what differs. */
uint64_t random_word(uint64_t seed, size_t i);
