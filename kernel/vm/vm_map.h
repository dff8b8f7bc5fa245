/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_map.h - steps that mapping, protecting, moving and advising share
 *
 * Used by: vm only. Locks: the caller of _locked functions and of vm_limits_allow holds
 *          vm_space.lock.
 */
#pragma once

#include "kernel/vm/vm_space.h"

/* Page-aligned and wholly below the end of user space. */
bool vm_range_valid(uint64_t start, uint64_t nbytes);

/* Writable and executable at once, and that is not allowed. */
bool vm_prot_is_wx(uint32_t prot);

/* Makes both ends borders of areas. -ENOMEM. */
MUST_CHECK int vm_split_locked(struct vm_space *space, uint64_t start, uint64_t end);

/* Removes areas and pages in a range whose ends are borders already: cannot fail. */
void vm_remove_locked(struct vm_space *space, uint64_t start, uint64_t end);

/* Where a mapping is to go. As vm_map. */
MUST_CHECK int vm_place_locked(const struct vm_space *space, const struct vm_request *request,
                               uint64_t nbytes, uint64_t *start);

/* RLIMIT_AS and RLIMIT_DATA with that many pages more. */
bool vm_limits_allow(const struct vm_space *space, uint64_t more, uint64_t more_data);

/* Areas cover [start, end): 0, or -ENOMEM. */
MUST_CHECK int vm_check_mapped_locked(const struct vm_space *space, uint64_t start, uint64_t end);

/* As vm_fault, without waiting for memory. */
enum vm_fault_how {
    VM_FAULT_EXACT = 0,
    VM_FAULT_FORCE = 1, /* the kernel writes whatever the protection of a private area says */
    VM_FAULT_AHEAD =
        2, /* a program goes through its memory: some pages that follow may come, too */
};
MUST_CHECK int vm_fault_locked(struct vm_space *space, uint64_t va, enum vm_access access,
                               unsigned how);

/* vm_fault for this very page alone. */
MUST_CHECK int vm_fault_exact(struct vm_space *space, uint64_t va, enum vm_access access);
