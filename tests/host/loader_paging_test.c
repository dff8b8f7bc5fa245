/* SPDX-License-Identifier: MIT */
/* Page tables are built in a fake physical memory and then walked, as the processor would. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/paging.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define POOL_BASE 0x40000000ULL
#define MIB       (1ULL << 20)
#define GIB       (1ULL << 30)
#define KERNEL_PA 0x3456000ULL
#define JUMP_PA   0x7654000ULL

#define BIT_P  1ULL
#define BIT_W  2ULL
#define BIT_U  4ULL
#define BIT_PS 0x80ULL
#define BIT_G  0x100ULL
#define BIT_NX (1ULL << 63)
#define ADDR   0x000ffffffffff000ULL

static struct paging the_tables;

static const struct paging_segment the_segments[] = {
    {IMAGE_BASE, KERNEL_PA, 0x5000, PAGING_EXECUTE},
    {IMAGE_BASE + 0x5000, KERNEL_PA + 0x5000, 0x3000, PAGING_READ},
    {IMAGE_BASE + 0x9000, KERNEL_PA + 0x9000, 0x4000, PAGING_WRITE},
};

static const struct bootinfo_range the_ranges[] = {
    {0x1000, 0x9e, BOOTINFO_FREE, 0, 15},
    {0xa0000, 0x60, BOOTINFO_RESERVED, 0, 15},
    {1 * MIB, (KERNEL_PA - MIB) / 4096, BOOTINFO_FREE, 0, 15},
    {KERNEL_PA, 0xd, BOOTINFO_KERNEL, 0, 15},
    {KERNEL_PA + 0xd000, (JUMP_PA - KERNEL_PA - 0xd000) / 4096, BOOTINFO_FREE, 0, 15},
    {JUMP_PA, 1, BOOTINFO_LOADER, 0, 15},
    {JUMP_PA + 0x1000, 0x1000, BOOTINFO_RUNTIME_CODE, 0, 15},
    {0x9000000, 0x100, BOOTINFO_RUNTIME_DATA, 0, 15},
    {0x10000000, 0x100, BOOTINFO_NVS, 0, 15},
    {0xb0000000, 0x100, BOOTINFO_MMIO, 0, 1},
    {4 * GIB, 3 * GIB / 4096 + 7, BOOTINFO_FREE, 0, 15},
};

#define SCREEN_PA                                                                                  \
    0xd0123400ULL /* no border of a page, 5 pages short of one of 2 MiB at the end                 \
                   */
#define SCREEN_NBYTES (0xd0800000ULL - 0x5000 - SCREEN_PA)

static struct paging_plan the_plan;

/* What a walk finds. */
struct leaf {
    uint64_t entry;
    uint64_t pa; /* of the very address */
    int level;
    bool present, writable, executable;
};

static uint64_t *table(uint64_t pa)
{
    assert_true(pa >= the_tables.pool_base);
    assert_true(pa < the_tables.pool_base + the_tables.used * PAGE_SIZE);
    return (uint64_t *)(the_tables.pool + (pa - the_tables.pool_base));
}

static struct leaf walk(uint64_t va)
{
    struct leaf leaf = {.writable = true, .executable = true};
    uint64_t pa = the_tables.pool_base;

    for (leaf.level = 3;; leaf.level--) {
        leaf.entry = table(pa)[(va >> (12 + 9 * leaf.level)) % 512];
        if (!(leaf.entry & BIT_P))
            return leaf;
        leaf.writable &= !!(leaf.entry & BIT_W);
        leaf.executable &= !(leaf.entry & BIT_NX);
        assert_false(leaf.entry & BIT_U);
        if (leaf.level == 0 || (leaf.level < 3 && (leaf.entry & BIT_PS)))
            break;
        pa = leaf.entry & ADDR;
    }
    leaf.present = true;
    uint64_t size = PAGE_SIZE << (9 * leaf.level);
    leaf.pa = (leaf.entry & ADDR & ~(size - 1)) + va % size;
    return leaf;
}

