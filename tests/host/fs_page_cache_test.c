/* SPDX-License-Identifier: MIT */
/* Pages of files: of their own, of the archive in place, copied from it, and holes. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/page_cache/page_cache.h"
#include "kernel/fs/page_cache/page_state.h"

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
    page_set_written(frame);
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

/* --- pages that come later --- */

static struct frame *filling; /* by the device, which the test is */
static uint64_t filling_index;
static unsigned fills;

static void device_fill(struct page_cache *map, uint64_t index, struct frame *frame)
{
    (void)map;
    assert_null(filling);
    filling = frame;
    filling_index = index;
    fills++;
}

static const struct page_cache_ops device = {.fill = device_fill};

static void deliver(struct page_cache *map, bool good)
{
    struct frame *frame = filling;

    assert_non_null(frame);
    filling = NULL;
    memset(frame_address(frame), 'D', PAGE_SIZE);
    page_cache_fill_end(map, filling_index, frame, good);
}

static int get(struct page_cache *map, uint64_t index)
{
    struct frame *frame;
    int err = page_cache_get(map, index, &frame);

    if (!err && frame)
        frame_put(frame);
    return err;
}

static int get_own(struct page_cache *map, uint64_t index)
{
    struct frame *frame;
    bool is_new;
    int err = page_cache_get_own(map, index, false, &is_new, &frame);

    if (!err)
        frame_put(frame);
    return err;
}

static void test_filled_later(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    const char *bytes;
    struct frame *frame;

    (void)state;
    fills = 0;
    page_cache_set_backing(&map, &device, 2 * PAGE_SIZE + 100);
    assert_int_equal(map.npages, 3);
    assert_true(page_cache_has_data(&map, 2) && !page_cache_has_data(&map, 3));
    assert_null(page_cache_find_stale(&map, 2));
    assert_int_equal(get(&map, 2), -EAGAIN);
    assert_int_equal(fills, 1);
    /* It is asked for once, and seen by none of those that need it. */
    assert_int_equal(get(&map, 2), -EAGAIN);
    assert_int_equal(get_own(&map, 2), -EAGAIN);
    assert_int_equal(fills, 1);
    assert_false(page_cache_read_page(&map, 2, &bytes));
    frame = page_cache_find_stale(&map, 2);
    assert_ptr_equal(frame, filling);
    assert_false(page_trylock(frame));
    deliver(&map, true);
    assert_int_equal(page_wait(frame), 0);
    frame_put(frame);
    assert_null(page_cache_find_stale(&map, 2));
    assert_true(page_cache_read_page(&map, 2, &bytes));
    assert_true(all(bytes, 100, 'D') && all(bytes + 100, PAGE_SIZE - 100, 0));
    assert_int_equal(get_own(&map, 2), 0);
    assert_int_equal(map.npages, 3);
    /* Behind what the device has, pages are made as in any other file. */
    write_page(&map, 5, 'B');
    assert_int_equal(map.npages, 4);
    assert_null(frame_of(&map, 4));
    assert_int_equal(fills, 1);
    assert_int_equal(page_cache_punch_pages(&map, 0, 9), -EOPNOTSUPP);
    assert_int_equal(page_cache_zero_bytes(&map, 0, 0, 9), -EOPNOTSUPP);
    page_cache_destroy(&map);
    assert_int_equal(map.npages, 0);
    fake_assert_balance(before);
}

/* Pages of fallocate: the file's, but holes to those that look for data. */
static void test_unwritten(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    struct frame *frame;
    uint64_t at = 0;
    bool is_new;

    (void)state;
    for (uint64_t i = 2; i < 40; i++) {
        assert_int_equal(page_cache_reserve(&map, i, &is_new), 0);
        assert_true(is_new && !page_cache_has_data(&map, i));
    }
    assert_int_equal(map.npages, 38);
    assert_false(page_cache_find_data(&map, &at));
    /* Reading it, or zeroing a part, changes nothing. */
    assert_true(all(read_page(&map, 30), PAGE_SIZE, 0));
    assert_int_equal(page_cache_zero_bytes(&map, 30, 10, 20), 0);
    assert_false(page_cache_has_data(&map, 30));
    frame = frame_of(&map, 30);
    page_set_written(frame);
    assert_true(page_cache_has_data(&map, 30) && page_flags(frame) == 0);
    at = 0;
    assert_true(page_cache_find_data(&map, &at));
    assert_int_equal(at, 30);
    /* A second time: as on Linux. */
    assert_int_equal(page_cache_reserve(&map, 20, &is_new), 0);
    assert_true(!is_new && page_cache_has_data(&map, 20));
    write_page(&map, 50, 'B');
    assert_true(page_cache_has_data(&map, 50));
    assert_int_equal(map.npages, 39);
    /* What is taken back: a page without bytes, none that has some. */
    page_cache_drop_unwritten(&map, 21);
    page_cache_drop_unwritten(&map, 50);
    page_cache_drop_unwritten(&map, 60);
    assert_null(frame_of(&map, 21));
    assert_true(all(read_page(&map, 50), PAGE_SIZE, 'B'));
    assert_int_equal(map.npages, 38);
    page_cache_destroy(&map);
    assert_int_equal(map.npages, 0);
    fake_assert_balance(before);
}

