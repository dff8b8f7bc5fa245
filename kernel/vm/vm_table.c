/* SPDX-License-Identifier: MIT */
/*
 * The page tables of user space, and TLB shootdown.
 *
 * An entry of level 1 is empty, present, or PTE_PROTNONE (a frame without access). Each that is not
 * empty holds one reference on its frame. Everything here changes under vm_space.lock; the
 * processor itself reads tables at any time and writes accessed and dirty bits, which nothing
 * depends on.
 *
 * A frame or table goes in three steps: its entry is cleared, the TLBs are flushed, the reference
 * is dropped. The gather keeps frames between the first step and the last. A flush is sent to the
 * processors in vm_space.cpus: one that is about to run the space sets its bit before it loads CR3
 * (vm_space_enter), and the flush reads the bits after a fence behind the change of the tables. So
 * either its bit is seen here, or it reads the tables as they are now.
 *
 * Taking rights away needs a shootdown before the lock is given up, adding them needs none: another
 * processor that faults by an old entry finds the new one and goes on (vm_tlb_flush_local).
 *
 * No interrupts are off and no spinlock is held here, because a shootdown waits for the others to
 * answer. All loops over ranges have a preemption point for each level-1 table: a program chooses
 * how long they are.
 */
#include "kernel/vm/vm_table.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/ipi.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define ROOT_BYTES (PAGING_ENTRIES * sizeof(uint64_t))
#define ROOT_LEVEL 4

int vm_table_create(struct vm_space *space)
{
    struct frame *frame = vm_frame_alloc(PMM_PLAIN);
    char *root;

    if (!frame)
        return -ENOMEM;
    root = frame_address(frame);
    memset(root, 0, ROOT_BYTES / 2);
    /* The kernel's half is the same in all spaces: its 256 top-level slots never change
     * (mm/tables.h). */
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

/* No table is made: NULL if there is none for this address. */
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

/* Tables give all rights: those of a page are in its own entry alone. */
uint64_t *vm_entry_make(struct vm_space *space, uint64_t va)
{
    uint64_t *table = paging_table(space->root);

    ASSERT(va < USER_END);
    for (unsigned level = 4; level > 1; level--) {
        uint64_t *entry = &table[paging_index(va, level)];

        if (!(*entry & PTE_PRESENT)) {
            struct frame *frame = vm_frame_alloc(PMM_ZERO);

            if (!frame)
                return NULL;
            frame->owner = 0; /* tables below it: none yet */
            frame_from_address(table)->owner++;
            space->table_frames++;
            *entry = frame_physical(frame) | PTE_PRESENT | PTE_WRITE | PTE_USER;
        }
        table = paging_table(*entry);
    }
    return &table[paging_index(va, 1)];
}

/* From the root each time, so that tables may come and go between two steps of a walk. */
uint64_t *vm_entry_next(const struct vm_space *space, uint64_t *va, uint64_t end)
{
    while (*va < end) {
        uint64_t *table = paging_table(space->root);
        unsigned level;

        for (level = 4; level > 1; level--) {
            uint64_t entry = table[paging_index(*va, level)];

            if (!(entry & PTE_PRESENT))
                break;
            table = paging_table(entry);
        }
        if (level == 1)
            return &table[paging_index(*va, 1)];
        *va = ALIGN_DOWN(*va, paging_span(level)) + paging_span(level);
    }
    return NULL;
}

/* A processor that has left the space has nothing of it in its TLB: loading CR3 flushes all. */
static bool space_is_current(const struct vm_space *space)
{
    return (cr3_read() & PTE_ADDRESS) == space->root;
}

/* What is to be flushed from a TLB. */
struct tlb_request {
    const struct vm_space *space;
    const uint64_t *pages;
    unsigned npages; /* more than VM_GATHER_FRAMES: everything */
};

static void tlb_flush_requested(void *argument)
{
    const struct tlb_request *request = argument;

    if (!space_is_current(request->space))
        return;
    if (request->npages > VM_GATHER_FRAMES)
        cr3_write(request->space->root);
    else
        for (unsigned i = 0; i < request->npages; i++)
            tlb_flush_page(request->pages[i]);
}

/* A processor that enters the space after the fence reads the tables as they are now. */
static void tlb_shootdown(struct tlb_request *request)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    tlb_flush_requested(request);
    if (cpumask_any_but(&request->space->cpus, cpu_self()->index))
        ipi_call(&request->space->cpus, tlb_flush_requested, request);
}

void vm_tlb_flush_local(const struct vm_space *space, uint64_t va)
{
    if (space_is_current(space))
        tlb_flush_page(va);
}

void vm_tlb_flush(const struct vm_space *space, uint64_t va)
{
    tlb_shootdown(&(struct tlb_request){space, &va, 1});
}

void vm_tlb_flush_all(const struct vm_space *space)
{
    tlb_shootdown(&(struct tlb_request){space, NULL, VM_GATHER_FRAMES + 1});
}

