/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/fd_pair.h - two descriptors at once
 *
 * Used by: pipe2 and socketpair.
 * Context: the calling task, no locks held.
 * Fails:   -EMFILE, -EFAULT; then nothing is left.
 * Tests:   tests/user/fs/pipe*.c, tests/user/net/unix_pair.c
 */
#pragma once

#include "kernel/lib/util.h"

struct task;

/* Both numbers are reserved, and told to the program; fd_fill, which cannot fail, makes them lead
 * to files afterwards. */
MUST_CHECK int fd_pair_reserve(struct task *self, struct uptr result, bool cloexec, int fds[2]);
