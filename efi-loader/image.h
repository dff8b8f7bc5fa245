/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/image.h - from kernel.elf as read to the kernel image in memory
 *
 * Owns:    the copy of the segments and the list of what the page tables must show of them.
 * Used by: payload.c.
 * Rule:    everything is checked by lib/elf.c before a byte is copied.
 * Tests:   tests/host/loader_payload_test.c
 */
#pragma once

#include "efi-loader/memory.h"
#include "efi-loader/paging.h"
#include "kernel/lib/elf.h"

struct image {
    struct bootinfo_extent memory; /* physical; contiguous, from the lowest segment on */
    uint64_t entry;
    struct paging_segment segments[ELF_KERNEL_SEGMENTS_MAX];
    uint32_t nsegments;
};

/* -ENOEXEC with a reason (static text), -ENOMEM with reason NULL. */
MUST_CHECK int image_load(const struct bootinfo_extent *file, struct memory *memory,
                          struct image *image, const char **reason);
