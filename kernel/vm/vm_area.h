/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_area.h - the set of areas of a space
 *
 * Owns:    finding, splitting, merging, resizing areas; the counts of pages that areas cover; in
 *          each node of the tree the longest hole below it, so that a hole is found in O(log n).
 * Rule:    no page tables here.
 * Locks:   the caller holds vm_space.lock.
 * Fails:   -ENOMEM.
 * Tests:   tests/user/mem/mem_many.c, mem_map.c, mem_areas.c
 */
#pragma once

#include "kernel/vm/vm_space.h"

void vm_area_init(void);

/* The first area that ends above va; NULL: none. It may begin above va. */
struct vm_area *vm_area_find(const struct vm_space *space, uint64_t va);
struct vm_area *vm_area_next(const struct vm_area *area);
struct vm_area *vm_area_prev(const struct vm_area *area);
struct vm_area *vm_area_last(const struct vm_space *space); /* NULL: there is none */

/* Where new mappings below it must end: a growing area keeps a gap free. */
uint64_t vm_area_low(const struct vm_area *area);

/* Whether its pages count against RLIMIT_DATA: private memory that can be written, no stack. */
bool vm_prot_is_data(const struct vm_area *area, uint32_t prot);

/* A new area like the model, over [start, end), in the set; merged with neighbours that are alike.
 */
MUST_CHECK int vm_area_add(struct vm_space *space, const struct vm_area *model);

/* Makes va a border: the area that holds it becomes two. */
MUST_CHECK int vm_area_split(struct vm_space *space, uint64_t va);

/* Merges the area with its neighbours where they are alike. */
void vm_area_merge(struct vm_space *space, struct vm_area *area);

/* Other ends for an area; its neighbours stay clear of it. */
void vm_area_resize(struct vm_space *space, struct vm_area *area, uint64_t start, uint64_t end);

/* The area, with what it maps, is at another place now, where nothing is. */
void vm_area_move(struct vm_space *space, struct vm_area *area, uint64_t start, uint64_t end);

/* Another protection for the whole area; RLIMIT_DATA's count follows. */
void vm_area_set_prot(struct vm_space *space, struct vm_area *area, uint32_t prot);

/* For fork: an area above all others, *last the one added before it (NULL at first). Holes are not
 * to be looked for before the finish. */
MUST_CHECK int vm_area_append(struct vm_space *space, const struct vm_area *model,
                              struct vm_area **last);
void vm_area_append_finish(struct vm_space *space);

/* Locked or not, the whole area. It may be merged. */
void vm_area_set_mlock(struct vm_space *space, struct vm_area *area, bool locked);

/* Takes it out of the set and frees it. */
void vm_area_remove(struct vm_space *space, struct vm_area *area);
/* All of a space that ends. */
void vm_area_remove_all(struct vm_space *space);

/* The start of the highest hole of that length below `top`, or 0. */
uint64_t vm_area_find_hole(const struct vm_space *space, uint64_t nbytes, uint64_t top);
