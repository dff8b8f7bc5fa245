/* SPDX-License-Identifier: MIT */
/* The page table of runtime services: what it maps, with which rights, and nothing else. */
#include "tests/host/check.h"

#include "kernel/arch/x86_64/paging.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"
#include "kernel/plat/efi_tables.h"
#include "shared/bootinfo.h"

#define FRAMES  300
#define WB      0x8ULL
#define UC      0x1ULL
#define XP      0x4000ULL
#define RO      0x20000ULL
#define RUNTIME 0x8000000000000000ULL
#define RIGHTS  (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_UNCACHED | PTE_GLOBAL | PTE_NX)

static _Alignas(PAGE_SIZE) char arena[FRAMES * PAGE_SIZE];
char *fake_arena = arena;
static struct frame frames[FRAMES];
struct frame *pmm_frames = frames;
static unsigned taken, limit;

struct frame *pmm_alloc(unsigned order, enum pmm_flags flags)
{
    assert_int_equal(order, 0);
    assert_int_equal(flags, PMM_ZERO);
    if (taken == limit)
        return NULL;
    memset(arena + taken * PAGE_SIZE, 0, PAGE_SIZE);
    return &frames[taken++];
}

/* Frame 0. */
uint64_t tables_kernel_root(void)
{
    return 0;
}

static struct {
    struct bootinfo info;
    struct bootinfo_range ranges[8], rights[8];
} block;

static int set_up(void **state)
{
    (void)state;
    memset(&block, 0, sizeof(block));
    block.info.ranges_offset = sizeof(struct bootinfo);
    block.info.runtime_offset = sizeof(struct bootinfo) + sizeof(block.ranges);
    for (uint64_t i = 0; i < PAGING_ENTRIES; i++)
        ((uint64_t *)(void *)arena)[i] = i < KERNEL_HALF_FIRST_SLOT ? 0 : i << 12 | PTE_PRESENT;
    taken = 1;
    limit = FRAMES;
    return 0;
}

static void add(uint64_t base, uint64_t npages, uint32_t type, uint64_t attributes)
{
    block.ranges[block.info.ranges_count++] = (struct bootinfo_range){
        .base = base, .npages = npages, .type = type, .attributes = attributes};
}

/* The entry that maps an address, 0 if none does. */
static uint64_t look_up(uint64_t root, uint64_t va, unsigned *level)
{
    uint64_t entry = root | PTE_PRESENT;

    for (*level = 4; *level > 0; --*level) {
        entry = paging_table(entry)[paging_index(va, *level)];
        if (!(entry & PTE_PRESENT) || paging_is_leaf(entry, *level))
            break;
    }
    return entry & PTE_PRESENT ? entry : 0;
}

static uint64_t rights(uint64_t root, uint64_t va)
{
    unsigned level;
    uint64_t entry = look_up(root, va, &level), span = paging_span(level ? level : 1);

    if (entry)
        assert_int_equal(entry & PTE_ADDRESS & ~(span - 1), va & ~(span - 1));
    return entry & RIGHTS;
}

static void runtime_ranges_with_their_rights(void **state)
{
    uint64_t root;

    (void)state;
    add(0x100000, 2, BOOTINFO_FREE, WB);
    add(0x200000, 2, BOOTINFO_RUNTIME_CODE, WB | RUNTIME);
    add(0x202000, 2, BOOTINFO_RUNTIME_DATA, WB | RUNTIME);
    add(0x300000, 1, BOOTINFO_RESERVED, WB | RUNTIME);
    add(0x301000, 1, BOOTINFO_RESERVED, WB);
    add(0xffc00000, 1, BOOTINFO_MMIO, UC | RUNTIME);
    add(0x100000000, 1, BOOTINFO_MMIO, WB | RUNTIME);
    root = efi_tables_build(&block.info, false);
    assert_true(root != 0);
    assert_int_equal(rights(root, 0x100000), 0);
    assert_int_equal(rights(root, 0x200000), PTE_PRESENT | PTE_WRITE);
    assert_int_equal(rights(root, 0x201000), PTE_PRESENT | PTE_WRITE);
    assert_int_equal(rights(root, 0x203000), PTE_PRESENT | PTE_WRITE | PTE_NX);
    assert_int_equal(rights(root, 0x204000), 0);
    assert_int_equal(rights(root, 0x300000), PTE_PRESENT | PTE_WRITE | PTE_NX);
    assert_int_equal(rights(root, 0x301000), 0);
    assert_int_equal(rights(root, 0xffc00000), PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_UNCACHED);
    assert_int_equal(rights(root, 0x100000000), PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_UNCACHED);
    assert_int_equal(rights(root, 0), 0);
    assert_memory_equal(paging_table(root) + KERNEL_HALF_FIRST_SLOT,
                        arena + KERNEL_HALF_FIRST_SLOT * 8, KERNEL_HALF_SLOTS * 8);
}

/* 256 MiB of registers and a page on each side, which is in no large one. */
static void large_pages(void **state)
{
    uint64_t root;
    unsigned level;

    (void)state;
    add(0xdffff000, 65538, BOOTINFO_MMIO, UC | RUNTIME);
    root = efi_tables_build(&block.info, false);
    assert_true(root != 0);
    assert_true(look_up(root, 0xdffff000, &level) && level == 1);
    assert_true(look_up(root, 0xe0000000, &level) && level == 2);
    assert_true(look_up(root, 0xefe00000, &level) && level == 2);
    assert_true(look_up(root, 0xf0000000, &level) && level == 1);
    assert_false(look_up(root, 0xf0001000, &level));
    assert_true(taken < 10);
}

