/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/namebuf.h - buffers for names, link texts and paths
 *
 * Owns:    two slab caches, of 256 and of 4,096 bytes, counted as memory that files hold.
 * Used by: dentry (long names), ramfs (link texts), path and the system calls (paths).
 * Context: any that may allocate.
 * Fails:   NULL without memory.
 * Tests:   tests/host/fs_ramfs_test.c
 */
#pragma once

#include "kernel/lib/util.h"

void namebuf_init_cache(void);
uint64_t namebuf_frames_held(void);

#define NAMEBUF_SHORT 256 /* up to this length a small object, above a page */

/* nbytes at most 4096; namebuf_free takes the same number. */
MUST_CHECK char *namebuf_alloc(size_t nbytes);
void namebuf_free(char *text, size_t nbytes); /* NULL is fine */
