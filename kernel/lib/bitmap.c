/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps: searches and ranges, a word at a time.
 *
 * Bit n is bit n % 64 of word n / 64. Bits of the last word behind nbits may have any value:
 * searches cut their result to nbits, and counting masks them off.
 */
#include "kernel/lib/bitmap.h"

/* The lowest bit at or above start whose value differs from the one in `flip` (all ones: look for
 * clear bits, 0: for set ones). The first word is masked below start; after it whole words are
 * skipped. */
static size_t find_bit(const uint64_t *words, size_t nbits, size_t start, uint64_t flip)
{
    size_t index = start / 64;
    uint64_t word;

    if (start >= nbits)
        return nbits;
    word = (words[index] ^ flip) & (~0ULL << (start % 64));
    while (!word) {
        if (++index >= BITMAP_WORDS(nbits))
            return nbits;
        word = words[index] ^ flip;
    }
    return MIN(index * 64 + (size_t)__builtin_ctzll(word), nbits);
}

size_t bitmap_find_zero(const uint64_t *words, size_t nbits, size_t start)
{
    return find_bit(words, nbits, start, ~0ULL);
}

size_t bitmap_find_set(const uint64_t *words, size_t nbits, size_t start)
{
    return find_bit(words, nbits, start, 0);
}

/* First fit. A run that is too short is left at its end, so no bit is looked at twice. */
size_t bitmap_find_zero_run(const uint64_t *words, size_t nbits, size_t start, size_t count)
{
    size_t first = bitmap_find_zero(words, nbits, start);

    while (first < nbits && nbits - first >= count) {
        size_t end = bitmap_find_set(words, nbits, first);

        if (end - first >= count)
            return first;
        first = bitmap_find_zero(words, nbits, end);
    }
    return nbits;
}

/* Ones for the bits first..last of one word. */
static uint64_t mask_between(size_t first, size_t last)
{
    return (~0ULL << first) & (~0ULL >> (63 - last));
}

void bitmap_set_range(uint64_t *words, size_t first, size_t count)
{
    /* At most 64 bits a round: up to the end of the word. */
    while (count > 0) {
        size_t low = first % 64;
        size_t n = MIN(count, 64 - low);

        words[first / 64] |= mask_between(low, low + n - 1);
        first += n;
        count -= n;
    }
}

void bitmap_clear_range(uint64_t *words, size_t first, size_t count)
{
    while (count > 0) {
        size_t low = first % 64;
        size_t n = MIN(count, 64 - low);

        words[first / 64] &= ~mask_between(low, low + n - 1);
        first += n;
        count -= n;
    }
}

/* Counted in parallel within the word: POPCNT is not in the base instruction set. */
static size_t word_count(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555ULL;
    word = (word & 0x3333333333333333ULL) + ((word >> 2) & 0x3333333333333333ULL);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return (size_t)((word * 0x0101010101010101ULL) >> 56);
}

size_t bitmap_count(const uint64_t *words, size_t nbits)
{
    size_t count = 0;

    for (size_t i = 0; i < nbits / 64; i++)
        count += word_count(words[i]);
    if (nbits % 64)
        count += word_count(words[nbits / 64] & mask_between(0, nbits % 64 - 1));
    return count;
}
