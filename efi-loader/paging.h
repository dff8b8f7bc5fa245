/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/paging.h - builds the page tables that the kernel keeps for good
 *
 * Owns:    the format of 4-level page tables as the loader writes them; the pool of their frames.
 * Used by: handover.c, image.c.
 * Promise: every mapping is either writable or executable or neither, never both; no user bit;
 *          all 256 top-level entries of the upper half are present; the frames in use are the
 *          first `used` ones of the pool, each reachable from the root exactly once.
 * Fails:   -ENOSPC when the pool is too small (paging_bound says how much is enough),
 *          -EINVAL for a request that would break the promise, -EEXIST for a page mapped twice.
 * Tests:   tests/host/loader_paging_test.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

enum paging_access {
    PAGING_READ,    /* R, NX  */
    PAGING_WRITE,   /* RW, NX */
    PAGING_EXECUTE, /* RX     */
    PAGING_SCREEN,  /* RW, NX, write-combining once the kernel has set the PAT */
};

struct paging {
    unsigned char *pool; /* where the loader sees the frames */
    uint64_t pool_base;  /* their physical address */
    uint64_t nframes;
    uint64_t used;
    bool gib_pages; /* the CPU has 1 GiB pages */
};

/* A piece of the kernel image: page-aligned addresses. */
struct paging_segment {
    uint64_t va;
    uint64_t pa;
    uint64_t size;
    enum paging_access access;
};

/* Everything that the tables show. */
struct paging_plan {
    const struct bootinfo_range *ranges; /* sorted, disjoint */
    uint32_t nranges;
    const struct paging_segment *segments; /* of the image; read-only ones also lose the write
                                              permission of their alias in the direct map */
    uint32_t nsegments;
    struct bootinfo_extent jump;   /* identity-mapped, executable */
    struct bootinfo_extent screen; /* the framebuffer; size 0: none */
};

/* Frames that are enough for the plan, and for one whose memory map has changed a little. */
uint64_t paging_bound(const struct paging_plan *plan, bool gib_pages);

/* Tables of two pages alone, each at its own address and below LOWER_HALF: code, and data that the
 * code writes; and of the jump code. PAGING_BRIDGE_FRAMES are enough. */
#define PAGING_BRIDGE_FRAMES 10
MUST_CHECK int paging_build_bridge(struct paging *paging, uint64_t code, uint64_t data,
                                   const struct bootinfo_extent *jump);

/* Builds everything. The root is the first frame of the pool. */
MUST_CHECK int paging_build(struct paging *paging, const struct paging_plan *plan);
