/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/eventfd.h - eventfds for the kernel's own use: to count what has been completed
 *
 * Used by: sys_aio.c. Context: thread, no spinlock held.
 * Tests:   tests/user/fs/aio_memory.c
 */
#pragma once

#include "kernel/lib/util.h"

struct file;

bool file_is_eventfd(const struct file *file);
/* Adds one, without waiting: a count that is at its end stays there. */
void eventfd_signal(struct file *file);
