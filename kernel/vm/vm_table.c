/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_table.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define ROOT_BYTES (PAGING_ENTRIES * sizeof(uint64_t))

int vm_table_create(struct vm_space *space)
{
    struct frame *frame = pmm_alloc(0, PMM_PLAIN);
    char *root;

    if (!frame)
        return -ENOMEM;
    root = frame_address(frame);
    memset(root, 0, ROOT_BYTES / 2);
    memcpy(root + ROOT_BYTES / 2, (char *)paging_table(tables_kernel_root()) + ROOT_BYTES / 2,
           ROOT_BYTES / 2);
    space->root = frame_physical(frame);
    return 0;
}

void vm_table_destroy(struct vm_space *space)
{
    ASSERT(space->table_frames == 0);
    ASSERT((cr3_read() & PTE_ADDRESS) != space->root);
    pmm_free(frame_from_physical(space->root), 0);
}

uint64_t *vm_entry_find(const struct vm_space *space, uint64_t va)
{
    uint64_t *table = paging_table(space->root);

    for (unsigned level = 4; level > 1; level--) {
        uint64_t entry = table[paging_index(va, level)];

        if (!(entry & PTE_PRESENT))
            return NULL;
        table = paging_table(entry);
    }
    return &table[paging_index(va, 1)];
}

uint64_t *vm_entry_make(struct vm_space *space, uint64_t va)
{
    uint64_t *table = paging_table(space->root);

    ASSERT(va < USER_END);
    for (unsigned level = 4; level > 1; level--) {
        uint64_t *entry = &table[paging_index(va, level)];

        if (!(*entry & PTE_PRESENT)) {
            struct frame *frame = pmm_alloc(0, PMM_ZERO);

            if (!frame)
                return NULL;
            space->table_frames++;
            *entry = frame_physical(frame) | PTE_PRESENT | PTE_WRITE | PTE_USER;
        }
        table = paging_table(*entry);
    }
    return &table[paging_index(va, 1)];
}

static bool space_is_current(const struct vm_space *space)
{
    return (cr3_read() & PTE_ADDRESS) == space->root;
}

void vm_tlb_flush(const struct vm_space *space, uint64_t va)
{
    if (space_is_current(space))
        tlb_flush_page(va);
}

void vm_gather_init(struct vm_gather *gather, struct vm_space *space)
{
    gather->space = space;
    gather->count = 0;
    gather->npages = 0;
}

void vm_gather_flush(struct vm_gather *gather)
{
    if (gather->npages && space_is_current(gather->space))
        for (unsigned i = 0; i < gather->npages; i++)
            tlb_flush_page(gather->pages[i]);
    for (unsigned i = 0; i < gather->count; i++)
        frame_put(gather->frames[i]);
    gather->count = 0;
    gather->npages = 0;
}

static void gather_page(struct vm_gather *gather, uint64_t va, uint64_t *entry)
{
    struct frame *frame = frame_from_physical(*entry & PTE_ADDRESS);

    if (gather->count == VM_GATHER_FRAMES || gather->npages == VM_GATHER_FRAMES)
        vm_gather_flush(gather);
    gather->frames[gather->count++] = frame;
    if (*entry & PTE_PRESENT)
        gather->pages[gather->npages++] = va;
    *entry = 0;
    gather->space->resident_pages--;
}

/* A table that is gone: the processor may have cached the way to it, so one page of what it
 * covered is flushed, which drops such caches (Intel SDM vol. 3, section 4.10.4.1). */
static void gather_table(struct vm_gather *gather, uint64_t va, uint64_t *entry)
{
    if (gather->count == VM_GATHER_FRAMES || gather->npages == VM_GATHER_FRAMES)
        vm_gather_flush(gather);
    gather->frames[gather->count++] = frame_from_physical(*entry & PTE_ADDRESS);
    gather->pages[gather->npages++] = va;
    *entry = 0;
    gather->space->table_frames--;
}

/* Recursion is three deep at most: levels count down. True: the table is empty now for sure. */
static bool clear_table(struct vm_gather *gather, uint64_t *table, unsigned level, uint64_t base,
                        uint64_t start, uint64_t end)
{
    uint64_t span = paging_span(level);
    unsigned first = (unsigned)((MAX(start, base) - base) / span);

    for (unsigned i = first; i < PAGING_ENTRIES && base + i * span < end; i++) {
        uint64_t va = base + i * span;

        if (level == 1) {
            if (vm_entry_has_frame(table[i]))
                gather_page(gather, va, &table[i]);
        } else if ((table[i] & PTE_PRESENT) &&
                   clear_table(gather, paging_table(table[i]), level - 1, va, start, end)) {
            gather_table(gather, va, &table[i]);
        }
    }
    return start <= base && end >= base + PAGING_ENTRIES * span;
}

void vm_table_clear(struct vm_gather *gather, uint64_t start, uint64_t end)
{
    (void)clear_table(gather, paging_table(gather->space->root), 4, 0, start, end);
}

static uint64_t entry_with_prot(uint64_t entry, uint32_t prot)
{
    entry &= ~(PTE_PRESENT | PTE_KEPT | PTE_NX);
    if (!(prot & LX_PROT_EXEC))
        entry |= PTE_NX;
    if (!(prot & LX_PROT_WRITE))
        entry &= ~PTE_WRITE;
    return entry | (prot ? PTE_PRESENT : PTE_KEPT);
}

/* Recursion is three deep at most: levels count down. Absent tables cost one look. */
static void protect_table(struct vm_space *space, uint64_t *table, unsigned level, uint64_t base,
                          uint64_t start, uint64_t end, uint32_t prot)
{
    uint64_t span = paging_span(level);
    unsigned first = (unsigned)((MAX(start, base) - base) / span);

    for (unsigned i = first; i < PAGING_ENTRIES && base + i * span < end; i++) {
        uint64_t va = base + i * span;

        if (level > 1) {
            if (table[i] & PTE_PRESENT)
                protect_table(space, paging_table(table[i]), level - 1, va, start, end, prot);
        } else if (vm_entry_has_frame(table[i])) {
            table[i] = entry_with_prot(table[i], prot);
            vm_tlb_flush(space, va);
        }
    }
}

void vm_table_protect(struct vm_space *space, uint64_t start, uint64_t end, uint32_t prot)
{
    protect_table(space, paging_table(space->root), 4, 0, start, end, prot);
}
