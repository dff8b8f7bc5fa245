/* SPDX-License-Identifier: MIT */
/*
 * Kernel mappings made at run time: stacks with guard pages, and ioremap.
 *
 * Stacks lie in slots of twice their size, the lower half never mapped: an overflow faults instead
 * of running into the next stack. A slot is free (bit clear), in use or cached (bit set, mapped),
 * or stale (bit set, unmapped). Other processors may still have a stale slot's translations in
 * their TLB, so it becomes free only after a shootdown; they are collected, and one IPI serves
 * STALE_MAX of them. The frames go back at once: only a kernel that touches a stack it has freed
 * could reach them by a stale translation.
 *
 * window.lock covers the slots, the tables below the two windows, and the device addresses. Tables
 * are added and never removed, so vmalloc_lookup and page walks need no lock. ioremap areas are
 * never unmapped: drivers keep them.
 */
#include "kernel/mm/vmalloc.h"

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

/* The second top-level slot; stacks have the first. */
#define DEVICE_BASE (WINDOW_BASE + (1ULL << 39))
#define DEVICE_END  (READ_PAGE - PAGE_SIZE)
/* Mapped for as long as vmalloc_read_physical reads through it. */
#define READ_PAGE (WINDOW_BASE + (2ULL << 39) - PAGE_SIZE)

_Static_assert(STACKS_MAX *STACK_SLOT <= (1ULL << 39), "stacks stay in their top-level slot");

/* Slots of stacks that are unmapped, while processors may still know the old frames: not used
 * again before the flush on all of them. */
struct stale {
    unsigned count;
    uint32_t slots[STALE_MAX];
};
static struct stale vmalloc_stale; /* [lock] */

/* In use, cached ones too. By itself: zeroes take no room in the image. [lock] */
static uint64_t vmalloc_slots[BITMAP_WORDS(STACKS_MAX)];

static struct {
    struct spinlock lock;
    uint64_t cached[STACKS_CACHED]; /* [lock] tops of mapped, free stacks */
    unsigned cached_count;          /* [lock] */
    uint64_t live;                  /* [lock] stacks in use */
    uint64_t table_frames;          /* [lock] */
    uint64_t device_next;           /* [lock] */
    size_t slot_from;               /* [lock] no slot below it is free: where the search begins */
} window = {.lock = SPINLOCK_INIT(SPIN_STACKS), .device_next = DEVICE_BASE};

/* The level-1 entry of va, making tables on the way; NULL without memory. The top-level slot
 * exists since the loader. */
static uint64_t *entry_make_locked(uint64_t va)
{
    uint64_t *table = paging_table(tables_kernel_root());

    ASSERT(spin_is_held(&window.lock));
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

/* Never executable; global, since all address spaces share it. */
static bool map_locked(uint64_t va, uint64_t physical, uint64_t bits)
{
    uint64_t *entry = entry_make_locked(va);

    ASSERT(spin_is_held(&window.lock));
    if (!entry)
        return false;
    ASSERT(!(*entry & PTE_PRESENT));
    /* No flush: the entry was not present before, and such entries are not cached. */
    *entry = physical | bits | PTE_PRESENT | PTE_NX | PTE_GLOBAL;
    return true;
}

/* Any root, any level: large pages of the direct map are found too. */
bool vmalloc_lookup(uint64_t root_physical, uint64_t va, uint64_t *out_entry, unsigned *out_level)
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

/* A failure half way leaves the pages mapped and the addresses spent: it means that memory is out
 * during start-up. */
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

volatile void *ioremap(uint64_t physical, size_t nbytes, enum vmalloc_cache cache)
{
    return device_map(physical, nbytes,
                      PTE_WRITE |
                          (cache == WINDOW_WRITE_COMBINING ? PTE_WRITE_COMBINING : PTE_UNCACHED));
}

/* Words where they fit, each read once: registers may have effects. */
static void words_read(uint8_t *dst, const volatile uint8_t *src, size_t nbytes)
{
    while (nbytes > 0) {
        size_t step = nbytes >= 4 && !((uintptr_t)src & 3) ? 4 : 1;

        if (step == 4) {
            uint32_t word = *(const volatile uint32_t *)src;

            __builtin_memcpy(dst, &word, 4);
        } else {
            *dst = *src;
        }
        src += step;
        dst += step;
        nbytes -= step;
    }
}

/* Interrupts are off from the mapping to its end, and each use flushes its own processor's TLB
 * before it reads: what other processors may have kept of an earlier mapping does no harm. */
bool vmalloc_read_physical(uint64_t physical, void *dst, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&window.lock);
    uint64_t *entry = entry_make_locked(READ_PAGE);

    ASSERT(nbytes <= VMALLOC_READ_MAX && (physical & PAGE_MASK) + nbytes <= PAGE_SIZE);
    if (entry) {
        *entry = ALIGN_DOWN(physical, PAGE_SIZE) | PTE_PRESENT | PTE_NX | PTE_UNCACHED;
        tlb_flush_page(READ_PAGE);
        words_read(dst, (const volatile uint8_t *)(READ_PAGE + (physical & PAGE_MASK)), nbytes);
        *entry = 0;
        tlb_flush_page(READ_PAGE);
    }
    spin_unlock_irqrestore(&window.lock, flags);
    return entry != NULL;
}

