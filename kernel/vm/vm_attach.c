/* SPDX-License-Identifier: MIT */
/*
 * Detaching: the areas that are left of a mapping of an object.
 *
 * A program may have unmapped or moved parts of it, and mapped other things there. What still
 * belongs to it shows that in its place: the page of the object that it begins with is as far from
 * the object's first as its address from the mapping's. As on Linux the first page may be gone: the
 * first area from there on that fits decides which object is meant.
 */
#include "kernel/vm/vm_attach.h"

#include "kernel/lib/assert.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "shared/linux/errno.h"

static bool area_belongs(const struct vm_area *area, uint64_t address,
                         const struct vm_pager_ops *ops)
{
    return area->pager && area->pager->ops == ops && area->start >= address &&
           (area->start - address) >> PAGE_SHIFT == area->page_index;
}

static struct vm_area *find_first_locked(const struct vm_space *space, uint64_t address,
                                         const struct vm_pager_ops *ops)
{
    struct vm_area *area = vm_area_find(space, address);

    ASSERT(mutex_is_held(&space->lock));
    while (area && !area_belongs(area, address, ops)) {
        area = vm_area_next(area);
        sched_preempt_point();
    }
    return area;
}

int vm_detach(struct vm_space *space, uint64_t address, const struct vm_pager_ops *ops,
              uint64_t (*npages)(const struct vm_pager *pager))
{
    const struct vm_pager *pager;
    struct vm_area *area;
    uint64_t end;
    int err = -EINVAL;

    mutex_lock(&space->lock);
    area = find_first_locked(space, address, ops);
    pager = area ? area->pager : NULL;
    end = area ? address + (npages(pager) << PAGE_SHIFT) : 0;
    while (area && area->start < end) {
        uint64_t start = area->start, area_end = area->end;

        /* The pager may go with its last area: from here on it is compared, not followed. */
        err = 0;
        if (area->pager == pager && area_belongs(area, address, ops))
            err = vm_unmap_locked(space, start, area_end - start);
        if (err)
            break;
        area = vm_area_find(space, area_end);
        sched_preempt_point();
    }
    mutex_unlock(&space->lock);
    return err;
}

struct vm_pager *vm_pager_find(struct vm_space *space, uint64_t address,
                               const struct vm_pager_ops *ops)
{
    struct vm_pager *pager = NULL;
    const struct vm_area *area;

    mutex_lock(&space->lock);
    area = vm_area_find(space, address);
    if (area && area->start == address && area_belongs(area, address, ops)) {
        pager = area->pager;
        ops->get(pager, NULL); /* before the area can go */
    }
    mutex_unlock(&space->lock);
    return pager;
}
