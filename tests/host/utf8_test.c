/* SPDX-License-Identifier: MIT */
/*
 * tests/host/utf8_test.c - lib/utf8.c: every code point, and every three-byte string
 */
#include "tests/host/check.h"

#include "kernel/lib/utf8.h"

/* By the definition rather than by a table: decode, then compare with the shortest encoding. */
static size_t encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x13ffff; code++) {
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        char bytes[4];
        size_t length = encode(code, bytes);

        if (utf8_length(bytes, length) != (valid ? (int)length : UTF8_INVALID))
            fail_msg("U+%04X of %zu bytes gives %d", code, length, utf8_length(bytes, length));
        for (size_t n = 1; valid && n < length; n++)
            assert_int_equal(utf8_length(bytes, n), UTF8_INCOMPLETE);
    }
}

/* A string of three bytes is a character if and only if some code point encodes to it. */
static void test_every_short_string(void **state)
{
    uint8_t *known = calloc(1 << 24, 1); /* index: the three bytes; value: length */

    (void)state;
    for (uint32_t code = 0; code < 0x10000; code++) {
        char bytes[4];
        size_t length = encode(code, bytes);
        uint32_t first = (uint32_t)(uint8_t)bytes[0] << 16;

        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        if (length >= 2)
            first |= (uint32_t)(uint8_t)bytes[1] << 8;
        if (length == 3)
            first |= (uint8_t)bytes[2];
        for (uint32_t rest = 0; rest < 1u << (8 * (3 - length)); rest++)
            known[first + rest] = (uint8_t)length;
    }
    for (uint32_t i = 0; i < 1 << 24; i++) {
        char bytes[3] = {(char)(i >> 16), (char)(i >> 8), (char)i};
        int length = utf8_length(bytes, 3);

        if (length > 0 ? length != known[i] : known[i] != 0)
            fail_msg("%06x gives %d, expected %d", i, length, known[i]);
        /* Only what can still become four bytes is incomplete. */
        if (length == UTF8_INCOMPLETE && (i < 0xf09080 || i > 0xf48fbf))
            fail_msg("%06x cannot be incomplete", i);
    }
    free(known);
}

static void test_text(void **state)
{
    (void)state;
    assert_true(utf8_is_text("", 0));
    assert_true(utf8_is_text("gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80", 16));
    assert_false(utf8_is_text("a\0b", 3));
    assert_false(utf8_is_text("caf\xe9", 4));
    assert_false(utf8_is_text("cut \xe2\x82", 6));
    assert_false(utf8_is_text("\xc0\xaf", 2));
    assert_false(utf8_is_text("\xed\xa0\x80", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_every_short_string),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
