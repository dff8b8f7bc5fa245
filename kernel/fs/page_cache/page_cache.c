/* SPDX-License-Identifier: MIT */
/*
 * The page cache of a file: frames of its own first, then those of the archive, then holes.
 *
 * Everything that changes the cache holds the inode's mutex. Readers need not: they enter with a
 * hazard pointer, find the page and copy it, and leave; no reference is taken and no shared cache
 * line written. What they rely on:
 *   - A page is complete before it is in the tree, and its slot is one store (radix_insert).
 *   - Whatever frees pages or nodes, makes nodes, or changes how much of the archive is valid is
 *     exclusive: it sets `exclusive`, waits until readers have left (hazard_drain), works, and
 *     clears it. A reader looks at `exclusive` after it has entered, so it either sees the flag and
 *     takes the mutex, or is waited for.
 *   - The size is the inode's. It is made smaller before pages are dropped: a reader that comes
 *     after the drain sees the new one. It is made larger after the bytes are in their page.
 *   - `tail` is found out by a reader and by others alike; both store the same value.
 * The last reference to a file is dropped without readers: page_cache_destroy does not drain.
 *
 * A page that has to be filled first is in the tree from the beginning, marked in its frame
 * (page_state.h), so that it is filled once; readers turn away from it as they do from a page that
 * has to be made. It may be dropped or cut while it is filled: the filler has a reference of its
 * own, and zeroes what is no longer the file's when it is done.
 */
#include "kernel/fs/page_cache/page_cache.h"
#include "kernel/fs/page_cache/page_state.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/hazard.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

/* Files may fill memory up to this share of it (one sixteenth stays): programs must be able to
 * go on and the kernel to end them. Files of ordinary users leave twice as much: what one of them
 * has left behind does not keep root from working. */
#define MEMORY_RESERVE_SHIFT 4

static uint64_t own_frames; /* atomic: of all files */

static uint64_t pages_of(uint64_t nbytes)
{
    return (nbytes >> PAGE_SHIFT) + ((nbytes & PAGE_MASK) != 0);
}

/* The wait is short: a reader copies a few pages, and takes no page faults. */
static void exclusive_begin(struct page_cache *map)
{
    __atomic_store_n(&map->exclusive, true, __ATOMIC_RELAXED);
    hazard_drain(map); /* with a full fence first */
}

static void exclusive_end(struct page_cache *map)
{
    __atomic_store_n(&map->exclusive, false, __ATOMIC_RELEASE);
}

uint64_t page_cache_frames_held(void)
{
    return __atomic_load_n(&own_frames, __ATOMIC_RELAXED);
}

void page_cache_set_archive(struct page_cache *map, const char *bytes, uint64_t nbytes)
{
    map->archive = bytes;
    map->archive_nbytes = nbytes;
    map->npages = pages_of(nbytes);
    map->tail = PAGE_CACHE_TAIL_UNKNOWN;
}

