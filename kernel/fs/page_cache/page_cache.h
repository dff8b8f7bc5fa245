/* SPDX-License-Identifier: MIT */
/*
 * fs/page_cache/page_cache.h - the bytes of a regular file: its page cache, which is also its only
 * store
 *
 * Owns:    counted frames by page index; below archive_nbytes, pages without a frame of their own
 *          are those of the root filesystem archive, in place where they are page-aligned. A file
 *          with operations has its first bytes elsewhere instead: its pages are filled later, by
 *          another thread, and -EAGAIN stands for a page that is on its way (page_state.h).
 * Used by: ramfs files (read, write, truncate) and their pager.
 * Locks:   the inode's mutex, held by the caller of everything here but page_cache_read_*.
 * Fails:   -ENOMEM; -ENOSPC from page_cache_get_own when memory or the quota is used up; -EAGAIN
 *          and -EOPNOTSUPP only for files with operations.
 * Tests:   tests/host/fs_page_cache_test.c
 */
#pragma once

#include "kernel/fs/page_cache/radix.h"

struct frame;

/* A limit on the pages of many files. */
struct page_cache_quota {
    uint64_t used;    /* [a] */
    uint64_t max;     /* [a] 0: no limit */
    uint64_t reserve; /* [a] the last of them are root's */
};

/* Whether one page more is allowed; root's files, what root makes, may go into the reserves. */
bool page_cache_quota_allows(const struct page_cache_quota *quota, bool privileged);
/* The same for all of memory: kernel objects that live on when their maker has gone leave a part of
 * it to others, and more of it where an ordinary user makes them. */
bool page_cache_memory_allows(bool privileged);

struct page_cache;

struct page_cache_ops {
    /* Begins to bring the page's bytes into the frame, which is locked, and returns without
     * waiting. It ends with page_cache_fill_end, in whatever thread, without fail; until then it
     * keeps the file, too. Under the mutex. */
    void (*fill)(struct page_cache *map, uint64_t index, struct frame *frame);
};

struct page_cache {
    struct page_cache_quota *quota; /* [I] NULL: none */
    bool privileged;                /* [I] root's file: see page_cache_quota_allows */
    struct radix frames;
    const struct page_cache_ops *ops; /* [I] NULL: each page is up to date when it is made */
    const char *archive;              /* the file's first byte in the archive, NULL: none */
    uint64_t archive_nbytes; /* valid bytes of it, or of what ops fill; shrinks with truncation */
    uint64_t npages;         /* that hold data, archive pages included: st_blocks */
    uint8_t tail;            /* enum page_cache_tail: what follows them in the last page */
    bool mapped_writable;    /* a program may have written behind the end of the file */
    bool exclusive;          /* [a] readers without the mutex are turned away */
};

enum page_cache_tail {
    PAGE_CACHE_TAIL_UNKNOWN = 0,
    PAGE_CACHE_TAIL_ZERO,
    PAGE_CACHE_TAIL_DIRTY,
};

/* The page for reading, referenced for the caller; *out_frame is NULL for a hole. Bytes behind the
 * archive's end read as zero whatever the archive holds there. */
MUST_CHECK int page_cache_get(struct page_cache *map, uint64_t index, struct frame **out_frame);

/* The file's own frame for the page, referenced for the caller, made if there is none: from the
 * archive's bytes, or zeroed; undefined bytes when `whole` says that all will be overwritten.
 * *out_is_new reports whether it was a hole: then it counts as one (page_is_unwritten) until the
 * caller has put bytes there, and a failed copy can be undone. */
MUST_CHECK int page_cache_get_own(struct page_cache *map, uint64_t index, bool whole,
                                  bool *out_is_new, struct frame **out_frame);
/* Takes back a page that was a hole, unless a program has mapped it meanwhile. */
void page_cache_drop_unwritten(struct page_cache *map, uint64_t index);
/* For fallocate: a page that reads as zeroes and is no data until it is written or mapped; one that
 * is there already becomes data. *out_is_new as above. */
MUST_CHECK int page_cache_reserve(struct page_cache *map, uint64_t index, bool *out_is_new);

/* The file's first bytes come by ops->fill. On an empty map only. */
void page_cache_set_backing(struct page_cache *map, const struct page_cache_ops *ops,
                            uint64_t nbytes);
/* The frame has its bytes, or (good false) will not get them: ends what ops->fill has begun. Bytes
 * that the file has lost meanwhile are zeroed. */
void page_cache_fill_end(struct page_cache *map, uint64_t index, struct frame *frame, bool good);
/* The page if it is on its way, referenced for the caller, which gives the mutex
 * up and then waits (page_wait). NULL: try again. */
struct frame *page_cache_find_stale(struct page_cache *map, uint64_t index);

/* The page if that needs no memory, referenced for the caller; else NULL. own: a frame of the
 * file's own only, none of the archive's. Of a file with operations it may not be up to date. */
struct frame *page_cache_find(struct page_cache *map, uint64_t index, bool own);

/* Without the mutex. Between begin (true) and end pages stay: no blocking, user memory with faults
 * disabled, and no more than a few pages, since a truncation may wait. False: take the mutex. */
MUST_CHECK bool page_cache_read_begin(struct page_cache *map);
void page_cache_read_end(void);
/* The bytes of a page, NULL for a hole. False: only page_cache_get can tell. */
MUST_CHECK bool page_cache_read_page(struct page_cache *map, uint64_t index,
                                     const char **out_bytes);

/* Makes pages [first, last) read as zero, and the bytes of page `index` from `from` to `to`. */
MUST_CHECK int page_cache_punch_pages(struct page_cache *map, uint64_t first, uint64_t last);
MUST_CHECK int page_cache_zero_bytes(struct page_cache *map, uint64_t index, size_t from,
                                     size_t to);

/* The file's first bytes are those of the archive. On an empty map only. */
void page_cache_set_archive(struct page_cache *map, const char *bytes, uint64_t nbytes);

/* Drops everything at and behind nbytes; what comes to lie there later reads as zero. */
void page_cache_truncate(struct page_cache *map, uint64_t nbytes);
/* Of the page that nbytes ends in, the bytes behind. */
void page_cache_zero_rest(struct page_cache *map, uint64_t nbytes);
void page_cache_destroy(struct page_cache *map);

/* First page at or after *index that holds data (a frame that is not unwritten, or archive bytes):
 * SEEK_DATA. What holds none reads as zeroes. */
bool page_cache_find_data(const struct page_cache *map, uint64_t *index);
bool page_cache_has_data(const struct page_cache *map, uint64_t index);

uint64_t page_cache_room(void);        /* pages that files may still take of all memory */
uint64_t page_cache_frames_held(void); /* own frames of all files */
