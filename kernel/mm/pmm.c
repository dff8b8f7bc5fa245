/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator: physical memory in blocks of 2^order frames.
 *
 * Every frame has a descriptor in one array, indexed by frame number. A free block is in the list
 * of its order and its first descriptor says so; the buddy of a block is the one whose number
 * differs in the bit of its order. pmm.lock, a late rank, covers the lists and the states of free
 * blocks: it is taken under almost every other lock, and nothing but list work happens under it
 * (zeroing and poisoning do not). Of an allocated block, others look only at the state and order of
 * its first descriptor, when they free the buddy; both are therefore set before the lock is
 * dropped.
 *
 * Frame 0 is never free (LOW_FRAMES), so 0 ends the lists.
 */
#include "kernel/mm/pmm.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/string.h"
#include "kernel/mm/config.h"
#include "kernel/mm/tables.h"

#define BLOCK_FRAMES (1ULL << PMM_MAX_ORDER)
#define LOW_FRAMES   (0x100000ULL >> PAGE_SHIFT) /* below 1 MiB: left to the firmware */

struct frame *pmm_frames;

static struct {
    struct spinlock lock;
    uint32_t first[PMM_MAX_ORDER + 1]; /* [lock] heads of the free lists, 0: empty */
    uint32_t orders;                   /* [lock] bit n: list n is not empty */
    uint64_t free;                     /* [lock] frames in the lists */
    uint64_t total;                    /* [lock] frames ever given */
    uint64_t limit;                    /* I: descriptors exist below this frame number */
    uint64_t carved;                   /* I: first frame of the descriptors themselves */
    uint64_t carved_count;
    const struct bootinfo *info; /* I */
} pmm = {.lock = SPINLOCK_INIT(SPIN_PMM)};

/* At the front: a block that was freed last is likely to be in the cache still. */
static void block_link(uint32_t number, unsigned order)
{
    struct frame *frame = &pmm_frames[number];

    frame->state = FRAME_FREE;
    frame->order = (uint8_t)order;
    frame->prev = 0;
    frame->next = pmm.first[order];
    if (frame->next)
        pmm_frames[frame->next].prev = number;
    pmm.first[order] = number;
    pmm.orders |= 1u << order;
}

static void block_unlink(uint32_t number, unsigned order)
{
    struct frame *frame = &pmm_frames[number];

    if (frame->prev)
        pmm_frames[frame->prev].next = frame->next;
    else
        pmm.first[order] = frame->next;
    if (frame->next)
        pmm_frames[frame->next].prev = frame->prev;
    if (!pmm.first[order])
        pmm.orders &= ~(1u << order);
}

/* Merges with the neighbour as long as that is free and whole. Within a largest block every
 * descriptor that can be looked at here was written before: by the split that made the neighbour,
 * or by descriptors_clear. */
static void free_locked(uint32_t number, unsigned order)
{
    ASSERT(spin_is_held_inline(&pmm.lock));
    pmm.free += 1ULL << order;
    while (order < PMM_MAX_ORDER) {
        uint32_t buddy = number ^ (1u << order);
        const struct frame *other = &pmm_frames[buddy];

        if (other->state != FRAME_FREE || other->order != order)
            break;
        block_unlink(buddy, order);
        pmm_frames[MAX(number, buddy)].state = FRAME_RESERVED;
        number = MIN(number, buddy);
        order++;
    }
    block_link(number, order);
}

/* From the smallest block that is large enough; the upper halves go back as it is split. */
static uint32_t alloc_locked(unsigned order)
{
    uint32_t fitting = pmm.orders & ~((1u << order) - 1);
    unsigned from;
    uint32_t number;

    ASSERT(spin_is_held_inline(&pmm.lock));
    if (!fitting)
        return 0;
    from = (unsigned)__builtin_ctz(fitting);
    number = pmm.first[from];
    block_unlink(number, from);
    /* The lower half is split on, so that what remains stays in large blocks at the end. */
    while (from > order) {
        from--;
        block_link(number + (1u << from), from);
    }
    pmm.free -= 1ULL << order;
    /* Here, not after the lock: the block's buddy looks at this when it is freed. */
    pmm_frames[number].state = FRAME_USED;
    pmm_frames[number].order = (uint8_t)order;
    return number;
}

