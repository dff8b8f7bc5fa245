/* SPDX-License-Identifier: MIT */
/*
 * lib/fmt.h - text from a format, as snprintf does it
 *
 * Conversions: %c %s %d %i %u %o %x %X %p %%
 * Flags:   - (left), 0 (zeroes), + and blank (sign), # (0x); width; precision (bytes of %s, least
 *          digits of a number); `*` for either; sizes hh h l ll z.
 * Rule:    a 64-bit number is printed with %llu or %llx and a cast to (unsigned long long): the
 *          loader's `long` has 32 bits, so %lx of a uint64_t is right in the kernel alone.
 *          %p is 0x and 16 digits, %s of NULL is (null); an unknown conversion is copied as it
 *          stands.
 * Context: any, also NMI and panic: no state, no allocation, bounded by the size of its output.
 * Tests:   tests/host/fmt_test.c (against the C library)
 */
#pragma once

#include <stdarg.h>

#include "kernel/lib/util.h"

/* Writes at most size bytes, the last one a NUL (none if size is 0). Returns the length that
 * the text has without a limit: it was cut if that is not below size. */
PRINTF_LIKE(3, 0)
size_t fmt_vprint(char *buf, size_t size, const char *format, va_list args);
PRINTF_LIKE(3, 4) size_t fmt_print(char *buf, size_t size, const char *format, ...);

/* The decimal digits of value, the last one right before `end`: at most 20, none for zero. Returns
 * the first one's place. For callers with very many numbers. */
char *fmt_decimal_before(char *end, uint64_t value);
