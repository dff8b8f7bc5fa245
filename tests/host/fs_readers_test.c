/* SPDX-License-Identifier: MIT */
/* Readers of files without a lock: what they have found stays until they leave. The test is the
 * reader, and leaves where a writer waits for it. */
#include "tests/host/fs_fake.h"

#include "kernel/fs/page_cache/page_cache.h"

static void write_page(struct page_cache *map, uint64_t index, char value)
{
    struct frame *frame;
    bool is_new;

    assert_int_equal(page_cache_get_own(map, index, false, &is_new, &frame), 0);
    memset(frame_address(frame), value, PAGE_SIZE);
    frame_put(frame);
}

static struct page_cache *read_map;
static const char *read_bytes; /* what the reader has found, and still looks at */

/* Nothing of the file has changed while the reader is there, and no other one comes in. */
static void reader_leaves(void)
{
    for (size_t i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(read_bytes[i], 'B');
    page_cache_read_end();
    assert_false(page_cache_read_begin(read_map));
    read_bytes = NULL;
}

static void reader_comes(struct page_cache *map, uint64_t index)
{
    assert_true(page_cache_read_begin(map));
    assert_true(page_cache_read_page(map, index, &read_bytes));
    read_map = map;
    fake_on_drain = reader_leaves;
}

/* Whatever takes pages or their places away waits for the readers that are among them. */
static void test_readers_are_waited_for(void **state)
{
    struct fake_balance before = fake_balance();
    struct page_cache map = {0};

    (void)state;
    for (uint64_t i = 0; i < 4; i++)
        write_page(&map, i, 'B');
    reader_comes(&map, 3);
    page_cache_truncate(&map, 3 * PAGE_SIZE);
    assert_null(read_bytes);
    reader_comes(&map, 2);
    page_cache_drop_unwritten(&map, 2);
    assert_null(read_bytes);
    reader_comes(&map, 1);
    assert_int_equal(page_cache_punch_pages(&map, 1, 2), 0);
    assert_null(read_bytes);
    /* A page so far away makes the tree higher. */
    reader_comes(&map, 0);
    write_page(&map, 1ull << 40, 'C');
    assert_null(read_bytes);
    /* Beside the others it does not: readers look on. */
    reader_comes(&map, 0);
    write_page(&map, 1, 'C');
    assert_non_null(read_bytes);
    page_cache_read_end();
    fake_on_drain = NULL;
    assert_true(page_cache_read_begin(&map)); /* nobody is kept out for good */
    page_cache_read_end();
    page_cache_destroy(&map);
    fake_assert_balance(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_are_waited_for)};

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