static void build(bool gib_pages)
{
    the_plan = (struct paging_plan){
        .ranges = the_ranges,
        .nranges = ARRAY_SIZE(the_ranges),
        .segments = the_segments,
        .nsegments = ARRAY_SIZE(the_segments),
        .jump = {JUMP_PA, 0x1000},
        .screen = {SCREEN_PA, SCREEN_NBYTES},
    };
    the_tables = (struct paging){.pool_base = POOL_BASE,
                                 .nframes = paging_bound(&the_plan, gib_pages),
                                 .gib_pages = gib_pages};
    the_tables.pool = malloc(the_tables.nframes * PAGE_SIZE);
    /* What lies in the pool before does not matter. */
    memset(the_tables.pool, 0xee, the_tables.nframes * PAGE_SIZE);
    assert_int_equal(paging_build(&the_tables, &the_plan), 0);
    assert_true(the_tables.used <= the_tables.nframes);
}

static int set_up_plain(void **state)
{
    (void)state;
    build(false);
    return 0;
}

static int set_up_gib(void **state)
{
    (void)state;
    build(true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(the_tables.pool);
    return 0;
}

static void all_top_slots_present(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = table(POOL_BASE)[i];

        if (i >= 256)
            assert_true(entry & BIT_P);
        for (unsigned j = 256; j < i && i >= 256; j++)
            assert_true((entry & ADDR) != (table(POOL_BASE)[j] & ADDR));
    }
}

static bool in_direct(const struct bootinfo_range *range)
{
    return range->type != BOOTINFO_RESERVED && range->type != BOOTINFO_MMIO &&
           range->type != BOOTINFO_RUNTIME_CODE && range->type != BOOTINFO_RUNTIME_DATA;
}

static void direct_map_shows_ram_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(the_ranges); i++) {
        const struct bootinfo_range *range = &the_ranges[i];
        uint64_t step = MAX(range->npages / 512, 1) * PAGE_SIZE;
        uint64_t end = range->base + range->npages * PAGE_SIZE;

        for (uint64_t pa = range->base; pa < end; pa += step) {
            struct leaf leaf = walk(DIRECT_BASE + pa);

            assert_int_equal(leaf.present, in_direct(range));
            if (!leaf.present)
                continue;
            assert_int_equal(leaf.pa, pa);
            assert_false(leaf.executable);
            assert_true(leaf.entry & BIT_G);
        }
        assert_int_equal(walk(DIRECT_BASE + end - 1).present, in_direct(range));
    }
    assert_false(walk(DIRECT_BASE).present);
    assert_false(walk(DIRECT_BASE + 7 * GIB + 7 * PAGE_SIZE).present);
    assert_false(walk(DIRECT_BASE + 2 * GIB).present);
}

static void largest_pages(void **state)
{
    (void)state;
    int huge = the_tables.gib_pages ? 2 : 1;

    assert_int_equal(walk(DIRECT_BASE + 0x1000).level, 0);
    assert_int_equal(walk(DIRECT_BASE + 1 * MIB).level, 0);
    assert_int_equal(walk(DIRECT_BASE + 2 * MIB).level, 1);
    assert_int_equal(walk(DIRECT_BASE + 4 * GIB).level, huge);
    assert_int_equal(walk(DIRECT_BASE + 6 * GIB).level, huge);
    assert_int_equal(walk(DIRECT_BASE + 7 * GIB).level, 0);
}

static void image_permissions(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 0xe000; at += PAGE_SIZE) {
        struct leaf leaf = walk(IMAGE_BASE + at);
        bool text = at < 0x5000, data = at >= 0x9000 && at < 0xd000;

        assert_int_equal(leaf.present, at != 0x8000 && at < 0xd000);
        if (!leaf.present)
            continue;
        assert_int_equal(leaf.level, 0);
        assert_int_equal(leaf.pa, KERNEL_PA + at);
        assert_int_equal(leaf.executable, text);
        assert_int_equal(leaf.writable, data);
    }
}

static void no_writable_alias_of_text(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 0xd000; at += PAGE_SIZE) {
        struct leaf leaf = walk(DIRECT_BASE + KERNEL_PA + at);

        assert_int_equal(leaf.pa, KERNEL_PA + at);
        assert_int_equal(leaf.writable, at >= 0x8000);
    }
    assert_true(walk(DIRECT_BASE + KERNEL_PA - 1).writable);
    assert_true(walk(DIRECT_BASE + KERNEL_PA + 0xd000).writable);
}

