/* SPDX-License-Identifier: MIT */
/*
 * fs/filemap.h - the bytes of a regular file: its page cache, which is also its only store
 *
 * Owns:    counted frames by page index; below archive_nbytes, pages without a frame of their own
 *          are those of the root filesystem archive, in place where they are page-aligned.
 * Used by: ramfs files (read, write, truncate) and their pager.
 * Locks:   the inode's mutex, held by the caller of everything here.
 * Fails:   -ENOMEM; -ENOSPC from filemap_get_own when memory or the quota is used up.
 * Tests:   tests/host/fs_filemap_test.c
 */
#pragma once

#include "kernel/fs/radix.h"

struct frame;

/* A limit on the pages of many files. */
struct filemap_quota {
    uint64_t used; /* [a] */
    uint64_t max;  /* [a] 0: no limit */
};

struct filemap {
    struct filemap_quota *quota; /* NULL: none */
    struct radix frames;
    const char *archive;     /* the file's first byte in the archive, NULL: none */
    uint64_t archive_nbytes; /* bytes of it still valid; shrinks with truncation */
    uint64_t npages;         /* that hold data, archive pages included: st_blocks */
    uint8_t tail;            /* enum filemap_tail: what follows them in the last page */
    bool mapped_writable;    /* a program may have written behind the end of the file */
};

enum filemap_tail {
    FILEMAP_TAIL_UNKNOWN = 0,
    FILEMAP_TAIL_ZERO,
    FILEMAP_TAIL_DIRTY,
};

/* The page for reading, referenced for the caller; *out_frame is NULL for a hole. Bytes behind the
 * archive's end read as zero whatever the archive holds there. */
MUST_CHECK int filemap_get(struct filemap *map, uint64_t index, struct frame **out_frame);

/* The file's own frame for the page, referenced for the caller, made if there is none: from the
 * archive's bytes, or zeroed; undefined bytes when `whole` says that all will be overwritten.
 * *out_is_new tells whether it was a hole, so that a failed copy can be undone by filemap_drop. */
MUST_CHECK int filemap_get_own(struct filemap *map, uint64_t index, bool whole, bool *out_is_new,
                               struct frame **out_frame);
void filemap_drop(struct filemap *map, uint64_t index);

/* The page for reading if that needs no memory, referenced for the caller; else NULL. */
struct frame *filemap_find(struct filemap *map, uint64_t index);

/* Makes pages [first, last) read as zero, and the bytes of page `index` from `from` to `to`. */
MUST_CHECK int filemap_punch_pages(struct filemap *map, uint64_t first, uint64_t last);
MUST_CHECK int filemap_zero_bytes(struct filemap *map, uint64_t index, size_t from, size_t to);

/* The file's first bytes are those of the archive. On an empty map only. */
void filemap_set_archive(struct filemap *map, const char *bytes, uint64_t nbytes);

/* Drops everything at and behind nbytes; what comes to lie there later reads as zero. */
void filemap_truncate(struct filemap *map, uint64_t nbytes);
void filemap_destroy(struct filemap *map);

/* First page at or after *index that holds data (a frame, or archive bytes): SEEK_DATA. */
bool filemap_find_data(const struct filemap *map, uint64_t *index);
bool filemap_has_page(const struct filemap *map, uint64_t index);

uint64_t filemap_room(void);        /* pages that files may still take of all memory */
uint64_t filemap_frames_held(void); /* own frames of all files */
