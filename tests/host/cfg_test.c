/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cfg_test.c - lib/cfg.c: boot.cfg to words, words to values
 */
#include "tests/host/check.h"

#include "kernel/lib/cfg.h"
#include "shared/linux/errno.h"

/* Reads a whole file into a command line as the loader does; returns how many lines are bad. */
static unsigned read_file(const char *text, size_t size, char *cmdline, size_t cmdline_size,
                          struct cfg_word *last_bad)
{
    struct cfg_reader reader;
    struct cfg_word word;
    enum cfg_kind kind;
    unsigned nbad = 0;

    cmdline[0] = '\0';
    cfg_init(&reader, text, size);
    while ((kind = cfg_next(&reader, &word)) != CFG_END) {
        if (kind == CFG_WORD) {
            assert_int_equal(cfg_append(cmdline, cmdline_size, word.text, word.length), 0);
        } else {
            assert_non_null(word.reason);
            *last_bad = word;
            nbad++;
        }
    }
    return nbad;
}

static void test_file(void **state)
{
    const char *text =
        "\xef\xbb\xbf# boot\r\nafter=reboot\r\n\n  bench \t\n#x=y\nktest=*=?\nplan=/a/b";
    struct cfg_word bad;
    char cmdline[200];

    (void)state;
    assert_int_equal(read_file(text, strlen(text), cmdline, sizeof(cmdline), &bad), 0);
    assert_string_equal(cmdline, "after=reboot bench ktest=*=? plan=/a/b");
    assert_int_equal(read_file("", 0, cmdline, sizeof(cmdline), &bad), 0);
    assert_string_equal(cmdline, "");
}

static void test_malformed_lines(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *words;
    } faults[] = {
        {"after = reboot", 14, "blank"},
        {"after=power off", 15, "blank"},
        {"a\tb", 3, "blank"},
        {"=value", 6, "neither"},
        {"after:reboot", 12, "neither"},
        {"k\xc3\xb6y=1", 6, "neither"},
        {"a=\0b", 4, "NUL"},
        {"a=\x1b[31m", 7, "control"},
        {"a=caf\xe9", 6, "UTF-8"},
        {"# \xff", 3, "UTF-8"},
    };
    struct cfg_word bad;
    char cmdline[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        char *copy = exact_copy(faults[i].text, faults[i].size);

        if (read_file(copy, faults[i].size, cmdline, sizeof(cmdline), &bad) != 1)
            fail_msg("line %zu passed for sound", i);
        if (!strstr(bad.reason, faults[i].words))
            fail_msg("line %zu: \"%s\" instead of \"%s\"", i, bad.reason, faults[i].words);
        assert_int_equal(bad.line_number, 1);
        free(copy);
    }
}

static void test_keys(void **state)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    struct cfg_word bad;
    char cmdline[20], text[] = "k?=";

    (void)state;
    for (int byte = '!'; byte < 0x7f; byte++) {
        text[1] = (char)byte;
        if (byte != '=')
            assert_int_equal(read_file(text, 3, cmdline, sizeof(cmdline), &bad),
                             strchr(allowed, byte) == NULL);
    }
}

static void test_longest_word(void **state)
{
    char text[CFG_WORD_MAX + 2], cmdline[400], value[CFG_WORD_MAX + 1];
    struct cfg_word bad;

    (void)state;
    memset(text, 'v', sizeof(text));
    memcpy(text, "plan=", 5);
    assert_int_equal(read_file(text, CFG_WORD_MAX, cmdline, sizeof(cmdline), &bad), 0);
    assert_true(cfg_find(cmdline, "plan", value, sizeof(value)));
    assert_int_equal(strlen(value), CFG_WORD_MAX - 5);
    assert_int_equal(read_file(text, CFG_WORD_MAX + 1, cmdline, sizeof(cmdline), &bad), 1);
    assert_non_null(strstr(bad.reason, "longer"));
}

static void test_append_is_all_or_nothing(void **state)
{
    char *cmdline = malloc(8);

    (void)state;
    cmdline[0] = '\0';
    assert_int_equal(cfg_append(cmdline, 8, "12345678", 8), -E2BIG);
    assert_string_equal(cmdline, "");
    assert_int_equal(cfg_append(cmdline, 8, "123", 3), 0);
    assert_int_equal(cfg_append(cmdline, 8, "4567", 4), -E2BIG);
    assert_string_equal(cmdline, "123");
    assert_int_equal(cfg_append(cmdline, 8, "456", 3), 0);
    assert_string_equal(cmdline, "123 456");
    assert_int_equal(cfg_append(cmdline, 8, "", 0), -E2BIG);
    assert_int_equal(cfg_append(cmdline, 8, "7", 1), -E2BIG);
    assert_string_equal(cmdline, "123 456");
    free(cmdline);
}

static void test_find(void **state)
{
    const char *cmdline = "after=halt bench  afterwards=1\tplan= after=reboot x=after=2";
    char out[8];

    (void)state;
    assert_true(cfg_find(cmdline, "after", out, sizeof(out)));
    assert_string_equal(out, "reboot"); /* the last one wins */
    assert_true(cfg_find(cmdline, "bench", out, sizeof(out)));
    assert_string_equal(out, "");
    assert_true(cfg_find(cmdline, "plan", out, sizeof(out)));
    assert_string_equal(out, "");
    assert_false(cfg_find(cmdline, "aft", out, sizeof(out)));
    assert_false(cfg_find(cmdline, "ktest", out, sizeof(out)));
    assert_false(cfg_find("", "after", out, sizeof(out)));
    assert_true(cfg_find("after=1234567", "after", out, sizeof(out)));
    assert_false(cfg_find("after=12345678", "after", out, sizeof(out))); /* would be cut */
}

static void test_unknown(void **state)
{
    const char *cmdline = "after=halt aftr=halt bench bench=1 ktest trace= plan=x plan= quiet "
                          "console=s";
    static const char *const expected[] = {"aftr=halt", "bench=1", "ktest", "trace=", "quiet"};
    size_t position = 0;
    char out[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_true(cfg_unknown(cmdline, &position, out, sizeof(out)));
        assert_string_equal(out, expected[i]);
    }
    assert_false(cfg_unknown(cmdline, &position, out, sizeof(out)));
    position = 0;
    assert_true(cfg_unknown("an-unknown-word-too-long-to-fit", &position, out, sizeof(out)));
    assert_string_equal(out, "an-unknown-word");
    position = 0;
    assert_false(cfg_unknown("", &position, out, sizeof(out)));
    assert_false(cfg_unknown("  ", &position, out, sizeof(out)));
}

static void test_words_too_long_are_reported(void **state)
{
    char cmdline[CFG_WORD_MAX + 2];
    char out[16];
    size_t position = 0;

    (void)state;
    memset(cmdline, 'v', sizeof(cmdline));
    memcpy(cmdline, "plan=", 5);
    cmdline[CFG_WORD_MAX] = '\0';
    assert_false(cfg_unknown(cmdline, &position, out, sizeof(out)));
    cmdline[CFG_WORD_MAX] = 'v';
    cmdline[CFG_WORD_MAX + 1] = '\0';
    position = 0;
    assert_true(cfg_unknown(cmdline, &position, out, sizeof(out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_malformed_lines),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_longest_word),
        cmocka_unit_test(test_append_is_all_or_nothing),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_words_too_long_are_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
