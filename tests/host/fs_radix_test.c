/* SPDX-License-Identifier: MIT */
#include "tests/host/fs_fake.h"

#include "kernel/fs/page_cache/radix.h"

#define MODEL 3000

static char items[MODEL]; /* only their addresses count */

static void test_random_operations(void **state)
{
    /* Indexes that share paths, and some far away. */
    uint64_t index_of[MODEL];
    bool present[MODEL] = {false};
    struct radix radix = {0};
    struct fake_balance before = fake_balance();
    uint64_t seed = 5;

    (void)state;
    for (unsigned i = 0; i < MODEL; i++)
        index_of[i] = i < 2000 ? i : (uint64_t)i << (i % 49);
    for (unsigned n = 0; n < 60000; n++) {
        unsigned i = next_random(&seed) % MODEL;
        if (next_random(&seed) % 2) {
            assert_int_equal(radix_insert(&radix, index_of[i], &items[i]), 0);
            present[i] = true;
        } else {
            assert_ptr_equal(radix_remove(&radix, index_of[i]), present[i] ? &items[i] : NULL);
            present[i] = false;
        }
        i = next_random(&seed) % MODEL;
        assert_ptr_equal(radix_find(&radix, index_of[i]), present[i] ? &items[i] : NULL);
    }
    for (unsigned i = 0; i < MODEL; i++)
        (void)radix_remove(&radix, index_of[i]);
    assert_null(radix.root);
    fake_assert_balance(before);
}

static void test_walk_upwards(void **state)
{
    static const uint64_t indexes[] = {0, 1, 15, 16, 255, 256, 4096, 1ull << 40, (1ull << 50) + 3};
    struct radix radix = {0};
    uint64_t at = 0;

    (void)state;
    assert_null(radix_find_up(&radix, &at));
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++)
        assert_int_equal(radix_insert(&radix, indexes[i], &items[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
        assert_ptr_equal(radix_find_up(&radix, &at), &items[i]);
        assert_int_equal(at, indexes[i]);
        at++;
    }
    assert_null(radix_find_up(&radix, &at));
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++)
        assert_ptr_equal(radix_remove(&radix, indexes[i]), &items[i]);
    assert_null(radix.root);
}

/* Whichever allocation fails, nothing has changed. */
static void test_no_memory(void **state)
{
    static const uint64_t indexes[] = {0, 7, 300, 1ull << 33, 1ull << 52};
    struct radix radix = {0};
    struct fake_balance before = fake_balance();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
        int err = -ENOMEM;
        for (int n = 0; err; n++) {
            fake_fail_allocation(n);
            err = radix_insert(&radix, indexes[i], &items[i]);
            fake_fail_allocation(-1);
            assert_ptr_equal(radix_find(&radix, indexes[i]), err ? NULL : &items[i]);
            for (size_t k = 0; k < i; k++)
                assert_ptr_equal(radix_find(&radix, indexes[k]), &items[k]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++)
        assert_non_null(radix_remove(&radix, indexes[i]));
    fake_assert_balance(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_walk_upwards),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, fake_start, NULL);
}
