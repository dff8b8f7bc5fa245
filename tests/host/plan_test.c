/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plan_test.c - lib/plan.c: what each form of line means, and what is malformed
 */
#define _GNU_SOURCE /* sigabbrev_np */
#include "tests/host/check.h"

#include <signal.h>

#include "kernel/lib/plan.h"

static struct plan_line line;

/* Reads the first line of a text, from memory of exactly its size. The text stays until the next
 * call, because the line points into it. */
static enum plan_kind read_bytes(const char *text, size_t size)
{
    static char *kept;
    struct plan_reader reader;

    free(kept);
    kept = exact_copy(text, size);
    plan_init(&reader, kept, size);
    return plan_next(&reader, &line);
}

static enum plan_kind read_one(const char *text)
{
    enum plan_kind kind = read_bytes(text, strlen(text));

    if (kind == PLAN_END) /* frees the copy */
        read_bytes("", 0);
    return kind;
}

static void expect_test(const char *text)
{
    if (read_one(text) != PLAN_TEST)
        fail_msg("\"%s\": %s", text, line.reason ? line.reason : "not a test");
}

static void expect_malformed(const char *text, const char *words)
{
    if (read_one(text) != PLAN_MALFORMED)
        fail_msg("\"%s\" passed for sound, expected: %s", text, words);
    if (!strstr(line.reason, words))
        fail_msg("\"%s\": \"%s\" instead of \"%s\"", text, line.reason, words);
}

static void test_plain_test(void **state)
{
    (void)state;
    expect_test("test shell /bin/sh -c ls");
    assert_string_equal(line.name, "shell");
    assert_int_equal(line.limit_s, 10);
    assert_int_equal(line.expect, PLAN_EXPECT_EXIT);
    assert_int_equal(line.expect_value, 0);
    assert_null(line.skip);
    assert_int_equal(line.argc, 3);
    assert_string_equal(line.argv[0], "/bin/sh");
    assert_string_equal(line.argv[1], "-c");
    assert_string_equal(line.argv[2], "ls");
    assert_null(line.argv[3]);
    assert_int_equal(line.line_number, 1);
    assert_int_equal(line.line_length, 24);
    assert_memory_equal(line.line, "test shell /bin/sh -c ls", 24);
}

static void test_quotes(void **state)
{
    (void)state;
    expect_test("test q sh -c \"echo \\\"a  b\\\" \\\\ c\" \"\" x\"y z\"w back\\slash #no");
    assert_int_equal(line.argc, 7);
    assert_string_equal(line.argv[2], "echo \"a  b\" \\ c");
    assert_string_equal(line.argv[3], "");
    assert_string_equal(line.argv[4], "xy zw");
    assert_string_equal(line.argv[5], "back\\slash");
    assert_string_equal(line.argv[6], "#no");
    expect_malformed("test q sh \"open", "not closed");
    expect_malformed("test q sh \"", "not closed");
    expect_malformed("test q sh \"a\\n\"", "backslash");
    expect_malformed("test q sh \"a\\", "backslash");
    expect_malformed("test q sh \"a\\\"", "not closed");
}

static void test_single_quotes(void **state)
{
    (void)state;
    expect_test("test q 'a  \"b\\' \"it's\" x'y 'z\"w 'v\" ''");
    assert_int_equal(line.argc, 4);
    assert_string_equal(line.argv[0], "a  \"b\\"); /* nothing is special in them */
    assert_string_equal(line.argv[1], "it's");
    assert_string_equal(line.argv[2], "xy zw 'v");
    assert_string_equal(line.argv[3], "");
    expect_test("test a skip='no disk' run");
    assert_string_equal(line.skip, "no disk");
    expect_malformed("test q sh 'open", "not closed");
    expect_malformed("test q sh it's", "not closed");
    expect_malformed("test q sh 'a\"", "not closed");
    expect_malformed("test q sh \"a'", "not closed");
    expect_malformed("test q ''", "no command");
}

static void test_options(void **state)
{
    (void)state;
    expect_test("test a limit=3600 expect=exit:255 skip=\"no disk here\" run limit=5");
    assert_int_equal(line.limit_s, 3600);
    assert_int_equal(line.expect_value, 255);
    assert_string_equal(line.skip, "no disk here");
    assert_int_equal(line.argc, 2);
    assert_string_equal(line.argv[1], "limit=5"); /* after the command: an argument */

    expect_test(
        "test a expect=signal:SIGSEGV limit=1 run"); /* nothing is left of the line before */
    assert_null(line.skip);
    assert_int_equal(line.expect, PLAN_EXPECT_SIGNAL);
    assert_int_equal(line.expect_value, 11);
    assert_int_equal(line.limit_s, 1);
    expect_test("test a expect=limit run");
    assert_int_equal(line.expect, PLAN_EXPECT_LIMIT);
    expect_test("test b run");
    assert_int_equal(line.expect, PLAN_EXPECT_EXIT);
    assert_int_equal(line.expect_value, 0);
    assert_int_equal(line.limit_s, 10);
}

