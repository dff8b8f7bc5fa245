/* SPDX-License-Identifier: MIT */
/*
 * selftest/account.h - is everything back that a test had
 *
 * Counts frames (free ones, those of files that live on, those that caches keep) and objects.
 * Context: the harness, while no program lives.
 */
#pragma once

#include "kernel/lib/util.h"

struct account {
    uint64_t frames;  /* free + held by files + kept by the windows */
    uint64_t files;   /* open */
    uint64_t orphans; /* inodes without a name, file systems without a place */
    uint64_t processes;
    uint64_t stacks;
};

void account_take(struct account *account);

/* True when both are equal; else a sentence for the result line. */
bool account_compare(const struct account *before, const struct account *after, char *text,
                     size_t size);