/* Write-combining, in large pages where they fit, and nothing beside it. */
static void framebuffer(void **state)
{
    uint64_t first = ALIGN_DOWN(SCREEN_PA, PAGE_SIZE);
    uint64_t end = ALIGN_UP(SCREEN_PA + SCREEN_NBYTES, PAGE_SIZE);

    (void)state;
    assert_int_equal(walk(SCREEN_ADDRESS(SCREEN_PA)).pa, SCREEN_PA);
    assert_false(walk(SCREEN_ADDRESS(first) - 1).present);
    assert_false(walk(SCREEN_ADDRESS(first) + (end - first)).present);
    for (uint64_t pa = first; pa < end; pa += PAGE_SIZE) {
        struct leaf leaf = walk(SCREEN_ADDRESS(first) + (pa - first));
        bool large = pa >= 0xd0200000 && pa < 0xd0600000;

        assert_true(leaf.present && leaf.writable && !leaf.executable);
        assert_int_equal(leaf.pa, pa);
        assert_int_equal(leaf.level, large);
        assert_true(leaf.entry & BIT_G);
        assert_true(leaf.entry & (large ? 0x1000 : 0x80));
        assert_false(leaf.entry & 0x18); /* slot 4: neither of the other two bits */
    }
}

static void no_framebuffer(void **state)
{
    struct paging_plan plan = the_plan;

    (void)state;
    plan.screen = (struct bootinfo_extent){0, 0};
    assert_int_equal(paging_build(&the_tables, &plan), 0);
    for (uint64_t at = 0; at < 16 * MIB; at += PAGE_SIZE)
        assert_false(walk(SCREEN_BASE + at).present);
}

static void only_the_jump_code_is_below(void **state)
{
    (void)state;
    for (uint64_t pa = 0; pa < 256 * MIB; pa += PAGE_SIZE)
        assert_int_equal(walk(pa).present, pa == JUMP_PA);
    struct leaf leaf = walk(JUMP_PA);
    assert_true(leaf.executable);
    assert_false(leaf.writable);
    assert_false(leaf.entry & BIT_G);
    for (unsigned i = 1; i < 256; i++)
        assert_int_equal(table(POOL_BASE)[i], 0);
}

/* Visits everything that is reachable. */
static unsigned long the_visits[2000];

static void visit(uint64_t pa, int level, bool writable, bool executable)
{
    assert_int_equal(++the_visits[(pa - POOL_BASE) / PAGE_SIZE], 1);
    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = table(pa)[i];
        bool w = writable && (entry & BIT_W), x = executable && !(entry & BIT_NX);

        if (!(entry & BIT_P)) {
            assert_int_equal(entry, 0);
            continue;
        }
        if (level == 0 || (level < 3 && (entry & BIT_PS)))
            assert_false(w && x);
        else
            visit(entry & ADDR, level - 1, w, x);
    }
}

static void each_frame_once_and_never_writable_and_executable(void **state)
{
    (void)state;
    memset(the_visits, 0, sizeof(the_visits));
    visit(POOL_BASE, 3, true, true);
    for (uint64_t i = 0; i < the_tables.used; i++)
        assert_int_equal(the_visits[i], 1);
}

static void small_pool_fails(void **state)
{
    (void)state;
    uint64_t enough = the_tables.used;

    for (uint64_t n = 0; n < enough; n += 1 + n / 8) {
        the_tables.nframes = n;
        assert_int_equal(paging_build(&the_tables, &the_plan), -ENOSPC);
    }
    the_tables.nframes = enough;
    assert_int_equal(paging_build(&the_tables, &the_plan), 0);
    assert_int_equal(the_tables.used, enough);
}

static void bad_plans_fail(void **state)
{
    struct paging_segment segment = {IMAGE_BASE - 0x1000, KERNEL_PA, 0x2000, PAGING_READ};
    struct paging_plan plan = the_plan;

    (void)state;
    plan.segments = &segment;
    plan.nsegments = 1;
    assert_int_equal(paging_build(&the_tables, &plan), -EINVAL);
    segment.va = IMAGE_END - 0x1000;
    assert_int_equal(paging_build(&the_tables, &plan), -EINVAL);
    segment.va = IMAGE_BASE + 0x800;
    assert_int_equal(paging_build(&the_tables, &plan), -EINVAL);
    segment.va = IMAGE_BASE;
    assert_int_equal(paging_build(&the_tables, &plan), 0);

    struct paging_segment twice[] = {segment, segment};
    plan.segments = twice;
    plan.nsegments = 2;
    assert_int_equal(paging_build(&the_tables, &plan), -EEXIST);
}

