/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/file_cursor.h - places in files, for calls that copy from one to another
 *
 * Owns:    struct cursor, a position that is the file's own or the program's; the loops that copy.
 * Used by: sys_copy.c, sys_splice.c.
 * Context: a system call; no lock held.
 * Fails:   as reading and writing do.
 * Tests:   tests/user/fs/copy_wide.c, splice_any.c
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/vm/vm_user.h"

struct task;

/* Bytes moved at once: small enough for the allocator to have them, large enough that the cost of a
 * call of the file's operations does not show. */
#define CURSOR_CHUNK 16384

/* The files of a call with two descriptors. */
struct file_pair {
    struct fd_ref in, out;
};

/* Both files for the length of a call. 0: both, for file_pair_put; -EBADF: neither. */
MUST_CHECK int file_pair_find(struct task *self, int in_fd, int out_fd, struct file_pair *pair);
void file_pair_put(struct file_pair *pair);

struct cursor {
    struct file *file;
    int64_t offset;
    bool own;                  /* the file's own position, not the program's */
    const struct task *writer; /* written to: by whom */
    struct user_iter *memory;  /* the program's memory, and no file (vmsplice) */
};

int64_t cursor_own_position(struct file *file);
/* A program's offset is read once, here; it is written back by cursor_put after the copy. */
MUST_CHECK int cursor_get(struct cursor *cursor, struct file *file, struct uptr user);
/* Where the program, or the file, goes on from. A file that has no position keeps none. */
MUST_CHECK int cursor_put(const struct cursor *cursor, struct uptr user);
/* No byte has a number above 2^63 - 1. */
bool cursor_ends_too_far(const struct cursor *cursor, size_t nbytes);

/* Between files, neither of which is a pipe. Bytes, or an error if there were none. */
MUST_CHECK int64_t cursor_copy(struct cursor *in, struct cursor *out, size_t nbytes);
/* As much as the pipe has room for, and waits for room only if it has none. */
MUST_CHECK int64_t cursor_to_pipe(struct cursor *in, struct file *pipe, size_t nbytes, bool waits);
/* What the pipe holds, and waits only if that is nothing. */
MUST_CHECK int64_t cursor_from_pipe(struct file *pipe, struct cursor *out, size_t nbytes,
                                    bool waits);