/* Zeroed after the lock was dropped: the block has no other user yet. */
struct frame *pmm_alloc(unsigned order, enum pmm_flags flags)
{
    uint64_t irq;
    uint32_t number;
    struct frame *frame;

    ASSERT(order <= PMM_MAX_ORDER);
    irq = spin_lock_irqsave(&pmm.lock);
    number = alloc_locked(order);
    spin_unlock_irqrestore(&pmm.lock, irq);
    if (!number)
        return NULL;
    frame = &pmm_frames[number];
    frame->refs = 1;
    if (flags & PMM_ZERO)
        memset(frame_address(frame), 0, PAGE_SIZE << order);
    return frame;
}

/* Without the lock: while the block is allocated, others look at its first descriptor alone, and
 * there only for its state, which stays. */
void pmm_split(struct frame *block, unsigned order)
{
    ASSERT(block->state == FRAME_USED && block->order == order);
    for (struct frame *frame = block; frame < block + (1UL << order); frame++) {
        frame->refs = 1;
        frame->order = 0;
        frame->state = FRAME_USED;
    }
}

void pmm_free(struct frame *frame, unsigned order)
{
    uint64_t irq;

    ASSERT(frame->state != FRAME_FREE && frame->state != FRAME_RESERVED && frame->order == order);
    if (CONFIG_POISON)
        memset(frame_address(frame), 0xdb, PAGE_SIZE << order);
    irq = spin_lock_irqsave(&pmm.lock);
    frame->state = FRAME_RESERVED;
    free_locked((uint32_t)frame_number(frame), order);
    spin_unlock_irqrestore(&pmm.lock, irq);
}

/* Pinned frames are those of the initrd: they never come back, so that the page cache may count
 * references on them like on any other. */
void frame_put(struct frame *frame)
{
    uint32_t before = __atomic_fetch_sub(&frame->refs, 1, __ATOMIC_ACQ_REL);

    ASSERT(before != 0);
    if (before == 1 && frame->state != FRAME_PINNED)
        pmm_free(frame, 0);
}

/* Without the lock: the count may be old by the time the caller looks at it in any case. */
uint64_t pmm_free_count(void)
{
    return __atomic_load_n(&pmm.free, __ATOMIC_RELAXED);
}

uint64_t pmm_total_count(void)
{
    return __atomic_load_n(&pmm.total, __ATOMIC_RELAXED);
}

/* In the largest aligned blocks that fit; free_locked merges them with what lies next to them. */
void pmm_give(uint64_t first, uint64_t count)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);

    pmm.total += count;
    while (count) {
        unsigned order = first ? (unsigned)__builtin_ctzll(first | BLOCK_FRAMES) : PMM_MAX_ORDER;

        while ((1ULL << order) > count)
            order--;
        free_locked((uint32_t)first, order);
        first += 1ULL << order;
        count -= 1ULL << order;
    }
    spin_unlock_irqrestore(&pmm.lock, irq);
}

/* The part of a range that the allocator gets; false if none. */
static bool usable_part(const struct bootinfo_range *range, uint64_t *first, uint64_t *end)
{
    /* Frames below 1 MiB may be in use by firmware and start-up code whatever the memory map says.
     */
    *first = MAX(range->base >> PAGE_SHIFT, LOW_FRAMES);
    *end = (range->base >> PAGE_SHIFT) + range->npages;
    if (range->type != BOOTINFO_FREE || *end <= *first)
        return false;
    if (pmm.carved_count && pmm.carved >= *first && pmm.carved < *end)
        *end = pmm.carved;
    return *end > *first;
}

