/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/memory.h - pages taken from the firmware
 *
 * Owns:    the list of everything taken, and what the kernel is to know each piece as.
 * Used by: everything that allocates; memmap (the list becomes ranges), main.c (gives it back).
 * Rule:    LoaderData only, because some firmware refuses and some loses other types; below 4 GiB,
 *          because some disk controllers' drivers cannot write higher and do not say so.
 * Tests:   tests/host/loader_memory_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "efi-loader/memmap.h"
#include "kernel/lib/util.h"

#define MEMORY_MAX_CLAIMS 16

struct memory_claim {
    uint64_t base;
    uint64_t npages;
    enum bootinfo_type type;
};

struct memory {
    EFI_BOOT_SERVICES *bs;
    struct memory_claim claims[MEMORY_MAX_CLAIMS];
    unsigned count;
};

void memory_init(struct memory *memory, EFI_BOOT_SERVICES *bs);

/* At least nbytes, page-aligned, contents undefined. -ENOMEM. */
MUST_CHECK int memory_take(struct memory *memory, uint64_t nbytes, enum bootinfo_type type,
                           uint64_t *base);

/* Pages below 1 MiB, for code that starts other processors. -ENOMEM is nothing to worry about. */
MUST_CHECK int memory_take_trampoline(struct memory *memory, uint64_t *base);

/* Everything back to the firmware. */
void memory_give_back(struct memory *memory);

/* Adds all claims to a map. */
MUST_CHECK int memory_add_claims(const struct memory *memory, struct memmap *map);
