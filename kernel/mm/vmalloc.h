/* SPDX-License-Identifier: MIT */
/*
 * mm/vmalloc.h - kernel windows: stacks with guard pages, device registers, firmware tables
 *
 * Owns:    addresses from WINDOW_BASE to WINDOW_END and the tables below their top-level slots.
 * Locks:   one spinlock, rank STACKS, taken with interrupts off.
 * Context: any but NMI and interrupt handlers; stacks: no spinlock held, as stale ones are flushed
 *          from the TLBs of all processors.
 * Fails:   NULL without memory.
 * Tests:   kernel/selftest/mm_checks.c
 */
#pragma once

#include "kernel/lib/util.h"

enum vmalloc_cache {
    WINDOW_UNCACHED,
    WINDOW_WRITE_COMBINING,
};

#define KERNEL_STACK_SIZE 16384 /* bytes, with an unmapped page below and above */

/* Maps device memory for good. Any alignment; the result keeps the offset within the page. */
MUST_CHECK volatile void *ioremap(uint64_t physical, size_t nbytes, enum vmalloc_cache cache);

/* Firmware tables, read-only and cached, for good: the direct map where it covers them, else a
 * window. */
MUST_CHECK const void *memremap(uint64_t physical, size_t nbytes);

/* Reads a piece of one page that need not be RAM, uncached; the page is mapped meanwhile. False:
 * no memory for the table. */
#define VMALLOC_READ_MAX 256
MUST_CHECK bool vmalloc_read_physical(uint64_t physical, void *dst, size_t nbytes);

/* A stack of KERNEL_STACK_SIZE bytes; the result is its top (one past the last byte). */
MUST_CHECK void *kstack_create(void);
void kstack_destroy(void *top);
uint64_t kstacks_live(void);

/* Only for checks: the physical address that a kernel address leads to, and the entry's bits; false
 * where nothing is mapped. */
bool vmalloc_lookup(uint64_t root_physical, uint64_t va, uint64_t *out_entry, unsigned *out_level);

/* Frames held by tables of the windows and by stacks kept for reuse: for frame accounting. */
uint64_t vmalloc_frames_held(void);