/* The descriptors live at the end of the last free range that can hold them. Carved out of a free
 * range at its end: the range that pmm_init gives to the lists stops there. */
static void descriptors_place(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t needed, first, end, place = 0;

    for (uint32_t i = 0; i < info->ranges_count; i++)
        if (bootinfo_type_is_direct(ranges[i].type))
            pmm.limit = (ranges[i].base >> PAGE_SHIFT) + ranges[i].npages;
    pmm.limit = ALIGN_UP(pmm.limit, BLOCK_FRAMES);
    needed = ALIGN_UP(pmm.limit * sizeof(struct frame), PAGE_SIZE) >> PAGE_SHIFT;
    for (uint32_t i = 0; i < info->ranges_count; i++)
        if (usable_part(&ranges[i], &first, &end) && end - first >= needed)
            place = end - needed;
    ASSERT(place != 0);
    pmm.carved = place;
    pmm.carved_count = needed;
    pmm_frames = (struct frame *)(DIRECT_BASE + (place << PAGE_SHIFT));
}

/* Descriptors of largest blocks that are not wholly free start as zero (reserved); those of wholly
 * free blocks are written as the blocks are split, so memory size costs nothing here. */
static void descriptors_clear(const struct bootinfo *info)
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

/* Descriptors first: giving a range to the lists looks at the neighbours' descriptors. */
void pmm_init(const struct bootinfo *info)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(info);
    uint64_t first, end;

    pmm.info = info;
    descriptors_place(info);
    descriptors_clear(info);
    for (uint32_t i = 0; i < info->ranges_count; i++) {
        if (usable_part(&ranges[i], &first, &end))
            pmm_give(first, end - first);
        else if (ranges[i].type == BOOTINFO_ROOTFS)
            pin(ranges[i].base >> PAGE_SHIFT, ranges[i].npages);
    }
}

/* Whether memory of that type may be in the free lists. Loader memory and the unused part of the
 * table pool are given later, by pmm_give. */
static bool type_may_be_free(uint32_t type)
{
    return type == BOOTINFO_FREE || type == BOOTINFO_LOADER || type == BOOTINFO_TABLES;
}

static const char *block_check(uint64_t first, uint64_t count)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(pmm.info);

    if (first < pmm.carved + pmm.carved_count && pmm.carved < first + count)
        return "a free block overlaps the frame descriptors";
    for (uint32_t i = 0; i < pmm.info->ranges_count; i++) {
        uint64_t base = ranges[i].base >> PAGE_SHIFT;

        if (first < base + ranges[i].npages && base < first + count &&
            !type_may_be_free(ranges[i].type))
            return "a free block overlaps memory that has an owner";
    }
    return NULL;
}

/* The head of the free block that would hold the frame, for each size. Right for frames next to
 * memory that is not free: descriptors there are all valid. */
bool pmm_frame_is_free(uint64_t number)
{
    for (unsigned order = 0; order <= PMM_MAX_ORDER; order++) {
        const struct frame *head = &pmm_frames[ALIGN_DOWN(number, 1ULL << order)];

        if (head->state == FRAME_FREE && head->order == order)
            return true;
    }
    return false;
}

/* For the self-test: walks every list with the lock held. NULL, or what is wrong. */
const char *pmm_check_owners(void)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);
    uint64_t counted = 0;
    const char *fault = NULL;

    for (unsigned order = 0; order <= PMM_MAX_ORDER && !fault; order++)
        for (uint64_t n = pmm.first[order]; n && !fault; n = pmm_frames[n].next) {
            fault = block_check(n, 1ULL << order);
            counted += 1ULL << order;
        }
    if (!fault && counted != pmm.free)
        fault = "the free lists do not add up to the number of free frames";
    if (!fault && tables_any_free())
        fault = "a page table of the kernel lies in a free block";
    spin_unlock_irqrestore(&pmm.lock, irq);
    return fault;
}
