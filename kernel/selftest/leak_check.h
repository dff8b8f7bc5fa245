/* SPDX-License-Identifier: MIT */
/*
 * selftest/leak_check.h - is everything back that a test had
 *
 * Counts frames (free ones, those of files that live on, those that caches keep) and objects.
 * Context: the harness, while no program lives.
 */
#pragma once

#include "kernel/lib/util.h"

struct leak_counts {
    uint64_t frames;  /* free + held by files + kept by the windows */
    uint64_t files;   /* open */
    uint64_t orphans; /* inodes without a name, file systems without a place */
    uint64_t processes;
    uint64_t stacks;
};

void leak_check_take(struct leak_counts *counts);

/* True when both are equal; else a sentence for the result line. */
bool leak_check_compare(const struct leak_counts *before, const struct leak_counts *after,
                        char *text, size_t size);
