/* SPDX-License-Identifier: MIT */
/* Results as XML, and the text that they are made of. */
#include "tests/host/check.h"

#include "efi-loader/junit.h"
#include "shared/report.h"

#define VERDICT "# firstlight: verdict=FAIL total=5 passed=2 failed=1 skipped=1 version=1 cpus=2\n"

static char the_bytes[8192];
static struct text the_xml;

static const char *junit_of(const char *results)
{
    char *copy = exact_copy(results, strlen(results));

    text_init(&the_xml, the_bytes, sizeof(the_bytes));
    junit_write(&the_xml, copy, strlen(results));
    free(copy);
    return the_bytes;
}

#define HAS(text) assert_non_null(strstr(the_bytes, text))

static void results(void **state)
{
    (void)state;
    junit_of(VERDICT "not ok 4 broken # time=10000000us killed: limit of 10 s\n"
                     "ok 1 baseline-1 # time=412us\n"
                     "ok 2 left # SKIP no reason\n");
    HAS("<testsuite name=\"firstlight\" tests=\"5\" failures=\"1\" skipped=\"1\" errors=\"0\">");
    HAS("name=\"broken\" time=\"10.000000\"><failure message=\"killed: limit of 10 "
        "s\"/></testcase>");
    HAS("name=\"baseline-1\" time=\"0.000412\"/>");
    HAS("name=\"left\"><skipped message=\"no reason\"/></testcase>");
    HAS("<system-out>2 more results had no room</system-out>\n</testsuite>\n");
}

static void no_verdict_is_an_error(void **state)
{
    (void)state;
    junit_of("");
    HAS("tests=\"1\" failures=\"0\" skipped=\"0\" errors=\"1\"");
    HAS("<error message=\"the kernel was started and gave no verdict\"/>");
    junit_of("# firstlight: verdict=PANIC\n# PANIC: \"why\"\nok 1 a # time=1us\n");
    HAS("tests=\"2\" failures=\"0\" skipped=\"0\" errors=\"1\"");
    HAS("<error message=\"PANIC: &quot;why&quot;\"/>");
}

/* Results that were lost make a FAIL in which nothing failed: no reader may take it for a pass. */
static void a_fail_without_a_failed_result_is_an_error(void **state)
{
    (void)state;
    junit_of("# firstlight: verdict=FAIL total=5 passed=3 failed=0 skipped=0 version=1\n"
             "ok 1 a # time=1us\n");
    HAS("tests=\"5\" failures=\"0\" skipped=\"0\" errors=\"1\"");
    HAS("name=\"verdict\"><error message=\"verdict=FAIL total=5 passed=3 failed=0 ");
    HAS("<system-out>4 more results had no room</system-out>\n</testsuite>\n");
}

static void anything_is_escaped(void **state)
{
    (void)state;
    junit_of(VERDICT "not ok 1 <a&b> # \"quoted\" \x01\x7f\xff \xc3\xa9\n");
    HAS("name=\"&lt;a&amp;b&gt;\"");
    HAS("message=\"&quot;quoted&quot; ??? \xc3\xa9\"");
}

/* Each is a character of Unicode, or would be, on one side of an edge. */
static void no_character_that_xml_forbids(void **state)
{
    (void)state;
    junit_of(VERDICT "not ok 1 \xef\xbf\xbd|\xef\xbf\xbe|\xef\xbf\xbf|\xf0\x90\x80\x80 # "
                     "\xee\x80\x80|\xed\x9f\xbf|\xed\xa0\x80|\x1f|\t|\xf4\x8f\xbf\xbf\n");
    HAS("name=\"\xef\xbf\xbd|?|?|\xf0\x90\x80\x80\"");
    HAS("message=\"\xee\x80\x80|\xed\x9f\xbf|???|?|?|\xf4\x8f\xbf\xbf\"");
}

