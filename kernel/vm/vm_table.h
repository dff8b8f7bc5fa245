/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_table.h - the lower half of page tables
 *
 * Owns:    tables below a space's root; the references that entries hold on frames; TLB flushes.
 * Used by: vm only.
 * Locks:   the caller holds vm_space.lock, or is alone with the space. The protocol of tables,
 *          TLBs and frames stands at the top of vm_table.c.
 * Context: threads. What walks a range has preemption points: the lock may be held, no spinlock.
 * Fails:   -ENOMEM or NULL where a table is needed.
 * Tests:   tests/user/mem/mem_sparse.c, cow_fork.c, mem_long.c, tests/user/stress/stress_tlb.c
 */
#pragma once

#include "kernel/arch/x86_64/paging.h"
#include "kernel/lib/util.h"

struct frame;
struct vm_area;
struct vm_space;

/* Software bit: the entry has a frame but no access is allowed (PROT_NONE); PTE_PRESENT is clear.
 */
#define PTE_PROTNONE 0x200ULL
/* Software bit: the page of a private area is the file's own frame, no copy of it. */
#define PTE_FILE 0x400ULL

static inline bool vm_entry_has_frame(uint64_t entry)
{
    return (entry & (PTE_PRESENT | PTE_PROTNONE)) != 0;
}

/* Frames whose entries are gone, held until no TLB can lead to them any more. */
#define VM_GATHER_FRAMES 64

struct vm_gather {
    struct vm_space *space;
    uint64_t next_area; /* a space that ends: where the next area begins that is still to be
                         * cleared, in ascending order; else 0 */
    unsigned count;     /* frames waiting */
    unsigned npages;    /* pages to flush; more than VM_GATHER_FRAMES: the whole TLB */
    uint64_t pages[VM_GATHER_FRAMES];
    struct frame *frames[VM_GATHER_FRAMES];
};

MUST_CHECK int vm_table_create(struct vm_space *space); /* the root: kernel half copied whole */
void vm_table_destroy(struct vm_space *space);          /* the range must be empty of pages */

/* The level-1 entry of va; NULL: no table (find) or no memory (make). */
uint64_t *vm_entry_find(const struct vm_space *space, uint64_t va);
uint64_t *vm_entry_make(struct vm_space *space, uint64_t va);

/* The entry of the first page at or after *va, and below end, whose level-1 table exists; sets *va.
 * Absent tables are stepped over at every level. The entries up to the end of the table follow. */
uint64_t *vm_entry_next(const struct vm_space *space, uint64_t *va, uint64_t end);

/* Where a walk by vm_entry_next goes on: behind the table that holds va. */
static inline uint64_t vm_table_end(uint64_t va, uint64_t end)
{
    return MIN(ALIGN_DOWN(va, paging_span(2)) + paging_span(2), end);
}

void vm_gather_init(struct vm_gather *gather, struct vm_space *space);
void vm_gather_flush(struct vm_gather *gather); /* flushes the TLB, then drops the frames */

/* Drops all pages in [start, end), and tables that become empty. */
void vm_table_clear(struct vm_gather *gather, uint64_t start, uint64_t end);

/* Changes the rights of present pages; writing is only ever taken away here (a fault gives it). The
 * flush of those whose rights became fewer is left to the gather. */
void vm_table_protect(struct vm_gather *gather, uint64_t start, uint64_t end, uint32_t prot);

/* Whether a page of the range was stored to since this was last asked. The flush is left to the
 * gather: a store that comes after it is seen the next time. */
MUST_CHECK bool vm_table_clean(struct vm_gather *gather, uint64_t start, uint64_t end);

/* Moves the pages of a range to another place, which has none and does not overlap. Prepare makes
 * the tables there; after it, under the same holding of the lock, the move cannot fail. */
MUST_CHECK int vm_table_move_prepare(struct vm_space *space, uint64_t from, uint64_t to,
                                     uint64_t nbytes);
void vm_table_move(struct vm_gather *gather, uint64_t from, uint64_t to, uint64_t nbytes);

/* Drops one page. */
void vm_entry_drop(struct vm_gather *gather, uint64_t va, uint64_t *entry);

/* Gives child the pages that parent has in the area: shared ones as they are, private ones
 * read-only on both sides, to be copied at the first store of either. -ENOMEM. The caller flushes
 * the parent's TLB. */
MUST_CHECK int vm_table_copy(struct vm_space *child, const struct vm_space *parent,
                             const struct vm_area *area);

/* TLB shootdown: entries of one page, or all, on every processor that may run this space. */
void vm_tlb_flush(const struct vm_space *space, uint64_t va);
void vm_tlb_flush_all(const struct vm_space *space);

/* One page on this processor alone: after rights were added, others that still have the old entry
 * only fault once more. */
void vm_tlb_flush_local(const struct vm_space *space, uint64_t va);