void vm_gather_init(struct vm_gather *gather, struct vm_space *space)
{
    gather->space = space;
    gather->count = 0;
    gather->npages = 0;
    gather->next_area = 0;
    /* The peak is noted only where the number is about to fall (vm_space.h). */
    space->peak_pages = MAX(space->peak_pages, space->resident_pages);
}

/* One shootdown for up to VM_GATHER_FRAMES pages; for more all entries are flushed, which costs the
 * others less than so many single ones. The gather can be filled again. */
void vm_gather_flush(struct vm_gather *gather)
{
    if (gather->npages)
        tlb_shootdown(&(struct tlb_request){gather->space, gather->pages, gather->npages});
    for (unsigned i = 0; i < gather->count; i++)
        frame_put(gather->frames[i]);
    gather->count = 0;
    gather->npages = 0;
}

/* A page to be flushed that holds no frame back. */
static void gather_flush_of(struct vm_gather *gather, uint64_t va)
{
    if (gather->npages < VM_GATHER_FRAMES)
        gather->pages[gather->npages] = va;
    if (gather->npages <= VM_GATHER_FRAMES)
        gather->npages++;
}

/* resident_pages counts entries with a frame: PTE_PROTNONE ones too, which need no flush. */
void vm_entry_drop(struct vm_gather *gather, uint64_t va, uint64_t *entry)
{
    if (gather->count == VM_GATHER_FRAMES)
        vm_gather_flush(gather);
    gather->frames[gather->count++] = frame_from_physical(*entry & PTE_ADDRESS);
    if (*entry & PTE_PRESENT)
        gather_flush_of(gather, va);
    *entry = 0;
    gather->space->resident_pages--;
}

/* A table that is gone: the processor may have cached the way to it, so one page of what it
 * covered is flushed, which drops such caches (Intel SDM vol. 3, section 4.10.4.1). */
static void gather_table(struct vm_gather *gather, uint64_t va, uint64_t *entry)
{
    if (gather->count == VM_GATHER_FRAMES)
        vm_gather_flush(gather);
    gather->frames[gather->count++] = frame_from_physical(*entry & PTE_ADDRESS);
    gather_flush_of(gather, va);
    *entry = 0;
    frame_from_address(entry)->owner--;
    gather->space->table_frames--;
}

/* Down to the table of the lowest level that there is for va, which is returned; way[level] becomes
 * its entry for va, and those above lead to it. */
static unsigned vm_table_descend(const struct vm_space *space, uint64_t va, uint64_t *way[])
{
    uint64_t *table = paging_table(space->root);
    unsigned level = ROOT_LEVEL;

    for (;; level--) {
        way[level] = &table[paging_index(va, level)];
        if (level == 1 || !*way[level])
            return level;
        table = paging_table(*way[level]);
    }
}

/* Nothing is left in the table with this entry. Of level 1: the range covers it, or (a space that
 * ends) all areas that lie in it have been cleared. A table above counts those below in its frame.
 */
static bool table_is_empty(const struct vm_gather *gather, const uint64_t *entry, unsigned level,
                           uint64_t start, uint64_t end)
{
    uint64_t table_end = vm_table_end(start, UINT64_MAX);

    if (level > 1)
        return !frame_from_address(entry)->owner;
    return gather->next_area >= table_end ||
           (end >= table_end && start + paging_span(2) == table_end);
}

/* Entries of one table of level 1. */
static void entries_clear(struct vm_gather *gather, uint64_t *entry, uint64_t va, uint64_t end)
{
    for (; va < end; va += PAGE_SIZE, entry++)
        if (*entry)
            vm_entry_drop(gather, va, entry);
}

/* From an entry without a table to the next one with it in the same table, or to the end. */
static uint64_t absent_skip(const uint64_t *entry, unsigned level, uint64_t va, uint64_t end)
{
    va = ALIGN_DOWN(va, paging_span(level));
    do {
        va += paging_span(level);
        entry++;
    } while (va < end && (uint64_t)entry % PAGE_SIZE && !*entry);
    return va;
}

/* From the root for each table of level 1: few ranges have more than one. Tables that are empty
 * then go, from below. */
void vm_table_clear(struct vm_gather *gather, uint64_t start, uint64_t end)
{
    uint64_t *way[ROOT_LEVEL + 1];
    uint64_t next;

    for (; start < end; start = next) {
        unsigned level = vm_table_descend(gather->space, start, way);

        if (level > 1) {
            next = absent_skip(way[level], level, start, end);
        } else {
            next = vm_table_end(start, end);
            entries_clear(gather, way[1], start, next);
        }
        for (; level < ROOT_LEVEL && table_is_empty(gather, way[level], level, start, end); level++)
            gather_table(gather, start, way[level + 1]);
        sched_preempt_point();
    }
}

