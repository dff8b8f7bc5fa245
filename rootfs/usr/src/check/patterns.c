/* SPDX-License-Identifier: MIT */
/*
 * The memory test's patterns: tables, and the loops that fill and compare.
 *
 * The loops use SSE2, which every 64-bit processor has: 16 bytes an instruction. They compare by
 * collecting differences over a block and say only whether there is one; the caller then looks for
 * it word by word. A difference that is gone by then has been read once, which it reports as well.
 */
#include "rootfs/usr/src/check/patterns.h"

#include <string.h>

#define ONES    (~0ull)
#define BYTES   0x0101010101010101ull
#define CHECKER 0x5555555555555555ull
#define UNROLL  8 /* pairs a turn */

static pair both(uint64_t even, uint64_t odd)
{
    return (pair){even, odd};
}

/* Bit n up to 63, then down again. */
static unsigned there_and_back(unsigned step)
{
    return step < 64 ? step : 127 - step;
}

static pair solid(unsigned step)
{
    return step & 1 ? both(0, ONES) : both(ONES, 0);
}

static pair checkerboard(unsigned step)
{
    return step & 1 ? both(CHECKER, ~CHECKER) : both(~CHECKER, CHECKER);
}

static pair walk_ones(unsigned step)
{
    uint64_t word = 1ull << there_and_back(step);

    return both(word, word);
}

static pair walk_zeros(unsigned step)
{
    return ~walk_ones(step);
}

/* Eight steps instead of 64: a bit walks through every byte. */
static pair walk_bytes(unsigned step)
{
    uint64_t word = BYTES << (step & 7);

    return step < 8 ? both(word, word) : both(~word, ~word);
}

static pair spread(unsigned step)
{
    unsigned n = there_and_back(step);
    uint64_t word = 1ull << n | (n + 2 < 64 ? 1ull << (n + 2) : 0);

    return both(word, ~word);
}

static pair flip(unsigned step)
{
    uint64_t word = 1ull << (step / 8);

    return step & 1 ? both(~word, word) : both(word, ~word);
}

static pair blocks(unsigned step)
{
    return both(BYTES * step, BYTES * step);
}

static pair inversion(unsigned step)
{
    static const uint64_t first[] = {0, CHECKER, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
                                     0x00ff00ff00ff00ff};

    return both(first[step % 5], first[step % 5]);
}

/* The steps are memtester's where it has the same pattern, but for `quick-` ones. */
const struct pattern patterns[] = {
    {"address", ADDRESS, 2, NULL},
    {"quick-walk", WORDS, 16, walk_bytes},
    {"quick-inversions", INVERSIONS, 2, inversion},
    {"quick-random", RANDOM, 2, NULL},
    {"solid", WORDS, 64, solid},
    {"checkerboard", WORDS, 64, checkerboard},
    {"walk-ones", WORDS, 128, walk_ones},
    {"walk-zeros", WORDS, 128, walk_zeros},
    {"inversions", INVERSIONS, 5, inversion},
    {"random", RANDOM, 8, NULL},
    {"spread", WORDS, 128, spread},
    {"flip", WORDS, 512, flip},
    {"blocks", WORDS, 256, blocks},
};
const unsigned patterns_count = sizeof(patterns) / sizeof(patterns[0]);

void words_fill(void *memory, size_t nbytes, pair value)
{
    pair *at = memory, *end = at + nbytes / sizeof(*at);

    for (; at < end; at += UNROLL)
#pragma GCC unroll 8
        for (unsigned i = 0; i < UNROLL; i++)
            at[i] = value;
}

/* Two sums of differences, so that one instruction need not wait for the one before. */
uint64_t words_differ(const void *memory, size_t nbytes, pair value)
{
    const pair *at = memory, *end = at + nbytes / sizeof(*at);
    pair sum[2] = {{0}, {0}};

    for (; at < end; at += UNROLL)
#pragma GCC unroll 8
        for (unsigned i = 0; i < UNROLL; i++)
            sum[i & 1] |= at[i] ^ value;
    sum[0] |= sum[1];
    return sum[0][0] | sum[0][1];
}

void address_fill(void *memory, size_t nbytes, uint64_t key, uint64_t flip)
{
    pair *at = memory, *end = at + nbytes / sizeof(*at), turn = {flip, flip};
    pair value = {key, key + 8}, step = {16, 16};

    for (; at < end; at += UNROLL)
#pragma GCC unroll 8
        for (unsigned i = 0; i < UNROLL; i++) {
            at[i] = value ^ turn;
            value += step;
        }
}

uint64_t address_differ(const void *memory, size_t nbytes, uint64_t key, uint64_t flip)
{
    const pair *at = memory, *end = at + nbytes / sizeof(*at);
    pair value = {key, key + 8}, step = {16, 16}, turn = {flip, flip}, sum = {0};

    for (; at < end; at += UNROLL)
#pragma GCC unroll 8
        for (unsigned i = 0; i < UNROLL; i++) {
            sum |= at[i] ^ value ^ turn;
            value += step;
        }
    return sum[0] | sum[1];
}

/* xorshift64 (Marsaglia 2003), two of them side by side: shifts and xors alone, so two words take
 * as many instructions as one. */
static inline pair random_next(pair state)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static inline pair random_start(uint64_t seed)
{
    return (pair){seed * 0x9e3779b97f4a7c15 | 1, (seed + 1) * 0xbf58476d1ce4e5b9 | 2};
}

void random_fill(void *memory, size_t nbytes, uint64_t seed, uint64_t flip)
{
    pair *at = memory, *end = at + nbytes / sizeof(*at);
    pair state = random_start(seed), turn = {flip, flip};

    for (; at < end; at += UNROLL)
#pragma GCC unroll 8
        for (unsigned i = 0; i < UNROLL; i++) {
            state = random_next(state);
            at[i] = state ^ turn;
        }
}

uint64_t random_differ(const void *memory, size_t nbytes, uint64_t seed, uint64_t flip)
{
    const pair *at = memory, *end = at + nbytes / sizeof(*at);
    pair state = random_start(seed), turn = {flip, flip}, sum = {0};

    for (; at < end; at += UNROLL)
#pragma GCC unroll 8
        for (unsigned i = 0; i < UNROLL; i++) {
            state = random_next(state);
            sum |= at[i] ^ state ^ turn;
        }
    return sum[0] | sum[1];
}

uint64_t random_word(uint64_t seed, size_t i)
{
    pair state = random_start(seed);

    for (size_t n = 0; n <= i / 2; n++)
        state = random_next(state);
    return state[i & 1];
}
