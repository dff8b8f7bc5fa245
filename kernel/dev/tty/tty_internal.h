/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/tty_internal.h - what the files of a terminal share among each other
 *
 * Used by: tty.c, tty_read.c.
 * Locks:   tty.lock, not held by the caller.
 * Context: threads.
 * Tests:   tests/user/tty/
 */
#pragma once

#include "kernel/dev/tty/tty.h"
#include "kernel/fs/vfs/file.h"

#define TTY_CHUNK 256 /* bytes copied from or to a program in one piece, by way of the stack */

static inline struct tty *tty_of(const struct file *file)
{
    return file->private;
}

/* The read operation of a terminal's files. */
int64_t tty_read(struct file *file, struct user_iter *io, int64_t *offset);
