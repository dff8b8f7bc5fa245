/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/copy.h - files that are programs
 *
 * Owns:    programs made at run time, of mode 0700; the running one copied, without /proc.
 * Used by: exec_busy.c, exec_descriptor.c, exec_unreadable.c
 */
#pragma once

#include <stddef.h>

void program_make(const char *path, const void *bytes, size_t nbytes);

/* argv0: the running program's own, an absolute path or one from the working directory. */
void program_copy(const char *argv0, const char *path);
