/* SPDX-License-Identifier: MIT */
/*
 * mm/tables.h - the page tables of the kernel half, as the loader built them
 *
 * Owns:    adoption: verification, the end of the identity mapping, and the root.
 * Rule:    from here on the kernel only adds below the 256 top-level slots, which never change.
 * Context: start-up, interrupts off; tables_kernel_root any.
 * Tests:   kernel/selftest/boot_checks.c
 */
#pragma once

#include "kernel/lib/util.h"

struct bootinfo;

/* NULL, or a sentence that says what is wrong: a slot missing, a page both writable and
 * executable or open to ring 3, a table frame outside the pool or unaccounted for, a segment of
 * the kernel with other rights than it should have, a writable alias of text or rodata. */
const char *tables_verify(const struct bootinfo *info);

/* Ends the identity mapping; its frames and the unused ones of the pool go to the allocator. */
void tables_adopt(const struct bootinfo *info);

uint64_t tables_kernel_root(void); /* physical address of the top-level table */

/* For checks: whether any table of the kernel half is in the allocator's free lists. */
bool tables_any_free(void);
