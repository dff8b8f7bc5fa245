/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_attach.h - areas of one object, found and removed by where the object was mapped
 *
 * Used by: proc/ipc/shm.c (shmdt), fs/event/aio_context.c. Locks: vm_space.lock, taken inside.
 * Fails:   -EINVAL: nothing of that kind is there; -ENOMEM.
 * Tests:   tests/user/ipc/shm_detach.c
 */
#pragma once

#include "kernel/vm/vm_pager.h"

struct vm_space;

/* The object whose first page is mapped at `address`, with a reference of the caller's; NULL: none
 * with these operations. */
MUST_CHECK struct vm_pager *vm_pager_find(struct vm_space *space, uint64_t address,
                                          const struct vm_pager_ops *ops);

/* Unmaps what is left of a mapping that began at `address` with the first page of its object: the
 * areas whose pagers have these operations, up to as many pages as the object has. */
MUST_CHECK int vm_detach(struct vm_space *space, uint64_t address, const struct vm_pager_ops *ops,
                         uint64_t (*npages)(const struct vm_pager *pager));
