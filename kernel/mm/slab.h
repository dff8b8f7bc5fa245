/* SPDX-License-Identifier: MIT */
/*
 * mm/slab.h - objects of one size, and kmalloc over size classes
 *
 * Owns:    caches of equal objects, in slabs of one to eight frames.
 * Used by: every room above. A type that is made and dropped often has a cache of its own.
 * Locks:   one spinlock a cache, rank SLAB, taken with interrupts off; most calls get by with their
 *          own processor's list of free objects.
 * Context: any but NMI; slab_drain: threads, no spinlock held.
 * Fails:   NULL without memory.
 * Tests:   kernel/selftest/mm_checks.c
 */
#pragma once

#include "kernel/lib/util.h"

struct slab_cache;

void slab_init(void);

/* size in bytes, at most 4096. The name is kept, not copied. Called once a cache, at start-up;
 * there is room for 64 caches. Never fails (asserts that room). */
struct slab_cache *slab_cache_create(const char *name, size_t size);

MUST_CHECK void *slab_alloc(struct slab_cache *cache); /* contents undefined */
MUST_CHECK void *slab_zalloc(struct slab_cache *cache);
void slab_free(struct slab_cache *cache, void *object);

/* Objects in use, and frames that the cache holds (in use or not). */
uint64_t slab_objects(const struct slab_cache *cache);
/* Not less than slab_objects, and cheap: with those that processors keep free. */
uint64_t slab_objects_bound(const struct slab_cache *cache);
uint64_t slab_frames(const struct slab_cache *cache);

/* Of one cache, for people. False: there are no more. Counts may be of different moments. */
struct slab_info {
    const char *name;
    uint64_t objects, slabs;
    uint32_t size, per_slab, nframes, batch;
};
bool slab_info_get(unsigned index, struct slab_info *info);

/* Returns every wholly free slab of every cache to the frame allocator. */
void slab_drain(void);

/* Any size up to 4 MiB; aligned to 16 bytes, from 4,096 bytes on to a page. kfree(NULL) is fine. */
MUST_CHECK void *kmalloc(size_t nbytes);
MUST_CHECK void *kzalloc(size_t nbytes);
void kfree(void *object);
