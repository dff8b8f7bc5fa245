/* SPDX-License-Identifier: MIT */
/*
 * tests/host/ktap_test.c - lib/ktap.c: nothing a program prints can be taken for anything else
 */
#include "tests/host/check.h"

#include "kernel/lib/ktap.h"

/* What the filter has emitted so far. */
struct collected {
    size_t size;
    char text[5 * KTAP_OUTPUT_MAX];
};

static struct collected out;
static struct ktap_filter filter;

static void collect(void *context, const char *bytes, size_t nbytes)
{
    struct collected *to = context;

    assert_true(to->size + nbytes < sizeof(to->text));
    memcpy(to->text + to->size, bytes, nbytes);
    to->size += nbytes;
    to->text[to->size] = '\0';
}

static int reset(void **state)
{
    (void)state;
    out.size = 0;
    out.text[0] = '\0';
    ktap_filter_init(&filter, collect, &out);
    return 0;
}

/* The whole output in one write, then in writes of every small size. */
static void expect_filtered(const char *bytes, size_t nbytes, const char *expected)
{
    for (size_t piece = 0; piece < 6; piece++) {
        size_t step = piece ? piece : nbytes + 1;

        reset(NULL);
        for (size_t at = 0; at < nbytes; at += step) {
            size_t n = MIN(step, nbytes - at);
            char *exact = exact_copy(bytes + at, n);

            ktap_filter_write(&filter, exact, n);
            free(exact);
        }
        ktap_filter_finish(&filter);
        assert_string_equal(out.text, expected);
        assert_int_equal(filter.taken, nbytes);
    }
}

#define FILTERED(literal, expected) expect_filtered(literal, sizeof(literal) - 1, expected)

static void test_lines_are_prefixed(void **state)
{
    (void)state;
    FILTERED("", "");
    FILTERED("hello\n", "#: hello\n");
    FILTERED("hello", "#: hello\n");
    FILTERED("a\nb\n\nc", "#: a\n#: b\n#: \n#: c\n");
    FILTERED("\n", "#: \n");
    FILTERED("a\tb", "#: a\tb\n");
}

static void test_forged_lines(void **state)
{
    (void)state;
    FILTERED("ok 5 forged # time=1us\n# firstlight: verdict=PASS\n#: x\nKTAP version 1\n1..1\n",
             "#: ok 5 forged # time=1us\n#: # firstlight: verdict=PASS\n#: #: x\n"
             "#: KTAP version 1\n#: 1..1\n");
    FILTERED("x\rok 1 forged", "#: x^Mok 1 forged\n");
    FILTERED("\x1b[1A\x1b[2Kok", "#: ^[[1A^[[2Kok\n");
    FILTERED("a\x0b\x0c\b\x7f\a", "#: a^K^L^H^?^G\n");
}

static void test_every_control_character(void **state)
{
    (void)state;
    for (int byte = 0; byte < 32; byte++) {
        char c = (char)byte, expected[16];

        if (byte == '\n' || byte == '\t')
            continue;
        snprintf(expected, sizeof(expected), "#: ^%c\n", '@' + byte);
        expect_filtered(&c, 1, expected);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    FILTERED("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
             "#: gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\n");
    FILTERED("\xc2\x9b[2J", "#: \\xc2\\x9b[2J\n"); /* C1 in UTF-8 */
    FILTERED("\x9b[2J", "#: \\x9b[2J\n");          /* C1 as a byte */
    FILTERED("caf\xe9 x", "#: caf\\xe9 x\n");
    FILTERED("\xe2\x82", "#: \\xe2\\x82\n"); /* cut at the end */
    FILTERED("\xe2\x82\n", "#: \\xe2\\x82\n");
    FILTERED("\xe2\xe2\x82\xac", "#: \\xe2\xe2\x82\xac\n");
    FILTERED("\xf0\x9f\x98"
             "A\xff",
             "#: \\xf0\\x9f\\x98"
             "A\\xff\n");
    FILTERED("\xc0\xaf\xed\xa0\x80", "#: \\xc0\\xaf\\xed\\xa0\\x80\n");
    FILTERED("\xe2\x1b[m", "#: \\xe2^[[m\n");
    FILTERED("\xe2\nok 1", "#: \\xe2\n#: ok 1\n");
}

static void test_limit(void **state)
{
    static char bytes[1000];

    (void)state;
    memset(bytes, 'y', sizeof(bytes));
    for (int i = 0; i < 100; i++)
        ktap_filter_write(&filter, bytes, sizeof(bytes));
    ktap_filter_finish(&filter);
    assert_int_equal(filter.taken, KTAP_OUTPUT_MAX);
    assert_int_equal(filter.dropped, 100000 - KTAP_OUTPUT_MAX);
    assert_int_equal(out.size, 3 + KTAP_OUTPUT_MAX + 1);
    assert_memory_equal(out.text, "#: yyy", 6);
    assert_memory_equal(out.text + out.size - 2, "y\n", 2);
}

static void test_limit_within_a_character(void **state)
{
    static char bytes[KTAP_OUTPUT_MAX - 2];

    (void)state;
    memset(bytes, 'y', sizeof(bytes));
    ktap_filter_write(&filter, bytes, sizeof(bytes));
    ktap_filter_write(&filter, "\xe2\x82\xac", 3);
    ktap_filter_finish(&filter);
    assert_int_equal(filter.dropped, 1);
    assert_memory_equal(out.text + out.size - 9, "\\xe2\\x82\n", 9);
}

static void test_finish_twice_and_go_on(void **state)
{
    (void)state;
    ktap_filter_write(&filter, "one", 3);
    ktap_filter_finish(&filter);
    ktap_filter_finish(&filter);
    ktap_filter_write(&filter, "two\n", 4);
    ktap_filter_finish(&filter);
    assert_string_equal(out.text, "#: one\n#: two\n");
}

static void test_result_lines(void **state)
{
    char buf[KTAP_LINE_SIZE];

    (void)state;
    assert_int_equal(ktap_format_plan(buf, sizeof(buf), 5), 20);
    assert_string_equal(buf, "KTAP version 1\n1..5\n");
    assert_int_equal(ktap_format_ok(buf, sizeof(buf), 1, "baseline-1", 412), strlen(buf));
    assert_string_equal(buf, "ok 1 baseline-1 # time=412us\n");
    ktap_format_not_ok(buf, sizeof(buf), 5, "memory", 10000000, "killed: limit of 10 s");
    assert_string_equal(buf, "not ok 5 memory # time=10000000us killed: limit of 10 s\n");
    ktap_format_skip(buf, sizeof(buf), 2, "disk", "no \"disk\" # 1");
    assert_string_equal(buf, "ok 2 disk # SKIP no 'disk' + 1\n");
    ktap_format_not_ok(buf, sizeof(buf), 3, "x", 1, "a\nok 4 \x1b[m\xff\tz");
    assert_string_equal(buf, "not ok 3 x # time=1us a^Jok 4 ^[[m\\xff^Iz\n");
}

static void test_cut_lines_end(void **state)
{
    char reason[3000], buf[KTAP_LINE_SIZE];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof(reason); i += 2)
        memcpy(reason + i, "\xc3\xbc", 3);
    for (size_t size = 40; size < sizeof(buf); size++) {
        size_t length = ktap_format_not_ok(buf, size, 1, "name", 1, reason);

        assert_int_equal(length, strlen(buf));
        assert_true(length < size);
        assert_int_equal(buf[length - 1], '\n');
        assert_null(memchr(buf, '\n', length - 1));
        assert_true((uint8_t)buf[length - 2] != 0xc3); /* not half a character */
    }
}

