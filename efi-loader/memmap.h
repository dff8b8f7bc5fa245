/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/memmap.h - from the firmware's memory map to the ranges of bootinfo
 *
 * Owns:    the meaning of EFI memory types, and the rule that of two overlapping claims the
 *          stricter one wins.
 * Used by: handover.c, before and after ExitBootServices; memory.c, paging.c; allocates nothing.
 * Fails:   -ENOSPC when an array is too small, -EINVAL for a descriptor size that cannot be.
 * Tests:   tests/host/loader_memmap_test.c, tests/host/loader_memmap_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

/* Ranges as they come in: in any order, overlapping, in a caller's array. */
struct memmap {
    struct bootinfo_range *in;
    uint32_t count;
    uint32_t capacity;
};

/* The sweep makes at most two ranges of each one that came in. */
#define MEMMAP_OUT_CAPACITY(n_in) (2 * (n_in))

void memmap_init(struct memmap *map, struct bootinfo_range *array, uint32_t capacity);

/* Adds what GetMemoryMap returned; desc_size is the firmware's, and not sizeof of anything. */
MUST_CHECK int memmap_add_firmware(struct memmap *map, const void *descriptors, size_t nbytes,
                                   size_t desc_size);

MUST_CHECK int memmap_add(struct memmap *map, uint64_t base, uint64_t npages, uint32_t type,
                          uint64_t attributes);

/* Sorts the input, resolves overlaps, merges neighbours. The result is sorted and disjoint. */
MUST_CHECK int memmap_finish(struct memmap *map, struct bootinfo_range *out, uint32_t capacity,
                             uint32_t *out_count);

/* The next run of adjacent ranges that all belong into the direct map, from *index on, which is
 * advanced. False at the end. */
bool memmap_next_direct(const struct bootinfo_range *ranges, uint32_t count, uint32_t *index,
                        struct bootinfo_extent *out);

/* Bytes of all ranges whose type is in the mask (1 << enum bootinfo_type). */
uint64_t memmap_total(const struct bootinfo_range *ranges, uint32_t count, uint32_t type_mask);
