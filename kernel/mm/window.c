/* SPDX-License-Identifier: MIT */
#include "kernel/mm/window.h"

#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/ipi.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/bitmap.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"

#define STACK_SLOT    (2ULL * KERNEL_STACK_SIZE) /* a hole of one stack's size, then the stack */
#define STACK_FRAMES  (KERNEL_STACK_SIZE / PAGE_SIZE)
#define STACKS_MAX    32768
#define STACKS_CACHED 4 /* free stacks that stay mapped */
#define STALE_MAX     64

#define DEVICE_BASE (WINDOW_BASE + (1ULL << 39))
#define DEVICE_END  (WINDOW_BASE + (2ULL << 39))

_Static_assert(STACKS_MAX *STACK_SLOT <= (1ULL << 39), "stacks stay in their top-level slot");

/* Slots of stacks that are unmapped, while processors may still know the old frames: not used
 * again before all have forgotten them. */
struct stale {
    unsigned count;
    uint32_t slots[STALE_MAX];
};
static struct stale window_stale; /* [lock] */

/* In use, cached ones too. By itself: zeroes take no room in the image. [lock] */
static uint64_t window_slots[BITMAP_WORDS(STACKS_MAX)];

static struct {
    struct spinlock lock;
    uint64_t cached[STACKS_CACHED]; /* [lock] tops of mapped, free stacks */
    unsigned cached_count;          /* [lock] */
    uint64_t live;                  /* [lock] stacks in use */
    uint64_t table_frames;          /* [lock] */
    uint64_t device_next;           /* [lock] */
} window = {.lock = SPINLOCK_INIT(SPIN_SLAB), .device_next = DEVICE_BASE};

/* The level-1 entry of va, making tables on the way; NULL without memory. The top-level slot
 * exists since the loader. */
static uint64_t *entry_make_locked(uint64_t va)
{
    uint64_t *table = paging_table(tables_kernel_root());

    for (unsigned level = 4; level > 1; level--) {
        uint64_t *entry = &table[paging_index(va, level)];

        if (!(*entry & PTE_PRESENT)) {
            struct frame *frame = pmm_alloc(0, PMM_ZERO);

            ASSERT(level < 4);
            if (!frame)
                return NULL;
            window.table_frames++;
            *entry = frame_physical(frame) | PTE_PRESENT | PTE_WRITE;
        }
        table = paging_table(*entry);
    }
    return &table[paging_index(va, 1)];
}

static bool map_locked(uint64_t va, uint64_t physical, uint64_t bits)
{
    uint64_t *entry = entry_make_locked(va);

    if (!entry)
        return false;
    ASSERT(!(*entry & PTE_PRESENT));
    *entry = physical | bits | PTE_PRESENT | PTE_NX | PTE_GLOBAL;
    return true;
}

bool window_lookup(uint64_t root_physical, uint64_t va, uint64_t *out_entry, unsigned *out_level)
{
    const uint64_t *table = paging_table(root_physical);

    for (unsigned level = 4; level >= 1; level--) {
        uint64_t entry = table[paging_index(va, level)];

        if (!(entry & PTE_PRESENT))
            return false;
        if (paging_is_leaf(entry, level)) {
            *out_entry = entry;
            *out_level = level;
            return true;
        }
        table = paging_table(entry);
    }
    return false;
}

static volatile void *device_map(uint64_t physical, size_t nbytes, uint64_t bits)
{
    uint64_t first = ALIGN_DOWN(physical, PAGE_SIZE);
    uint64_t length = ALIGN_UP(physical + nbytes, PAGE_SIZE) - first;
    uint64_t flags, va;

    if (!nbytes || physical + nbytes < physical || (first + length) & ~(PTE_ADDRESS | PAGE_MASK))
        return NULL;
    flags = spin_lock_irqsave(&window.lock);
    va = window.device_next;
    if (length > DEVICE_END - va)
        length = 0;
    window.device_next += length + (length ? PAGE_SIZE : 0); /* a hole between two */
    for (uint64_t done = 0; done < length; done += PAGE_SIZE)
        if (!map_locked(va + done, first + done, bits))
            length = 0;
    spin_unlock_irqrestore(&window.lock, flags);
    return length ? (volatile void *)(va + (physical - first)) : NULL;
}

