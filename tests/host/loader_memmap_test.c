/* SPDX-License-Identifier: MIT */
/* Synthetic memory maps: every type, every overlap, every size of descriptor. */
#include "tests/host/loader_fake.h"

#include <stdlib.h>
#include <string.h>

#include "efi-loader/memmap.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define CAPACITY 64
#define WB       EFI_MEMORY_WB

static struct bootinfo_range the_input[CAPACITY], the_output[2 * CAPACITY];
static struct memmap the_map;
static uint32_t the_count;

static int set_up(void **state)
{
    (void)state;
    memmap_init(&the_map, the_input, CAPACITY);
    memset(the_output, 0xee, sizeof(the_output));
    return 0;
}

static void add(uint64_t base, uint64_t npages, uint32_t type, uint64_t attributes)
{
    assert_int_equal(memmap_add(&the_map, base, npages, type, attributes), 0);
}

static void finish(void)
{
    assert_int_equal(memmap_finish(&the_map, the_output, ARRAY_SIZE(the_output), &the_count), 0);
}

static void expect(uint32_t index, uint64_t base, uint64_t npages, uint32_t type)
{
    assert_true(index < the_count);
    assert_int_equal(the_output[index].base, base);
    assert_int_equal(the_output[index].npages, npages);
    assert_int_equal(the_output[index].type, type);
    assert_int_equal(the_output[index].reserved, 0);
}

/* One descriptor through the whole way: the type that comes out. */
static uint32_t type_out(uint32_t efi_type, uint64_t attributes)
{
    EFI_MEMORY_DESCRIPTOR desc = {
        .Type = efi_type, .PhysicalStart = 0x200000, .NumberOfPages = 3, .Attribute = attributes};

    memmap_init(&the_map, the_input, CAPACITY);
    assert_int_equal(memmap_add_firmware(&the_map, &desc, sizeof(desc), sizeof(desc)), 0);
    finish();
    assert_int_equal(the_count, 1);
    expect(0, 0x200000, 3, the_output[0].type);
    assert_int_equal(the_output[0].attributes, attributes);
    return the_output[0].type;
}

static void every_type(void **state)
{
    (void)state;
    assert_int_equal(type_out(EfiReservedMemoryType, WB), BOOTINFO_RESERVED);
    assert_int_equal(type_out(EfiLoaderCode, WB), BOOTINFO_LOADER);
    assert_int_equal(type_out(EfiLoaderData, WB), BOOTINFO_LOADER);
    assert_int_equal(type_out(EfiBootServicesCode, WB), BOOTINFO_BOOT_CODE);
    assert_int_equal(type_out(EfiBootServicesData, WB), BOOTINFO_BOOT_SERVICES);
    assert_int_equal(type_out(EfiConventionalMemory, WB), BOOTINFO_FREE);
    assert_int_equal(type_out(EfiRuntimeServicesCode, WB), BOOTINFO_RUNTIME_CODE);
    assert_int_equal(type_out(EfiRuntimeServicesData, WB), BOOTINFO_RUNTIME_DATA);
    assert_int_equal(type_out(EfiUnusableMemory, WB), BOOTINFO_UNUSABLE);
    assert_int_equal(type_out(EfiACPIReclaimMemory, WB), BOOTINFO_ACPI);
    assert_int_equal(type_out(EfiACPIMemoryNVS, WB), BOOTINFO_NVS);
    assert_int_equal(type_out(EfiMemoryMappedIO, 1), BOOTINFO_MMIO);
    assert_int_equal(type_out(EfiMemoryMappedIOPortSpace, 1), BOOTINFO_MMIO);
    assert_int_equal(type_out(EfiPalCode, WB), BOOTINFO_RESERVED);
}

static void unknown_types_are_reserved(void **state)
{
    static const uint32_t unknown[] = {EFI_PERSISTENT_MEMORY,
                                       EFI_UNACCEPTED_MEMORY,
                                       16,
                                       0x6fffffff,
                                       0x70000000,
                                       0x80000000,
                                       0xffffffff};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_int_equal(type_out(unknown[i], WB), BOOTINFO_RESERVED);
}

