/* SPDX-License-Identifier: MIT */
/* The way out of boot services, against firmware that does not make it easy. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>

#include "efi-loader/exit.h"
#include "shared/linux/errno.h"

static struct exit_map the_map;

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    the_map = (struct exit_map){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(the_map.buffer);
    return 0;
}

static void prepare(void)
{
    assert_int_equal(exit_map_size(&the_fake.bs, &the_map), 0);
    the_map.buffer = malloc(the_map.capacity);
}

static int leave(void)
{
    int err = exit_boot_services(&the_fake.bs, &the_fake, &the_map);

    assert_int_equal(the_fake.calls_after_exit, 0);
    assert_int_equal(the_fake.key_mismatches, 0);
    return err;
}

static void buffer_has_spare_room(void **state)
{
    (void)state;
    fake_make_map(20, 56);
    prepare();
    assert_int_equal(the_map.desc_size, 56);
    assert_true(the_map.capacity >= (20 + 8) * 56);
}

static void first_attempt_succeeds(void **state)
{
    (void)state;
    prepare();
    assert_int_equal(leave(), 0);
    assert_int_equal(the_fake.exit_attempts, 1);
    assert_int_equal(the_map.nbytes, 20 * sizeof(EFI_MEMORY_DESCRIPTOR));
}

static void stale_key_once(void **state)
{
    (void)state;
    prepare();
    the_fake.stale = 1;
    assert_int_equal(leave(), 0);
    assert_int_equal(the_fake.exit_attempts, 2);
    assert_true(the_fake.exited);
}

static void stale_key_twice(void **state)
{
    (void)state;
    prepare();
    the_fake.stale = 2;
    assert_int_equal(leave(), 0);
    assert_int_equal(the_fake.exit_attempts, 3);
}

static void stale_key_always(void **state)
{
    (void)state;
    prepare();
    the_fake.stale = 1000;
    assert_int_equal(leave(), -EIO);
    assert_true(the_map.attempts >= 3);
    assert_true(the_map.attempts <= 10);
    assert_false(the_fake.exited);
}

static void map_grows_between_calls(void **state)
{
    (void)state;
    prepare();
    the_fake.stale = 2;
    the_fake.map_growth = 4;
    assert_int_equal(leave(), 0);
    /* The size was set anew each time: the last map is whole. */
    assert_int_equal(the_map.nbytes, (20 + 3 * 4) * sizeof(EFI_MEMORY_DESCRIPTOR));
}

static void map_outgrows_the_buffer(void **state)
{
    (void)state;
    prepare();
    the_fake.map_growth = 70;
    assert_int_equal(leave(), -ENOSPC);
    assert_int_equal(the_map.attempts, 0);
    assert_int_equal(the_fake.exit_attempts, 0);
}

static void map_fails_before_the_first_attempt(void **state)
{
    (void)state;
    prepare();
    the_fake.map_status = EFI_INVALID_PARAMETER;
    assert_int_equal(leave(), -EIO);
    assert_int_equal(the_map.attempts, 0);
}

static void impossible_descriptor_sizes(void **state)
{
    (void)state;
    fake_make_map(4, sizeof(EFI_MEMORY_DESCRIPTOR));
    the_fake.desc_size = 16;
    assert_int_equal(exit_map_size(&the_fake.bs, &the_map), -EIO);
    the_fake.desc_size = 48;
    the_fake.map_count = 0;
    assert_int_equal(exit_map_size(&the_fake.bs, &the_map), -EIO);
}

static void descriptor_size_that_changes(void **state)
{
    UINTN key;

    (void)state;
    prepare();
    fake_make_map(20, 56);
    assert_int_equal(exit_map_read(&the_fake.bs, &the_map, &key), -EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(buffer_has_spare_room),
        TEST(first_attempt_succeeds),
        TEST(stale_key_once),
        TEST(stale_key_twice),
        TEST(stale_key_always),
        TEST(map_grows_between_calls),
        TEST(map_outgrows_the_buffer),
        TEST(map_fails_before_the_first_attempt),
        TEST(impossible_descriptor_sizes),
        TEST(descriptor_size_that_changes),
    };

    return cmocka_run_group_tests_name("loader_exit", tests, NULL, NULL);
}