static void test_malformed_options(void **state)
{
    static const char *const limits[] = {
        "0", "1000001", "", "-1", "1.5", "x", "99999999999999999999"};
    static const char *const expects[] = {
        "",        "exit", "exit:", "exit:256", "exit:-1",       "signal",   "signal:SEGV",
        "exit:0x", "pass", "Limit", "signal:",  "signal:SIGFOO", "signal:11"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        snprintf(text, sizeof(text), "test a limit=%s run", limits[i]);
        expect_malformed(text, "limit= needs");
    }
    for (size_t i = 0; i < ARRAY_SIZE(expects); i++) {
        snprintf(text, sizeof(text), "test a expect=%s run", expects[i]);
        expect_malformed(text, "expect= needs");
    }
    expect_malformed("test a skip= run", "skip= needs");
    expect_malformed("test a limit=1 limit=1 run", "twice");
    expect_malformed("test a expect=limit expect=exit:0 run", "twice");
    expect_malformed("test a timeout=5 run", "unknown option");
    expect_malformed("test a Limit=5 run", "unknown option");
    expect_malformed("test a time-out=5 run", "unknown option");
    expect_malformed("test a time_out=5 run", "unknown option");
    expect_test("test a limit=9 expect=exit:199 run");
    assert_int_equal(line.expect_value, 199);
    expect_test("test a /bin/x=y");
    expect_test("test a ./x=y");
}

static void test_skip_code(void **state)
{
    static const char *const wrong[] = {"", "0", "256", "-1", "4x", "exit:4"};
    char text[100];

    (void)state;
    expect_test("test a skipcode=255 run");
    assert_int_equal(line.skip_code, 255);
    expect_test("test a run");
    assert_int_equal(line.skip_code, 0);
    expect_test("test a expect=signal:SIGILL skipcode=4 run"); /* SIGILL is 4: no code */
    expect_test("test a skipcode=4 expect=exit:5 run");
    expect_malformed("test a skipcode=4 expect=exit:4 run", "expected");
    expect_malformed("test a expect=exit:4 skipcode=4 run", "expected");
    expect_malformed("test a skipcode=4 skipcode=5 run", "twice");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        snprintf(text, sizeof(text), "test a skipcode=%s run", wrong[i]);
        expect_malformed(text, "skipcode= needs");
    }
}

static void test_user(void **state)
{
    static const char *const wrong[] = {"", "root", "-1", "0x1", "4294967295", "1:1"};
    char text[100];

    (void)state;
    expect_test("test a user=4294967294 run");
    assert_int_equal(line.uid, 4294967294u);
    expect_test("test a run");
    assert_int_equal(line.uid, 0);
    expect_test("test a user=0 run");
    expect_malformed("test a user=1 user=1 run", "twice");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        snprintf(text, sizeof(text), "test a user=%s run", wrong[i]);
        expect_malformed(text, "user= needs");
    }
}

static void test_variables(void **state)
{
    char text[PLAN_LINE_MAX];
    size_t length = (size_t)sprintf(text, "test a");

    (void)state;
    expect_test("test a env=A= limit=3 env=_b9='x = y' env=AB=env=c run env=D=d");
    assert_int_equal(line.nenv, 5);
    assert_string_equal(line.env[0], "PATH=/bin:/sbin:/usr/bin:/usr/sbin");
    assert_string_equal(line.env[1], "HOME=/");
    assert_string_equal(line.env[2], "A=");
    assert_string_equal(line.env[3], "_b9=x = y");
    assert_string_equal(line.env[4], "AB=env=c");
    assert_null(line.env[5]);
    assert_int_equal(line.argc, 2);
    expect_test("test a env=HOME=/x env=PATHS=p env=PATH= run");
    assert_int_equal(line.nenv, 3);
    assert_string_equal(line.env[0], "PATH=");
    assert_string_equal(line.env[1], "HOME=/x");
    assert_string_equal(line.env[2], "PATHS=p");
    expect_test("test a run");
    assert_int_equal(line.nenv, 2);
    assert_string_equal(line.env[1], "HOME=/");
    expect_malformed("test a env=HOME=/ env=HOME=/ run", "that is given twice");
    expect_malformed("test a env=A=1 env=B=2 env=A=1 run", "that is given twice");
    expect_malformed("test a env=A run", "env= needs");
    expect_malformed("test a env= run", "env= needs");
    expect_malformed("test a env==x run", "env= needs");
    expect_malformed("test a env=9a=x run", "env= needs");
    expect_malformed("test a env=a-b=x run", "env= needs");
    for (int i = PLAN_ENV_NDEFAULT; i < PLAN_ENV_MAX; i++)
        length += (size_t)sprintf(text + length, " env=V%d=%d", i, i);
    strcpy(text + length, " run");
    expect_test(text);
    assert_int_equal(line.nenv, PLAN_ENV_MAX);
    assert_string_equal(line.env[15], "V15=15");
    strcpy(text + length, " env=V=v run");
    expect_malformed(text, "too many words");
}

