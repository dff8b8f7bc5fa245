/* SPDX-License-Identifier: MIT */
/* Pages are taken below 4 GiB, as loader data, and all given back. */
#include "tests/host/loader_fake.h"

#include "efi-loader/memory.h"
#include "shared/linux/errno.h"

static struct memory the_memory;

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    memory_init(&the_memory, &the_fake.bs);
    return 0;
}

static void taken_and_given_back(void **state)
{
    uint64_t one, other, low;

    (void)state;
    assert_int_equal(memory_take(&the_memory, 1, BOOTINFO_BLOCK, &one), 0);
    assert_int_equal(memory_take(&the_memory, 4097, BOOTINFO_ROOTFS, &other), 0);
    assert_int_equal(memory_take_trampoline(&the_memory, &low), 0);
    assert_int_equal(low, 0x9e000);
    assert_int_equal(the_memory.claims[1].npages, 2);
    assert_int_equal(fake_blocks_in_use(), 3);
    memory_give_back(&the_memory);
    assert_int_equal(fake_blocks_in_use(), 0);
    assert_int_equal(the_fake.bad_frees, 0);
    assert_int_equal(the_fake.bad_types, 0);
    assert_int_equal(the_fake.high_offers, 0);
}

static void impossible_sizes(void **state)
{
    uint64_t base;

    (void)state;
    assert_int_equal(memory_take(&the_memory, 0, BOOTINFO_BLOCK, &base), -ENOMEM);
    assert_int_equal(memory_take(&the_memory, 1ULL << 32, BOOTINFO_BLOCK, &base), -ENOMEM);
    assert_int_equal(memory_take(&the_memory, ~0ULL, BOOTINFO_BLOCK, &base), -ENOMEM);
    assert_int_equal(memory_take(&the_memory, 1 << 30, BOOTINFO_BLOCK, &base), -ENOMEM);
    assert_int_equal(the_memory.count, 0);
}

static void list_is_bounded(void **state)
{
    uint64_t base;

    (void)state;
    for (unsigned i = 0; i < MEMORY_MAX_CLAIMS; i++)
        assert_int_equal(memory_take(&the_memory, 1, BOOTINFO_BLOCK, &base), 0);
    assert_int_equal(memory_take(&the_memory, 1, BOOTINFO_BLOCK, &base), -ENOMEM);
    memory_give_back(&the_memory);
    assert_int_equal(fake_blocks_in_use(), 0);
}

static void no_trampoline(void **state)
{
    uint64_t base = 77;

    (void)state;
    the_fake.low_address = ~0ULL;
    assert_int_equal(memory_take_trampoline(&the_memory, &base), -ENOMEM);
    /* Page 0 is as good as none, and is not kept. */
    the_fake.low_address = 0;
    assert_int_equal(memory_take_trampoline(&the_memory, &base), -ENOMEM);
    assert_int_equal(base, 77);
    assert_int_equal(the_memory.count, 0);
    assert_int_equal(fake_blocks_in_use(), 0);
}

static void claims_become_ranges(void **state)
{
    struct bootinfo_range in[4], out[8];
    struct memmap map;
    uint32_t count;
    uint64_t one, other;

    (void)state;
    assert_int_equal(memory_take(&the_memory, 5000, BOOTINFO_ROOTFS, &one), 0);
    assert_int_equal(memory_take(&the_memory, 1, BOOTINFO_PLAN, &other), 0);
    memmap_init(&map, in, ARRAY_SIZE(in));
    assert_int_equal(memory_add_claims(&the_memory, &map), 0);
    assert_int_equal(memmap_finish(&map, out, ARRAY_SIZE(out), &count), 0);
    assert_int_equal(count, 2);
    for (uint32_t i = 0; i < count; i++) {
        bool rootfs = out[i].type == BOOTINFO_ROOTFS;

        assert_int_equal(out[i].base, rootfs ? one : other);
        assert_int_equal(out[i].npages, rootfs ? 2 : 1);
    }
    memory_give_back(&the_memory);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(taken_and_given_back), TEST(impossible_sizes),     TEST(list_is_bounded),
        TEST(no_trampoline),        TEST(claims_become_ranges),
    };

    return cmocka_run_group_tests_name("loader_memory", tests, NULL, NULL);
}
