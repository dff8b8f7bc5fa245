/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_table.h - the lower half of page tables
 *
 * Owns:    tables below a space's root; the references that present entries hold on frames.
 * Used by: vm only.
 * Locks:   the caller holds vm_space.lock (or nobody else knows the space).
 * Rule:    a frame is given back only after the TLB forgot it: struct vm_gather collects them.
 */
#pragma once

#include "kernel/arch/x86_64/paging.h"
#include "kernel/lib/util.h"

struct frame;
struct vm_space;

/* Software bit: the frame is ours but no access is allowed (PROT_NONE); PTE_PRESENT is clear. */
#define PTE_KEPT 0x200ULL

static inline bool vm_entry_has_frame(uint64_t entry)
{
    return (entry & (PTE_PRESENT | PTE_KEPT)) != 0;
}

#define VM_GATHER_FRAMES 64

struct vm_gather {
    struct vm_space *space;
    unsigned count;  /* frames waiting */
    unsigned npages; /* pages to flush; above a bound the whole TLB is */
    uint64_t pages[VM_GATHER_FRAMES];
    struct frame *frames[VM_GATHER_FRAMES];
};

MUST_CHECK int vm_table_create(struct vm_space *space); /* the root: kernel half copied whole */
void vm_table_destroy(struct vm_space *space);          /* the range must be empty of pages */

/* The level-1 entry of va; NULL: no table (find) or no memory (make). */
uint64_t *vm_entry_find(const struct vm_space *space, uint64_t va);
uint64_t *vm_entry_make(struct vm_space *space, uint64_t va);

void vm_gather_init(struct vm_gather *gather, struct vm_space *space);
void vm_gather_flush(struct vm_gather *gather); /* flushes the TLB, then drops the frames */

/* Drops all pages in [start, end), and tables that become empty. */
void vm_table_clear(struct vm_gather *gather, uint64_t start, uint64_t end);

/* Changes the rights of present pages; writing is only ever taken away here (a fault gives it). */
void vm_table_protect(struct vm_space *space, uint64_t start, uint64_t end, uint32_t prot);

/* Gives child the pages that parent has in the area: shared ones as they are, private ones
 * read-only on both sides, to be copied by whoever writes first. -ENOMEM. The caller flushes the
 * parent's TLB. */
struct vm_area;
MUST_CHECK int vm_table_copy(struct vm_space *child, const struct vm_space *parent,
                             const struct vm_area *area);

/* Forgets everything on the processors that may run this space. */
void vm_tlb_flush_all(const struct vm_space *space);

/* Forgets one page on the processors that may run this space. */
void vm_tlb_flush(const struct vm_space *space, uint64_t va);
