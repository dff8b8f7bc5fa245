/* SPDX-License-Identifier: MIT */
/*
 * Sets of processors: what goes through their words.
 *
 * Not inline, since a wake-up that stays on its processor comes by without (sched_balance.c). Each
 * word is read once, so a set that changes meanwhile gives an answer that was right at some moment
 * for each word.
 */
#include "kernel/arch/x86_64/cpumask.h"

bool cpumask_and(struct cpumask *both, const struct cpumask *one, const struct cpumask *other)
{
    uint64_t any = 0;
    unsigned word = 0;

    do {
        both->words[word] = cpumask_word(one, word) & cpumask_word(other, word);
        any |= both->words[word];
    } while (cpumask_goes_on(&word));
    return any != 0;
}

unsigned cpumask_next(const struct cpumask *mask, unsigned cpu)
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

unsigned cpumask_first_and(const struct cpumask *one, const struct cpumask *other)
{
    unsigned word = 0;

    do {
        uint64_t both = cpumask_word(one, word) & cpumask_word(other, word);

        if (both)
            return word * 64 + (unsigned)__builtin_ctzll(both);
    } while (cpumask_goes_on(&word));
    return CPU_MAX;
}

unsigned cpumask_count(const struct cpumask *mask)
{
    unsigned count = 0, word = 0;

    do
        for (uint64_t left = cpumask_word(mask, word); left; left &= left - 1)
            count++;
    while (cpumask_goes_on(&word));
    return count;
}
