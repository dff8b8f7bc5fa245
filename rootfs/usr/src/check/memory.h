/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/memory.h - the memory test's parts: what is wrong, and how that is told
 *
 * Used by: memory.c (the test), memory_errors.c (the report), memory_fault.c (for its tests)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_UNKNOWN (~0ull)

/* --- errors, shared by all workers --- */

struct memory_error {
    const char *pattern;
    const void *address;
    uint64_t expected, first, again; /* again: read a second time */
};

void errors_init(const char *dmi_path);
/* Prints the first few, counts all. */
void errors_add(unsigned cpu, const struct memory_error *error);
/* A difference that was gone when it was looked for: somewhere in the block. */
void errors_add_vanished(unsigned cpu, const char *pattern, const void *block, uint64_t bits);
/* Whether anything was wrong so far. */
bool errors_seen(void);
/* What is wrong in all, as lines for boot loaders, too. True: nothing. */
bool errors_summarise(void);

/* --- faults: what the test's own tests make memory do (--fault=) --- */

/* stuck:OFFSET:LENGTH:BIT:VALUE   that bit of each word in the range reads as VALUE
 * alias:OFFSET:LENGTH:OTHER       the range is the same memory as the one at OTHER
 * once:OFFSET:BIT                 that bit is wrong the first time it is read
 * Offsets are from the beginning of the last worker's memory. False: not understood. */
bool fault_set(const char *text);
/* Before and after a block is compared, of memory that begins at base. */
void fault_before(void *base, void *block, size_t nbytes);
void fault_after(void *base, void *block, size_t nbytes);