static void test_filling_fails(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    struct frame *frame;

    (void)state;
    fills = 0;
    page_cache_set_backing(&map, &device, PAGE_SIZE);
    assert_int_equal(get(&map, 0), -EAGAIN);
    frame = page_cache_find_stale(&map, 0);
    deliver(&map, false);
    assert_int_equal(page_wait(frame), -EIO);
    /* Again, in the same frame. */
    assert_int_equal(get_own(&map, 0), -EAGAIN);
    assert_int_equal(fills, 2);
    assert_ptr_equal(filling, frame);
    deliver(&map, true);
    assert_int_equal(page_wait(frame), 0);
    frame_put(frame);
    assert_true(all(read_page(&map, 0), PAGE_SIZE, 'D'));
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

/* What a truncation cuts off does not come back, whenever the page comes. */
static void test_cut_while_filled(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};

    (void)state;
    fills = 0;
    page_cache_set_backing(&map, &device, 2 * PAGE_SIZE);
    assert_int_equal(get(&map, 0), -EAGAIN);
    page_cache_truncate(&map, 100);
    assert_int_equal(map.npages, 1);
    deliver(&map, true);
    read_page(&map, 0);
    assert_true(all(page, 100, 'D') && all(page + 100, PAGE_SIZE - 100, 0));
    assert_null(frame_of(&map, 1));
    assert_int_equal(fills, 1);
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

static void test_dropped_while_filled(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    struct frame *frame;

    (void)state;
    page_cache_set_backing(&map, &device, PAGE_SIZE);
    assert_int_equal(get(&map, 0), -EAGAIN);
    frame = page_cache_find_stale(&map, 0);
    page_cache_truncate(&map, 0);
    assert_null(frame_of(&map, 0)); /* a hole, and not the page that comes */
    deliver(&map, true);
    assert_int_equal(page_wait(frame), 0);
    assert_null(frame_of(&map, 0));
    assert_true(all(frame_address(frame), PAGE_SIZE, 0));
    frame_put(frame);
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

/* No memory for the page or its place: nothing is filled, nothing kept. */
static void test_filled_without_memory(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};

    (void)state;
    fills = 0;
    page_cache_set_backing(&map, &device, 40 * PAGE_SIZE);
    for (int n = 0; n < 3; n++) {
        int err;

        fake_fail_allocation(n);
        err = get(&map, 39);
        assert_true(err == -ENOMEM || err == -ENOSPC);
        assert_int_equal(fills, 0);
    }
    fake_fail_allocation(-1);
    assert_int_equal(get(&map, 39), -EAGAIN);
    deliver(&map, true);
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

static struct page_cache *waited_for;

static int deliver_on_wait(struct waitq *queue)
{
    (void)queue;
    deliver(waited_for, true);
    return 0;
}

static int killed_on_wait(struct waitq *queue)
{
    (void)queue;
    return -EINTR;
}

static void test_waiting(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    struct frame *frame;

    (void)state;
    page_cache_set_backing(&map, &device, PAGE_SIZE);
    assert_int_equal(get(&map, 0), -EAGAIN);
    frame = page_cache_find_stale(&map, 0);
    fake_on_wait = killed_on_wait;
    assert_int_equal(page_wait(frame), -EINTR);
    assert_true(page_is_stale(frame));
    fake_on_wait = deliver_on_wait;
    waited_for = &map;
    assert_int_equal(page_wait(frame), 0);
    assert_false(page_is_stale(frame));
    fake_on_wait = NULL;
    frame_put(frame);
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

/* The other bits stay as they are; a store behind the clearing is not lost. */
static void test_dirty(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};
    struct frame *frame;

    (void)state;
    page_cache_set_backing(&map, &device, PAGE_SIZE);
    assert_int_equal(get(&map, 0), -EAGAIN);
    deliver(&map, true);
    frame = frame_of(&map, 0);
    assert_int_equal(page_flags(frame), 0);
    page_set_dirty(frame);
    page_set_dirty(frame);
    assert_true(page_trylock(frame));
    assert_int_equal(page_flags(frame), PAGE_LOCKED | PAGE_DIRTY);
    assert_int_equal(get(&map, 0), 0); /* the lock keeps no reader away */
    assert_true(page_clear_dirty(frame));
    page_set_dirty(frame);
    page_unlock(frame, false);
    assert_int_equal(page_flags(frame), PAGE_DIRTY);
    expect_assert_failure(page_clear_dirty(frame));
    expect_assert_failure(page_unlock(frame, true));
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
        cmocka_unit_test(test_unwritten),
        cmocka_unit_test(test_filled_later),
        cmocka_unit_test(test_filling_fails),
        cmocka_unit_test(test_cut_while_filled),
        cmocka_unit_test(test_dropped_while_filled),
        cmocka_unit_test(test_filled_without_memory),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_dirty),
    };

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
