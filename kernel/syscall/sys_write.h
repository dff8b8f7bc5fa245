/* SPDX-License-Identifier: MIT */
/*
 * syscall/sys_write.h - what all calls that write or lengthen a file have in common
 *
 * Owns:    the signals of writing (SIGPIPE, SIGXFSZ), RLIMIT_FSIZE.
 * Context: a system call; no lock held.
 * Tests:   tests/user/file_limit.c
 */
#pragma once

#include "kernel/lib/util.h"

struct inode;
struct task;

/* For vm_io.forbidden: the bytes of the largest file that lie behind RLIMIT_FSIZE. */
uint64_t write_forbidden(const struct task *self);

/* The result of a write, with the signal that goes with it. */
int64_t write_finish(struct task *self, int64_t result);

/* Before a file gets a new size: 0 or, with SIGXFSZ, -EFBIG. */
MUST_CHECK int write_check_size(struct task *self, const struct inode *inode, uint64_t nbytes);
