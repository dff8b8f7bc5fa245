/* SPDX-License-Identifier: MIT */
/*
 * tests/host/fmt_test.c - lib/fmt.c against snprintf
 */
#include "tests/host/check.h"

#include <limits.h>

#include "kernel/lib/fmt.h"

/* One format and its arguments through both, into buffers of every size up to the length. */
#define SAME(...)                                                                                  \
    do {                                                                                           \
        char expected[256], got[256];                                                              \
        int length = snprintf(expected, sizeof(expected), __VA_ARGS__);                            \
        assert_int_equal(fmt_print(got, sizeof(got), __VA_ARGS__), length);                        \
        assert_string_equal(got, expected);                                                        \
        for (int size = 0; size <= length + 1; size++) {                                           \
            snprintf(expected, (size_t)size, __VA_ARGS__);                                         \
            memset(got, 'Z', sizeof(got));                                                         \
            assert_int_equal(fmt_print(got, (size_t)size, __VA_ARGS__), length);                   \
            if (size > 0)                                                                          \
                assert_string_equal(got, expected);                                                \
            assert_int_equal(got[size], 'Z');                                                      \
        }                                                                                          \
    } while (0)

static void test_plain_text(void **state)
{
    (void)state;
    SAME("%s", "");
    SAME("no conversion at all");
    SAME("100%% of %s", "it");
    SAME("%c%c%c", 'a', 'b', 'c');
    SAME("[%5c] [%-5c]", 'x', 'y');
}

static void test_strings(void **state)
{
    char bytes[3] = {'a', 'b', 'c'}; /* no NUL */

    (void)state;
    SAME("[%s] [%10s] [%-10s] [%.2s] [%10.2s] [%.0s] [%.s]", "word", "word", "word", "word", "word",
         "word", "word");
    SAME("[%*s] [%-*s] [%.*s] [%*s]", 8, "ab", 8, "cd", 1, "ef", -6, "gh");
    SAME("%.3s", bytes);
    SAME("[%.*s]", -1, "negative precision is none");
}

static void test_null_string(void **state)
{
    char got[32];
    const char *volatile none = NULL;

    (void)state;
    assert_int_equal(fmt_print(got, sizeof(got), "%s", none), 6);
    assert_string_equal(got, "(null)");
}

/* All lengths: digits are made several at a time. */
static void test_decimal_lengths(void **state)
{
    (void)state;
    for (unsigned long long power = 1; power <= ULLONG_MAX / 10; power *= 10) {
        SAME("%llu %llu %llu", power - 1, power, power + 1);
        SAME("%llu", power / 9 * 80 + 7);
    }
}

static void test_integers(void **state)
{
    static const long long values[] = {
        0,   1,    -1,    9,       10,      -10,       127,       128,      255,
        256, -129, 65535, INT_MAX, INT_MIN, LLONG_MAX, LLONG_MIN, UINT_MAX, 0x123456789};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        long long v = values[i];

        SAME("%d %i %u %x %X", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v);
        SAME("%hd %hhd %hu %hhu %hx %hhX", (short)v, (signed char)v, (unsigned short)v,
             (unsigned char)v, (unsigned short)v, (unsigned char)v);
        SAME("%ld %lu %lx %lld %llu %llx", (long)v, (unsigned long)v, (unsigned long)v, v,
             (unsigned long long)v, (unsigned long long)v);
        SAME("%zu %zx", (size_t)v, (size_t)v);
        SAME("%o [%06o] [%llo]", (unsigned)v, (unsigned)v, (unsigned long long)v);
        SAME("[%5d] [%-5d] [%05d] [%25lld] [%-25lld] [%025lld]", (int)v, (int)v, (int)v, v, v, v);
        SAME("[%016llx] [%#llx] [%#010x] [%#X]", (unsigned long long)v, (unsigned long long)v,
             (unsigned)v, (unsigned)v);
        SAME("[%+d] [% d] [%.5d] [%8.5d] [%-8.3d]", (int)v, (int)v, (int)v, (int)v, (int)v);
        SAME("[%*d] [%0*d]", 12, (int)v, 12, (int)v);
    }
}

static void test_pointers(void **state)
{
    char got[64];

    (void)state;
    fmt_print(got, sizeof(got), "%p %20p|", (void *)0xffffffff80001234, (void *)0x1000);
    assert_string_equal(got, "0xffffffff80001234   0x0000000000001000|");
    fmt_print(got, sizeof(got), "%p", NULL);
    assert_string_equal(got, "0x0000000000000000");
}

/* Formats that no compiler lets pass are given through a variable. */
static size_t print_unchecked(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
    length = fmt_vprint(buf, size, format, args);
#pragma clang diagnostic pop
    va_end(args);
    return length;
}

static void test_unknown_conversions_are_copied(void **state)
{
    char got[64];

    (void)state;
    print_unchecked(got, sizeof(got), "a %y b %");
    assert_string_equal(got, "a %y b %");
    print_unchecked(got, sizeof(got), "%5.3", 1);
    assert_string_equal(got, "%5.3");
    print_unchecked(got, sizeof(got), "%q%d", 7);
    assert_string_equal(got, "%q7");
}

static void test_huge_width_is_bounded(void **state)
{
    char got[16];

    (void)state;
    assert_true(print_unchecked(got, sizeof(got), "%999999999d", 1) >= 15);
    assert_string_equal(got, "               ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_null_string),
        cmocka_unit_test(test_decimal_lengths),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_unknown_conversions_are_copied),
        cmocka_unit_test(test_huge_width_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
