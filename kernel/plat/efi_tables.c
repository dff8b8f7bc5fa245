/* SPDX-License-Identifier: MIT */
/*
 * The runtime ranges at their physical addresses, beside the kernel half.
 *
 * SetVirtualAddressMap is never called, so firmware uses physical addresses for ever. A range is
 * mapped for its type or for its attribute EFI_MEMORY_RUNTIME: flash and other registers have the
 * attribute alone. Code is executable and writable, but where the firmware's memory attributes
 * table says less; everything else is never executable.
 *
 * Memory of boot services belongs to runtime services as well on some firmware, against UEFI. While
 * nothing else uses it, it is mapped likewise: the attributes table says nothing about it, and an
 * image lies in the range of code with its data, as Linux assumes, too. It comes last, so that it
 * takes no frame that a range with a claim needs, and a part that cannot be mapped is left out.
 *
 * Large pages where a range permits: some firmware lists 256 MiB of PCI configuration space.
 */
#include "kernel/plat/efi_tables.h"

#include "kernel/arch/x86_64/paging.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"

#define EFI_MEMORY_WB      0x8ULL
#define EFI_MEMORY_XP      0x4000ULL
#define EFI_MEMORY_RO      0x20000ULL
#define EFI_MEMORY_RUNTIME 0x8000000000000000ULL

/* Of memory given to tables: enough for 64 ranges anywhere, or 128 MiB in small pages. */
#define FRAMES_MAX 256
#define TOP_LEVEL  4

/* The frames of one build. */
struct efi_tables {
    uint64_t root;
    unsigned nframes;
};

/* A cleared frame's physical address, 0 when there is none or enough have been taken. */
static uint64_t table_take(struct efi_tables *tables)
{
    struct frame *frame = tables->nframes < FRAMES_MAX ? pmm_alloc(0, PMM_ZERO) : NULL;

    if (!frame)
        return 0;
    tables->nframes++;
    return frame_physical(frame);
}

/* The entry for an address at a level; tables on the way are made. NULL: no memory. */
static uint64_t *entry_for(struct efi_tables *tables, uint64_t va, unsigned level)
{
    uint64_t *table = paging_table(tables->root);

    for (unsigned at = TOP_LEVEL; at > level; at--) {
        uint64_t *entry = &table[paging_index(va, at)];

        if (!*entry) {
            uint64_t physical = table_take(tables);

            if (!physical)
                return NULL;
            *entry = physical | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
        }
        table = paging_table(*entry);
    }
    return &table[paging_index(va, level)];
}

/* Bits are set beforehand, so that the processor never writes to these tables. What firmware calls
 * memory may be cached; registers say so by lacking the attribute. */
static uint64_t leaf_bits(const struct bootinfo_range *range)
{
    uint64_t bits = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
    bool memory = range->type != BOOTINFO_MMIO && (range->attributes & EFI_MEMORY_WB);

    if (range->type != BOOTINFO_RUNTIME_CODE && range->type != BOOTINFO_BOOT_CODE)
        bits |= PTE_NX;
    return memory ? bits : bits | PTE_UNCACHED;
}

static bool is_runtime(const struct bootinfo_range *range)
{
    return range->type == BOOTINFO_RUNTIME_CODE || range->type == BOOTINFO_RUNTIME_DATA ||
           (range->attributes & EFI_MEMORY_RUNTIME);
}

static bool is_boot_services(const struct bootinfo_range *range)
{
    return range->type == BOOTINFO_BOOT_SERVICES || range->type == BOOTINFO_BOOT_CODE;
}

/* False: no memory, or a range that cannot be shown at its physical address. small: no large pages,
 * as some will lose rights. */
static bool range_map(struct efi_tables *tables, const struct bootinfo_range *range, bool small)
{
    uint64_t bits = leaf_bits(range), at = range->base;
    uint64_t end = at + (range->npages << PAGE_SHIFT);

    if (end > USER_END || end < at)
        return false;
    /* A null pointer of firmware is to fault, though its boot services had that page. */
    if (!at && is_boot_services(range))
        at += PAGE_SIZE;
    while (at < end) {
        bool large = IS_ALIGNED(at, paging_span(2)) && end - at >= paging_span(2) && !small;
        unsigned level = large ? 2 : 1;
        uint64_t *entry = entry_for(tables, at, level);

        if (!entry)
            return false;
        *entry = at | bits | (level == 2 ? PTE_LARGE : 0);
        at += paging_span(level);
    }
    return true;
}

/* The entry that maps a small page; NULL where none does. */
static uint64_t *leaf_find(const struct efi_tables *tables, uint64_t va)
{
    uint64_t entry = tables->root;
    uint64_t *table = paging_table(entry);

    for (unsigned level = TOP_LEVEL; level > 1; level--) {
        entry = table[paging_index(va, level)];
        if (!(entry & PTE_PRESENT) || paging_is_leaf(entry, level))
            return NULL;
        table = paging_table(entry);
    }
    return &table[paging_index(va, 1)];
}

/* Rights are only ever taken away, and only from pages that are mapped: whatever the firmware's
 * table says, nothing is added. */
static void rights_take(const struct efi_tables *tables, const struct bootinfo_range *range)
{
    uint64_t left = MIN(range->npages, FRAMES_MAX * PAGING_ENTRIES); /* no more can be mapped */

    for (uint64_t at = range->base; left && at < USER_END; left--) {
        uint64_t *entry = leaf_find(tables, at);

        at += PAGE_SIZE;
        if (!entry || !*entry)
            continue;
        if (range->attributes & EFI_MEMORY_RO)
            *entry &= ~PTE_WRITE;
        if (range->attributes & EFI_MEMORY_XP)
            *entry |= PTE_NX;
    }
}

/* On failure nothing is given back: it happens at most once, at start-up. */
COLD uint64_t efi_tables_build(const struct bootinfo *info, bool boot_services)
{
    const uint64_t *kernel = paging_table(tables_kernel_root());
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    const struct bootinfo_range *rights =
        (const struct bootinfo_range *)((const char *)info + info->runtime_offset);
    struct efi_tables tables = {0};

    tables.root = table_take(&tables);
    if (!tables.root)
        return 0;
    memcpy(paging_table(tables.root) + KERNEL_HALF_FIRST_SLOT, kernel + KERNEL_HALF_FIRST_SLOT,
           KERNEL_HALF_SLOTS * sizeof(*kernel));
    for (uint32_t i = 0; i < info->ranges_count; i++) {
        bool small = info->runtime_count && ranges[i].type != BOOTINFO_MMIO;

        if (is_runtime(&ranges[i]) && !range_map(&tables, &ranges[i], small))
            return 0;
    }
    for (uint32_t i = 0; boot_services && i < info->ranges_count; i++)
        if (is_boot_services(&ranges[i]) && !range_map(&tables, &ranges[i], false))
            boot_services = false;
    for (uint32_t i = 0; i < info->runtime_count; i++)
        rights_take(&tables, &rights[i]);
    return tables.root;
}