/* Firmware tables: read-only and cached. In the direct map where all of their pages are there. */
const void *memremap(uint64_t physical, size_t nbytes)
{
    uint64_t entry;
    unsigned level;
    bool direct = nbytes != 0 && physical + nbytes >= physical &&
                  physical + nbytes <= DIRECT_END - DIRECT_BASE;

    for (uint64_t page = ALIGN_DOWN(physical, PAGE_SIZE); direct && page < physical + nbytes;
         page += PAGE_SIZE)
        direct = vmalloc_lookup(tables_kernel_root(), DIRECT_BASE + page, &entry, &level);
    if (direct)
        return (const void *)(DIRECT_BASE + physical);
    return (const void *)device_map(physical, nbytes, 0);
}

/* Also for a stack that was mapped in part; entry_make_locked then finds the tables it needs or,
 * with no memory for them, that there is nothing to unmap. */
static void stack_unmap_locked(uint64_t top)
{
    uint64_t bottom = top - KERNEL_STACK_SIZE;

    ASSERT(spin_is_held_inline(&window.lock));
    for (uint64_t va = bottom; va < top; va += PAGE_SIZE) {
        uint64_t *entry = entry_make_locked(va);

        if (entry && (*entry & PTE_PRESENT)) {
            struct frame *frame = frame_from_physical(*entry & PTE_ADDRESS);

            *entry = 0;
            pmm_free(frame, 0);
        }
    }
    vmalloc_stale.slots[vmalloc_stale.count++] = (uint32_t)((bottom - WINDOW_BASE) / STACK_SLOT);
}

static void slot_free_locked(size_t slot)
{
    ASSERT(spin_is_held_inline(&window.lock));
    bitmap_clear(vmalloc_slots, slot);
    window.slot_from = MIN(window.slot_from, slot);
}

static void stacks_tlb_flush(void *argument)
{
    const struct stale *stale = argument;

    for (unsigned i = 0; i < stale->count; i++) {
        uint64_t top = WINDOW_BASE + (stale->slots[i] + 1) * STACK_SLOT;

        for (uint64_t va = top - KERNEL_STACK_SIZE; va < top; va += PAGE_SIZE)
            tlb_flush_page(va);
    }
}

/* With room for one more stale slot: one call to all processors serves many stacks. */
static uint64_t vmalloc_lock(void)
{
    uint64_t flags = spin_lock_irqsave(&window.lock);

    while (vmalloc_stale.count == STALE_MAX) {
        struct stale stale = vmalloc_stale;

        vmalloc_stale.count = 0;
        spin_unlock_irqrestore(&window.lock, flags);
        /* Without the lock, since it waits for other processors. The slots stay set until then. */
        ipi_call_all(stacks_tlb_flush, &stale);
        flags = spin_lock_irqsave(&window.lock);
        for (unsigned i = 0; i < stale.count; i++)
            slot_free_locked(stale.slots[i]);
    }
    return flags;
}

static void *stack_create_locked(void)
{
    size_t slot;
    uint64_t top;

    ASSERT(spin_is_held_inline(&window.lock));
    if (window.cached_count)
        return (void *)window.cached[--window.cached_count];
    slot = bitmap_find_zero(vmalloc_slots, STACKS_MAX, window.slot_from);
    window.slot_from = slot;
    if (slot == STACKS_MAX)
        return NULL;
    bitmap_set(vmalloc_slots, slot);
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

void *kstack_create(void)
{
    uint64_t flags = vmalloc_lock();
    void *top = stack_create_locked();

    if (top)
        window.live++;
    spin_unlock_irqrestore(&window.lock, flags);
    return top;
}

/* Cached stacks keep fork and exit of short-lived threads free of page-table work. */
void kstack_destroy(void *top)
{
    uint64_t flags = vmalloc_lock();

    window.live--;
    if (window.cached_count < STACKS_CACHED)
        window.cached[window.cached_count++] = (uint64_t)top;
    else
        stack_unmap_locked((uint64_t)top);
    spin_unlock_irqrestore(&window.lock, flags);
}

uint64_t kstacks_live(void)
{
    return __atomic_load_n(&window.live, __ATOMIC_RELAXED);
}

/* For the leak check: frames that are in use but belong to no thread. */
uint64_t vmalloc_frames_held(void)
{
    uint64_t flags = spin_lock_irqsave(&window.lock);
    uint64_t held = window.table_frames + window.cached_count * STACK_FRAMES;

    spin_unlock_irqrestore(&window.lock, flags);
    return held;
}
