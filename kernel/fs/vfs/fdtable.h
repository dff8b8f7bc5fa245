/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/fdtable.h - the descriptors of a process
 *
 * Owns:    the map from small numbers to open files, and the close-on-exec bits.
 * Used by: proc (fork, exec, exit), the system calls.
 * Locks:   fd_table.lock, a spinlock, rank FDTABLE. Files are put after it is dropped.
 * Context: thread.
 * Fails:   -EBADF, -EMFILE, -ENOMEM.
 * Tests:   tests/host/fs_fdtable_test.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/util.h"

#define FD_INLINE        64
#define FD_LIMIT_DEFAULT 1024       /* RLIMIT_NOFILE, soft */
#define FD_LIMIT_HARD    4096       /* hard, as Linux starts its first process */
#define FD_LIMIT_MAX     (1u << 20) /* nr_open */

/* l lock   a atomic */
struct fd_table {
    struct spinlock lock;
    uint32_t users;      /* [a] tasks that share it */
    uint32_t capacity;   /* [l] slots; grows only */
    uint32_t first_free; /* [l] no free number below */
    uint32_t limit;      /* [a] RLIMIT_NOFILE: new numbers lie below */
    struct file **slots; /* [l] NULL: free, or reserved when its bit in used is set */
    uint64_t *used;      /* [l] bit set: taken */
    uint64_t *cloexec;   /* [l] */
    struct file *inline_slots[FD_INLINE];
    uint64_t inline_used[FD_INLINE / 64];
    uint64_t inline_cloexec[FD_INLINE / 64];
};

MUST_CHECK int fd_table_create(struct fd_table **out_table);
MUST_CHECK int fd_table_dup(struct fd_table *table, struct fd_table **out_copy); /* fork */
void fd_table_get(struct fd_table *table);
void fd_table_put(struct fd_table *table); /* the last one closes all files */
static inline bool fd_table_is_shared(const struct fd_table *table)
{
    return __atomic_load_n(&table->users, __ATOMIC_ACQUIRE) > 1;
}
void fd_table_close_on_exec(struct fd_table *table);

/* A file borrowed from a table for one system call. A reference is counted only when the table is
 * shared: else no other task can close the descriptor in between. */
struct fd_ref {
    struct file *file; /* NULL: bad descriptor */
    bool counted;
};

struct file *fd_get(struct fd_table *table, int fd); /* always counted; NULL */

/* fd_find refuses O_PATH files, fd_find_any does not. The task calling must own the table. */
struct fd_ref fd_find(struct fd_table *table, int fd);
struct fd_ref fd_find_any(struct fd_table *table, int fd);

/* The same where even the call counts. */
static inline struct fd_ref fd_find_any_inline(struct fd_table *table, int fd)
{
    struct file *file;

    if (likely(!fd_table_is_shared(table)))
        return (struct fd_ref){(unsigned)fd < table->capacity ? table->slots[fd] : NULL, false};
    file = fd_get(table, fd);
    return (struct fd_ref){file, file != NULL};
}

static inline void fd_ref_put(struct fd_ref ref)
{
    if (unlikely(ref.counted))
        file_put(ref.file);
}

static inline struct fd_ref fd_find_inline(struct fd_table *table, int fd)
{
    struct fd_ref ref = fd_find_any_inline(table, fd);

    if (ref.file && unlikely(ref.file->access & FILE_PATH)) {
        fd_ref_put(ref);
        ref = (struct fd_ref){0}; /* nothing to be put: callers may do so without a look */
    }
    return ref;
}

/* The lowest free number at or above min gets the file; takes over the caller's reference, on
 * failure it stays the caller's. */
MUST_CHECK int fd_install(struct fd_table *table, struct file *file, int min, bool cloexec);
/* dup: another number, at or above min, for the file of fd. -EBADF, -EMFILE, -ENOMEM. */
MUST_CHECK int fd_dup(struct fd_table *table, int fd, int min, bool cloexec);
/* Two steps, for what must not fail in between: reserve, then fill or release. */
MUST_CHECK int fd_reserve(struct fd_table *table, int min, bool cloexec);
void fd_fill(struct fd_table *table, int fd, struct file *file);
void fd_unreserve(struct fd_table *table, int fd);
/* dup2: replaces what is there. Takes over the reference unless it fails. */
MUST_CHECK int fd_replace(struct fd_table *table, int fd, struct file *file, bool cloexec);
/* The same in two steps, the second without locks: releases what was there, which is not NULL. */
MUST_CHECK int fd_exchange(struct fd_table *table, int fd, struct file *file, bool cloexec,
                           struct file **out_old);
void fd_release(struct fd_table *table, struct file *old);

MUST_CHECK int fd_close(struct fd_table *table, int fd);
/* Closes every descriptor in [first, last], or marks them close-on-exec. */
void fd_close_range(struct fd_table *table, unsigned first, unsigned last, bool mark_only);
int fd_get_cloexec(struct fd_table *table, int fd); /* 0, 1, -EBADF */
int fd_set_cloexec(struct fd_table *table, int fd, bool cloexec);
/* Which of the numbers from 64 * i on are taken, a bit each. i lies below the capacity / 64. */
uint64_t fd_used_word(struct fd_table *table, size_t i);
/* The lowest used number at or above fd, or -1: for /proc/PID/fd. */
int fd_next_used(struct fd_table *table, int fd);
