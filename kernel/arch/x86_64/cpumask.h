/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/cpumask.h - sets of processors
 *
 * Owns:    a bit a processor, in words of 64, and cpumask_words: how many of the words have a
 *          processor. Only those are looked at: one where there are at most 64 processors, so loops
 *          over words end with their condition and begin without.
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

/* One instruction that finds the word as well: a context switch sets a bit and clears one. */
static inline void cpumask_set(struct cpumask *mask, unsigned cpu)
{
    __asm__ volatile("lock btsq %1, %0" : "+m"(*mask) : "r"((uint64_t)cpu) : "cc", "memory");
}

/* Whether it was there: of several that clear a bit, one has cleared it. */
static inline bool cpumask_clear(struct cpumask *mask, unsigned cpu)
{
    bool was;

    __asm__ volatile("lock btrq %2, %0"
                     : "+m"(*mask), "=@ccc"(was)
                     : "r"((uint64_t)cpu)
                     : "memory");
    return was;
}

/* The end of a loop over the words in use. */
static inline bool cpumask_goes_on(unsigned *word)
{
    return unlikely(++*word < cpumask_words);
}

/* The set of that processor alone; for a set that no other processor looks at yet. */
static inline struct cpumask cpumask_of(unsigned cpu)
{
    struct cpumask mask = {{0}};

    mask.words[cpu / 64] = 1ULL << (cpu & 63);
    return mask;
}

/* Whether there is a processor in the set besides that one. */
static inline bool cpumask_any_but(const struct cpumask *mask, unsigned cpu)
{
    unsigned word = 0;
    uint64_t any = 0;

    do
        any |= cpumask_word(mask, word) & ~(word == cpu / 64 ? 1ULL << (cpu & 63) : 0);
    while (cpumask_goes_on(&word));
    return any != 0;
}

/* The processors in both sets; returns whether there are any. */
bool cpumask_and(struct cpumask *both, const struct cpumask *one, const struct cpumask *other);
/* The first processor of the set from `cpu` on; CPU_MAX: there is none. */
unsigned cpumask_next(const struct cpumask *mask, unsigned cpu);
/* The first processor in both sets; CPU_MAX: there is none. */
unsigned cpumask_first_and(const struct cpumask *one, const struct cpumask *other);
unsigned cpumask_count(const struct cpumask *mask);

static inline bool cpumask_is_empty(const struct cpumask *mask)
{
    return cpumask_next(mask, 0) == CPU_MAX;
}

#define cpumask_each(cpu, mask)                                                                    \
    for (unsigned cpu = cpumask_next(mask, 0); cpu < CPU_MAX; cpu = cpumask_next(mask, cpu + 1))
