/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_rmap.h - the reverse map: which areas, of whatever process, map a file
 *
 * Owns:    the list of areas of each pager.
 * Used by: vm_area (members come and go), fs (when a file becomes shorter).
 * Locks:   rmap_lock, one spinlock for all lists. vm_rmap_unmap_range takes vm_space.lock of each
 *          space in turn, so its caller holds no mutex of rank VM or above.
 * Context: threads only.
 * Tests:   tests/user/mem/mem_truncate.c, mem_long.c, tests/user/stress/stress_truncate.c
 */
#pragma once

#include "kernel/lib/util.h"

struct vm_area;
struct vm_pager;

/* The area has its pager and its space. It is added once and removed before it is freed. */
void vm_rmap_add(struct vm_area *area);
void vm_rmap_remove(struct vm_area *area);

/* The pages [first, end) of the file are gone, or are others now: no process has them mapped when
 * this returns, and the next access asks the pager again. Pages that private areas have made their
 * own stay unless the file ends there (ends: everything from `first` on goes). */
void vm_rmap_unmap_range(struct vm_pager *pager, uint64_t first, uint64_t end, bool ends);
