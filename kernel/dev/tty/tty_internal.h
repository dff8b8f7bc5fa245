/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/tty_internal.h - what the files of a terminal share among each other
 *
 * Used by: tty.c, tty_read.c, pty.c.
 * Locks:   tty.lock, not held by the caller.
 * Context: threads.
 * Tests:   tests/user/tty/
 */
#pragma once

#include "kernel/dev/tty/tty.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/sched/sched.h"

#define TTY_CHUNK 256  /* bytes copied from or to a program in one piece, by way of the stack */
#define TTY_WHOLE 2048 /* as on Linux, what is written up to here no signal cuts */

static inline struct tty *tty_of(const struct file *file)
{
    return file->private;
}

/* Between two pieces of a write whose length is the program's choice, and which need not wait for
 * anything: what is typed into a full line is lost, some output prints nothing. True: a signal is
 * to end it. */
static inline bool tty_write_pause(int64_t written)
{
    sched_preempt_point();
    return written % TTY_WHOLE == 0 && waitq_interrupted();
}

/* The read operation of a terminal's files. */
int64_t tty_read(struct file *file, struct user_iter *io, int64_t *offset);
