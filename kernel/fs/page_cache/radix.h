/* SPDX-License-Identifier: MIT */
/*
 * fs/page_cache/radix.h - a sparse array of pointers, indexed by numbers below 2^60
 *
 * Owns:    its nodes, from a slab cache of their own. An array with the single index 0 has none.
 * Used by: page_cache (page index to frame).
 * Locks:   none; the caller's lock on the object that holds the array. radix_find alone may run
 *          beside radix_insert without that lock, where radix_has_slot said so: then nothing but
 *          one slot changes, by one store.
 * Context: any that may allocate.
 * Fails:   -ENOMEM from radix_insert, which then has changed nothing.
 * Tests:   tests/host/fs_radix_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct radix {
    void *root;      /* the item of index 0 when levels is 0, else the top node */
    uint32_t levels; /* indexes below 16^levels fit */
};

void radix_init_cache(void);      /* once, at start-up */
uint64_t radix_frames_held(void); /* frames of the node cache */

void *radix_find(const struct radix *radix, uint64_t index);

/* Whether the slot for the index is there, so that an insertion makes no node. */
bool radix_has_slot(const struct radix *radix, uint64_t index);

/* item must not be NULL; one that is there already is replaced. */
MUST_CHECK int radix_insert(struct radix *radix, uint64_t index, void *item);
void *radix_remove(struct radix *radix, uint64_t index); /* what was there, or NULL */

/* The first item at or after *index: sets *index; NULL when there is none. */
void *radix_find_up(const struct radix *radix, uint64_t *index);
