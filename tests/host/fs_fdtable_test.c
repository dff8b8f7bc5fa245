/* SPDX-License-Identifier: MIT */
#include "tests/host/fs_fake.h"

#define MODEL_FDS 300

static const struct file_ops no_ops = {0};

static struct file *make_file(void)
{
    struct file *file;

    assert_int_equal(file_create_anon(&no_ops, NULL, LX_S_IFIFO | 0600, LX_O_RDWR, NULL, &file), 0);
    return file;
}

static struct fd_table *make_table(void)
{
    struct fd_table *table;

    assert_int_equal(fd_table_create(&table), 0);
    return table;
}

static void test_lowest_number_first(void **state)
{
    struct fake_balance before = fake_balance();
    struct fd_table *table = make_table();

    (void)state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(fd_install(table, make_file(), 0, false), i);
    assert_int_equal(fd_close(table, 7), 0);
    assert_int_equal(fd_close(table, 130), 0);
    assert_int_equal(fd_close(table, 7), -EBADF);
    assert_int_equal(fd_install(table, make_file(), 8, false), 130);
    assert_int_equal(fd_install(table, make_file(), 0, false), 7);
    assert_int_equal(fd_install(table, make_file(), 1000, false), 1000);
    assert_int_equal(fd_next_used(table, 200), 1000);
    assert_int_equal(fd_next_used(table, 1001), -1);
    fd_table_put(table);
    fake_assert_balance(before);
}

static void test_limit(void **state)
{
    struct fd_table *table = make_table();
    struct file *file = make_file();

    (void)state;
    table->limit = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(fd_install(table, make_file(), 0, false), i);
    assert_int_equal(fd_install(table, file, 0, false), -EMFILE);
    assert_int_equal(fd_install(table, file, 5, false), -EMFILE);
    assert_int_equal(fd_replace(table, 3, file, false), -EBADF);
    assert_int_equal(fd_replace(table, 2, file, false), 0);
    fd_table_put(table);
}

static void test_reserving(void **state)
{
    struct fd_table *table = make_table(), *copy;
    struct file *file = make_file();

    (void)state;
    assert_int_equal(fd_reserve(table, 0, true), 0);
    assert_int_equal(fd_reserve(table, 0, false), 1);
    assert_null(fd_find_any(table, 0).file);
    assert_int_equal(fd_close(table, 0), -EBADF);
    assert_int_equal(fd_replace(table, 0, file, false), -EBUSY);
    assert_int_equal(fd_table_dup(table, &copy), 0);
    assert_int_equal(fd_reserve(copy, 0, false), 0); /* not taken over by the copy */
    fd_table_put(copy);
    fd_fill(table, 0, file);
    assert_ptr_equal(fd_find_any(table, 0).file, file);
    assert_int_equal(fd_get_cloexec(table, 0), 1);
    fd_unreserve(table, 1);
    assert_int_equal(fd_reserve(table, 0, false), 1);
    fd_table_put(table);
}

static void test_close_on_exec_and_ranges(void **state)
{
    struct fake_balance before = fake_balance();
    struct fd_table *table = make_table();

    (void)state;
    for (int i = 0; i < 150; i++)
        assert_int_equal(fd_install(table, make_file(), 0, i % 3 == 0), i);
    assert_int_equal(fd_set_cloexec(table, 0, false), 0);
    assert_int_equal(fd_set_cloexec(table, 1, true), 0);
    fd_table_close_on_exec(table);
    for (int i = 0; i < 150; i++)
        assert_int_equal(fd_get_cloexec(table, i), (i % 3 == 0 && i != 0) || i == 1 ? -EBADF : 0);
    fd_close_range(table, 100, 120, true);
    assert_int_equal(fd_get_cloexec(table, 100), 1);
    assert_int_equal(fd_get_cloexec(table, 121), 0);
    fd_close_range(table, 3, UINT32_MAX, false);
    assert_int_equal(fd_next_used(table, 0), 0);
    assert_int_equal(fd_next_used(table, 1), 2);
    assert_int_equal(fd_next_used(table, 3), -1);
    fd_table_put(table);
    fake_assert_balance(before);
}

/* Borrowed from a table of one's own, counted from a shared one. */
static void test_references(void **state)
{
    struct fd_table *table = make_table();
    struct file *file = make_file();
    struct fd_ref ref;

    (void)state;
    assert_int_equal(fd_install(table, file, 0, false), 0);
    ref = fd_find(table, 0);
    assert_false(ref.counted);
    fd_ref_put(ref);
    assert_int_equal(file->refs, 1);
    fd_table_get(table);
    ref = fd_find(table, 0);
    assert_true(ref.counted);
    assert_int_equal(fd_close(table, 0), 0); /* another thread closes it meanwhile */
    assert_ptr_equal(ref.file, file);
    assert_int_equal(file->refs, 1);
    fd_ref_put(ref);
    assert_int_equal(file_live_count(), 0);
    assert_null(fd_find(table, -1).file);
    assert_null(fd_find(table, 1 << 30).file);
    fd_table_put(table);
    fd_table_put(table);
}

/* Random operations against an array. */
static void test_random_operations(void **state)
{
    struct fake_balance before = fake_balance();
    struct fd_table *table = make_table();
    bool used[MODEL_FDS] = {false};
    uint64_t seed = 3;

    (void)state;
    table->limit = MODEL_FDS;
    for (int n = 0; n < 20000; n++) {
        int fd = (int)(next_random(&seed) % MODEL_FDS);
        unsigned what = next_random(&seed) % 4;

        if (what == 0) {
            int want = fd;
            struct file *file = make_file();
            while (want < MODEL_FDS && used[want])
                want++;
            if (want == MODEL_FDS) {
                assert_int_equal(fd_install(table, file, fd, false), -EMFILE);
                file_put(file);
            } else {
                assert_int_equal(fd_install(table, file, fd, false), want);
                used[want] = true;
            }
        } else if (what == 1) {
            assert_int_equal(fd_replace(table, fd, make_file(), false), 0);
            used[fd] = true;
        } else {
            assert_int_equal(fd_close(table, fd), used[fd] ? 0 : -EBADF);
            used[fd] = false;
        }
    }
    fd_table_put(table);
    fake_assert_balance(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lowest_number_first), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reserving),           cmocka_unit_test(test_close_on_exec_and_ranges),
        cmocka_unit_test(test_references),          cmocka_unit_test(test_random_operations),
    };

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
