/* SPDX-License-Identifier: MIT */
/*
 * tests/host/bitmap_test.c - lib/bitmap.c against loops over single bits
 */
#include "tests/host/check.h"

#include "kernel/lib/bitmap.h"

#define NBITS_MAX 200

/* The first bit from start on with that value; nbits if none. */
static size_t slow_find(const uint64_t *words, size_t nbits, size_t start, bool value)
{
    for (size_t i = start; i < nbits; i++) {
        if (bitmap_test(words, i) == value)
            return i;
    }
    return nbits;
}

static size_t slow_find_run(const uint64_t *words, size_t nbits, size_t start, size_t count)
{
    for (size_t i = start; i + count <= nbits; i++) {
        if (slow_find(words, i + count, i, true) == i + count)
            return i;
    }
    return nbits;
}

/* Words of exactly the size needed, with runs of both values, and ones behind the last bit, which
 * must not matter. The caller frees them. */
static uint64_t *random_words(size_t nbits, uint64_t *seed)
{
    uint64_t *words = calloc(BITMAP_WORDS(nbits) + (nbits == 0), sizeof(*words));

    for (size_t i = 0; i < nbits;) {
        size_t run = next_random(seed) % 20;
        bool value = next_random(seed) % 2;

        for (; run > 0 && i < nbits; run--, i++) {
            if (value)
                bitmap_set(words, i);
        }
    }
    for (size_t i = nbits; i < 64 * BITMAP_WORDS(nbits); i++)
        bitmap_set(words, i);
    return words;
}

static void test_finds(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (size_t nbits = 0; nbits < NBITS_MAX; nbits++) {
        uint64_t *words = random_words(nbits, &seed);

        for (size_t start = 0; start <= nbits + 1; start++) {
            size_t at = start > nbits ? nbits : start;

            assert_int_equal(bitmap_find_zero(words, nbits, start),
                             slow_find(words, nbits, at, false));
            assert_int_equal(bitmap_find_set(words, nbits, start),
                             slow_find(words, nbits, at, true));
            for (size_t count = 1; count < 12; count++)
                assert_int_equal(bitmap_find_zero_run(words, nbits, start, count),
                                 slow_find_run(words, nbits, at, count));
        }
        assert_int_equal(bitmap_find_zero_run(words, nbits, 0, nbits + 1), nbits);
        free(words);
    }
}

static void test_ranges_and_count(void **state)
{
    uint64_t seed = 8;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t nbits = 1 + next_random(&seed) % NBITS_MAX;
        size_t first = next_random(&seed) % nbits;
        size_t count = next_random(&seed) % (nbits - first + 1);
        bool value = next_random(&seed) % 2;
        uint64_t *words = random_words(nbits, &seed);
        uint64_t *before = exact_copy(words, BITMAP_WORDS(nbits) * 8);
        size_t nset = 0;

        if (value)
            bitmap_set_range(words, first, count);
        else
            bitmap_clear_range(words, first, count);
        for (size_t i = 0; i < nbits; i++) {
            bool inside = i >= first && i < first + count;

            assert_int_equal(bitmap_test(words, i), inside ? value : bitmap_test(before, i));
            nset += bitmap_test(words, i);
        }
        assert_int_equal(bitmap_count(words, nbits), nset);
        free(words);
        free(before);
    }
}

static void test_single_bits(void **state)
{
    uint64_t words[2] = {0, 0};

    (void)state;
    bitmap_set(words, 63);
    bitmap_set(words, 64);
    assert_true(words[0] == 1ULL << 63 && words[1] == 1);
    bitmap_clear(words, 63);
    assert_false(bitmap_test(words, 63));
    assert_true(bitmap_test(words, 64));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_ranges_and_count),
        cmocka_unit_test(test_single_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
