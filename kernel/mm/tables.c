/* SPDX-License-Identifier: MIT */
/*
 * The page tables that the loader made: verified, then adopted.
 *
 * The kernel goes on with the loader's tables and only adds to them. Before it relies on them, it
 * checks that each table lies in the loader's pool, that nothing in the kernel half is open to ring
 * 3 or both writable and executable, and that its own image has exactly the rights of its sections,
 * by every mapping of it. Then the lower half, through which the loader jumped here, goes, and the
 * unused rest of the pool becomes free memory. Runs once, on one processor, before any address
 * space exists.
 */
#include "kernel/mm/tables.h"

#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/image.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/vmalloc.h"

/* I: physical; every address space shares the upper half of this table's entries. */
static uint64_t kernel_root;

uint64_t tables_kernel_root(void)
{
    return kernel_root;
}

/* Walks one table; *count grows by the table frames seen, *fault is the first thing wrong. */
struct walk {
    const struct bootinfo *info;
    uint64_t count;
    const char *fault;
};

/* The first fault wins; the walk stops on it. */
static void check_leaf(struct walk *walk, uint64_t entry)
{
    if (entry & PTE_USER)
        walk->fault = "a page of the kernel half is open to ring 3";
    else if ((entry & PTE_WRITE) && !(entry & PTE_NX))
        walk->fault = "a page is both writable and executable";
}

static void check_table(struct walk *walk, uint64_t physical, unsigned level);

static void check_entry(struct walk *walk, uint64_t entry, unsigned level)
{
    if (!(entry & PTE_PRESENT))
        return;
    if (paging_is_leaf(entry, level))
        check_leaf(walk, entry);
    else if (entry & PTE_USER)
        walk->fault = "a table of the kernel half is open to ring 3";
    else
        check_table(walk, entry & PTE_ADDRESS, level - 1);
}

/* Recursion is three deep at most: levels count down. */
static void check_table(struct walk *walk, uint64_t physical, unsigned level)
{
    const uint64_t *table = paging_table(physical);
    const struct bootinfo *info = walk->info;

    if (physical < info->tables.base ||
        physical >= info->tables.base + info->tables_used * PAGE_SIZE) {
        walk->fault = "a table lies outside the pool of the loader";
        return;
    }
    /* Each table must be met exactly once: the sum is compared with the number that the loader
     * used. */
    walk->count++;
    /* Most tables are nearly empty: eight entries a look. */
    for (const uint64_t *end = table + PAGING_ENTRIES; table < end; table += 8)
        if (table[0] | table[1] | table[2] | table[3] | table[4] | table[5] | table[6] | table[7])
            for (unsigned i = 0; i < 8 && !walk->fault; i++)
                check_entry(walk, table[i], level);
}

/* Every page from first to end has exactly these rights, and no writable alias if it has none. */
static const char *check_rights(const char *first, const char *end, uint64_t rights)
{
    for (uint64_t va = (uint64_t)first; va < (uint64_t)end; va += PAGE_SIZE) {
        uint64_t entry, alias;
        unsigned level;

        if (!vmalloc_lookup(kernel_root, va, &entry, &level) || level != 1)
            return "the kernel image is not mapped in 4 KiB pages";
        if ((entry & (PTE_WRITE | PTE_NX)) != rights)
            return "a page of the kernel image has the wrong rights";
        if (rights & PTE_WRITE)
            continue;
        if (vmalloc_lookup(kernel_root, DIRECT_BASE + (entry & PTE_ADDRESS), &alias, &level) &&
            (alias & PTE_WRITE))
            return "kernel text or rodata can be written through the direct map";
    }
    return NULL;
}

/* All 256 upper slots have to be there: they are copied into each new address space and are never
 * filled in later. */
COLD const char *tables_verify(const struct bootinfo *info)
{
    struct walk walk = {.info = info};
    const uint64_t *root = paging_table(info->table_root);
    const char *fault;

    kernel_root = info->table_root;
    if ((cr3_read() & PTE_ADDRESS) != kernel_root)
        return "CR3 is not the root that was handed over";
    for (unsigned i = KERNEL_HALF_FIRST_SLOT; i < PAGING_ENTRIES; i++)
        if (!(root[i] & PTE_PRESENT))
            return "a top-level slot of the kernel half is missing";
    check_table(&walk, kernel_root, 4);
    if (walk.fault)
        return walk.fault;
    if (walk.count != info->tables_used)
        return "tables of the pool are not accounted for";
    fault = check_rights(image_text_begin, image_text_end, 0);
    if (!fault)
        fault = check_rights(image_rodata_begin, image_rodata_end, PTE_NX);
    if (!fault)
        fault = check_rights(image_data_begin, image_data_end, PTE_NX | PTE_WRITE);
    return fault;
}

/* Recursion is three deep at most. */
static bool table_is_free(uint64_t entry, unsigned level)
{
    const uint64_t *table = paging_table(entry);

    if (pmm_frame_is_free((entry & PTE_ADDRESS) >> PAGE_SHIFT))
        return true;
    for (unsigned i = 0; level > 1 && i < PAGING_ENTRIES; i++)
        if ((table[i] & PTE_PRESENT) && !paging_is_leaf(table[i], level) &&
            table_is_free(table[i], level - 1))
            return true;
    return false;
}

/* For the self-test: whether a table of the kernel lies in a frame that the allocator could give
 * out. */
bool tables_any_free(void)
{
    const uint64_t *root = paging_table(kernel_root);

    for (unsigned i = KERNEL_HALF_FIRST_SLOT; i < PAGING_ENTRIES; i++)
        if (table_is_free(root[i], 3))
            return true;
    return pmm_frame_is_free(kernel_root >> PAGE_SHIFT);
}

/* Frees the tables below one entry of the lower half. */
static void free_below(uint64_t entry, unsigned level)
{
    const uint64_t *table = paging_table(entry);

    for (unsigned i = 0; level > 1 && i < PAGING_ENTRIES; i++)
        if ((table[i] & PTE_PRESENT) && !paging_is_leaf(table[i], level))
            free_below(table[i], level - 1);
    pmm_give((entry & PTE_ADDRESS) >> PAGE_SHIFT, 1);
}

COLD void tables_adopt(const struct bootinfo *info)
{
    uint64_t *root = paging_table(kernel_root);
    uint64_t unused = info->tables.size / PAGE_SIZE - info->tables_used;

    /* Tables are freed before the TLB is flushed: nothing is allocated in between, so none is
     * overwritten. */
    for (unsigned i = 0; i < KERNEL_HALF_FIRST_SLOT; i++) {
        uint64_t entry = root[i];

        root[i] = 0;
        if (entry & PTE_PRESENT)
            free_below(entry, 3);
    }
    /* Flushes what the lower half had in the TLB. */
    cr3_write(kernel_root);
    pmm_give((info->tables.base >> PAGE_SHIFT) + info->tables_used, unused);
}
