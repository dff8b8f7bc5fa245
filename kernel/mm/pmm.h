/* SPDX-License-Identifier: MIT */
/*
 * mm/pmm.h - physical frames: a buddy allocator over the firmware's memory map
 *
 * Owns:    one descriptor (16 bytes) for every frame up to the end of RAM; the free lists, and a
 *          short list of single frames for each processor.
 * Used by: slab, windows, vm, fs. A frame that more than one owner may hold is counted.
 * Locks:   pmm.lock, a spinlock, rank PMM, taken with interrupts off; for most single frames none.
 * Context: any but NMI.
 * Fails:   NULL when no block of that order is free.
 * Tests:   kernel/selftest/mm_checks.c, tests/host/pmm_test.c
 */
#pragma once

#include "kernel/lib/assert.h"
#include "kernel/lib/util.h"
#include "shared/addrmap.h"

#define PMM_MAX_ORDER 10 /* largest block: 4 MiB */

enum pmm_flags {
    PMM_PLAIN = 0, /* contents undefined */
    PMM_ZERO = 1,  /* filled with zeroes */
};

enum frame_state {
    FRAME_RESERVED = 0, /* not given to the allocator */
    FRAME_FREE,         /* head of a free block */
    FRAME_CACHED,       /* free, in the list of a processor */
    FRAME_USED,         /* head of an allocated block; from here on it has an owner */
    FRAME_SLAB,         /* belongs to a slab; owner is the cache's index */
    FRAME_LARGE,        /* head of a kmalloc block larger than the largest slab class */
    FRAME_PINNED,       /* part of the root filesystem archive: counted, never freed */
};

/* p pmm.lock while in a free block; else the owner of the frame. a atomic */
struct frame {
    uint32_t next; /* [p] frame number of the next in the list, 0 at the end */
    uint32_t prev; /* [p] */
    uint32_t refs; /* [a] holders, while allocated */
    uint8_t order; /* [p] */
    uint8_t state; /* [p] enum frame_state */
    union {
        uint16_t owner; /* slab: cache index */
        uint16_t page;  /* [a] page of a file: fs/page_cache/page_state.h */
    };
};

_Static_assert(sizeof(struct frame) == 16, "descriptors must stay small");

struct bootinfo;

extern struct frame *pmm_frames; /* indexed by frame number; constant after pmm_init */

/* Gives all free memory of the map to the allocator. Asserts that its descriptors fit. */
void pmm_init(const struct bootinfo *info);

/* Between pmm.c and pmm_init.c: largest blocks whose descriptors have not been written. Those that
 * exist are given by number of frames; take, under pmm.lock, makes one a free block's head, 0:
 * there is none left. check adds their frames to *counted. */
void pmm_give_untouched(uint64_t count);
uint32_t pmm_untouched_take(void);
bool pmm_is_untouched(uint64_t number);
const char *pmm_check_untouched(uint64_t *counted);

/* More frames, once: memory that only start-up needed. */
void pmm_give(uint64_t first_frame, uint64_t count);

/* For checks: NULL if every free block lies in memory that is free in the map (or was given since),
 * outside of the descriptors, and the free lists add up; else a sentence. */
const char *pmm_check_owners(void);
const char *pmm_check_block(uint64_t first, uint64_t count); /* the former, of one block */
bool pmm_frame_is_free(uint64_t number); /* for checks, of frames that start-up memory surrounds */

/* 2^order frames, one reference. */
MUST_CHECK struct frame *pmm_alloc(unsigned order, enum pmm_flags flags);

/* Descriptors exist below this frame number. */
uint64_t pmm_limit(void);

/* The first 2^order frames of a largest block, if that is wholly free; else NULL. The block began
 * as one (pmm_alloc_spread). */
MUST_CHECK struct frame *pmm_alloc_first(uint64_t block, unsigned order);
/* At most so many blocks of 2^order frames, far apart from each other, all over the memory; returns
 * their number. For samples of it. */
unsigned pmm_alloc_spread(struct frame *blocks[], unsigned count, unsigned order);

/* Makes an allocated block so many single frames, with one reference each. */
void pmm_split(struct frame *block, unsigned order);

/* Frees a block without another user; order as allocated. */
void pmm_free(struct frame *frame, unsigned order);

/* A counted single frame: put frees it with the last reference. Pinned frames are never freed. */
static inline void frame_get(struct frame *frame)
{
    __atomic_fetch_add(&frame->refs, 1, __ATOMIC_RELAXED);
}
void frame_put(struct frame *frame);

/* Free frames now, those in the lists of processors included. Slab caches may hold more: see
 * slab_drain. */
uint64_t pmm_free_count(void);

extern uint64_t pmm_in_blocks; /* [a] those that are in no list of a processor */

/* Whether more than so many frames are free. The blocks alone suffice but where memory is short. */
static inline bool pmm_has_more_than(uint64_t nframes)
{
    return likely(__atomic_load_n(&pmm_in_blocks, __ATOMIC_RELAXED) > nframes) ||
           pmm_free_count() > nframes;
}

/* Merges what processors keep with the blocks. They go on meanwhile, and keep new frames. */
void pmm_drain(void);
uint64_t pmm_total_count(void); /* frames ever given to the allocator */

static inline uint64_t frame_number(const struct frame *frame)
{
    return (uint64_t)(frame - pmm_frames);
}

static inline uint64_t frame_physical(const struct frame *frame)
{
    return frame_number(frame) << PAGE_SHIFT;
}

/* The frame's bytes in the direct map. */
static inline void *frame_address(const struct frame *frame)
{
    return (void *)(DIRECT_BASE + frame_physical(frame));
}

static inline struct frame *frame_from_physical(uint64_t physical)
{
    return &pmm_frames[physical >> PAGE_SHIFT];
}

static inline struct frame *frame_from_address(const void *direct)
{
    return frame_from_physical((uint64_t)direct - DIRECT_BASE);
}