static void odd_memory_is_not_free(void **state)
{
    (void)state;
    assert_int_equal(type_out(EfiConventionalMemory, EFI_MEMORY_UC), BOOTINFO_RESERVED);
    assert_int_equal(type_out(EfiConventionalMemory, WB | EFI_MEMORY_SP), BOOTINFO_RESERVED);
}

/* What runtime services need is never free, whatever its type; what is stricter stays so. */
static void runtime_attribute(void **state)
{
    static const uint32_t free_types[] = {EfiConventionalMemory, EfiBootServicesCode,
                                          EfiBootServicesData, EfiLoaderCode, EfiLoaderData};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(free_types); i++)
        assert_int_equal(type_out(free_types[i], WB | EFI_MEMORY_RUNTIME), BOOTINFO_RUNTIME_DATA);
    assert_int_equal(type_out(EfiRuntimeServicesCode, WB | EFI_MEMORY_RUNTIME),
                     BOOTINFO_RUNTIME_CODE);
    assert_int_equal(type_out(EfiACPIReclaimMemory, WB | EFI_MEMORY_RUNTIME), BOOTINFO_ACPI);
    assert_int_equal(type_out(EfiMemoryMappedIO, 1 | EFI_MEMORY_RUNTIME), BOOTINFO_MMIO);
    assert_int_equal(type_out(0x80000000, WB | EFI_MEMORY_RUNTIME), BOOTINFO_RESERVED);
    /* What the loader has taken is the loader's, even in such memory. */
    set_up(NULL);
    add(0x100000, 0x10, BOOTINFO_LOADER, WB | EFI_MEMORY_RUNTIME);
    add(0x104000, 0x2, BOOTINFO_KERNEL, 0);
    finish();
    assert_int_equal(the_count, 3);
    expect(0, 0x100000, 4, BOOTINFO_RUNTIME_DATA);
    expect(1, 0x104000, 2, BOOTINFO_KERNEL);
    expect(2, 0x106000, 10, BOOTINFO_RUNTIME_DATA);
}

static void descriptor_sizes(void **state)
{
    static const size_t sizes[] = {40, 41, 48, 56, 64, 4096};
    EFI_MEMORY_DESCRIPTOR desc = {.Type = EfiConventionalMemory, .Attribute = WB};

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        unsigned char *bytes = malloc(5 * sizes[s]);

        memset(bytes, 0xee, 5 * sizes[s]);
        for (unsigned i = 0; i < 5; i++) {
            desc.PhysicalStart = 0x100000 * (i + 1);
            desc.NumberOfPages = i + 1;
            memcpy(bytes + i * sizes[s], &desc, sizeof(desc));
        }
        set_up(NULL);
        /* A tail shorter than a descriptor is none. */
        assert_int_equal(memmap_add_firmware(&the_map, bytes, 5 * sizes[s] - 1, sizes[s]), 0);
        finish();
        assert_int_equal(the_count, 4);
        for (unsigned i = 0; i < 4; i++)
            expect(i, 0x100000 * (i + 1), i + 1, BOOTINFO_FREE);
        free(bytes);
    }
    assert_int_equal(memmap_add_firmware(&the_map, &desc, 39, 39), -EINVAL);
    assert_int_equal(memmap_add_firmware(&the_map, &desc, 40, 0), -EINVAL);
    assert_int_equal(memmap_add_firmware(&the_map, &desc, 40, 1 << 20), -EINVAL);
}

static void sorted_and_merged(void **state)
{
    (void)state;
    add(0x300000, 0x10, BOOTINFO_FREE, WB);
    add(0x100000, 0x100, BOOTINFO_FREE, WB);
    add(0x200000, 0x100, BOOTINFO_FREE, WB);
    add(0x310000, 0x10, BOOTINFO_LOADER, WB);
    add(0x320000, 0x10, BOOTINFO_LOADER, WB | EFI_MEMORY_UC);
    add(0x500000, 1, BOOTINFO_LOADER, WB);
    finish();
    assert_int_equal(the_count, 4);
    expect(0, 0x100000, 0x210, BOOTINFO_FREE);
    expect(1, 0x310000, 0x10, BOOTINFO_LOADER);
    expect(2, 0x320000, 0x10, BOOTINFO_LOADER); /* other attributes: not merged */
    expect(3, 0x500000, 1, BOOTINFO_LOADER);
}