static void test_malformed_words(void **state)
{
    (void)state;
    expect_malformed("tset a run", "not `test`");
    expect_malformed("testa run", "not `test`");
    expect_malformed(" # comment that is not at the start", "not `test`");
    expect_malformed("test", "name");
    expect_malformed("test \"\" run", "name");
    expect_malformed("test a/b run", "name");
    expect_malformed("test a#b run", "name");
    expect_malformed("test \"a b\" run", "name");
    expect_malformed("test a", "no command");
    expect_malformed("test a limit=5", "no command");
    expect_malformed("test a \"\"", "no command");
    expect_test("test aAzZ09_.+- run");
}

static void test_bytes_that_are_not_text(void **state)
{
    (void)state;
    assert_int_equal(read_bytes("test a run\0x", 12), PLAN_MALFORMED);
    assert_non_null(strstr(line.reason, "NUL"));
    expect_malformed("test a run \x1b[31m", "control");
    expect_malformed("test a run \x7f", "control");
    expect_malformed("test a r\run", "control");
    expect_malformed("test a caf\xe9", "UTF-8");
    expect_malformed("# caf\xe9", "UTF-8");
    expect_malformed("\xff\xfet", "UTF-8");
    expect_test("test a caf\xc3\xa9");
    read_bytes("", 0);
}

static void test_lines(void **state)
{
    const char *text = "\xef\xbb\xbf# comment\r\n\r\n \t \ntest one run\r\nbroken\n\ntest two run";
    struct plan_reader reader;

    (void)state;
    plan_init(&reader, text, strlen(text));
    assert_int_equal(plan_next(&reader, &line), PLAN_TEST);
    assert_string_equal(line.name, "one");
    assert_string_equal(line.argv[0], "run"); /* without \r */
    assert_int_equal(line.line_number, 4);
    assert_int_equal(plan_next(&reader, &line), PLAN_MALFORMED);
    assert_int_equal(line.line_number, 5);
    assert_int_equal(line.line_length, 6);
    assert_memory_equal(line.line, "broken", 6);
    assert_int_equal(plan_next(&reader, &line), PLAN_TEST);
    assert_string_equal(line.name, "two");
    assert_int_equal(line.line_number, 7);
    assert_int_equal(plan_next(&reader, &line), PLAN_END);
    assert_int_equal(plan_next(&reader, &line), PLAN_END);
}

static void test_no_test_at_all(void **state)
{
    (void)state;
    assert_int_equal(read_one(""), PLAN_END);
    assert_int_equal(read_one("\n\n"), PLAN_END);
    assert_int_equal(read_one("# only\n# comments"), PLAN_END);
    assert_int_equal(read_one("\xef\xbb\xbf"), PLAN_END);
}

static void test_limits(void **state)
{
    char text[PLAN_LINE_MAX + 10];
    size_t length;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "test a ", 7);
    text[PLAN_LINE_MAX] = '\0';
    expect_test(text);
    assert_int_equal(strlen(line.argv[0]), PLAN_LINE_MAX - 7);
    text[PLAN_LINE_MAX] = 'x';
    text[PLAN_LINE_MAX + 1] = '\0';
    expect_malformed(text, "longer than 4096");

    length = (size_t)sprintf(text, "test a limit=1 expect=limit skip=x skipcode=1 user=1");
    for (int i = PLAN_ENV_NDEFAULT; i < PLAN_ENV_MAX; i++)
        length += (size_t)sprintf(text + length, " env=V%d=", i);
    for (int i = 0; i < PLAN_ARGV_MAX; i++)
        length += (size_t)sprintf(text + length, " w");
    expect_test(text);
    assert_int_equal(line.argc, PLAN_ARGV_MAX);
    assert_null(line.argv[PLAN_ARGV_MAX]);
    strcpy(text + length, " w");
    expect_malformed(text, "too many words");
    length = (size_t)sprintf(text, "test a");
    for (int i = 0; i < PLAN_ARGV_MAX + 1; i++)
        length += (size_t)sprintf(text + length, " w");
    expect_malformed(text, "more than 64");
}

static void test_signal_names(void **state)
{
    (void)state;
    for (int number = 1; number <= 31; number++) {
        const char *name = plan_signal_name(number);

        assert_non_null(name);
        assert_memory_equal(name, "SIG", 3);
        assert_string_equal(name + 3, number == SIGIO ? "IO" : sigabbrev_np(number));
        assert_int_equal(plan_signal_number(name), number);
    }
    assert_null(plan_signal_name(0));
    assert_null(plan_signal_name(32));
    assert_null(plan_signal_name(-1));
    assert_int_equal(plan_signal_number("SIG"), 0);
    assert_int_equal(plan_signal_number(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_test),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_malformed_options),
        cmocka_unit_test(test_malformed_words),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_no_test_at_all),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_single_quotes),
        cmocka_unit_test(test_skip_code),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_signal_names),
        cmocka_unit_test(test_bytes_that_are_not_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
