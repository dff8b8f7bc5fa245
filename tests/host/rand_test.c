/* SPDX-License-Identifier: MIT */
/*
 * tests/host/rand_test.c - lib/rand.c: the vectors of RFC 8439, and what a generator must do
 */
#include "tests/host/check.h"

#include "kernel/lib/rand.h"

static void key_of_bytes(uint32_t key[8])
{
    for (uint32_t i = 0; i < 8; i++)
        key[i] = (4 * i) | (4 * i + 1) << 8 | (4 * i + 2) << 16 | (4 * i + 3) << 24;
}

/* RFC 8439, section 2.3.2: key 00 01 .. 1f, nonce 00:00:00:09:00:00:00:4a:00:00:00:00, block 1. */
static void test_block_function(void **state)
{
    static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
    static const uint8_t expected[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
    };
    uint32_t key[8];
    uint8_t got[64];

    (void)state;
    key_of_bytes(key);
    rand_chacha20_block(key, 1, nonce, got);
    assert_memory_equal(got, expected, sizeof(got));
}

/* RFC 8439, appendix A.1, vector 1: all zero. The generator's first output is what follows the
 * new key. */
static void test_first_output(void **state)
{
    static const uint8_t expected[32] = {
        0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0,
        0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18,
        0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    };
    const uint8_t seed[RAND_SEED_SIZE] = {0};
    struct rand_generator generator;
    uint8_t got[32];

    (void)state;
    rand_init(&generator, seed);
    rand_fill(&generator, got, sizeof(got));
    assert_memory_equal(got, expected, sizeof(got));
}

static void test_same_seed_same_bytes_any_pieces(void **state)
{
    const uint8_t seed[RAND_SEED_SIZE] = {1, 2, 3};
    struct rand_generator one, other;
    uint8_t whole[200], pieces[200];

    (void)state;
    rand_init(&one, seed);
    rand_init(&other, seed);
    rand_fill(&one, whole, sizeof(whole));
    for (size_t at = 0, n = 1; at < sizeof(pieces); at += n, n = n * 2 % 37) {
        n = n < sizeof(pieces) - at ? n : sizeof(pieces) - at;
        rand_fill(&other, pieces + at, n);
    }
    assert_memory_equal(whole, pieces, sizeof(whole));
}

/* No byte that was given out, and no key that made one, is left in the state. */
static bool contains(const void *where, size_t size, const void *what, size_t nbytes)
{
    for (size_t i = 0; i + nbytes <= size; i++) {
        if (memcmp((const char *)where + i, what, nbytes) == 0)
            return true;
    }
    return false;
}

static void test_nothing_given_out_is_kept(void **state)
{
    const uint8_t seed[RAND_SEED_SIZE] = {9};
    struct rand_generator generator;
    uint8_t got[1000];

    (void)state;
    rand_init(&generator, seed);
    assert_false(contains(&generator, sizeof(generator), seed, 8));
    for (size_t n = 8; n <= sizeof(got); n += 31) {
        rand_fill(&generator, got, n);
        for (size_t at = 0; at + 8 <= n; at++)
            assert_false(contains(&generator, sizeof(generator), got + at, 8));
    }
}

static void test_no_repetition_and_exact_length(void **state)
{
    const uint8_t seed[RAND_SEED_SIZE] = {0};
    struct rand_generator generator;
    uint64_t *words = calloc(4096, sizeof(*words));

    (void)state;
    rand_init(&generator, seed);
    for (size_t n = 0; n < 700; n++) {
        uint8_t *exact = malloc(n + 1);

        exact[n] = 0x5a;
        rand_fill(&generator, exact, n);
        assert_int_equal(exact[n], 0x5a);
        free(exact);
    }
    rand_fill(&generator, words, 2048 * sizeof(*words));
    rand_fill(&generator, words + 2048, 2048 * sizeof(*words));
    for (int i = 0; i < 4096; i++) {
        assert_true(words[i] != 0);
        for (int j = 0; j < i; j++)
            assert_true(words[i] != words[j]);
    }
    free(words);
}

static void test_mixing_changes_everything(void **state)
{
    const uint8_t seed[RAND_SEED_SIZE] = {0};
    struct rand_generator one, other;
    uint8_t a[64], b[64];
    char long_input[100] = "x";

    (void)state;
    rand_init(&one, seed);
    rand_init(&other, seed);
    rand_mix(&other, "", 0);
    rand_fill(&one, a, 64);
    rand_fill(&other, b, 64);
    assert_memory_equal(a, b, 64);
    rand_mix(&other, long_input, sizeof(long_input));
    rand_fill(&one, a, 64);
    rand_fill(&other, b, 64);
    assert_memory_not_equal(a, b, 16);
    long_input[99] = 'y'; /* the last byte counts */
    rand_init(&one, seed);
    rand_init(&other, seed);
    rand_mix(&one, "x", 1);
    rand_mix(&other, long_input, sizeof(long_input));
    rand_fill(&one, a, 64);
    rand_fill(&other, b, 64);
    assert_memory_not_equal(a, b, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_function),
        cmocka_unit_test(test_first_output),
        cmocka_unit_test(test_same_seed_same_bytes_any_pieces),
        cmocka_unit_test(test_nothing_given_out_is_kept),
        cmocka_unit_test(test_no_repetition_and_exact_length),
        cmocka_unit_test(test_mixing_changes_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
