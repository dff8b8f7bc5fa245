/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_pager.h - what an address space maps when it maps a file
 *
 * A seam: vm knows only this table; fs embeds a struct vm_pager in each inode that can be mapped.
 * Locks:   called with vm_space.lock held (rank VM); may take INODE.
 */
#pragma once

#include "kernel/lib/util.h"

struct frame;
struct vm_pager;

struct vm_pager_ops {
    /* The frame that holds page `index` (byte offset / 4096) of the file, referenced for the
     * caller. Holes are filled with a zeroed page of the file. -ENXIO: the page lies wholly behind
     * the end of the file (the program gets SIGBUS); -ENOMEM. Bytes after the end within
     * the last page read as zero. The frame is mapped read-only unless `write` is set (a shared
     * writable mapping): then it must be the file's own, never a frame of the archive. */
    int (*page_get)(struct vm_pager *pager, uint64_t index, bool write, struct frame **out_frame);
    /* References to the file behind the pager, one for each area that maps it. */
    void (*get)(struct vm_pager *pager);
    void (*put)(struct vm_pager *pager);
};

struct vm_pager {
    const struct vm_pager_ops *ops;
};
