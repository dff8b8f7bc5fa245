/* SPDX-License-Identifier: MIT */
/*
 * mprotect(2): changing what a program may do with its memory.
 *
 * The area gets the new protection, and entries lose what they may not do any more; what they gain
 * they get by a fault, which knows whether a store must copy. The flush comes before the lock is
 * given up: afterwards no processor uses the old rights.
 */
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* The area that goes on at `start`; what the change would break. For a shared mapping may_write is
 * what its descriptor allowed when it was made. */
static int protect_check_area(const struct vm_space *space, const struct vm_area *area,
                              uint64_t start, uint32_t prot)
{
    uint64_t npages;

    if (!area || area->start > start)
        return -ENOMEM;
    if ((prot & LX_PROT_WRITE) && !area->may_write)
        return -EACCES;
    npages = (area->end - area->start) >> PAGE_SHIFT;
    if (!vm_prot_is_data(area, prot) || vm_prot_is_data(area, area->prot))
        return 0;
    /* Also what can never fit, as for mmap: each area by itself, on Linux, too. */
    if (!vm_limits_allow(space, 0, npages) || (!area->no_reserve && npages > pmm_total_count()))
        return -ENOMEM;
    return 0;
}

/* Linux changes what lies before the first fault and reports that fault: so does this. An area is
 * looked up anew for each step, because merging may have made one of what was several. */
static int protect_range_locked(struct vm_space *space, struct vm_gather *gather, uint64_t start,
                                uint64_t end, uint32_t prot)
{
    struct vm_area *area;
    int err;

    ASSERT(mutex_is_held(&space->lock));
    err = vm_split_locked(space, start, end);
    while (!err && start < end) {
        area = vm_area_find(space, start);
        err = protect_check_area(space, area, start, prot);
        if (err)
            break;
        start = area->end;
        if (area->prot == prot)
            continue;
        vm_area_set_prot(space, area, prot);
        vm_table_protect(gather, area->start, area->end, prot);
        vm_area_merge(space, area);
        sched_preempt_point();
    }
    /* The split at the end may turn out to have been for nothing. */
    area = vm_area_find(space, end);
    if (area && area->start == end)
        vm_area_merge(space, area);
    return err;
}

/* What PROT_GROWSDOWN and PROT_GROWSUP say of the area at *start, and where the change begins. */
static int protect_begin_locked(const struct vm_space *space, uint64_t *start, uint64_t end,
                                enum vm_protect_how how)
{
    const struct vm_area *area = vm_area_find(space, *start);

    ASSERT(mutex_is_held(&space->lock));
    if (how == VM_PROTECT_RANGE)
        return 0;
    /* A stack's lowest page is not known to the caller, since it grows by itself: the area may
     * begin anywhere in the range. */
    if (!area || area->start >= (how == VM_PROTECT_DOWN ? end : *start + 1))
        return -ENOMEM;
    if (how == VM_PROTECT_UP || !area->grows_down)
        return -EINVAL;
    *start = area->start;
    return 0;
}

int vm_protect(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot,
               enum vm_protect_how how)
{
    const uint64_t end = start + nbytes;
    struct vm_gather gather;
    int err;

    ASSERT(IS_ALIGNED(start | nbytes, PAGE_SIZE) && end > start);
    if (vm_prot_is_wx(prot))
        return -EACCES;
    mutex_lock(&space->lock);
    err = protect_begin_locked(space, &start, end, how);
    if (!err) {
        vm_gather_init(&gather, space);
        err = protect_range_locked(space, &gather, start, end, prot);
        vm_gather_flush(&gather);
    }
    mutex_unlock(&space->lock);
    return err;
}
