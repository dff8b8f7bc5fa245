/* SPDX-License-Identifier: MIT */
/*
 * core/log.h - what klog has logged, for programs that ask: syslog(2)
 *
 * Owns:    a ring of the last LOG_SIZE bytes. A position counts the bytes from the first one on.
 * Locks:   one word, interrupts off; a line that cannot have it in bounded time is not kept.
 * Context: threads.
 * Tests:   tests/user/proc/system_calls.c
 */
#pragma once

#include "kernel/lib/util.h"

#define LOG_SIZE 16384u /* a power of two */

/* The position behind the last byte. */
uint64_t log_end(void);
/* Bytes from *position, or from the oldest that are left; how many, and *position goes on. */
size_t log_read(uint64_t *position, char *bytes, size_t size);