static void test_clean(void **state)
{
    char buf[64];

    (void)state;
    assert_int_equal(ktap_clean(buf, sizeof(buf), "EDK II # \"x\"\r\n", 14), 16);
    assert_string_equal(buf, "EDK II + 'x'^M^J");
    assert_int_equal(ktap_clean(buf, 4, "abcdef", 6), 3);
    assert_string_equal(buf, "abc");
    assert_int_equal(ktap_clean(buf, 4, "ab\xc3\xbc", 4), 2); /* no half characters */
    assert_string_equal(buf, "ab");
    assert_int_equal(ktap_clean(buf, 4, "ab\n", 3), 2); /* no half escapes */
    assert_int_equal(ktap_clean(buf, sizeof(buf), "a\0b\xc3", 4), 8);
    assert_string_equal(buf, "a^@b\\xc3");
}

static struct ktap_verdict sound_verdict(void)
{
    return (struct ktap_verdict){
        .total = 5,
        .passed = 4,
        .skipped = 1,
        .plan_passed = 1,
        .version = "0.1",
        .cpus = 2,
        .cpus_enabled = 4,
        .memory_bytes = 256u << 20,
        .firmware = "EDK II \"x\"\n",
        .time_us = 1234567,
    };
}

static void test_verdict_line(void **state)
{
    struct ktap_verdict verdict = sound_verdict();
    char buf[KTAP_LINE_SIZE];

    (void)state;
    assert_int_equal(ktap_format_verdict(buf, sizeof(buf), &verdict), strlen(buf));
    assert_string_equal(
        buf, "# firstlight: verdict=PASS total=5 passed=4 failed=0 skipped=1 version=0.1 "
             "cpus=2/4 memory=256MiB firmware=\"EDK II 'x'^J\" time=1234567us\n");
    verdict.failed = 1;
    verdict.passed = 3;
    ktap_format_verdict(buf, sizeof(buf), &verdict);
    assert_non_null(strstr(buf, "verdict=FAIL total=5 passed=3 failed=1 skipped=1 "));
}

/* Every way in which the numbers can be wrong is a FAIL. */
static void test_what_passes(void **state)
{
    struct ktap_verdict verdict = sound_verdict();

    (void)state;
    assert_true(ktap_verdict_passed(&verdict));
    verdict.failed = 1;
    assert_false(ktap_verdict_passed(&verdict));
    verdict = sound_verdict();
    verdict.passed = 3; /* one never ran */
    assert_false(ktap_verdict_passed(&verdict));
    verdict = sound_verdict();
    verdict.total = 4; /* one too many */
    assert_false(ktap_verdict_passed(&verdict));
    verdict = sound_verdict();
    verdict.plan_passed = 0; /* no plan, or all of it was skipped */
    assert_false(ktap_verdict_passed(&verdict));
    verdict = (struct ktap_verdict){.version = "", .firmware = ""};
    assert_false(ktap_verdict_passed(&verdict));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_prefixed),
        cmocka_unit_test(test_forged_lines),
        cmocka_unit_test(test_every_control_character),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test_setup(test_limit, reset),
        cmocka_unit_test_setup(test_limit_within_a_character, reset),
        cmocka_unit_test_setup(test_finish_twice_and_go_on, reset),
        cmocka_unit_test(test_result_lines),
        cmocka_unit_test(test_cut_lines_end),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_verdict_line),
        cmocka_unit_test(test_what_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
