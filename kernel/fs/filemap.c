/* SPDX-License-Identifier: MIT */
/* A file's pages: frames of its own first, then those of the archive, then holes. */
#include "kernel/fs/filemap.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "shared/linux/errno.h"

/* Files may fill memory up to this share of it (one sixteenth stays): programs must be able to
 * go on and the kernel to end them. */
#define MEMORY_RESERVE_SHIFT 4

static uint64_t own_frames; /* atomic: of all files */

static uint64_t pages_of(uint64_t nbytes)
{
    return (nbytes >> PAGE_SHIFT) + ((nbytes & PAGE_MASK) != 0);
}

uint64_t filemap_frames_held(void)
{
    return __atomic_load_n(&own_frames, __ATOMIC_RELAXED);
}

void filemap_set_archive(struct filemap *map, const char *bytes, uint64_t nbytes)
{
    map->archive = bytes;
    map->archive_nbytes = nbytes;
    map->npages = pages_of(nbytes);
    map->tail = FILEMAP_TAIL_UNKNOWN;
}

static bool bytes_are_zero(const char *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Whether the archive's frame can stand for the page: the rest of the last one must be zero, and
 * whoever built the archive is not trusted with that. */
static bool page_is_in_place(struct filemap *map, uint64_t index)
{
    if (!IS_ALIGNED((uint64_t)map->archive, PAGE_SIZE))
        return false;
    if (index < map->archive_nbytes >> PAGE_SHIFT)
        return true;
    if (map->tail == FILEMAP_TAIL_UNKNOWN) {
        size_t used = map->archive_nbytes & PAGE_MASK;
        bool zero = bytes_are_zero(map->archive + map->archive_nbytes, PAGE_SIZE - used);
        map->tail = zero ? FILEMAP_TAIL_ZERO : FILEMAP_TAIL_DIRTY;
    }
    return map->tail == FILEMAP_TAIL_ZERO;
}

static bool page_is_archived(const struct filemap *map, uint64_t index)
{
    return index < pages_of(map->archive_nbytes);
}

uint64_t filemap_room(void)
{
    uint64_t reserve = pmm_total_count() >> MEMORY_RESERVE_SHIFT;
    uint64_t free = pmm_free_count();

    return free > reserve ? free - reserve : 0;
}

static struct frame *frame_alloc(enum pmm_flags flags)
{
    struct frame *frame;

    if (filemap_room() == 0)
        return NULL;
    frame = pmm_alloc(0, flags);
    if (frame)
        __atomic_fetch_add(&own_frames, 1, __ATOMIC_RELAXED);
    return frame;
}

/* npages and the quota go together. */
static void pages_count(struct filemap *map, int64_t more)
{
    map->npages += (uint64_t)more;
    if (map->quota)
        __atomic_fetch_add(&map->quota->used, (uint64_t)more, __ATOMIC_RELAXED);
}

/* Two processors at a time may go over it by a page. */
static bool quota_allows(const struct filemap *map)
{
    const struct filemap_quota *quota = map->quota;

    return !quota || !quota->max || quota->used < quota->max;
}

static void frame_release(struct frame *frame)
{
    __atomic_fetch_sub(&own_frames, 1, __ATOMIC_RELAXED);
    frame_put(frame);
}

/* The archive's bytes of the page, then zeroes. */
static void copy_from_archive(const struct filemap *map, uint64_t index, char *page)
{
    uint64_t start = index << PAGE_SHIFT;
    size_t nbytes = MIN(map->archive_nbytes - start, PAGE_SIZE);

    memcpy(page, map->archive + start, nbytes);
    memset(page + nbytes, 0, PAGE_SIZE - nbytes);
}

int filemap_get_own(struct filemap *map, uint64_t index, bool whole, bool *out_is_new,
                    struct frame **out_frame)
{
    struct frame *frame = radix_find(&map->frames, index);
    bool archived;
    int err;

    *out_is_new = false;
    if (frame) {
        frame_get(frame);
        *out_frame = frame;
        return 0;
    }

    archived = page_is_archived(map, index);
    if (unlikely(!archived && !quota_allows(map)))
        return -ENOSPC;
    frame = frame_alloc(archived || whole ? PMM_PLAIN : PMM_ZERO);
    if (!frame)
        return -ENOSPC;
    if (archived)
        copy_from_archive(map, index, frame_address(frame));
    err = radix_insert(&map->frames, index, frame);
    if (err) {
        frame_release(frame);
        return err;
    }
    if (!archived)
        pages_count(map, 1);
    frame_get(frame);
    *out_is_new = !archived;
    *out_frame = frame;
    return 0;
}

int filemap_get(struct filemap *map, uint64_t index, struct frame **out_frame)
{
    struct frame *frame = radix_find(&map->frames, index);
    bool is_new;

    if (!frame && page_is_archived(map, index)) {
        if (!page_is_in_place(map, index))
            return filemap_get_own(map, index, false, &is_new, out_frame);
        frame = frame_from_address(map->archive + (index << PAGE_SHIFT));
    }
    if (frame)
        frame_get(frame);
    *out_frame = frame;
    return 0;
}

struct frame *filemap_find(struct filemap *map, uint64_t index)
{
    struct frame *frame = radix_find(&map->frames, index);

    if (!frame && page_is_archived(map, index) && page_is_in_place(map, index))
        frame = frame_from_address(map->archive + (index << PAGE_SHIFT));
    if (frame)
        frame_get(frame);
    return frame;
}

void filemap_drop(struct filemap *map, uint64_t index)
{
    struct frame *frame = radix_remove(&map->frames, index);

    if (!frame)
        return;
    if (!page_is_archived(map, index))
        pages_count(map, -1);
    frame_release(frame);
}

/* Archive pages cannot be taken out of the middle: they get a zeroed frame over them. */
static int punch_archived(struct filemap *map, uint64_t first, uint64_t last)
{
    for (uint64_t index = first; index < last && page_is_archived(map, index); index++) {
        struct frame *frame;
        bool is_new;
        int err = filemap_get_own(map, index, false, &is_new, &frame);
        if (err)
            return err;
        memset(frame_address(frame), 0, PAGE_SIZE);
        frame_put(frame);
    }
    return 0;
}

int filemap_punch_pages(struct filemap *map, uint64_t first, uint64_t last)
{
    int err = punch_archived(map, first, last);
    uint64_t index = MAX(first, pages_of(map->archive_nbytes));

    if (err)
        return err;
    while (radix_find_up(&map->frames, &index) && index < last)
        filemap_drop(map, index++);
    return 0;
}

int filemap_zero_bytes(struct filemap *map, uint64_t index, size_t from, size_t to)
{
    struct frame *frame;
    bool is_new;
    int err;

    if (from >= to || !filemap_has_page(map, index))
        return 0;
    err = filemap_get_own(map, index, false, &is_new, &frame);
    if (err)
        return err;
    memset((char *)frame_address(frame) + from, 0, to - from);
    frame_put(frame);
    return 0;
}

static void truncate_archive(struct filemap *map, uint64_t nbytes)
{
    if (nbytes >= map->archive_nbytes)
        return;
    map->npages -= pages_of(map->archive_nbytes) - pages_of(nbytes);
    map->archive_nbytes = nbytes;
    map->tail = FILEMAP_TAIL_UNKNOWN;
}

void filemap_truncate(struct filemap *map, uint64_t nbytes)
{
    uint64_t index = pages_of(nbytes);
    size_t used = nbytes & PAGE_MASK;
    struct frame *last;

    /* Dropping counts by the archive's old size: its share of the pages goes with it. */
    while (radix_find_up(&map->frames, &index))
        filemap_drop(map, index++);
    truncate_archive(map, nbytes);

    last = used ? radix_find(&map->frames, nbytes >> PAGE_SHIFT) : NULL;
    if (last)
        memset((char *)frame_address(last) + used, 0, PAGE_SIZE - used);
}

void filemap_destroy(struct filemap *map)
{
    filemap_truncate(map, 0);
}

bool filemap_has_page(const struct filemap *map, uint64_t index)
{
    return page_is_archived(map, index) || radix_find(&map->frames, index) != NULL;
}

bool filemap_find_data(const struct filemap *map, uint64_t *index)
{
    return page_is_archived(map, *index) || radix_find_up(&map->frames, index) != NULL;
}
