/* SPDX-License-Identifier: MIT */
/*
 * tests/host/bootinfo_test.c - lib/bootinfo.c: a sound block, then each rule broken by itself
 */
#include "tests/host/check.h"

#include "kernel/lib/bootinfo.h"
#include "shared/addrmap.h"
#include "tests/host/bootinfo_builder.h"

static struct bootinfo_build build;

static int reset(void **state)
{
    (void)state;
    bootinfo_build_machine(&build);
    return 0;
}

/* Checks a copy of exactly the mapped size, then makes the block sound again. */
static void expect_fault(uint64_t mapped, const char *words)
{
    void *copy = exact_copy(&build, mapped < sizeof(build) ? mapped : sizeof(build));
    const char *fault = bootinfo_check(copy, mapped);

    free(copy);
    if (!fault)
        fail_msg("accepted, expected: %s", words);
    if (!strstr(fault, words))
        fail_msg("\"%s\" instead of \"%s\"", fault, words);
    bootinfo_build_machine(&build);
}

static void expect_sound(void)
{
    const char *fault = bootinfo_check(&build.info, sizeof(build));

    if (fault)
        fail_msg("refused: %s", fault);
    bootinfo_build_machine(&build);
}

#define BROKEN(change, words)                                                                      \
    do {                                                                                           \
        build.info.change;                                                                         \
        expect_fault(sizeof(build), words);                                                        \
    } while (0)

static void test_sound_block(void **state)
{
    (void)state;
    assert_string_equal(bootinfo_cmdline(&build.info), "after=halt bench");
    assert_string_equal(bootinfo_log(&build.info), "loader: hello\n");
    assert_string_equal(bootinfo_firmware(&build.info), "EDK II 65536");
    assert_ptr_equal(bootinfo_ranges(&build.info), build.ranges);
    expect_sound();
}

static void test_what_may_be_missing(void **state)
{
    (void)state;
    build.info.kernel_file = (struct bootinfo_extent){0, 0};
    build.info.plan = (struct bootinfo_extent){0, 0};
    build.info.trampoline = 0;
    build.info.framebuffer = (struct bootinfo_framebuffer){0};
    build.info.rsdp = 0;
    expect_sound();
    BROKEN(kernel = ((struct bootinfo_extent){0, 0}), "kernel image");
    BROKEN(rootfs = ((struct bootinfo_extent){0, 0}), "rootfs.cpio");
    BROKEN(tables = ((struct bootinfo_extent){0, 0}), "page tables");
    BROKEN(jump = ((struct bootinfo_extent){0, 0}), "jump code");
}

static void test_header(void **state)
{
    (void)state;
    for (uint64_t mapped = 0; mapped < 16; mapped++)
        expect_fault(mapped, "too short");
    for (uint64_t mapped = 16; mapped < sizeof(struct bootinfo); mapped += 8)
        expect_fault(mapped, "wrong size of the structure");
    expect_fault(sizeof(build) - 1, "wrong size of the block");
    BROKEN(magic ^= 1, "magic");
    BROKEN(version++, "versions");
    BROKEN(size -= 8, "structure");
    BROKEN(block_size = sizeof(struct bootinfo) - 1, "block");
    BROKEN(block_size = ~0ULL, "block");
    BROKEN(block_base += 8, "page border");
}

static void test_range_array(void **state)
{
    (void)state;
    BROKEN(ranges_count = 0, "empty");
    BROKEN(ranges_count = ~0u, "outside the hand-over block");
    BROKEN(ranges_count = 20, "outside the hand-over block");
    BROKEN(ranges_offset = 0, "outside the hand-over block");
    BROKEN(ranges_offset = ~0u & ~7u, "outside the hand-over block");
    BROKEN(ranges_offset += 4, "outside the hand-over block");
}

