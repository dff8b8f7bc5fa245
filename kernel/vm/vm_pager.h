/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_pager.h - what an address space maps when it maps a file
 *
 * A seam: vm knows only this table; fs embeds a struct vm_pager in each inode that can be mapped,
 * and calls vm_rmap_unmap_range (vm_rmap.h) when pages of the file go.
 * Locks:   called with vm_space.lock held (rank VM); may take INODE.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct dentry;
struct frame;
struct vm_pager;

#define VM_RANGE_PAGES 16 /* pages that one fault may bring in */

/* Pages of a file for one fault: the one that is needed, and its neighbours. */
struct vm_page_range {
    uint64_t index;  /* of the first page in the file (byte offset / 4096) */
    unsigned count;  /* pages, at most VM_RANGE_PAGES */
    unsigned needed; /* below count: the page that must come */
    bool write;      /* frames of the file's own only, to be mapped writable: a shared area */
    struct frame *frames[VM_RANGE_PAGES]; /* out; NULL: not there */
};

struct vm_pager_ops {
    /* Fills in the frames of the range, each referenced for the caller. The needed page is made if
     * it is not there, a hole as a zeroed page of the file; the others come only if they are there
     * and need no memory. 0; -ENXIO: the needed page lies wholly behind the end of the file, or its
     * file system is full (the program gets SIGBUS); -ENOMEM; -EAGAIN: its bytes are on their way
     * (await). On an error no frame is referenced.
     * Bytes after the end within the last page read as zero. */
    int (*map_range)(struct vm_pager *pager, struct vm_page_range *range);
    /* Behind -EAGAIN, without any lock: waits until the page is worth another try. 0; -EIO: its
     * bytes cannot be had; -EINTR: the task is to die. Missing where nothing is ever on its way. */
    int (*await)(struct vm_pager *pager, uint64_t index);
    /* Optional, for mincore(2): sets out[i] to whether page index + i holds data, 1 or 0. Missing:
     * all pages do. */
    void (*residency)(struct vm_pager *pager, uint64_t index, size_t count, uint8_t *out);
    /* References to the file behind the pager, one for each area that maps it. name: under which
     * the area knows it (vm_request.name), NULL: none, the file alone. */
    void (*get)(struct vm_pager *pager, struct dentry *name);
    void (*put)(struct vm_pager *pager, struct dentry *name);
    /* Optional, for MADV_REMOVE: drops pages of the file, which become holes. The caller takes them
     * out of the spaces that map them, behind this. */
    int (*punch)(struct vm_pager *pager, uint64_t index, uint64_t npages);
    /* Optional: a program has stored to the file through a mapping since this was last called. */
    void (*modified)(struct vm_pager *pager);
    /* Optional, in place of the label: a text for each object. */
    void (*label_of)(struct vm_pager *pager, char *text, size_t size);
    const char *label; /* what /proc/PID/maps shows of areas without a name; may be NULL */
    /* Pages of zeroes without an end: mapping it is mapping anonymous memory. */
    bool is_zero;
    /* The kernel's own frames, as Linux's VM_PFNMAP: advice neither drops nor brings them in. */
    bool is_kernel;
};

struct vm_pager {
    const struct vm_pager_ops *ops;
    struct list areas; /* [rmap_lock] that map it; all zero before the first */
    uint32_t writers;  /* [rmap_lock] those of them through which a program may write to it */
};
