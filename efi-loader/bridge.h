/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/bridge.h - from the firmware's 5-level paging to the 4 levels that the kernel knows
 *
 * Owns:    pages below 4 GiB with a copy of jump.S's code that turns paging off, and the tables
 *          that map nothing but that code, its data and the jump code.
 * Used by: handover.c, when CR4.LA57 is on at entry.
 * Fails:   -ENOMEM.
 * Tests:   tests/quirk (la57)
 */
#pragma once

#include "efi-loader/memory.h"

/* *out_bridge: physical address of a struct cpu_bridge, for cpu_jump_to_kernel. The kernel gets the
 * memory as the loader's and frees it. */
MUST_CHECK int bridge_build(struct memory *memory, uint64_t *out_bridge);
