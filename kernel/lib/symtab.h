/* SPDX-License-Identifier: MIT */
/*
 * lib/symtab.h - the name of the function at an address
 *
 * Used by: panic's backtrace, over the kernel.elf that the loader kept in memory.
 * Rule:    every offset in the file is checked at each use: a flipped bit gives a wrong name or
 *          none, never a fault. No allocation, no state; time grows with the number of symbols.
 * Context: any, also NMI and panic.
 * Tests:   tests/host/symtab_test.c, tests/host/elf_fuzz.c
 */
#pragma once

#include "kernel/lib/util.h"

/* The function or assembly label with the highest address not above va, if va lies inside it (a
 * symbol without a size reaches to the next one, or to the end of its section). NULL: none there.
 * The name lies in the file and is NUL-terminated. For a return address pass it minus 1: the call
 * may be the last instruction of its function. */
const char *symtab_find(const void *file, size_t size, uint64_t va, uint64_t *out_offset);
