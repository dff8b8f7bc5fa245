/* SPDX-License-Identifier: MIT */
/*
 * The page tables that the kernel keeps: direct map, image, framebuffer, jump code.
 *
 * All frames come from one pool, whose size paging_bound computes from a memory map that is not yet
 * the final one; SLACK frames cover its growth. Building fails rather than taking an entry that is
 * in use, so a page is never mapped twice.
 *
 * No mapping is writable and executable, and the kernel's text and rodata are read-only in the
 * direct map, too: runs of RAM are cut where such a segment lies. The upper 256 top-level entries
 * are all filled with tables, so that they can be copied into every address space and never change.
 *
 * Accessed and dirty bits are set beforehand: the processor then never writes to these tables.
 *
 * Bits: Intel SDM volume 3, chapter 4.5.
 */
#include "efi-loader/paging.h"
#include "efi-loader/memmap.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define PTE_PRESENT   (1ULL << 0)
#define PTE_WRITE     (1ULL << 1)
#define PTE_ACCESSED  (1ULL << 5)
#define PTE_DIRTY     (1ULL << 6)
#define PTE_LARGE     (1ULL << 7) /* in levels 1 and 2: a page, not a table */
#define PTE_PAT       (1ULL << 7) /* in level 0 */
#define PTE_GLOBAL    (1ULL << 8)
#define PTE_PAT_LARGE (1ULL << 12)
#define PTE_NX        (1ULL << 63)
#define PTE_ADDRESS   0x000ffffffffff000ULL

#define ENTRIES    512
#define TOP_LEVEL  3
#define SLACK      16 /* frames, for a memory map that changes as boot services end */
#define MIB2       (1ULL << 21)
#define GIB        (1ULL << 30)
#define LOWER_HALF (1ULL << 47)

/* Levels from 0: 4 KiB, 2 MiB, 1 GiB. */
static uint64_t page_size(int level)
{
    return PAGE_SIZE << (9 * level);
}

/* The loader sees physical memory as it is, the tests elsewhere: hence the detour by the pool. */
static uint64_t *table_at(struct paging *paging, uint64_t pa)
{
    return (uint64_t *)(paging->pool + (pa - paging->pool_base));
}

/* Frames are used in order, and cleared when they are taken. */
static int take_frame(struct paging *paging, uint64_t *pa)
{
    if (paging->used == paging->nframes)
        return -ENOSPC;
    *pa = paging->pool_base + paging->used++ * PAGE_SIZE;
    memset(table_at(paging, *pa), 0, PAGE_SIZE);
    return 0;
}

/* The entry for va in the table of the given level; tables on the way are made. */
static int entry_for(struct paging *paging, uint64_t va, int level, uint64_t **out)
{
    uint64_t *table = table_at(paging, paging->pool_base);

    for (int at = TOP_LEVEL; at > level; at--) {
        uint64_t *entry = &table[(va >> (PAGE_SHIFT + 9 * at)) % ENTRIES];

        if (!*entry) {
            uint64_t pa;
            int err = take_frame(paging, &pa);
            if (err)
                return err;
            *entry = pa | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
        } else if (at < TOP_LEVEL && (*entry & PTE_LARGE)) {
            return -EEXIST;
        }
        table = table_at(paging, *entry & PTE_ADDRESS);
    }
    *out = &table[(va >> (PAGE_SHIFT + 9 * level)) % ENTRIES];
    return 0;
}

/* Global pages survive a load of CR3; those of the kernel half are the same in all address spaces.
 */
static uint64_t leaf_bits(uint64_t va, int level, enum paging_access access)
{
    uint64_t bits = PTE_PRESENT | PTE_ACCESSED;

    if (access == PAGING_WRITE || access == PAGING_SCREEN)
        bits |= PTE_WRITE | PTE_DIRTY;
    if (access == PAGING_SCREEN)
        bits |= level > 0 ? PTE_PAT_LARGE : PTE_PAT;
    if (access != PAGING_EXECUTE)
        bits |= PTE_NX;
    if (level > 0)
        bits |= PTE_LARGE;
    /* The identity mapping goes away before the first process; it must not outlive a CR3 load. */
    if (va >= LOWER_HALF)
        bits |= PTE_GLOBAL;
    return bits;
}

/* Maps [va, va + size) with the largest pages that alignment and max_level permit. */
static int map(struct paging *paging, uint64_t va, uint64_t pa, uint64_t size,
               enum paging_access access, int max_level)
{
    if ((va | pa | size) & PAGE_MASK)
        return -EINVAL;
    while (size) {
        int level = max_level;

        while (((va | pa) & (page_size(level) - 1)) || size < page_size(level))
            level--;

        uint64_t *entry;
        int err = entry_for(paging, va, level, &entry);
        if (err)
            return err;
        /* A table's neighbours are filled without walking again. */
        do {
            if (*entry)
                return -EEXIST;
            *entry++ = pa | leaf_bits(va, level, access);
            va += page_size(level);
            pa += page_size(level);
            size -= page_size(level);
        } while (size >= page_size(level) && (va & (page_size(level + 1) - 1)));
    }
    return 0;
}

/* The first read-only or executable segment that has a byte in [pa, end), or NULL. */
static const struct paging_segment *first_readonly(const struct paging_plan *plan, uint64_t pa,
                                                   uint64_t end)
{
    const struct paging_segment *found = NULL;

    for (uint32_t i = 0; i < plan->nsegments; i++) {
        const struct paging_segment *segment = &plan->segments[i];

        if (segment->access == PAGING_WRITE || segment->pa >= end ||
            segment->pa + segment->size <= pa)
            continue;
        if (!found || segment->pa < found->pa)
            found = segment;
    }
    return found;
}