/* Never adds PTE_WRITE: the page may be shared with a child or with the file. */
static uint64_t entry_with_prot(uint64_t entry, uint32_t prot)
{
    entry &= ~(PTE_PRESENT | PTE_PROTNONE | PTE_NX);
    if (!(prot & LX_PROT_EXEC))
        entry |= PTE_NX;
    if (!(prot & LX_PROT_WRITE))
        entry &= ~PTE_WRITE;
    return entry | (prot ? PTE_PRESENT : PTE_PROTNONE);
}

/* An entry without rights keeps its frame (PTE_PROTNONE), so that the page is there again when it
 * may be accessed again. */
void vm_table_protect(struct vm_gather *gather, uint64_t start, uint64_t end, uint32_t prot)
{
    uint64_t *entry;

    while ((entry = vm_entry_next(gather->space, &start, end)) != NULL) {
        uint64_t table_end = vm_table_end(start, end);

        for (; start < table_end; start += PAGE_SIZE, entry++) {
            uint64_t old = *entry;

            if (!vm_entry_has_frame(old))
                continue;
            *entry = entry_with_prot(old, prot);
            if (old & PTE_PRESENT)
                gather_flush_of(gather, start);
        }
        sched_preempt_point();
    }
}

/* The processor sets the bit at any time, with a locked cycle: it is taken away by one, too. */
bool vm_table_clean(struct vm_gather *gather, uint64_t start, uint64_t end)
{
    uint64_t *entry;
    bool dirty = false;

    while ((entry = vm_entry_next(gather->space, &start, end)) != NULL) {
        uint64_t table_end = vm_table_end(start, end);

        for (; start < table_end; start += PAGE_SIZE, entry++) {
            if ((*entry & (PTE_PRESENT | PTE_DIRTY)) != (PTE_PRESENT | PTE_DIRTY))
                continue;
            __atomic_fetch_and(entry, ~PTE_DIRTY, __ATOMIC_RELAXED);
            gather_flush_of(gather, start);
            dirty = true;
        }
        sched_preempt_point();
    }
    return dirty;
}

int vm_table_move_prepare(struct vm_space *space, uint64_t from, uint64_t to, uint64_t nbytes)
{
    uint64_t va = from;

    while (vm_entry_next(space, &va, from + nbytes)) {
        uint64_t table_end = vm_table_end(va, from + nbytes);

        /* What lies in one table here may lie in two there. */
        if (!vm_entry_make(space, va - from + to) ||
            !vm_entry_make(space, table_end - PAGE_SIZE - from + to))
            return -ENOMEM;
        va = table_end;
        sched_preempt_point();
    }
    return 0;
}

/* Frames move with their entries: no count changes. What is flushed is the old place; nothing can
 * be in a TLB of the new one, which was empty under the same lock. */
void vm_table_move(struct vm_gather *gather, uint64_t from, uint64_t to, uint64_t nbytes)
{
    struct vm_space *space = gather->space;
    uint64_t va = from, end = from + nbytes;
    uint64_t *entry;

    while ((entry = vm_entry_next(space, &va, end)) != NULL) {
        uint64_t table_end = vm_table_end(va, end);

        for (; va < table_end; va += PAGE_SIZE, entry++) {
            if (!vm_entry_has_frame(*entry))
                continue;
            *vm_entry_find(space, va - from + to) = *entry;
            if (*entry & PTE_PRESENT)
                gather_flush_of(gather, va);
            *entry = 0;
        }
        sched_preempt_point();
    }
}

/* One level-1 table's worth of [start, end). */
static int vm_table_copy_entries(struct vm_space *child, uint64_t *from, uint64_t start,
                                 uint64_t end, bool private)
{
    uint64_t *to = NULL;

    for (uint64_t va = start; va < end; va += PAGE_SIZE, from++) {
        uint64_t entry = *from;

        if (!vm_entry_has_frame(entry))
            continue;
        if (!to) {
            to = vm_entry_make(child, va);
            if (!to)
                return -ENOMEM;
            to -= paging_index(va, 1);
        }
        /* Once in the parent is enough: a page that is read-only already stays so for both. */
        if (private && (entry & PTE_WRITE))
            *from = entry &= ~PTE_WRITE;
        frame_get(frame_from_physical(entry & PTE_ADDRESS));
        to[paging_index(va, 1)] = entry;
        child->resident_pages++;
    }
    return 0;
}

/* Page tables of the child are made only where the parent has pages. On an error what was copied
 * stays, and goes with the child. */
int vm_table_copy(struct vm_space *child, const struct vm_space *parent, const struct vm_area *area)
{
    uint64_t va = area->start, next;
    uint64_t *from;
    int err = 0;

    for (; !err && (from = vm_entry_next(parent, &va, area->end)) != NULL; va = next) {
        next = vm_table_end(va, area->end);
        err = vm_table_copy_entries(child, from, va, next, !area->shared);
        sched_preempt_point();
    }
    return err;
}