/* Code and data within one range of code; what lies elsewhere changes nothing. */
static void rights_of_the_attributes_table(void **state)
{
    uint64_t root;

    (void)state;
    add(0x200000, 1024, BOOTINFO_RUNTIME_CODE, WB | RUNTIME);
    add(0x800000, 1, BOOTINFO_RUNTIME_DATA, WB | RUNTIME);
    block.rights[0] = (struct bootinfo_range){.base = 0x200000, .npages = 600, .attributes = RO};
    block.rights[1] = (struct bootinfo_range){.base = 0x458000, .npages = 1, .attributes = XP};
    block.rights[2] = (struct bootinfo_range){.base = 0x459000, .npages = 1, .attributes = RO | XP};
    block.rights[3] = (struct bootinfo_range){.base = 0x45a000, .npages = 1}; /* as before */
    block.rights[4] = (struct bootinfo_range){.base = 0x900000, .npages = 1, .attributes = RO};
    block.rights[5] = (struct bootinfo_range){.base = ~0xfffULL, .npages = ~0ULL, .attributes = RO};
    block.rights[6] = (struct bootinfo_range){.base = 0x800000, .npages = 1}; /* adds nothing */
    block.info.runtime_count = 7;
    root = efi_tables_build(&block.info, false);
    assert_true(root != 0);
    assert_int_equal(rights(root, 0x200000), PTE_PRESENT);
    assert_int_equal(rights(root, 0x457000), PTE_PRESENT);
    assert_int_equal(rights(root, 0x458000), PTE_PRESENT | PTE_WRITE | PTE_NX);
    assert_int_equal(rights(root, 0x459000), PTE_PRESENT | PTE_NX);
    assert_int_equal(rights(root, 0x45a000), PTE_PRESENT | PTE_WRITE);
    assert_int_equal(rights(root, 0x5ff000), PTE_PRESENT | PTE_WRITE);
    assert_int_equal(rights(root, 0x800000), PTE_PRESENT | PTE_WRITE | PTE_NX);
    assert_int_equal(rights(root, 0x900000), 0);
}

/* Where nothing else uses it; code may be executable, and page 0 is never there. */
static void memory_of_boot_services(void **state)
{
    uint64_t root;
    unsigned level;

    (void)state;
    add(0, 4, BOOTINFO_BOOT_SERVICES, WB);
    add(0x4000, 1, BOOTINFO_BOOT_CODE, WB);
    add(0x5000, 1, BOOTINFO_FREE, WB);
    add(0x200000, 1024, BOOTINFO_BOOT_CODE, WB);
    add(0x600000, 1, BOOTINFO_RUNTIME_CODE, WB | RUNTIME);
    block.rights[0] = (struct bootinfo_range){.base = 0x600000, .npages = 1, .attributes = RO};
    block.info.runtime_count = 1;
    for (unsigned kept = 0; kept < 2; kept++) {
        root = efi_tables_build(&block.info, kept);
        assert_true(root != 0);
        assert_int_equal(rights(root, 0), 0);
        assert_int_equal(rights(root, 0x1000), kept ? PTE_PRESENT | PTE_WRITE | PTE_NX : 0);
        assert_int_equal(rights(root, 0x3000), kept ? PTE_PRESENT | PTE_WRITE | PTE_NX : 0);
        assert_int_equal(rights(root, 0x4000), kept ? PTE_PRESENT | PTE_WRITE : 0);
        assert_int_equal(rights(root, 0x5000), 0);
        assert_int_equal(rights(root, 0x200000), kept ? PTE_PRESENT | PTE_WRITE : 0);
        assert_int_equal(rights(root, 0x600000), PTE_PRESENT);
    }
    assert_true(look_up(root, 0x200000, &level) && level == 2);
    /* What finds no frame is left out, and the services live: 4 for the page at 0x600000. */
    limit = taken + 4;
    root = efi_tables_build(&block.info, true);
    assert_true(root != 0);
    assert_int_equal(rights(root, 0x1000), 0);
    assert_int_equal(rights(root, 0x600000), PTE_PRESENT);
}

static void too_much(void **state)
{
    (void)state;
    add(0x200000, 1, BOOTINFO_RUNTIME_CODE, WB);
    for (limit = 1; limit < 5; limit++) {
        taken = 1;
        assert_int_equal(efi_tables_build(&block.info, false), 0);
    }
    limit = FRAMES;
    add(USER_END - PAGE_SIZE, 2, BOOTINFO_RUNTIME_DATA, WB);
    assert_int_equal(efi_tables_build(&block.info, false), 0);
    block.info.ranges_count = 1;
    add(0x200001000, 1 << 18, BOOTINFO_RUNTIME_DATA, WB); /* all large but the ends */
    assert_true(efi_tables_build(&block.info, false) != 0);
    for (unsigned i = 0; i < 6; i++) /* a table for each of 3 x 512 MiB of small pages */
        add((uint64_t)(i + 1) << 39, 512, BOOTINFO_RUNTIME_DATA, WB);
    taken = FRAMES - 10;
    assert_int_equal(efi_tables_build(&block.info, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(runtime_ranges_with_their_rights, set_up),
        cmocka_unit_test_setup(large_pages, set_up),
        cmocka_unit_test_setup(rights_of_the_attributes_table, set_up),
        cmocka_unit_test_setup(memory_of_boot_services, set_up),
        cmocka_unit_test_setup(too_much, set_up),
    };

    return cmocka_run_group_tests_name("plat_efi", tests, NULL, NULL);
}
