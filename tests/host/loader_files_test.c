/* SPDX-License-Identifier: MIT */
/* Finding the boot directory, and reading from firmware that has limits. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/files.h"
#include "shared/linux/errno.h"

#define BIG (5 * FILES_PIECE / 2 + 3)

static struct files the_files;
static struct memory the_memory;
static struct bootinfo_extent the_extent;
static unsigned char *the_data;

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memory_init(&the_memory, &the_fake.bs);
    the_data = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        the_data[i] = (unsigned char)(i * 7 + i / 997);
    the_fake.files[0] = (struct fake_file){.name = "big", .data = the_data, .size = BIG};
    the_fake.files[1] = (struct fake_file){.name = "empty", .data = the_data};
    the_fake.files[2] = (struct fake_file){.name = "folder", .directory = true};
    the_fake.files[3] =
        (struct fake_file){.name = "locked", .size = 1, .open_status = EFI_ACCESS_DENIED};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    memory_give_back(&the_memory);
    assert_int_equal(fake_blocks_in_use(), 0);
    assert_int_equal(the_fake.open_handles, 0);
    assert_int_equal(the_fake.pool_blocks, 0);
    assert_int_equal(the_fake.bad_types, 0);
    assert_int_equal(the_fake.bad_frees, 0);
    assert_int_equal(the_fake.high_offers, 0);
    free(the_data);
    return 0;
}

static int open_from(EFI_HANDLE device)
{
    EFI_LOADED_IMAGE self = {.DeviceHandle = device}; /* FilePath is NULL */

    return files_open(&the_files, &the_fake.bs, &self);
}

static int read_file(const char *name, uint64_t max_size)
{
    assert_int_equal(open_from(fake_volume(0)), 0);
    int err = files_read(&the_files, &the_memory, name, max_size, BOOTINFO_ROOTFS, &the_extent);
    files_close(&the_files);
    return err;
}

static void own_volume_comes_first(void **state)
{
    (void)state;
    the_fake.volumes_with_directory = 7;
    assert_int_equal(open_from(fake_volume(2)), 0);
    assert_int_equal(the_fake.volume_opened, 2);
    files_close(&the_files);
}

static void any_volume_comes_next(void **state)
{
    static char not_a_volume;

    (void)state;
    the_fake.volumes_with_directory = 1 << 1;
    assert_int_equal(open_from(fake_volume(0)), 0);
    assert_int_equal(the_fake.volume_opened, 1);
    files_close(&the_files);
    assert_int_equal(open_from(&not_a_volume), 0); /* from the network, say */
    files_close(&the_files);
    assert_int_equal(open_from(NULL), 0);
    files_close(&the_files);
}

static void no_volume_at_all(void **state)
{
    (void)state;
    the_fake.volumes_with_directory = 0;
    assert_int_equal(open_from(fake_volume(0)), -ENOENT);
    the_fake.volumes_hidden = true;
    assert_int_equal(open_from(NULL), -ENOENT);
}

static void read_in_pieces(void **state)
{
    (void)state;
    the_fake.read_limit = 1 << 20;
    assert_int_equal(read_file("big", BIG), 0);
    assert_int_equal(the_extent.size, BIG);
    assert_memory_equal((void *)(uintptr_t)the_extent.base, the_data, BIG);
    assert_true(the_extent.base + BIG <= 1ULL << 32);
    assert_true(the_fake.largest_read <= 1 << 20);
    /* The watchdog starts with the search, and anew with each piece. */
    assert_int_equal(the_fake.watchdog_armed, 4);
    assert_int_equal(the_memory.claims[0].type, BOOTINFO_ROOTFS);
}

static void every_failure_has_its_code(void **state)
{
    (void)state;
    assert_int_equal(read_file("nothing", BIG), -ENOENT);
    assert_int_equal(read_file("folder", BIG), -EISDIR);
    assert_int_equal(read_file("locked", BIG), -EIO);
    assert_int_equal(read_file("big", BIG - 1), -EFBIG);
    assert_int_equal(the_extent.size, BIG);
    the_fake.pages_left = BIG / 4096;
    assert_int_equal(read_file("big", BIG), -ENOMEM);
    assert_int_equal(the_extent.size, BIG);
    assert_int_equal(the_memory.count, 0);
}

static void empty_file_takes_nothing(void **state)
{
    (void)state;
    assert_int_equal(read_file("empty", BIG), 0);
    assert_int_equal(the_extent.base, 0);
    assert_int_equal(the_extent.size, 0);
    assert_int_equal(the_memory.count, 0);
}

static void file_that_ends_too_early(void **state)
{
    (void)state;
    the_fake.read_stop = FILES_PIECE + 10;
    assert_int_equal(read_file("big", BIG), -EIO);
    the_fake.read_stop = ~0ULL;
    the_fake.read_limit = 1000;
    assert_int_equal(read_file("big", BIG), -EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_volume_comes_first),     TEST(any_volume_comes_next),
        TEST(no_volume_at_all),           TEST(read_in_pieces),
        TEST(every_failure_has_its_code), TEST(empty_file_takes_nothing),
        TEST(file_that_ends_too_early),
    };

    return cmocka_run_group_tests_name("loader_files", tests, NULL, NULL);
}
