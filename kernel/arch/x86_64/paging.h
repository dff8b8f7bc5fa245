/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/paging.h - the format of page tables with four levels
 *
 * Source:  Intel SDM vol. 3, section 4.5. Levels have the numbers they have there: 4 is the top, 1
 *          maps 4 KiB.
 * Context: any; arithmetic only.
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/addrmap.h"

#define PTE_PRESENT  0x001ULL
#define PTE_WRITE    0x002ULL
#define PTE_USER     0x004ULL
#define PTE_PWT      0x008ULL
#define PTE_PCD      0x010ULL
#define PTE_ACCESSED 0x020ULL
#define PTE_DIRTY    0x040ULL
#define PTE_LARGE    0x080ULL /* level 2 and 3: a page, not a table */
#define PTE_PAT      0x080ULL /* level 1 */
#define PTE_GLOBAL   0x100ULL
#define PTE_NX       0x8000000000000000ULL

/* PAT slots (set in features.c): 3 uncached, 4 write-combining. */
#define PTE_UNCACHED        (PTE_PCD | PTE_PWT)
#define PTE_WRITE_COMBINING PTE_PAT

#define PTE_ADDRESS 0x000ffffffffff000ULL

#define PAGING_ENTRIES 512

/* What one entry of a level covers: 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
static inline uint64_t paging_span(unsigned level)
{
    return PAGE_SIZE << (9 * (level - 1));
}

static inline unsigned paging_index(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * (level - 1))) & (PAGING_ENTRIES - 1);
}

static inline uint64_t *paging_table(uint64_t entry)
{
    return (uint64_t *)(DIRECT_BASE + (entry & PTE_ADDRESS));
}

static inline bool paging_is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || (entry & PTE_LARGE);
}