static void test_runtime(void **state)
{
    (void)state;
    build.info.runtime_count = 1;
    build.info.runtime_offset = build.info.ranges_offset;
    expect_sound();
    build.info.runtime_count = 1;
    BROKEN(runtime_offset = 0, "memory attributes");
    build.info.runtime_count = 1;
    BROKEN(runtime_offset = build.info.ranges_offset + 4, "memory attributes");
    build.info.runtime_count = 1;
    BROKEN(runtime_offset = (uint32_t)build.info.block_size - 24, "memory attributes");
    build.info.runtime_offset = build.info.ranges_offset;
    BROKEN(runtime_count = ~0u, "memory attributes");
    BROKEN(report.mode = BOOTINFO_REPORT_NMODES, "report");
}

static void test_ranges(void **state)
{
    (void)state;
    build.ranges[3].base += 1;
    expect_fault(sizeof(build), "begin on a page");
    build.ranges[3].npages = 0;
    expect_fault(sizeof(build), "empty range");
    build.ranges[15].npages = ~0ULL;
    expect_fault(sizeof(build), "beyond physical memory");
    build.ranges[15].npages = 1ULL << 52;
    expect_fault(sizeof(build), "beyond physical memory");
    build.ranges[15].base = 0xfffffffffffff000;
    expect_fault(sizeof(build), "beyond physical memory");
    build.ranges[15].base = 1ULL << 51;
    build.ranges[15].npages = (1ULL << 39) + 1;
    expect_fault(sizeof(build), "beyond physical memory");
    build.ranges[3].type = BOOTINFO_NTYPES;
    expect_fault(sizeof(build), "unknown type");
    build.ranges[4].base -= PAGE_SIZE;
    expect_fault(sizeof(build), "overlapping");
    build.ranges[11] = build.ranges[10];
    expect_fault(sizeof(build), "overlapping");
    build.ranges[15] = (struct bootinfo_range){
        .base = DIRECT_END - DIRECT_BASE - PAGE_SIZE, .npages = 2, .type = BOOTINFO_FREE};
    expect_fault(sizeof(build), "direct map");
    build.ranges[15].base = DIRECT_END - DIRECT_BASE - PAGE_SIZE;
    build.ranges[15].npages = 1;
    build.ranges[15].type = BOOTINFO_FREE;
    expect_sound();
    build.ranges[15].base = 1ULL << 51; /* a device may be higher */
    expect_sound();
}

/* What bootinfo_check says of the block when the ranges are the last in it, and not one byte is
 * behind them. */
static const char *check_with_ranges_last(void)
{
    const size_t head = offsetof(struct bootinfo_build, ranges), array = sizeof(build.ranges);
    struct bootinfo_build last = build;
    const char *fault;
    void *copy;

    memcpy((char *)&last + head, build.cmdline, sizeof(build) - head - array);
    memcpy((char *)&last + sizeof(build) - array, build.ranges, array);
    last.info.ranges_offset = sizeof(build) - array;
    last.info.cmdline_offset -= array;
    last.info.log_offset -= array;
    last.info.firmware_offset -= array;
    copy = exact_copy(&last, sizeof(last));
    fault = bootinfo_check(copy, sizeof(last));
    free(copy);
    return fault;
}

static void test_nothing_behind_the_ranges(void **state)
{
    (void)state;
    assert_null(check_with_ranges_last());
    build.info.rootfs.base = build.ranges[15].base; /* of another type, and longer */
    assert_string_equal(check_with_ranges_last(), "rootfs.cpio: not in memory of its type");
    build.info.rootfs.base = 0xfee01000; /* behind all of them */
    assert_string_equal(check_with_ranges_last(), "rootfs.cpio: not in memory of its type");
}

static void test_strings(void **state)
{
    (void)state;
    BROKEN(cmdline_size++, "command line");
    BROKEN(cmdline_size--, "command line");
    BROKEN(cmdline_size = ~0u, "command line");
    BROKEN(cmdline_offset = ~0u, "command line");
    BROKEN(cmdline_offset = 0, "command line");
    BROKEN(cmdline_offset = sizeof(build), "command line");
    BROKEN(log_size++, "loader log");
    BROKEN(firmware_offset = sizeof(build) - 4, "firmware");
    build.cmdline[3] = '\0';
    expect_fault(sizeof(build), "command line");
    memset(build.firmware, 'x', sizeof(build.firmware)); /* up to the end, no NUL */
    build.info.firmware_size = sizeof(build.firmware);
    expect_fault(sizeof(build), "firmware");
}