/* The bound holds for maps as ragged as can be, and is not absurd. */
static void bound_holds(void **state)
{
    enum { N = 40 };
    struct bootinfo_range ranges[N];
    uint32_t random = 7;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t at = 0x1000;

        for (unsigned i = 0; i < N; i++) {
            random = random * 1103515245 + 12345;
            at += (uint64_t)(random >> 8 & 0xffff) * PAGE_SIZE * (round % 7);
            random = random * 1103515245 + 12345;
            ranges[i] = (struct bootinfo_range){.base = at,
                                                .npages = 1 + (random >> 8 & 0xffff),
                                                .type = random & 0x800000 ? BOOTINFO_FREE
                                                                          : BOOTINFO_LOADER};
            at += ranges[i].npages * PAGE_SIZE;
        }
        struct paging_segment segments[] = {
            {IMAGE_BASE, ranges[3].base, PAGE_SIZE, PAGING_EXECUTE},
            {IMAGE_BASE + PAGE_SIZE, ranges[30].base, PAGE_SIZE, PAGING_READ}};
        struct paging_plan plan = {
            ranges, N, segments, 2, {JUMP_PA, 0x2000}, {random & ~3u, random & 0xfffffffu}};

        for (int gib = 0; gib < 2; gib++) {
            struct paging tables = {
                .pool_base = POOL_BASE, .gib_pages = gib, .nframes = paging_bound(&plan, gib)};
            tables.pool = malloc(tables.nframes * PAGE_SIZE);
            assert_int_equal(paging_build(&tables, &plan), 0);
            assert_true(tables.used + 16 <= tables.nframes); /* the slack is not touched */
            free(tables.pool);
        }
    }
}

#define PLAIN(name)                                                                                \
    {                                                                                              \
#name, name, set_up_plain, tear_down, NULL                                                 \
    }
#define GIB_PAGES(name)                                                                            \
    {                                                                                              \
#name "_gib", name, set_up_gib, tear_down, NULL                                            \
    }

/* Three pages at their own addresses and nothing else, wherever they lie. */
static void bridge_of_three_pages(void **state)
{
    static const struct {
        uint64_t code, data, jump;
    } places[] = {
        {0x7000000, 0x7001000, 0x7f00000},
        {0xffffe000, 0xfffff000, 5 * GIB}, /* the loader above 4 GiB */
        {0x3ffff000, 0x40000000, 3ULL << 45},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct bootinfo_extent jump = {places[i].jump, PAGE_SIZE};

        the_tables.nframes = PAGING_BRIDGE_FRAMES;
        assert_int_equal(paging_build_bridge(&the_tables, places[i].code, places[i].data, &jump),
                         0);
        struct leaf code = walk(places[i].code), data = walk(places[i].data);
        struct leaf last = walk(places[i].jump);
        assert_true(code.present && code.executable && !code.writable);
        assert_true(data.present && !data.executable && data.writable);
        assert_true(last.present && last.executable && !last.writable);
        assert_int_equal(code.pa, places[i].code);
        assert_int_equal(data.pa, places[i].data);
        assert_int_equal(last.pa, places[i].jump);
        assert_false(walk(places[i].data + PAGE_SIZE).present);
        assert_false(walk(places[i].code - PAGE_SIZE).present);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(all_top_slots_present),
        PLAIN(direct_map_shows_ram_and_nothing_else),
        GIB_PAGES(direct_map_shows_ram_and_nothing_else),
        PLAIN(largest_pages),
        GIB_PAGES(largest_pages),
        PLAIN(image_permissions),
        PLAIN(no_writable_alias_of_text),
        GIB_PAGES(no_writable_alias_of_text),
        PLAIN(framebuffer),
        GIB_PAGES(framebuffer),
        PLAIN(no_framebuffer),
        PLAIN(only_the_jump_code_is_below),
        PLAIN(each_frame_once_and_never_writable_and_executable),
        GIB_PAGES(each_frame_once_and_never_writable_and_executable),
        PLAIN(small_pool_fails),
        PLAIN(bad_plans_fail),
        PLAIN(bridge_of_three_pages),
        cmocka_unit_test(bound_holds),
    };

    return cmocka_run_group_tests_name("loader_paging", tests, NULL, NULL);
}
