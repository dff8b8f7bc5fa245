/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_pager.h - what an address space maps when it maps a file
 *
 * A seam: vm knows only this table; fs embeds a struct vm_pager in each inode that can be mapped,
 * and calls vm_mappings_drop (vm_mappings.h) when pages of the file go.
 * Locks:   called with vm_space.lock held (rank VM); may take INODE.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct dentry;
struct frame;
struct vm_pager;

struct vm_pager_ops {
    /* The frame that holds page `index` (byte offset / 4096) of the file, referenced for the
     * caller. Holes are filled with a zeroed page of the file. -ENXIO: the page lies wholly behind
     * the end of the file, or its file system is full (the program gets SIGBUS); -ENOMEM. Bytes
     * after the end within the last page read as zero. The frame is mapped read-only unless `write`
     * is set (a shared writable mapping): then it must be the file's own, never a frame of the
     * archive. */
    int (*page_get)(struct vm_pager *pager, uint64_t index, bool write, struct frame **out_frame);
    /* Optional: those of the pages [index, index + count) that are there already and need no
     * memory, for reading, each referenced for the caller; NULL for the others. A fault maps the
     * neighbours of its page with it. */
    void (*pages_find)(struct vm_pager *pager, uint64_t index, unsigned count,
                       struct frame **frames);
    /* Optional: whether the page holds data, for mincore(2). Missing: all pages do. */
    bool (*page_present)(struct vm_pager *pager, uint64_t index);
    /* References to the file behind the pager, one for each area that maps it. name: under which
     * the area knows it (vm_request.name), NULL: none, the file alone. */
    void (*get)(struct vm_pager *pager, struct dentry *name);
    void (*put)(struct vm_pager *pager, struct dentry *name);
    const char *label; /* what /proc/PID/maps shows of areas without a name; may be NULL */
    /* Pages of zeroes without an end: mapping it is mapping anonymous memory. */
    bool is_zero;
};

struct vm_pager {
    const struct vm_pager_ops *ops;
    struct list areas; /* [vm_mappings] that map it; all zero before the first */
    uint32_t writers;  /* [vm_mappings] those of them through which a program may write to it */
};