volatile void *window_map_mmio(uint64_t physical, size_t nbytes, enum window_cache cache)
{
    return device_map(physical, nbytes,
                      PTE_WRITE |
                          (cache == WINDOW_WRITE_COMBINING ? PTE_WRITE_COMBINING : PTE_UNCACHED));
}

const void *window_map_ram(uint64_t physical, size_t nbytes)
{
    uint64_t entry;
    unsigned level;
    bool direct = nbytes != 0 && physical + nbytes >= physical &&
                  physical + nbytes <= DIRECT_END - DIRECT_BASE;

    for (uint64_t page = ALIGN_DOWN(physical, PAGE_SIZE); direct && page < physical + nbytes;
         page += PAGE_SIZE)
        direct = window_lookup(tables_kernel_root(), DIRECT_BASE + page, &entry, &level);
    if (direct)
        return (const void *)(DIRECT_BASE + physical);
    return (const void *)device_map(physical, nbytes, 0);
}

static void stack_unmap_locked(uint64_t top)
{
    uint64_t bottom = top - KERNEL_STACK_SIZE;

    for (uint64_t va = bottom; va < top; va += PAGE_SIZE) {
        uint64_t *entry = entry_make_locked(va);

        if (entry && (*entry & PTE_PRESENT)) {
            struct frame *frame = frame_from_physical(*entry & PTE_ADDRESS);

            *entry = 0;
            pmm_free(frame, 0);
        }
    }
    window_stale.slots[window_stale.count++] = (uint32_t)((bottom - WINDOW_BASE) / STACK_SLOT);
}

static void forget(void *argument)
{
    const struct stale *stale = argument;

    for (unsigned i = 0; i < stale->count; i++) {
        uint64_t top = WINDOW_BASE + (stale->slots[i] + 1) * STACK_SLOT;

        for (uint64_t va = top - KERNEL_STACK_SIZE; va < top; va += PAGE_SIZE)
            tlb_flush_page(va);
    }
}

/* With room for one more stale slot: one call to all processors serves many stacks. */
static uint64_t window_lock(void)
{
    uint64_t flags = spin_lock_irqsave(&window.lock);

    while (window_stale.count == STALE_MAX) {
        struct stale stale = window_stale;

        window_stale.count = 0;
        spin_unlock_irqrestore(&window.lock, flags);
        ipi_call_all(forget, &stale);
        flags = spin_lock_irqsave(&window.lock);
        for (unsigned i = 0; i < stale.count; i++)
            bitmap_clear(window_slots, stale.slots[i]);
    }
    return flags;
}

static void *stack_create_locked(void)
{
    size_t slot;
    uint64_t top;

    if (window.cached_count)
        return (void *)window.cached[--window.cached_count];
    slot = bitmap_find_zero(window_slots, STACKS_MAX, 0);
    if (slot == STACKS_MAX)
        return NULL;
    bitmap_set(window_slots, slot);
    top = WINDOW_BASE + (slot + 1) * STACK_SLOT;
    for (uint64_t va = top - KERNEL_STACK_SIZE; va < top; va += PAGE_SIZE) {
        /* Cleared: an emulator that has translated code in a frame is slow in it until then. */
        struct frame *frame = pmm_alloc(0, PMM_ZERO);

        if (frame && map_locked(va, frame_physical(frame), PTE_WRITE))
            continue;
        if (frame)
            pmm_free(frame, 0);
        stack_unmap_locked(top);
        return NULL;
    }
    return (void *)top;
}

void *window_stack_create(void)
{
    uint64_t flags = window_lock();
    void *top = stack_create_locked();

    if (top)
        window.live++;
    spin_unlock_irqrestore(&window.lock, flags);
    return top;
}

void window_stack_destroy(void *top)
{
    uint64_t flags = window_lock();

    window.live--;
    if (window.cached_count < STACKS_CACHED)
        window.cached[window.cached_count++] = (uint64_t)top;
    else
        stack_unmap_locked((uint64_t)top);
    spin_unlock_irqrestore(&window.lock, flags);
}

uint64_t window_stacks_live(void)
{
    return __atomic_load_n(&window.live, __ATOMIC_RELAXED);
}

uint64_t window_frames_held(void)
{
    uint64_t flags = spin_lock_irqsave(&window.lock);
    uint64_t held = window.table_frames + window.cached_count * STACK_FRAMES;

    spin_unlock_irqrestore(&window.lock, flags);
    return held;
}
