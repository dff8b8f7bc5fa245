/* SPDX-License-Identifier: MIT */
/*
 * tests/host/string_test.c - lib/string.c against the C library, all small sizes and alignments
 */
#include "tests/host/check.h"

/* kernel/lib/string.c as the kernel compiles it, renamed by string_names.h. */
void *lib_memcpy(void *dst, const void *src, size_t nbytes);
void *lib_memmove(void *dst, const void *src, size_t nbytes);
void *lib_memset(void *dst, int byte, size_t nbytes);
int lib_memcmp(const void *one, const void *other, size_t nbytes);
void *lib_memchr(const void *bytes, int byte, size_t nbytes);
size_t lib_strlen(const char *text);
size_t lib_strnlen(const char *text, size_t max);
int lib_strcmp(const char *one, const char *other);
int lib_strncmp(const char *one, const char *other, size_t max);
char *lib_strchr(const char *text, int byte);
char *lib_strrchr(const char *text, int byte);
size_t lib_str_copy(char *dst, size_t size, const char *src);

#define ROOM           1024
#define SIZE_MAX_TRIED 300

static void fill_random(uint8_t *bytes, size_t nbytes, uint64_t seed)
{
    for (size_t i = 0; i < nbytes; i++)
        bytes[i] = (uint8_t)next_random(&seed);
}

/* Whole buffers are compared, so that a byte written outside is seen as well. */
static void test_memcpy(void **state)
{
    uint8_t src[ROOM], expected[ROOM], got[ROOM];

    (void)state;
    fill_random(src, sizeof(src), 1);
    for (size_t n = 0; n < SIZE_MAX_TRIED; n++) {
        for (size_t from = 0; from < 9; from++) {
            size_t to = 64 + (from * 5 + n) % 16;

            fill_random(expected, sizeof(expected), n);
            memcpy(got, expected, sizeof(got));
            memcpy(expected + to, src + from, n);
            assert_ptr_equal(lib_memcpy(got + to, src + from, n), got + to);
            assert_memory_equal(got, expected, sizeof(got));
        }
    }
}

static void test_memmove_overlaps(void **state)
{
    uint8_t expected[ROOM], got[ROOM];

    (void)state;
    for (size_t n = 0; n < SIZE_MAX_TRIED; n++) {
        for (int distance = -40; distance <= 40; distance++) {
            size_t to = (size_t)(200 + distance);

            fill_random(expected, sizeof(expected), n);
            memcpy(got, expected, sizeof(got));
            memmove(expected + to, expected + 200, n);
            assert_ptr_equal(lib_memmove(got + to, got + 200, n), got + to);
            assert_memory_equal(got, expected, sizeof(got));
        }
    }
}

static void test_memset(void **state)
{
    uint8_t expected[ROOM], got[ROOM];

    (void)state;
    for (size_t n = 0; n < SIZE_MAX_TRIED; n++) {
        for (size_t at = 32; at < 48; at++) {
            fill_random(expected, sizeof(expected), n);
            memcpy(got, expected, sizeof(got));
            memset(expected + at, (int)(n * 7 + 0x80), n);
            assert_ptr_equal(lib_memset(got + at, (int)(n * 7 + 0x80), n), got + at);
            assert_memory_equal(got, expected, sizeof(got));
        }
    }
}

static int sign_of(int value)
{
    return (value > 0) - (value < 0);
}

static void test_memcmp(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        uint8_t *one = malloc(n + 1), *other = malloc(n + 1);

        fill_random(one, n, n);
        memcpy(other, one, n);
        assert_int_equal(lib_memcmp(one, other, n), 0);
        for (size_t i = 0; i < n; i++) {
            other[i] = (uint8_t)(one[i] + 0x7f); /* either sign */
            if (i + 1 < n)
                other[i + 1] ^= 0xff; /* what comes later must not matter */
            assert_int_equal(sign_of(lib_memcmp(one, other, n)), sign_of(memcmp(one, other, n)));
            memcpy(other, one, n);
        }
        free(one);
        free(other);
    }
}

static void test_memchr(void **state)
{
    uint8_t bytes[64];

    (void)state;
    fill_random(bytes, sizeof(bytes), 3);
    for (int byte = 0; byte < 256; byte++)
        assert_ptr_equal(lib_memchr(bytes, byte, sizeof(bytes)),
                         memchr(bytes, byte, sizeof(bytes)));
    assert_null(lib_memchr(bytes, bytes[0], 0));
    for (size_t n = 0; n < 40; n++) {
        uint8_t *exact = malloc(n ? n : 1);

        for (size_t at = 0; at < n; at++) { /* 0x81 next to 0x80: a borrow must not mislead */
            memset(exact, 0x81, n);
            exact[at] = 0x80;
            assert_ptr_equal(lib_memchr(exact, 0x80, n), exact + at);
            assert_null(lib_memchr(exact, 0x80, at));
            assert_ptr_equal(lib_memchr(exact, 0x81, n), memchr(exact, 0x81, n));
        }
        free(exact);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    for (size_t n = 0; n < 64; n++) {
        for (size_t align = 0; align < 8; align++) {
            char *block = malloc(align + n + 1);
            char *text = block + align;

            memset(text, (int)(0x80 + n), n); /* also bytes with the high bit */
            text[n] = '\0';
            assert_int_equal(lib_strlen(text), n);
            for (size_t max = 0; max < n + 3 && max <= n + 1; max++)
                assert_int_equal(lib_strnlen(text, max), strnlen(text, max));
            free(block);
        }
    }
}

static void test_comparisons(void **state)
{
    static const char *const texts[] = {"",    "a",      "b",        "ab",     "abc", "abd",
                                        "abC", "\x80",   "\xff",     "a\x80z", "az",  "abcdefghij",
                                        "ABC", "abcdef", "abcdefgh", "a b"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            assert_int_equal(sign_of(lib_strcmp(texts[i], texts[j])),
                             sign_of(strcmp(texts[i], texts[j])));
            for (size_t max = 0; max < 12; max++)
                assert_int_equal(sign_of(lib_strncmp(texts[i], texts[j], max)),
                                 sign_of(strncmp(texts[i], texts[j], max)));
        }
    }
}

static void test_searches(void **state)
{
    const char *text = "/usr/bin/env x\xff";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        assert_ptr_equal(lib_strchr(text, byte), strchr(text, byte));
        assert_ptr_equal(lib_strrchr(text, byte), strrchr(text, byte));
    }
}

static void test_str_copy_cuts_and_terminates(void **state)
{
    char buf[8];

    (void)state;
    for (size_t size = 0; size <= 6; size++) {
        memset(buf, 'x', sizeof(buf));
        assert_int_equal(lib_str_copy(buf, size, "hello"), 5);
        if (size > 0) {
            assert_int_equal(strlen(buf), size - 1 < 5 ? size - 1 : 5);
            assert_memory_equal(buf, "hello", strlen(buf));
        }
        assert_int_equal(buf[size], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcpy),
        cmocka_unit_test(test_memmove_overlaps),
        cmocka_unit_test(test_memset),
        cmocka_unit_test(test_memcmp),
        cmocka_unit_test(test_memchr),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_searches),
        cmocka_unit_test(test_str_copy_cuts_and_terminates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