static void test_extents(void **state)
{
    static const struct {
        size_t offset;
        const char *words;
    } extents[] = {
        {offsetof(struct bootinfo, kernel), "kernel image"},
        {offsetof(struct bootinfo, kernel_file), "kernel.elf"},
        {offsetof(struct bootinfo, rootfs), "rootfs.cpio"},
        {offsetof(struct bootinfo, plan), "plan.txt"},
        {offsetof(struct bootinfo, inventory), "inventory"},
        {offsetof(struct bootinfo, tables), "page tables"},
        {offsetof(struct bootinfo, jump), "jump code"},
    };
    static const struct bootinfo_extent faults[] = {
        {0x700000, 0x1000},          /* free memory */
        {0x100000, 0x101000},        /* one page too long */
        {0xff000, 0x2000},           /* begins in a hole */
        {0x40000000, 0x1000},        /* no memory at all */
        {0x100000, ~0ULL - 0xfffff}, /* overflows to 0 */
        {0x100000, 0},               /* base without size */
        {0, 0x1000},
        {~0xfffULL, 0x1000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(extents); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(faults); k++) {
            memcpy((char *)&build.info + extents[i].offset, &faults[k], sizeof(faults[k]));
            expect_fault(sizeof(build), extents[i].words);
        }
    }
    BROKEN(kernel.base += 8, "kernel image");
    BROKEN(rootfs.base += 8, "rootfs.cpio");
    BROKEN(inventory = ((struct bootinfo_extent){0x300000, BOOTINFO_INVENTORY_MAX + 1}),
           "inventory");
    BROKEN(inventory = ((struct bootinfo_extent){0x300008, 8}), "inventory");
    BROKEN(block_base = 0x241000, "hand-over block");
    BROKEN(rootfs.size = 0x100001, "rootfs.cpio");
    build.info.rootfs.size = 0x100000; /* up to the last byte of the second range */
    expect_sound();
    build.ranges[7].base += PAGE_SIZE; /* a gap between the two */
    build.ranges[7].npages--;
    expect_fault(sizeof(build), "rootfs.cpio");
}

static void test_tables_and_trampoline(void **state)
{
    (void)state;
    BROKEN(tables_used = 0, "frames in use");
    BROKEN(tables_used = 0x41, "frames in use");
    BROKEN(tables_used = ~0ULL, "frames in use");
    build.info.tables_used = 0x40; /* all of the pool */
    expect_sound();
    BROKEN(table_root = 0x200800, "top-level");
    BROKEN(table_root = 0x230000, "top-level"); /* in the pool, but not in use */
    BROKEN(table_root = 0x1ff000, "top-level");
    BROKEN(tables.size -= 8, "page tables");
    BROKEN(trampoline = 0x8800, "trampoline");
    BROKEN(trampoline = 0x9000, "trampoline"); /* the second page is free memory */
    BROKEN(trampoline = ~0xfffULL, "trampoline");
    bootinfo_build_range(&build, BOOTINFO_KERNEL)->type = BOOTINFO_TRAMPOLINE;
    BROKEN(trampoline = 0x100000, "kernel image");
}

static void test_framebuffer(void **state)
{
    (void)state;
    BROKEN(framebuffer.format = 4, "pixel format");
    BROKEN(framebuffer.width = 0, "implausible width");
    BROKEN(framebuffer.height = 0, "implausible width");
    BROKEN(framebuffer.width = 1281, "implausible width");
    BROKEN(framebuffer.height = 100000, "implausible width");
    BROKEN(framebuffer.pixels_per_line = ~0u, "implausible width");
    BROKEN(framebuffer.base = 0, "implausible address");
    BROKEN(framebuffer.base += 2, "implausible address");
    BROKEN(framebuffer.base = ~0ULL - 3, "implausible address");
    BROKEN(framebuffer.size = ~0ULL, "implausible address");
    BROKEN(framebuffer.size = 1280 * 800 * 4 - 1, "smaller than the screen");
    BROKEN(framebuffer.base = 0x700000, "overlaps memory");
    BROKEN(framebuffer.base = 0x36ff000, "overlaps memory");
    build.info.framebuffer.size = 1280 * 800 * 4; /* just enough */
    expect_sound();
    /* What lies behind the last range of the array is none, whatever it looks like. */
    build.ranges[BOOTINFO_BUILD_RANGES - 1] =
        (struct bootinfo_range){.base = 0x80000000, .npages = 1, .type = BOOTINFO_FREE};
    build.info.ranges_count--;
    expect_sound();
    build.info.framebuffer.base = 0x4000000000; /* above 4 GiB, in no range: as on real machines */
    expect_sound();
}

