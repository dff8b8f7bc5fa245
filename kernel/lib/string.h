/* SPDX-License-Identifier: MIT */
/*
 * lib/string.h - the memory and string functions of C, and one safe copy
 *
 * Owns:    memcpy, memmove, memset, memcmp for the kernel and the loader, which the compiler calls
 *          by itself; on the host those are the C library's, and this header includes <string.h>.
 * Cost:    eight bytes an instruction for large blocks (`rep movsq`, `rep stosq`), overlapping
 *          words without a loop for small ones.
 * Context: any, also before anything is set up; general registers only.
 * Tests:   tests/host/string_test.c (against the C library, all sizes and alignments)
 */
#pragma once

#include "kernel/lib/util.h"

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t nbytes);
void *memmove(void *dst, const void *src, size_t nbytes);
void *memset(void *dst, int byte, size_t nbytes);
int memcmp(const void *one, const void *other, size_t nbytes);
void *memchr(const void *bytes, int byte, size_t nbytes);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t max);
int strcmp(const char *one, const char *other);
int strncmp(const char *one, const char *other, size_t max);
char *strchr(const char *text, int byte);
char *strrchr(const char *text, int byte);

/* Copies of a small constant size become a few moves in place: without these names a freestanding
 * compiler calls the function every time. */
#ifndef memcpy
#define memcpy(dst, src, nbytes)  __builtin_memcpy(dst, src, nbytes)
#define memmove(dst, src, nbytes) __builtin_memmove(dst, src, nbytes)
#define memset(dst, byte, nbytes) __builtin_memset(dst, byte, nbytes)
#endif
#endif

/* Copies src into dst of size bytes, cut where it does not fit, always NUL-terminated (unless size
 * is 0). Returns the length of src: the copy was cut if that is not below size. */
size_t str_copy(char *dst, size_t size, const char *src);
