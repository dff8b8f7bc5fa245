/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/cpumask.h - sets of processors
 *
 * Owns:    a bit a processor, in words of 64, and cpumask_words: how many of the words have a
 *          processor. Only those are looked at, so a set costs no more than a word where there are
 *          at most 64 processors.
 * Locks:   none. Single bits are set and cleared by atomic operations with a full fence, and read
 *          relaxed; a set as a whole is not atomic: a reader may see words of different moments.
 * Context: any.
 * Tests:   tests/host/cpumask_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define CPU_MAX       256 /* processors the kernel can know of */
#define CPUMASK_WORDS (CPU_MAX / 64)

struct cpumask {
    uint64_t words[CPUMASK_WORDS];
};

/* Constant from before the second processor starts: no set has words that were left out. */
extern unsigned cpumask_words;

static inline uint64_t cpumask_word(const struct cpumask *mask, unsigned word)
{
    return __atomic_load_n(&mask->words[word], __ATOMIC_RELAXED);
}

static inline bool cpumask_test(const struct cpumask *mask, unsigned cpu)
{
    return cpumask_word(mask, cpu / 64) >> (cpu & 63) & 1;
}

static inline void cpumask_set(struct cpumask *mask, unsigned cpu)
{
    __atomic_fetch_or(&mask->words[cpu / 64], 1ULL << (cpu & 63), __ATOMIC_SEQ_CST);
}

/* Whether it was there: of several that clear a bit, one has cleared it. */
static inline bool cpumask_clear(struct cpumask *mask, unsigned cpu)
{
    uint64_t bit = 1ULL << (cpu & 63);

    return __atomic_fetch_and(&mask->words[cpu / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}

/* The set of that processor alone; for a set that no other processor looks at yet. */
static inline struct cpumask cpumask_of(unsigned cpu)
{
    struct cpumask mask = {{0}};

    mask.words[cpu / 64] = 1ULL << (cpu & 63);
    return mask;
}

/* The processors in both sets; returns whether there are any. */
static inline bool cpumask_and(struct cpumask *both, const struct cpumask *one,
                               const struct cpumask *other)
{
    uint64_t any = 0;

    for (unsigned word = 0; word < cpumask_words; word++) {
        both->words[word] = cpumask_word(one, word) & cpumask_word(other, word);
        any |= both->words[word];
    }
    return any != 0;
}

/* The first processor of the set from `cpu` on; CPU_MAX: there is none. */
static inline unsigned cpumask_next(const struct cpumask *mask, unsigned cpu)
{
    unsigned word = cpu / 64;
    uint64_t left;

    if (word >= cpumask_words)
        return CPU_MAX;
    left = cpumask_word(mask, word) & (UINT64_MAX << (cpu & 63));
    while (!left && ++word < cpumask_words)
        left = cpumask_word(mask, word);
    return left ? word * 64 + (unsigned)__builtin_ctzll(left) : CPU_MAX;
}

/* The first processor in both sets; CPU_MAX: there is none. */
static inline unsigned cpumask_first_and(const struct cpumask *one, const struct cpumask *other)
{
    for (unsigned word = 0; word < cpumask_words; word++) {
        uint64_t both = cpumask_word(one, word) & cpumask_word(other, word);

        if (both)
            return word * 64 + (unsigned)__builtin_ctzll(both);
    }
    return CPU_MAX;
}

/* Whether there is a processor in the set besides that one. */
static inline bool cpumask_any_but(const struct cpumask *mask, unsigned cpu)
{
    uint64_t any = 0;

    for (unsigned word = 0; word < cpumask_words; word++)
        any |= cpumask_word(mask, word) & ~(word == cpu / 64 ? 1ULL << (cpu & 63) : 0);
    return any != 0;
}

static inline bool cpumask_is_empty(const struct cpumask *mask)
{
    return cpumask_next(mask, 0) == CPU_MAX;
}

static inline unsigned cpumask_count(const struct cpumask *mask)
{
    unsigned count = 0;

    for (unsigned word = 0; word < cpumask_words; word++)
        for (uint64_t left = cpumask_word(mask, word); left; left &= left - 1)
            count++;
    return count;
}

#define cpumask_each(cpu, mask)                                                                    \
    for (unsigned cpu = cpumask_next(mask, 0); cpu < CPU_MAX; cpu = cpumask_next(mask, cpu + 1))
