/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_map.h - steps that mapping, protecting, moving and advising share
 *
 * Used by: vm only. Locks: the caller of _locked functions and of vm_limits_allow holds
 *          vm_space.lock.
 */
#pragma once

#include "kernel/mm/pmm.h"
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_space.h"

/* Frames that programs leave to the kernel, so that it can end one of them. */
#define VM_RESERVE_FRAMES 64

/* Whether there is memory for programs; and a frame of it: for pages, tables, and objects of vm. */
static inline bool vm_memory_is_left(void)
{
    return likely(pmm_has_more_than(VM_RESERVE_FRAMES));
}
/* The same for small objects, which may use half of what pages leave: a call that needs one does
 * not fail because another program has taken the last page. */
static inline bool vm_memory_is_left_for_object(void)
{
    return likely(pmm_has_more_than(VM_RESERVE_FRAMES / 2));
}
MUST_CHECK static inline struct frame *vm_frame_alloc(enum pmm_flags flags)
{
    return vm_memory_is_left() ? pmm_alloc(0, flags) : NULL;
}

/* The task is to die: a long call that is of no use any more ends early, where Linux's does. */
static inline bool vm_kill_pending(void)
{
    return (__atomic_load_n(&thread_current()->arch.work, __ATOMIC_RELAXED) & TIF_KILL) != 0;
}

/* Page-aligned and wholly below the end of user space. */
bool vm_range_valid(uint64_t start, uint64_t nbytes);

/* Writable and executable at once, and that is not allowed. */
bool vm_prot_is_wx(uint32_t prot);

/* Makes both ends borders of areas. -ENOMEM. */
MUST_CHECK int vm_split_locked(struct vm_space *space, uint64_t start, uint64_t end);

/* Removes areas and pages in a range whose ends are borders already: cannot fail. */
void vm_remove_locked(struct vm_space *space, uint64_t start, uint64_t end);

/* As vm_map and vm_unmap, with whole pages. pager: NULL for anonymous memory. */
MUST_CHECK int vm_map_locked(struct vm_space *space, const struct vm_request *request,
                             uint64_t nbytes, struct vm_pager *pager, uint64_t *out);
MUST_CHECK int vm_unmap_locked(struct vm_space *space, uint64_t start, uint64_t nbytes);

/* Where a mapping is to go. As vm_map. */
MUST_CHECK int vm_place_locked(const struct vm_space *space, const struct vm_request *request,
                               uint64_t nbytes, uint64_t *start);

/* RLIMIT_AS and RLIMIT_DATA with that many pages more. */
bool vm_limits_allow(const struct vm_space *space, uint64_t more, uint64_t more_data);

/* Areas cover [start, end): 0, or -ENOMEM. */
MUST_CHECK int vm_check_mapped_locked(const struct vm_space *space, uint64_t start, uint64_t end);

/* As vm_fault, without waiting: -EAGAIN, too, where a page of a file is on its way. */
enum vm_fault_how {
    VM_FAULT_EXACT = 0,
    VM_FAULT_FORCE = 1, /* the kernel writes whatever the protection of a private area says */
    VM_FAULT_AHEAD =
        2, /* a program goes through its memory: some pages that follow may come, too */
};
MUST_CHECK int vm_fault_locked(struct vm_space *space, uint64_t va, enum vm_access access,
                               unsigned how);

/* Behind -EAGAIN, without the lock: waits for that page. 0: try again; -ENXIO, -EINTR. */
MUST_CHECK int vm_page_await(struct vm_space *space, uint64_t va);

/* vm_fault for this very page alone. */
MUST_CHECK int vm_fault_exact(struct vm_space *space, uint64_t va, enum vm_access access);
