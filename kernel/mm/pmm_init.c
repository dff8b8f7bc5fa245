/* SPDX-License-Identifier: MIT */
/*
 * Which frames the allocator gets at start-up, and where their descriptors lie.
 *
 * The descriptors are carved out of free memory; all other free memory above 1 MiB is the
 * allocator's: what lies around its largest blocks goes to the lists at once, those blocks one by
 * one when they are needed (pmm_untouched_take). The blocks that are left are those from .next on
 * to .end and those of the ranges behind .range; their descriptors are garbage. What the map says
 * is kept for the checks: no free block may overlap memory with an owner.
 */
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"

#define BLOCK_FRAMES (1ULL << PMM_MAX_ORDER)
#define LOW_FRAMES   (0x100000ULL >> PAGE_SHIFT) /* below 1 MiB: left to the firmware */

struct frame *pmm_frames;

/* Constant after pmm_init, but for the last three: they have pmm.lock. */
static struct {
    uint64_t limit;  /* descriptors exist below this frame number */
    uint64_t carved; /* first frame of the descriptors themselves */
    uint64_t carved_count;
    const struct bootinfo *info;
    uint64_t next, end; /* the blocks that are taken now, as frame numbers */
    uint32_t range;     /* no block has been taken of this one and those behind it */
} map;

/* The part of a range that the allocator gets; false if none. */
NOINLINE static bool usable_part(const struct bootinfo_range *range, uint64_t *first, uint64_t *end)
{
    /* Frames below 1 MiB may be in use by firmware and start-up code whatever the memory map says.
     */
    *first = MAX(range->base >> PAGE_SHIFT, LOW_FRAMES);
    *end = (range->base >> PAGE_SHIFT) + range->npages;
    if (range->type != BOOTINFO_FREE || *end <= *first)
        return false;
    if (map.carved_count && map.carved >= *first && map.carved < *end)
        *end = map.carved;
    return *end > *first;
}

/* The whole largest blocks of what usable_part gives; false if there is none. */
NOINLINE static bool untouched_part(const struct bootinfo_range *range, uint64_t *first,
                                    uint64_t *end)
{
    if (!usable_part(range, first, end))
        return false;
    *first = ALIGN_UP(*first, BLOCK_FRAMES);
    *end = ALIGN_DOWN(*end, BLOCK_FRAMES);
    return *end > *first;
}

/* From low addresses to high ones. Nothing looks beyond the descriptors of a largest block, so only
 * its head needs to be right. */
uint32_t pmm_untouched_take(void)
{
    uint64_t number;

    while (map.next == map.end) {
        if (map.range == map.info->ranges_count)
            return 0;
        if (!untouched_part(&bootinfo_ranges(map.info)[map.range++], &map.next, &map.end))
            map.next = map.end = 0;
    }
    number = map.next;
    map.next += BLOCK_FRAMES;
    return (uint32_t)number;
}

/* What is left: of the range in use for i = 0, then of those behind it. False at the end. */
COLD static bool untouched_next(uint32_t *i, uint64_t *first, uint64_t *end)
{
    if ((*i)++ == 0) {
        *first = map.next;
        *end = map.end;
        return true;
    }
    for (; map.range + *i - 2 < map.info->ranges_count; (*i)++)
        if (untouched_part(&bootinfo_ranges(map.info)[map.range + *i - 2], first, end))
            return true;
    return false;
}

COLD bool pmm_is_untouched(uint64_t number)
{
    uint64_t first, end;

    for (uint32_t i = 0; untouched_next(&i, &first, &end);)
        if (number >= first && number < end)
            return true;
    return false;
}

COLD const char *pmm_check_untouched(uint64_t *counted)
{
    const char *fault = NULL;
    uint64_t first, end;

    for (uint32_t i = 0; !fault && untouched_next(&i, &first, &end);) {
        *counted += end - first;
        fault = end > first ? pmm_check_block(first, end - first) : NULL;
    }
    return fault;
}

/* The descriptors live at the end of the last free range that can hold them. Carved out of a free
 * range at its end: the range that pmm_init gives to the lists stops there. */
COLD static void descriptors_place(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t needed, first, end, place = 0;

    for (uint32_t i = 0; i < info->ranges_count; i++)
        if (bootinfo_type_is_direct(ranges[i].type))
            map.limit = (ranges[i].base >> PAGE_SHIFT) + ranges[i].npages;
    map.limit = ALIGN_UP(map.limit, BLOCK_FRAMES);
    needed = ALIGN_UP(map.limit * sizeof(struct frame), PAGE_SIZE) >> PAGE_SHIFT;
    for (uint32_t i = 0; i < info->ranges_count; i++)
        if (usable_part(&ranges[i], &first, &end) && end - first >= needed)
            place = end - needed;
    ASSERT(place != 0);
    map.carved = place;
    map.carved_count = needed;
    pmm_frames = (struct frame *)(DIRECT_BASE + (place << PAGE_SHIFT));
}

