/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/sys_write.h - what all calls that write or lengthen a file have in common
 *
 * Owns:    the signals of writing (SIGPIPE, SIGXFSZ), RLIMIT_FSIZE; counts of reading, too.
 * Context: a system call; no lock held.
 * Tests:   tests/user/fs/file_limit.c
 */
#pragma once

#include "kernel/proc/task.h"

struct file;
struct inode;
struct user_iter;

/* Before a write to a regular file: what the writer may not do, RLIMIT_FSIZE and set-ID bits. */
void write_begin(const struct task *self, struct user_iter *io);

/* The result of a write, with the signal that goes with it. The former for errors alone; file
 * may be NULL. */
int64_t write_failed(struct task *self, const struct file *file, int64_t error);
static inline int64_t write_finish(struct task *self, const struct file *file, int64_t result)
{
    return unlikely(result < 0) ? write_failed(self, file, result) : result;
}

/* For /proc/PID/io: a call that has got as far as the file, whatever came of it. */
enum { IO_READ, IO_WRITE };
static inline int64_t io_count(unsigned kind, int64_t result)
{
    /* Found anew, so that no caller has to keep it for this. */
    struct task *self = container_of(thread_current(), struct task, thread);

    self->io.calls[kind]++;
    if (likely(result > 0))
        self->io.nbytes[kind] += (uint64_t)result;
    return result;
}

/* Before bytes are moved to an offset: RLIMIT_FSIZE cuts them off, or, with SIGXFSZ, -EFBIG. */
MUST_CHECK int write_cut_to_limit(struct task *self, uint64_t offset, size_t *nbytes);

/* Before a file gets a new size: 0 or, with SIGXFSZ, -EFBIG. */
MUST_CHECK int write_check_size(struct task *self, const struct inode *inode, uint64_t nbytes);