static bool bytes_are_zero(const char *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Whether the archive's frame can stand for the page: the rest of the last one must be zero, and
 * the builder of the archive is not trusted with that. */
static bool page_is_in_place(struct page_cache *map, uint64_t index)
{
    if (map->ops || !IS_ALIGNED((uint64_t)map->archive, PAGE_SIZE))
        return false;
    if (index < map->archive_nbytes >> PAGE_SHIFT)
        return true;
    if (map->tail == PAGE_CACHE_TAIL_UNKNOWN) {
        size_t used = map->archive_nbytes & PAGE_MASK;
        bool zero = bytes_are_zero(map->archive + map->archive_nbytes, PAGE_SIZE - used);
        /* Two readers may find it out at once, and store the same. */
        map->tail = zero ? PAGE_CACHE_TAIL_ZERO : PAGE_CACHE_TAIL_DIRTY;
    }
    return map->tail == PAGE_CACHE_TAIL_ZERO;
}

static bool page_is_archived(const struct page_cache *map, uint64_t index)
{
    return index < pages_of(map->archive_nbytes);
}

/* What root's files may still take; it may be less by the time they do. */
uint64_t page_cache_room(void)
{
    uint64_t reserve = pmm_total_count() >> MEMORY_RESERVE_SHIFT;
    uint64_t free = pmm_free_count();

    return free > reserve ? free - reserve : 0;
}

bool page_cache_memory_allows(bool privileged)
{
    uint64_t reserve = pmm_total_count() >> MEMORY_RESERVE_SHIFT;

    return pmm_has_more_than(privileged ? reserve : 2 * reserve);
}

static struct frame *frame_alloc(const struct page_cache *map, enum pmm_flags flags)
{
    struct frame *frame;

    /* Files do not make the kernel end programs: where memory is short, the file system is full. */
    if (!page_cache_memory_allows(map->privileged))
        return NULL;
    frame = pmm_alloc(0, flags);
    if (frame) {
        frame->page = 0;
        __atomic_fetch_add(&own_frames, 1, __ATOMIC_RELAXED);
    }
    return frame;
}

/* npages and the quota go together. */
static void pages_count(struct page_cache *map, int64_t more)
{
    map->npages += (uint64_t)more;
    if (map->quota)
        __atomic_fetch_add(&map->quota->used, (uint64_t)more, __ATOMIC_RELAXED);
}

/* Two processors at a time may go over it by a page. */
bool page_cache_quota_allows(const struct page_cache_quota *quota, bool privileged)
{
    return !quota || !quota->max || quota->used < quota->max - (privileged ? 0 : quota->reserve);
}

static void frame_release(struct frame *frame)
{
    __atomic_fetch_sub(&own_frames, 1, __ATOMIC_RELAXED);
    frame_put(frame);
}

/* The archive's bytes of the page, then zeroes. */
static void copy_from_archive(const struct page_cache *map, uint64_t index, char *page)
{
    uint64_t start = index << PAGE_SHIFT;
    size_t nbytes = MIN(map->archive_nbytes - start, PAGE_SIZE);

    memcpy(page, map->archive + start, nbytes);
    memset(page + nbytes, 0, PAGE_SIZE - nbytes);
}

/* Readers look on, unless nodes have to be made, which a failure would free again. */
static int frame_insert(struct page_cache *map, uint64_t index, struct frame *frame)
{
    bool alone = !radix_has_slot(&map->frames, index);
    int err;

    if (alone)
        exclusive_begin(map);
    err = radix_insert(&map->frames, index, frame);
    if (alone)
        exclusive_end(map);
    return err;
}

/* Locked, and referenced for the filler. */
static int fill_begin(struct page_cache *map, uint64_t index, struct frame *frame)
{
    frame_get(frame);
    map->ops->fill(map, index, frame);
    return -EAGAIN;
}

/* A page that is on its way; or one that did not come the last time, and is asked for again. */
static int stale_get(struct page_cache *map, uint64_t index, struct frame *frame)
{
    return page_trylock(frame) ? fill_begin(map, index, frame) : -EAGAIN;
}

/* page_cache_get_own where there is no frame. What was a hole is unwritten from the beginning: a
 * fault takes the mark away before it maps the page, and would be overtaken by one set later. */
static int page_make(struct page_cache *map, uint64_t index, bool whole, bool *out_is_new,
                     struct frame **out_frame)
{
    bool archived = page_is_archived(map, index);
    struct frame *frame;
    int err;

    if (unlikely(!archived && !page_cache_quota_allows(map->quota, map->privileged)))
        return -ENOSPC;
    /* Zeroed unless other bytes are about to cover all of it. */
    frame = frame_alloc(map, archived || whole ? PMM_PLAIN : PMM_ZERO);
    if (!frame)
        return -ENOSPC;
    if (archived && map->ops)
        page_init_stale(frame);
    else if (archived)
        copy_from_archive(map, index, frame_address(frame));
    else
        frame->page = PAGE_UNWRITTEN;
    /* Its contents are complete, or it is marked: from here on readers find it. */
    err = frame_insert(map, index, frame);
    if (err) {
        frame_release(frame);
        return err;
    }
    if (archived && map->ops)
        return fill_begin(map, index, frame);
    /* A copy stands where the archive's page stood: it has been counted with that. */
    if (!archived)
        pages_count(map, 1);
    /* The first reference is the tree's, this one is the caller's. */
    frame_get(frame);
    *out_is_new = !archived;
    *out_frame = frame;
    return 0;
}

int page_cache_get_own(struct page_cache *map, uint64_t index, bool whole, bool *out_is_new,
                       struct frame **out_frame)
{
    struct frame *frame = radix_find(&map->frames, index);

    *out_is_new = false;
    if (!frame)
        return page_make(map, index, whole, out_is_new, out_frame);
    if (unlikely(page_is_stale(frame)))
        return stale_get(map, index, frame);
    frame_get(frame);
    *out_frame = frame;
    return 0;
}

int page_cache_reserve(struct page_cache *map, uint64_t index, bool *out_is_new)
{
    struct frame *frame = radix_find(&map->frames, index);
    int err;

    *out_is_new = false;
    /* Linux's tmpfs clears what it has not cleared before, and cannot tell it from data then. */
    if (frame)
        page_set_written(frame);
    if (frame || page_is_archived(map, index))
        return 0;
    err = page_make(map, index, false, out_is_new, &frame);
    if (!err)
        frame_put(frame);
    return err;
}

int page_cache_get(struct page_cache *map, uint64_t index, struct frame **out_frame)
{
    struct frame *frame = radix_find(&map->frames, index);
    bool is_new;

    if (unlikely(frame && page_is_stale(frame)))
        return stale_get(map, index, frame);
    if (!frame && page_is_archived(map, index)) {
        if (!page_is_in_place(map, index))
            return page_cache_get_own(map, index, false, &is_new, out_frame);
        /* The archive's own frame: shared, and never written to (page_cache_get_own copies it). */
        frame = frame_from_address(map->archive + (index << PAGE_SHIFT));
    }
    if (frame)
        frame_get(frame);
    *out_frame = frame;
    return 0;
}

struct frame *page_cache_find(struct page_cache *map, uint64_t index, bool own)
{
    struct frame *frame = radix_find(&map->frames, index);

    if (!frame && !own && page_is_archived(map, index) && page_is_in_place(map, index))
        frame = frame_from_address(map->archive + (index << PAGE_SHIFT));
    if (frame)
        frame_get(frame);
    return frame;
}

struct frame *page_cache_find_stale(struct page_cache *map, uint64_t index)
{
    struct frame *frame = radix_find(&map->frames, index);

    if (!frame || !page_is_stale(frame))
        return NULL;
    frame_get(frame);
    return frame;
}

void page_cache_set_backing(struct page_cache *map, const struct page_cache_ops *ops,
                            uint64_t nbytes)
{
    ASSERT(!map->npages);
    map->ops = ops;
    map->archive_nbytes = nbytes;
    map->npages = pages_of(nbytes);
}

/* The page may have left the tree, or the file may be shorter, by now: a truncation does not wait.
 * What it has cut off must read as zero if the file grows again. */
void page_cache_fill_end(struct page_cache *map, uint64_t index, struct frame *frame, bool good)
{
    uint64_t start = index << PAGE_SHIFT;

    if (good) {
        size_t nbytes =
            start < map->archive_nbytes ? MIN(map->archive_nbytes - start, PAGE_SIZE) : 0;

        memset((char *)frame_address(frame) + nbytes, 0, PAGE_SIZE - nbytes);
    }
    page_unlock(frame, good);
    frame_put(frame);
}

/* No lock, and nothing shared is written: only this processor's own hazard pointer. */
bool page_cache_read_begin(struct page_cache *map)
{
    /* First entered, then looked: exclusive_begin sets the flag first and then waits for what has
     * entered. So one of the two sees the other. */
    hazard_enter(map);
    if (likely(!__atomic_load_n(&map->exclusive, __ATOMIC_ACQUIRE)))
        return true;
    hazard_leave();
    return false;
}

void page_cache_read_end(void)
{
    hazard_leave();
}

bool page_cache_read_page(struct page_cache *map, uint64_t index, const char **out_bytes)
{
    const struct frame *frame = radix_find(&map->frames, index);

    *out_bytes = NULL;
    if (likely(frame)) {
        if (unlikely(page_is_stale(frame)))
            return false; /* it must be waited for: not here */
        *out_bytes = frame_address(frame);
    } else if (page_is_archived(map, index)) {
        /* It must be copied to a frame first, which is a change: not here. */
        if (!page_is_in_place(map, index))
            return false;
        *out_bytes = map->archive + (index << PAGE_SHIFT);
    }
    return true;
}

/* No reader looks on, or none can have come. */
static void drop_exclusive(struct page_cache *map, uint64_t index)
{
    struct frame *frame = radix_remove(&map->frames, index);

    if (!frame)
        return;
    if (!page_is_archived(map, index))
        pages_count(map, -1);
    frame_release(frame);
}

/* As many pages as a program has made: readers that come meanwhile wait for the mutex. */
static void drop_range_exclusive(struct page_cache *map, uint64_t first, uint64_t last)
{
    for (uint64_t index = first; radix_find_up(&map->frames, &index) && index < last; index++) {
        drop_exclusive(map, index);
        sched_preempt_point();
    }
}

void page_cache_drop_unwritten(struct page_cache *map, uint64_t index)
{
    const struct frame *frame;

    exclusive_begin(map);
    /* A fault needs no mutex: a program may have mapped the page by now, and stored into it. */
    frame = radix_find(&map->frames, index);
    if (frame && page_is_unwritten(frame))
        drop_exclusive(map, index);
    exclusive_end(map);
}

/* Archive pages cannot be taken out of the middle: they get a zeroed frame over them. */
static int punch_archived(struct page_cache *map, uint64_t first, uint64_t last)
{
    for (uint64_t index = first; index < last && page_is_archived(map, index); index++) {
        struct frame *frame;
        bool is_new;
        int err = page_cache_get_own(map, index, false, &is_new, &frame);
        if (err)
            return err;
        /* Readers may look on: they see old bytes and zeroes, as beside any write. */
        memset(frame_address(frame), 0, PAGE_SIZE);
        frame_put(frame);
        sched_preempt_point();
    }
    return 0;
}

int page_cache_punch_pages(struct page_cache *map, uint64_t first, uint64_t last)
{
    uint64_t index = MAX(first, pages_of(map->archive_nbytes));
    /* What is on its way would have to be waited for, and holes be remembered. */
    int err = map->ops ? -EOPNOTSUPP : punch_archived(map, first, last);

    if (err)
        return err;
    exclusive_begin(map);
    drop_range_exclusive(map, index, last);
    exclusive_end(map);
    return 0;
}

int page_cache_zero_bytes(struct page_cache *map, uint64_t index, size_t from, size_t to)
{
    struct frame *frame;
    bool is_new;
    int err;

    if (map->ops)
        return -EOPNOTSUPP;
    /* A hole is zero already, and stays one. */
    if (from >= to || !page_cache_has_data(map, index))
        return 0;
    err = page_cache_get_own(map, index, false, &is_new, &frame);
    if (err)
        return err;
    memset((char *)frame_address(frame) + from, 0, to - from);
    frame_put(frame);
    return 0;
}

static void truncate_archive(struct page_cache *map, uint64_t nbytes)
{
    if (nbytes >= map->archive_nbytes)
        return;
    /* Not by pages_count: the archive's pages are in no quota. */
    map->npages -= pages_of(map->archive_nbytes) - pages_of(nbytes);
    map->archive_nbytes = nbytes;
    map->tail = PAGE_CACHE_TAIL_UNKNOWN;
}

void page_cache_zero_rest(struct page_cache *map, uint64_t nbytes)
{
    struct frame *last = radix_find(&map->frames, nbytes >> PAGE_SHIFT);

    if (last && (nbytes & PAGE_MASK)) /* else it is a page behind */
        memset((char *)frame_address(last) + (nbytes & PAGE_MASK), 0, -nbytes & PAGE_MASK);
}

static void truncate_exclusive(struct page_cache *map, uint64_t nbytes)
{
    /* Dropping counts by the archive's old size: its share of the pages goes with it. */
    drop_range_exclusive(map, pages_of(nbytes), UINT64_MAX);
    truncate_archive(map, nbytes);
    /* When the file grows again, what was cut off must not come back. */
    page_cache_zero_rest(map, nbytes);
}

void page_cache_truncate(struct page_cache *map, uint64_t nbytes)
{
    exclusive_begin(map);
    truncate_exclusive(map, nbytes);
    exclusive_end(map);
}

void page_cache_destroy(struct page_cache *map)
{
    truncate_exclusive(map, 0);
}

bool page_cache_has_data(const struct page_cache *map, uint64_t index)
{
    const struct frame *frame = radix_find(&map->frames, index);

    return page_is_archived(map, index) || (frame && !page_is_unwritten(frame));
}

bool page_cache_find_data(const struct page_cache *map, uint64_t *index)
{
    const struct frame *frame;

    if (page_is_archived(map, *index))
        return true;
    /* As many as fallocate has made. */
    for (; (frame = radix_find_up(&map->frames, index)); ++*index) {
        if (!page_is_unwritten(frame))
            return true;
        sched_preempt_point();
    }
    return false;
}
