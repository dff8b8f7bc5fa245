/* SPDX-License-Identifier: MIT */
/*
 * fs/event/event_file.h - files that stand for events, and their descriptors
 *
 * Owns:    the step from operations and private state to a number in a table.
 * Used by: epoll, eventfd, timerfd and their like in the system calls.
 * Context: thread, no lock held.
 * Fails:   -EMFILE, -ENFILE, -ENOMEM: then `private` is still the caller's.
 * Tests:   tests/user/event/
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"

/* lseek moves nothing, and does not fail: a seek operation. */
int64_t event_file_seek(struct file *file, int64_t offset, int whence);

/* flags: LX_O_CLOEXEC and status flags. The number. */
MUST_CHECK int event_file_install(struct fd_table *table, const struct file_ops *ops, void *private,
                                  uint32_t flags, const struct credentials *cred);
