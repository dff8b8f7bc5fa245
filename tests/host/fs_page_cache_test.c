/* SPDX-License-Identifier: MIT */
/* Pages of files: of their own, of the archive in place, copied from it, and holes. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/page_cache/page_cache.h"

static char page[PAGE_SIZE];

/* What a reader sees at a page. */
static const char *read_page(struct page_cache *map, uint64_t index)
{
    struct frame *frame;

    assert_int_equal(page_cache_get(map, index, &frame), 0);
    if (!frame)
        return memset(page, 0, sizeof(page));
    memcpy(page, frame_address(frame), PAGE_SIZE);
    frame_put(frame);
    return page;
}

static bool all(const char *bytes, size_t nbytes, char value)
{
    for (size_t i = 0; i < nbytes; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static struct frame *frame_of(struct page_cache *map, uint64_t index)
{
    struct frame *frame;

    assert_int_equal(page_cache_get(map, index, &frame), 0);
    if (frame)
        frame_put(frame);
    return frame;
}

static void write_page(struct page_cache *map, uint64_t index, char value)
{
    struct frame *frame;
    bool is_new;

    assert_int_equal(page_cache_get_own(map, index, false, &is_new, &frame), 0);
    memset(frame_address(frame), value, PAGE_SIZE);
    frame_put(frame);
}

static void test_pages_in_place(void **state)
{
    struct fake_balance before = fake_balance();
    char *archive = fake_arena + 8 * PAGE_SIZE;
    struct page_cache map = {0};

    (void)state;
    memset(archive, 'A', 2 * PAGE_SIZE + 100);
    memset(archive + 2 * PAGE_SIZE + 100, 0, PAGE_SIZE - 100);
    page_cache_set_archive(&map, archive, 2 * PAGE_SIZE + 100);
    assert_int_equal(map.npages, 3);
    for (uint64_t i = 0; i < 3; i++)
        assert_ptr_equal(frame_of(&map, i), &pmm_frames[8 + i]);
    assert_null(frame_of(&map, 3));
    assert_int_equal(page_cache_frames_held(), 0);

    /* A write gets a copy, whoever has the archive's frame keeps it. */
    write_page(&map, 1, 'B');
    assert_true(all(read_page(&map, 1), PAGE_SIZE, 'B'));
    assert_true(all(archive, 2 * PAGE_SIZE, 'A'));
    assert_ptr_not_equal(frame_of(&map, 1), &pmm_frames[9]);
    assert_int_equal(map.npages, 3);
    assert_int_equal(page_cache_frames_held(), 1);
    page_cache_destroy(&map);
    assert_int_equal(map.npages, 0);
    fake_assert_balance(before);
}

static void test_what_follows_the_archive_is_not_seen(void **state)
{
    struct fake_balance before = fake_balance();
    char *archive = fake_arena + 16 * PAGE_SIZE;
    struct page_cache map = {0};

    (void)state;
    memset(archive, 'A', 2 * PAGE_SIZE); /* not padded with zeroes */
    page_cache_set_archive(&map, archive, PAGE_SIZE + 100);
    assert_ptr_equal(frame_of(&map, 0), &pmm_frames[16]);
    read_page(&map, 1);
    assert_true(all(page, 100, 'A') && all(page + 100, PAGE_SIZE - 100, 0));
    assert_int_equal(page_cache_frames_held(), 1);
    page_cache_destroy(&map);

    /* The same after truncation within an archive page. */
    page_cache_set_archive(&map, archive, 2 * PAGE_SIZE);
    page_cache_truncate(&map, 10);
    assert_int_equal(map.npages, 1);
    read_page(&map, 0);
    assert_true(all(page, 10, 'A') && all(page + 10, PAGE_SIZE - 10, 0));
    assert_null(frame_of(&map, 1));
    page_cache_destroy(&map);
    assert_true(all(archive, 2 * PAGE_SIZE, 'A'));
    fake_assert_balance(before);
}

static void test_unaligned_archive(void **state)
{
    struct fake_balance before = fake_balance();
    char *archive = fake_arena + 24 * PAGE_SIZE + 4;
    struct page_cache map = {0};

    (void)state;
    for (size_t i = 0; i < 3 * PAGE_SIZE; i++)
        archive[i] = (char)(i / 64);
    page_cache_set_archive(&map, archive, 2 * PAGE_SIZE + 5);
    for (uint64_t i = 0; i < 2; i++)
        assert_memory_equal(read_page(&map, i), archive + i * PAGE_SIZE, PAGE_SIZE);
    read_page(&map, 2);
    assert_memory_equal(page, archive + 2 * PAGE_SIZE, 5);
    assert_true(all(page + 5, PAGE_SIZE - 5, 0));
    assert_int_equal(map.npages, 3);
    assert_int_equal(page_cache_frames_held(), 3);
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

static void test_punching(void **state)
{
    struct fake_balance before = fake_balance();
    char *archive = fake_arena + 32 * PAGE_SIZE;
    struct page_cache map = {0};
    uint64_t at = 0;

    (void)state;
    memset(archive, 'A', 4 * PAGE_SIZE);
    page_cache_set_archive(&map, archive, 4 * PAGE_SIZE);
    write_page(&map, 6, 'B');
    write_page(&map, 8, 'C');
    assert_int_equal(map.npages, 6);
    assert_int_equal(page_cache_punch_pages(&map, 2, 7), 0);
    assert_true(all(read_page(&map, 1), PAGE_SIZE, 'A'));
    assert_true(all(read_page(&map, 2), PAGE_SIZE, 0));
    assert_true(all(read_page(&map, 3), PAGE_SIZE, 0));
    assert_null(frame_of(&map, 6));
    assert_true(all(read_page(&map, 8), PAGE_SIZE, 'C'));
    assert_int_equal(map.npages, 5);
    assert_int_equal(page_cache_zero_bytes(&map, 1, 10, 20), 0);
    read_page(&map, 1);
    assert_true(all(page, 10, 'A') && all(page + 10, 10, 0) && all(page + 20, 100, 'A'));
    assert_true(all(archive, 4 * PAGE_SIZE, 'A'));
    at = 4;
    assert_true(page_cache_find_data(&map, &at));
    assert_int_equal(at, 8);
    at = 9;
    assert_false(page_cache_find_data(&map, &at));
    page_cache_destroy(&map);
    assert_int_equal(map.npages, 0);
    fake_assert_balance(before);
}

/* When memory is nearly used up files get no more of it. */
static void test_reserve(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    struct frame *frame;
    uint64_t index = 0;
    bool is_new;
    int err;

    (void)state;
    while ((err = page_cache_get_own(&map, index, true, &is_new, &frame)) == 0) {
        frame_put(frame);
        index++;
    }
    assert_int_equal(err, -ENOSPC);
    assert_true(pmm_free_count() >= pmm_total_count() / 17);
    assert_int_equal(map.npages, index);
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_in_place),
        cmocka_unit_test(test_what_follows_the_archive_is_not_seen),
        cmocka_unit_test(test_unaligned_archive),
        cmocka_unit_test(test_punching),
        cmocka_unit_test(test_reserve),
    };

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