/* One run of RAM, cut where the kernel's text and rodata lie: no writable alias of them. */
static int map_direct(struct paging *paging, const struct paging_plan *plan, uint64_t pa,
                      uint64_t end)
{
    int max_level = paging->gib_pages ? 2 : 1;

    while (pa < end) {
        const struct paging_segment *readonly = first_readonly(plan, pa, end);
        enum paging_access access = PAGING_WRITE;
        uint64_t until = end;

        if (readonly && readonly->pa > pa) {
            until = readonly->pa;
        } else if (readonly) {
            until = MIN(end, readonly->pa + readonly->size);
            access = PAGING_READ;
        }
        int err = map(paging, DIRECT_BASE + pa, pa, until - pa, access, max_level);
        if (err)
            return err;
        pa = until;
    }
    return 0;
}

/* Every top-level entry of the kernel half, so that none is ever added later. */
static int map_top(struct paging *paging)
{
    uint64_t root;
    int err = take_frame(paging, &root);

    for (unsigned i = 0; i < KERNEL_HALF_SLOTS && !err; i++) {
        uint64_t *unused;

        err =
            entry_for(paging, (uint64_t)(KERNEL_HALF_FIRST_SLOT + i) << 39, TOP_LEVEL - 1, &unused);
    }
    return err;
}

/* The plan is made of our own data: a failure here is a fault of the loader, found before the jump.
 */
static int check_plan(const struct paging_plan *plan)
{
    for (uint32_t i = 0; i < plan->nsegments; i++) {
        const struct paging_segment *segment = &plan->segments[i];

        if (segment->va < IMAGE_BASE || segment->va >= IMAGE_END ||
            segment->size > IMAGE_END - segment->va)
            return -EINVAL;
    }
    /* The jump code runs at its physical address, which user space will take over. */
    if (plan->jump.base >= LOWER_HALF || plan->jump.size > LOWER_HALF - plan->jump.base)
        return -EINVAL;
    return 0;
}

/* Whole pages around the framebuffer, where the kernel looks for it. */
static struct bootinfo_extent screen_pages(const struct paging_plan *plan)
{
    uint64_t base = ALIGN_DOWN(plan->screen.base, PAGE_SIZE);
    uint64_t end = ALIGN_UP(plan->screen.base + plan->screen.size, PAGE_SIZE);

    return (struct bootinfo_extent){base, plan->screen.size ? end - base : 0};
}

static int map_screen(struct paging *paging, const struct paging_plan *plan)
{
    struct bootinfo_extent pages = screen_pages(plan);

    return map(paging, SCREEN_ADDRESS(pages.base), pages.base, pages.size, PAGING_SCREEN, 1);
}

/* RAM first, in large pages; then the image in small ones, since its segments have different
 * rights; then the jump code where it lies. */
int paging_build(struct paging *paging, const struct paging_plan *plan)
{
    struct bootinfo_extent ram;
    uint32_t index = 0;

    paging->used = 0;
    int err = check_plan(plan);
    if (!err)
        err = map_top(paging);
    while (!err && memmap_next_direct(plan->ranges, plan->nranges, &index, &ram))
        err = map_direct(paging, plan, ram.base, ram.base + ram.size);
    for (uint32_t i = 0; i < plan->nsegments && !err; i++) {
        const struct paging_segment *segment = &plan->segments[i];

        err = map(paging, segment->va, segment->pa, segment->size, segment->access, 0);
    }
    if (!err)
        err = map_screen(paging, plan);
    if (!err)
        err = map(paging, plan->jump.base, plan->jump.base, plan->jump.size, PAGING_EXECUTE, 0);
    return err;
}

/* The root, then at most three tables for each page. */
int paging_build_bridge(struct paging *paging, uint64_t code, uint64_t data,
                        const struct bootinfo_extent *jump)
{
    uint64_t root;

    paging->used = 0;
    int err = take_frame(paging, &root);
    if (!err)
        err = map(paging, code, code, PAGE_SIZE, PAGING_EXECUTE, 0);
    if (!err)
        err = map(paging, data, data, PAGE_SIZE, PAGING_WRITE, 0);
    if (!err)
        err = map(paging, jump->base, jump->base, jump->size, PAGING_EXECUTE, 0);
    return err;
}

/* How many naturally aligned blocks of the given size [base, base + size) touches. */
static uint64_t touched(uint64_t base, uint64_t size, uint64_t block)
{
    return size ? (base + size - 1) / block - base / block + 1 : 0;
}

/* An upper bound: a table for each directory and border that any mapping touches. */
uint64_t paging_bound(const struct paging_plan *plan, bool gib_pages)
{
    uint64_t frames = 1 + KERNEL_HALF_SLOTS + SLACK;
    struct bootinfo_extent ram;
    uint32_t index = 0;

    while (memmap_next_direct(plan->ranges, plan->nranges, &index, &ram)) {
        uint64_t directories = touched(ram.base, ram.size, GIB);

        /* With the largest pages only the two ends of a run need smaller ones. */
        frames += gib_pages ? MIN(directories, 2) : directories;
        frames += MIN(touched(ram.base, ram.size, MIB2), 2);
    }
    for (uint32_t i = 0; i < plan->nsegments; i++) {
        frames += 1 + touched(plan->segments[i].va, plan->segments[i].size, MIB2);
        frames += 4; /* a directory and a table at either border, in the direct map */
    }
    frames += 3 * touched(plan->jump.base, plan->jump.size, PAGE_SIZE);
    struct bootinfo_extent screen = screen_pages(plan);
    frames += touched(SCREEN_ADDRESS(screen.base), screen.size, GIB);
    frames += MIN(touched(SCREEN_ADDRESS(screen.base), screen.size, MIB2), 2);
    return frames;
}