static void empty_and_unmappable_are_dropped(void **state)
{
    (void)state;
    add(0x100000, 0, BOOTINFO_FREE, WB);
    add(1ULL << 52, 10, BOOTINFO_MMIO, 0);
    add(DIRECT_END - DIRECT_BASE, 10, BOOTINFO_FREE, WB);
    finish();
    assert_int_equal(the_count, 0);
}

static void ends_are_clipped(void **state)
{
    (void)state;
    add((DIRECT_END - DIRECT_BASE) - PAGE_SIZE, 100, BOOTINFO_FREE, WB);
    add((1ULL << 52) - 2 * PAGE_SIZE, ~0ULL, BOOTINFO_MMIO, 0);
    finish();
    assert_int_equal(the_count, 2);
    expect(0, (DIRECT_END - DIRECT_BASE) - PAGE_SIZE, 1, BOOTINFO_FREE);
    expect(1, (1ULL << 52) - 2 * PAGE_SIZE, 2, BOOTINFO_MMIO);
}

static void unaligned_is_reserved(void **state)
{
    (void)state;
    add(0x100800, 1, BOOTINFO_FREE, WB);
    finish();
    assert_int_equal(the_count, 1);
    expect(0, 0x100000, 2, BOOTINFO_RESERVED);
    set_up(NULL);
    add(0x100800, ~0ULL, BOOTINFO_FREE, WB); /* one page more must not wrap */
    finish();
    assert_int_equal(the_count, 1);
    expect(0, 0x100000, (1ULL << 40) - 0x100, BOOTINFO_RESERVED);
}

static void stricter_type_wins(void **state)
{
    (void)state;
    add(0x100000, 0x100, BOOTINFO_FREE, WB);
    add(0x110000, 0x10, BOOTINFO_RUNTIME_DATA, WB);
    add(0x118000, 0x10, BOOTINFO_RESERVED, WB);
    finish();
    assert_int_equal(the_count, 4);
    expect(0, 0x100000, 0x10, BOOTINFO_FREE);
    expect(1, 0x110000, 0x08, BOOTINFO_RUNTIME_DATA);
    expect(2, 0x118000, 0x10, BOOTINFO_RESERVED);
    expect(3, 0x128000, 0xd8, BOOTINFO_FREE);
}

/* The sweep against the obvious: a table with one entry a page, for many random maps. */
static void random_maps(void **state)
{
    enum { PAGES = 64 };
    static const uint8_t order[BOOTINFO_NTYPES] = {
        [BOOTINFO_RESERVED] = 10,    [BOOTINFO_FREE] = 1,          [BOOTINFO_LOADER] = 3,
        [BOOTINFO_KERNEL] = 4,       [BOOTINFO_TABLES] = 4,        [BOOTINFO_BLOCK] = 4,
        [BOOTINFO_ROOTFS] = 4,       [BOOTINFO_PLAN] = 4,          [BOOTINFO_KERNEL_FILE] = 4,
        [BOOTINFO_TRAMPOLINE] = 4,   [BOOTINFO_ACPI] = 5,          [BOOTINFO_NVS] = 6,
        [BOOTINFO_RUNTIME_CODE] = 8, [BOOTINFO_RUNTIME_DATA] = 7,  [BOOTINFO_MMIO] = 9,
        [BOOTINFO_UNUSABLE] = 11,    [BOOTINFO_BOOT_SERVICES] = 2, [BOOTINFO_BOOT_CODE] = 2};
    uint32_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t strictest[PAGES] = {0};

        set_up(NULL);
        for (unsigned i = 0; i < 1 + round % 12; i++) {
            random = random * 1103515245 + 12345;
            unsigned base = random >> 8 & 31, npages = random >> 14 & 31;
            unsigned type = (random >> 20) % BOOTINFO_NTYPES;

            add(base * PAGE_SIZE, npages, type, WB);
            for (unsigned p = base; p < base + npages; p++)
                strictest[p] = MAX(strictest[p], order[type]);
        }
        finish();
        uint64_t page = 0;
        for (uint32_t i = 0; i < the_count; i++) {
            for (; page < the_output[i].base / PAGE_SIZE; page++)
                assert_int_equal(strictest[page], 0);
            assert_int_equal(page, the_output[i].base / PAGE_SIZE);
            assert_true(the_output[i].npages > 0);
            for (uint64_t n = 0; n < the_output[i].npages; n++, page++)
                assert_int_equal(strictest[page], order[the_output[i].type]);
        }
        for (; page < PAGES; page++)
            assert_int_equal(strictest[page], 0);
    }
}

