/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/handover.h - from files in memory to the kernel's first instruction
 *
 * Owns:    the hand-over block, the page tables' pool, the last calls to the firmware.
 * Used by: main.c.
 * Steps:   handover_prepare takes all memory and may fail; handover_run leaves the firmware and
 *          comes back only if it could not even begin to.
 */
#pragma once

#include "efi-loader/cpu.h"
#include "efi-loader/exit.h"
#include "efi-loader/inventory.h"
#include "efi-loader/paging.h"
#include "efi-loader/payload.h"

struct handover {
    EFI_HANDLE image_handle;
    EFI_SYSTEM_TABLE *st;
    struct memory *memory;
    const struct payload *payload;
    struct cpu_features features;
    bool five_levels; /* the firmware uses 5-level paging */
    struct inventory inventory;

    struct bootinfo *info; /* the block, as far as it is known */
    struct exit_map map;
    struct bootinfo_range *scratch; /* unsorted ranges */
    uint32_t scratch_capacity;
    struct bootinfo_range *ranges; /* in the block */
    uint32_t ranges_capacity;
    struct paging paging;
    uint64_t bridge;      /* to 4-level paging: struct cpu_bridge, or 0 */
    uint32_t text_offset; /* where text goes in the block */
};

/* Fields up to `inventory`, and info->stamps and info->entry_state afterwards, are the caller's.
 * Failures have been reported. */
MUST_CHECK int handover_prepare(struct handover *handover);

MUST_CHECK int handover_run(struct handover *handover);
