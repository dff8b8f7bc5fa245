/* SPDX-License-Identifier: MIT */
/*
 * fs/page_cache/page_state.h - whether a page of a file has its bytes, and whether work on it goes
 * on
 *
 * Owns:    the bits in frame.page of frames that are in a page cache, and the wait queues.
 * Used by: page_cache.c; through it all that reads, writes or maps a file.
 * Locks:   none; a bit is set and cleared as told in page_state.c.
 * Context: threads; page_unlock: any but NMI.
 * Tests:   tests/host/fs_page_cache_test.c, kernel/selftest/page_checks.c
 */
#pragma once

#include "kernel/mm/pmm.h"

/* None: up to date, not locked, clean, as pages of ramfs always are. */
enum page_flag {
    PAGE_LOCKED = 1,    /* a thread, or a device, brings bytes in or out */
    PAGE_STALE = 2,     /* not up to date: no reader may look at the bytes */
    PAGE_DIRTY = 4,     /* stored to since it was last written out */
    PAGE_UNWRITTEN = 8, /* nothing was stored there yet: a hole for SEEK_DATA and SEEK_HOLE */
};

static inline unsigned page_flags(const struct frame *frame)
{
    return __atomic_load_n(&frame->page, __ATOMIC_ACQUIRE);
}

/* Once this is false the bytes are there to be read. */
static inline bool page_is_stale(const struct frame *frame)
{
    return (page_flags(frame) & PAGE_STALE) != 0;
}

/* The file has the page, but nothing was written to it and no program has seen it in a mapping. */
static inline bool page_is_unwritten(const struct frame *frame)
{
    return (page_flags(frame) & PAGE_UNWRITTEN) != 0;
}

void page_state_init(void);

/* A frame that is in no page cache yet: locked and not up to date. */
void page_init_stale(struct frame *frame);

/* False: another owner has the lock. */
MUST_CHECK bool page_trylock(struct frame *frame);

/* By its owner; wakes all that wait. up_to_date: the bytes are complete. */
void page_unlock(struct frame *frame, bool up_to_date);

/* Waits until the page is not locked. The caller has a reference and no lock. 0; -EIO: it is not up
 * to date, what was to fill it has failed; -EINTR: the task is to die. */
MUST_CHECK int page_wait(struct frame *frame);

/* Before the first store to it can be made; and before the bytes are read to be written out, with
 * the page locked. True: it was dirty. */
void page_set_dirty(struct frame *frame);
bool page_clear_dirty(struct frame *frame);

/* Not unwritten any more. Before a mapping of it can be stored through. */
void page_set_written(struct frame *frame);