static void test_pixel_masks(void **state)
{
    struct bootinfo_framebuffer *fb = &build.info.framebuffer;

    (void)state;
    fb->format = BOOTINFO_PIXEL_MASK;
    fb->red_mask = 0xff0000, fb->green_mask = 0xff00, fb->blue_mask = 0xff;
    expect_sound();
    fb->format = BOOTINFO_PIXEL_MASK;
    fb->red_mask = 0xffc00000, fb->green_mask = 0x3ff000, fb->blue_mask = 0xffc;
    expect_sound();
    fb->format = BOOTINFO_PIXEL_MASK;
    expect_fault(sizeof(build), "pixel format"); /* all zero */
    fb->format = BOOTINFO_PIXEL_MASK;
    fb->red_mask = 0xff0000, fb->green_mask = 0x1ff00, fb->blue_mask = 0xff;
    expect_fault(sizeof(build), "pixel format"); /* overlapping */
    fb->format = BOOTINFO_PIXEL_MASK;
    fb->red_mask = 0xf00f0000, fb->green_mask = 0xff00, fb->blue_mask = 0xff;
    expect_fault(sizeof(build), "pixel format"); /* with a hole */
    fb->format = BOOTINFO_PIXEL_MASK;
    fb->red_mask = 0xff0000, fb->green_mask = 0xff00, fb->blue_mask = 0x9f;
    expect_fault(sizeof(build), "pixel format");
    fb->format = BOOTINFO_PIXEL_MASK;
    fb->red_mask = 0xff0000, fb->green_mask = 0, fb->blue_mask = 0xff;
    expect_fault(sizeof(build), "pixel format");
}

static void test_firmware_pointers(void **state)
{
    (void)state;
    BROKEN(rsdp = 1ULL << 52, "firmware tables");
    BROKEN(smbios = ~0ULL, "firmware tables");
    BROKEN(efi_system_table = 1ULL << 52, "firmware tables");
}

static void test_type_names(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < BOOTINFO_NTYPES; type++)
        assert_true(strlen(bootinfo_type_name(type)) > 3);
    assert_string_equal(bootinfo_type_name(BOOTINFO_NTYPES), "?");
    assert_false(bootinfo_type_is_direct(BOOTINFO_MMIO));
    assert_false(bootinfo_type_is_direct(BOOTINFO_RUNTIME_DATA));
    assert_false(bootinfo_type_is_direct(999));
    assert_true(bootinfo_type_is_direct(BOOTINFO_FREE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sound_block, reset),
        cmocka_unit_test_setup(test_what_may_be_missing, reset),
        cmocka_unit_test_setup(test_header, reset),
        cmocka_unit_test_setup(test_range_array, reset),
        cmocka_unit_test_setup(test_runtime, reset),
        cmocka_unit_test_setup(test_ranges, reset),
        cmocka_unit_test_setup(test_nothing_behind_the_ranges, reset),
        cmocka_unit_test_setup(test_strings, reset),
        cmocka_unit_test_setup(test_extents, reset),
        cmocka_unit_test_setup(test_tables_and_trampoline, reset),
        cmocka_unit_test_setup(test_framebuffer, reset),
        cmocka_unit_test_setup(test_pixel_masks, reset),
        cmocka_unit_test_setup(test_firmware_pointers, reset),
        cmocka_unit_test(test_type_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
