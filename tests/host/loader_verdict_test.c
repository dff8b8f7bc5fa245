/* SPDX-License-Identifier: MIT */
/* Variables of a verdict: whole, cut, damaged, of two boots, and those that do not go away. */
#include "tests/host/loader_volume.h"

#include <string.h>

#include "efi-loader/verdict.h"
#include "shared/linux/errno.h"

static struct verdict the_verdict;

static int read_verdict(void)
{
    return verdict_read(&the_fake.rs, &the_verdict);
}

static void none(void **state)
{
    (void)state;
    assert_int_equal(read_verdict(), -ENOENT);
    assert_int_equal(verdict_delete(&the_fake.rs), 0);
}

static void whole(void **state)
{
    struct report_header header = {
        .count = 3, .action = REPORT_REBOOT, .id = 7, .number = 12, .stay = ~0u};

    (void)state;
    volume_put_variable(0, header, "one\n");
    volume_put_variable(1, header, "two\n");
    volume_put_variable(2, header, "three\n");
    assert_int_equal(read_verdict(), 0);
    assert_string_equal(the_verdict.text, "one\ntwo\nthree\n");
    assert_int_equal(the_verdict.length, 14);
    assert_int_equal(the_verdict.id, 7);
    assert_int_equal(the_verdict.number, 12);
    assert_int_equal(the_verdict.action, REPORT_REBOOT);
    assert_false(the_verdict.cut);
    assert_int_equal(the_verdict.stay, 86400); /* at most a day */
    assert_int_equal(verdict_delete(&the_fake.rs), 0);
    assert_int_equal(volume_variables(), 0);
}

static void full_variables_fill_the_text(void **state)
{
    static char text[REPORT_VARIABLE_TEXT + 1];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (unsigned i = 0; i < REPORT_VARIABLES; i++)
        volume_put_variable(i, (struct report_header){.count = REPORT_VARIABLES}, text);
    assert_int_equal(read_verdict(), 0);
    assert_int_equal(the_verdict.length, REPORT_VARIABLES * REPORT_VARIABLE_TEXT);
    assert_int_equal(strlen(the_verdict.text), the_verdict.length);
}

static void cut_where_one_is_missing_or_older(void **state)
{
    (void)state;
    volume_put_variable(0, (struct report_header){.count = 3, .id = 7}, "one\n");
    volume_put_variable(2, (struct report_header){.count = 3, .id = 7}, "three\n");
    assert_int_equal(read_verdict(), 0);
    assert_string_equal(the_verdict.text, "one\n");
    assert_true(the_verdict.cut);
    volume_put_variable(1, (struct report_header){.count = 3, .id = 6}, "older\n");
    assert_int_equal(read_verdict(), 0);
    assert_string_equal(the_verdict.text, "one\n");
    assert_true(the_verdict.cut);
}

/* A byte of each field that is wrong. */
static void damaged(void **state)
{
    static const struct report_header headers[] = {
        {.magic = 1, .count = 1},
        {.count = 0},
        {.count = REPORT_VARIABLES + 1},
        {.count = 1, .action = REPORT_NACTIONS},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        volume_put_variable(0, headers[i], "text");
        assert_int_equal(read_verdict(), -EINVAL);
    }
    volume_put_variable(0, (struct report_header){.count = 1}, "text");
    the_volume.variables[0].size--; /* shorter than it says */
    assert_int_equal(read_verdict(), -EINVAL);
    the_volume.variables[0].size = 10;
    assert_int_equal(read_verdict(), -EINVAL);
    the_volume.variables[0].size = REPORT_VARIABLE_SIZE + 1;
    assert_int_equal(read_verdict(), -EINVAL);
    assert_int_equal(verdict_delete(&the_fake.rs), 0);
    assert_int_equal(volume_variables(), 0);
}

static void what_cannot_be_deleted(void **state)
{
    (void)state;
    volume_put_variable(0, (struct report_header){.count = 1}, "text");
    the_volume.set_status = EFI_DEVICE_ERROR;
    assert_int_equal(verdict_delete(&the_fake.rs), -EIO);
    assert_int_equal(verdict_defer(&the_fake.rs), 0); /* it ends nothing anyway */
    volume_put_variable(0, (struct report_header){.count = 1, .action = REPORT_REBOOT}, "text");
    assert_int_equal(verdict_defer(&the_fake.rs), -EIO);
}

static void deferred_it_ends_no_start(void **state)
{
    (void)state;
    volume_put_variable(0, (struct report_header){.count = 1, .action = REPORT_REBOOT}, "text");
    assert_int_equal(verdict_defer(&the_fake.rs), 0);
    assert_int_equal(read_verdict(), 0);
    assert_int_equal(the_verdict.action, REPORT_GO_ON);
    assert_string_equal(the_verdict.text, "text");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, volume_set_up, volume_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(none),
        TEST(whole),
        TEST(full_variables_fill_the_text),
        TEST(cut_where_one_is_missing_or_older),
        TEST(damaged),
        TEST(what_cannot_be_deleted),
        TEST(deferred_it_ends_no_start),
    };

    return cmocka_run_group_tests_name("loader_verdict", tests, NULL, NULL);
}
