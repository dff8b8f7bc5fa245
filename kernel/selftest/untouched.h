/* SPDX-License-Identifier: MIT */
/*
 * selftest/untouched.h - memory that must stay as it is
 *
 * Owns:    a sample of the free memory, which no program and no part of the kernel gets: 64 KiB in
 *          each of at most 64 places from the first address to the last, a 256th of small memories.
 * Used by: selftest/run.c: filled before the plan, checked after it.
 * Rule:    what has changed there was written by a device that the firmware has left running, or
 *          by the firmware itself: the kernel has no pointer to it. A bad memory cell is less
 *          likely, and has tests of its own.
 * Context: the boot thread.
 * Tests:   tests/system/test_untouched.py
 */
#pragma once

#include "kernel/lib/util.h"

struct untouched_change {
    uint64_t words;    /* of eight bytes, that are not as they were left */
    uint64_t physical; /* the first of them ... */
    uint64_t value;    /* ... and what it is now */
};

void untouched_fill(void);
/* For a fault on purpose: an address in the sample; NULL: there is none. */
void *untouched_middle(void);
/* The size of the sample in bytes, 0: there was no memory for it. It is free afterwards. */
uint64_t untouched_check(struct untouched_change *change);
