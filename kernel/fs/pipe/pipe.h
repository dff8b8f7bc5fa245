/* SPDX-License-Identifier: MIT */
/*
 * fs/pipe/pipe.h - pipes and FIFOs
 *
 * Owns:    a ring of frames, at first of up to 16, allocated as they are first needed.
 * Used by: pipe2(2), FIFO inodes.
 * Locks:   pipe.lock, a mutex, rank PIPE. User copies under it never fault.
 * Context: thread.
 * Fails:   -EAGAIN, -EPIPE (the system call layer adds the signal), -EINTR, -ENOMEM.
 * Tests:   tests/host/fs_pipe_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct credentials;
struct file;
struct file_ops;
struct user_iter;

#define PIPE_NBYTES       65536
#define PIPE_NBYTES_MAX   1048576     /* that any user may ask for, at first: pipe_nbytes_max */
#define PIPE_NBYTES_LIMIT 0x80000000u /* that even root may */
#define PIPE_ATOMIC       4096        /* PIPE_BUF: writes of so much or less are not torn */
#define PIPE_USER_SOFT    16384       /* pages of a user's pipes, at first: pipe_user_soft */
#define PIPE_NBYTES_LATE  8192        /* of a pipe made beyond that */

/* flags: LX_O_NONBLOCK, LX_O_DIRECT; LX_O_CLOEXEC is the caller's. One reference each. */
MUST_CHECK int pipe_create(uint32_t flags, const struct credentials *cred, struct file **out_reader,
                           struct file **out_writer);

extern const struct file_ops fifo_file_ops; /* of an inode of type FIFO */

void pipe_init_cache(void);
bool file_is_pipe(const struct file *file);
uint64_t pipe_nbytes_ready(struct file *file); /* FIONREAD */

/* For calls that move bytes between a pipe and something else (splice): pipe_splice.c. waits: for
 * room or bytes; else -EAGAIN. Also -EINTR; -EPIPE from the first. */
/* Room for up to nbytes, kept until pipe_put gives it back, with bytes in a part of it. */
MUST_CHECK int64_t pipe_reserve(struct file *file, size_t nbytes, bool waits);
MUST_CHECK int pipe_put(struct file *file, const char *bytes, size_t nbytes, size_t reserved);
/* Bytes out of the pipe, whose room is kept until pipe_take_end: of `taken` bytes the last nback
 * come back to the front of the pipe. 0: there is nothing to come. */
MUST_CHECK int64_t pipe_take(struct file *file, char *bytes, size_t nbytes, bool waits);
MUST_CHECK int pipe_take_end(struct file *file, const char *bytes, size_t taken, size_t nback);
/* A copy of the next bytes, which stay; nbytes 0: how many there are. 0: there is nothing to come.
 */
MUST_CHECK int64_t pipe_peek(struct file *file, char *bytes, size_t nbytes, bool waits);
/* F_SETPIPE_SZ: rounded up to a power of two of pages, which is the answer. -EBUSY: holds more;
 * -EPERM, -EINVAL, -ENOMEM. */
/* Pages that the pipes of a user may hold: beyond the first new ones are small, beyond the second
 * there are none. */
int64_t pipe_hard_limit(void);
extern uint64_t pipe_nbytes_max; /* [a] pipe-max-size: that any user may ask for, a power of two */
extern uint64_t pipe_user_soft;  /* [a] pipe-user-pages-soft */
MUST_CHECK int64_t pipe_resize(struct file *file, uint32_t nbytes, bool privileged);
uint32_t pipe_capacity(struct file *file);