/* Descriptors of largest blocks that are not wholly free start as zero (reserved); those of wholly
 * free blocks are written as the blocks are split, so memory size costs nothing here. */
COLD static void descriptors_clear(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t done = 0; /* blocks below this one are dealt with */

    for (uint32_t i = 0; i < info->ranges_count; i++) {
        uint64_t range_first = ranges[i].base >> PAGE_SHIFT;
        uint64_t range_end = range_first + ranges[i].npages;
        uint64_t first = 0, end = 0;

        if (!bootinfo_type_is_direct(ranges[i].type))
            continue;
        if (!usable_part(&ranges[i], &first, &end))
            first = end = 0;
        for (uint64_t block = MAX(range_first / BLOCK_FRAMES, done);
             block * BLOCK_FRAMES < range_end; block++) {
            if (block * BLOCK_FRAMES < first || (block + 1) * BLOCK_FRAMES > end)
                memset(&pmm_frames[block * BLOCK_FRAMES], 0, BLOCK_FRAMES * sizeof(struct frame));
            done = block + 1;
        }
    }
}

/* The archive's file data is used in place, as frames of the page cache. */
static void pin(uint64_t first, uint64_t count)
{
    for (uint64_t n = first; n < first + count; n++) {
        pmm_frames[n].state = FRAME_PINNED;
        pmm_frames[n].refs = 1;
    }
}

/* The parts of a range around its largest blocks, which are told by number alone. */
COLD static void range_give(const struct bootinfo_range *range, uint64_t first, uint64_t end)
{
    uint64_t whole_first, whole_end;

    if (!untouched_part(range, &whole_first, &whole_end)) {
        pmm_give(first, end - first);
        return;
    }
    pmm_give(first, whole_first - first);
    pmm_give(whole_end, end - whole_end);
    pmm_give_untouched(whole_end - whole_first);
}

/* Descriptors first: giving a range to the lists looks at the neighbours' descriptors. */
COLD void pmm_init(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t first, end;

    map.info = info;
    descriptors_place(info);
    descriptors_clear(info);
    for (uint32_t i = 0; i < info->ranges_count; i++) {
        if (usable_part(&ranges[i], &first, &end))
            range_give(&ranges[i], first, end);
        else if (ranges[i].type == BOOTINFO_ROOTFS)
            pin(ranges[i].base >> PAGE_SHIFT, ranges[i].npages);
    }
}

/* Whether memory of that type may be in the free lists. Memory of the loader and of boot services
 * and the unused part of the table pool are given later, by pmm_give. */
static bool type_may_be_free(uint32_t type)
{
    return type == BOOTINFO_FREE || type == BOOTINFO_LOADER || type == BOOTINFO_TABLES ||
           type == BOOTINFO_BOOT_SERVICES || type == BOOTINFO_BOOT_CODE;
}

const char *pmm_check_block(uint64_t first, uint64_t count)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(map.info);

    if (first < map.carved + map.carved_count && map.carved < first + count)
        return "a free block overlaps the frame descriptors";
    for (uint32_t i = 0; i < map.info->ranges_count; i++) {
        uint64_t base = ranges[i].base >> PAGE_SHIFT;

        if (first < base + ranges[i].npages && base < first + count &&
            !type_may_be_free(ranges[i].type))
            return "a free block overlaps memory that has an owner";
    }
    return NULL;
}

uint64_t pmm_limit(void)
{
    return map.limit;
}

/* Only blocks within one range of free memory: descriptors of others may never have been written.
 */
COLD unsigned pmm_alloc_spread(struct frame *blocks[], unsigned count, unsigned order)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(map.info);
    uint64_t apart = MAX(ALIGN_DOWN(pmm_total_count() / count, BLOCK_FRAMES), BLOCK_FRAMES);
    uint64_t first, end;
    unsigned found = 0;

    for (uint32_t i = 0; i < map.info->ranges_count; i++) {
        if (!usable_part(&ranges[i], &first, &end))
            continue;
        first = ALIGN_UP(first, BLOCK_FRAMES);
        while (first + BLOCK_FRAMES <= end && found < count) {
            blocks[found] = pmm_alloc_first(first, order);
            first += blocks[found] ? apart : BLOCK_FRAMES;
            found += blocks[found] != NULL;
        }
    }
    return found;
}