/* report.c gives it so much room: whatever the variables hold, the XML is whole. */
static void the_longest_there_is(void **state)
{
    static const char *const lines[] = {"ok 1 a\n", "not ok 1 a # x\n", "ok \"\"\"\"\"\"\"\"\n",
                                        "\n"};
    static char text[REPORT_VARIABLES * REPORT_VARIABLE_TEXT], large[65536];
    struct text xml;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        size_t n = strlen(lines[i]);

        for (size_t at = 0; at < sizeof(text); at += n)
            memcpy(text + at, lines[i], MIN(n, sizeof(text) - at));
        text_init(&xml, large, sizeof(large));
        junit_write(&xml, text, sizeof(text));
        assert_false(xml.cut);
    }
    memset(text, '"', sizeof(text));
    memcpy(text, "not ok 1 a # ", 13);
    text_init(&xml, large, sizeof(large));
    junit_write(&xml, text, sizeof(text));
    assert_false(xml.cut);
}

/* Every prefix of a report gives XML of whole elements. */
static void cut_anywhere(void **state)
{
    static const char text[] = VERDICT "not ok 4 broken # time=1us a\nok 1 b # time=4us\n";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *copy = exact_copy(text, n);
        unsigned opened = 0, closed = 0;

        text_init(&the_xml, the_bytes, sizeof(the_bytes));
        junit_write(&the_xml, copy, n);
        for (const char *c = the_bytes; *c; c++) {
            opened += *c == '<';
            closed += *c == '>';
        }
        assert_int_equal(opened, closed);
        assert_string_equal(the_bytes + the_xml.used - 13, "</testsuite>\n");
        free(copy);
    }
}

static void text_leaves_out_what_does_not_fit(void **state)
{
    char small[8];
    struct text text;

    (void)state;
    text_init(&text, small, sizeof(small));
    text_add(&text, "%s", "1234");
    text_add(&text, "%s", "5678");
    assert_string_equal(small, "1234");
    assert_true(text.cut);
    text_add_bytes(&text, "567", 3);
    assert_string_equal(small, "1234567");
    text_add_bytes(&text, "8", 1);
    assert_int_equal(text.used, 7);
}

static void numbers_of_a_line(void **state)
{
    static const char line[] = "# a: subtotal=9 total=12 n=999999999999";

    (void)state;
    assert_int_equal(text_number(line, sizeof(line) - 1, "total"), 12);
    assert_int_equal(text_number(line, sizeof(line) - 1, "other"), 0);
    assert_int_equal(text_number(line, 24, "total"), 12);
    assert_int_equal(text_number(line, 23, "total"), 1);
    assert_true(text_number(line, sizeof(line) - 1, "n") >= 99999999);
}

/* A string of the firmware's, given in an allocation of its size. */
static const char *cleaned(const char *from, size_t size)
{
    char *copy = exact_copy(from, strlen(from) + 1);

    text_clean(the_bytes, size, copy);
    free(copy);
    return the_bytes;
}

static void firmware_strings_are_cleaned(void **state)
{
    (void)state;
    assert_string_equal(cleaned("Maker", 32), "Maker");
    assert_string_equal(cleaned("Mo\x01"
                                "del  ",
                                32),
                        "Mo?del");
    assert_string_equal(cleaned("", 32), "");
    assert_string_equal(cleaned("   ", 32), "");
    assert_string_equal(cleaned("\xff\x7f", 32), "??");
    assert_string_equal(cleaned("Maker", 4), "Mak");
    assert_string_equal(cleaned("x\xc3\xa4", 4), "x\xc3\xa4");
    assert_string_equal(cleaned("xy\xc3\xa4", 4), "xy?"); /* no half of a character */
    assert_string_equal(cleaned("Maker", 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_strings_are_cleaned),
        cmocka_unit_test(results),
        cmocka_unit_test(no_verdict_is_an_error),
        cmocka_unit_test(a_fail_without_a_failed_result_is_an_error),
        cmocka_unit_test(anything_is_escaped),
        cmocka_unit_test(no_character_that_xml_forbids),
        cmocka_unit_test(the_longest_there_is),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(text_leaves_out_what_does_not_fit),
        cmocka_unit_test(numbers_of_a_line),
    };

    return cmocka_run_group_tests_name("loader_junit", tests, NULL, NULL);
}
