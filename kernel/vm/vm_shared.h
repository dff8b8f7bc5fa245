/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_shared.h - shared memory without a file: what MAP_SHARED | MAP_ANONYMOUS makes
 *
 * Owns:    an object of a fixed number of pages, which come into being when they are first touched
 *          and live until the last area that maps it is gone. It is a pager like that of a file.
 * Locks:   a mutex of its own, rank INODE.
 * Fails:   -ENOMEM; -ENXIO for pages behind its end (mremap can make an area longer than it).
 * Tests:   tests/user/mem/mem_shared.c
 */
#pragma once

#include "kernel/vm/vm_pager.h"

void vm_shared_init(void);

/* What several objects may have together. a atomic */
struct vm_shared_budget {
    uint64_t used; /* [a] pages */
    uint64_t most; /* [a] */
};

/* One reference. */
MUST_CHECK int vm_shared_create(uint64_t npages, struct vm_pager **out_pager);
/* The same, under a bound that outlives the object: a page beyond it is -ENXIO. */
MUST_CHECK int vm_shared_create_bounded(uint64_t npages, struct vm_shared_budget *budget,
                                        struct vm_pager **out_pager);

/* Pages that it has now: a hint. */
uint64_t vm_shared_resident(struct vm_pager *pager);