static void own_claims_beat_loader_memory_only(void **state)
{
    (void)state;
    add(0x100000, 0x100, BOOTINFO_LOADER, WB);
    add(0x200000, 0x10, BOOTINFO_RUNTIME_CODE, WB | EFI_MEMORY_RUNTIME);
    add(0x110000, 0x10, BOOTINFO_ROOTFS, 0);
    add(0x1ff000, 2, BOOTINFO_TABLES, 0);
    finish();
    assert_int_equal(the_count, 5);
    expect(0, 0x100000, 0x10, BOOTINFO_LOADER);
    expect(1, 0x110000, 0x10, BOOTINFO_ROOTFS);
    assert_int_equal(the_output[1].attributes, WB); /* of the memory below */
    expect(2, 0x120000, 0xdf, BOOTINFO_LOADER);
    expect(3, 0x1ff000, 1, BOOTINFO_TABLES);
    expect(4, 0x200000, 0x10, BOOTINFO_RUNTIME_CODE);
    assert_true(the_output[4].attributes & EFI_MEMORY_RUNTIME);
}

static void full_arrays(void **state)
{
    struct bootinfo_range two[2];

    (void)state;
    for (unsigned i = 0; i < CAPACITY; i++)
        add(0x100000 + i * 2 * PAGE_SIZE, 1, BOOTINFO_FREE, WB);
    assert_int_equal(memmap_add(&the_map, 0x10000000, 1, BOOTINFO_FREE, WB), -ENOSPC);
    assert_int_equal(memmap_finish(&the_map, two, 2, &the_count), -ENOSPC);
}

static void direct_runs(void **state)
{
    struct bootinfo_extent ram;
    uint32_t index = 0;

    (void)state;
    add(0x001000, 1, BOOTINFO_FREE, WB);
    add(0x002000, 1, BOOTINFO_ACPI, WB);
    add(0x003000, 1, BOOTINFO_MMIO, 0);
    add(0x004000, 1, BOOTINFO_KERNEL, WB);
    add(0x006000, 1, BOOTINFO_LOADER, WB);
    add(0x007000, 1, BOOTINFO_RUNTIME_DATA, WB);
    finish();
    assert_true(memmap_next_direct(the_output, the_count, &index, &ram));
    assert_int_equal(ram.base, 0x1000);
    assert_int_equal(ram.size, 0x2000);
    assert_true(memmap_next_direct(the_output, the_count, &index, &ram));
    assert_int_equal(ram.base, 0x4000);
    assert_int_equal(ram.size, 0x1000);
    assert_true(memmap_next_direct(the_output, the_count, &index, &ram));
    assert_int_equal(ram.base, 0x6000);
    assert_int_equal(ram.size, 0x1000);
    assert_false(memmap_next_direct(the_output, the_count, &index, &ram));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type),
        TEST(unknown_types_are_reserved),
        TEST(odd_memory_is_not_free),
        TEST(runtime_attribute),
        TEST(descriptor_sizes),
        TEST(sorted_and_merged),
        TEST(empty_and_unmappable_are_dropped),
        TEST(ends_are_clipped),
        TEST(unaligned_is_reserved),
        TEST(stricter_type_wins),
        TEST(random_maps),
        TEST(own_claims_beat_loader_memory_only),
        TEST(full_arrays),
        TEST(direct_runs),
    };

    return cmocka_run_group_tests_name("loader_memmap", tests, NULL, NULL);
}
