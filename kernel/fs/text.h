/* SPDX-License-Identifier: MIT */
/*
 * fs/text.h - memory for names, link texts and paths
 *
 * Owns:    two slab caches, of 256 and of 4,096 bytes, counted as memory that files hold.
 * Used by: dentry (long names), ramfs (link texts), path and the system calls (paths).
 * Context: any that may allocate.
 * Fails:   NULL without memory.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/lib/util.h"

void text_init_cache(void);
uint64_t text_frames_held(void);

/* nbytes at most 4096; text_free is told the same number. */
MUST_CHECK char *text_alloc(size_t nbytes);
void text_free(char *text, size_t nbytes); /* NULL is fine */
