/* SPDX-License-Identifier: MIT */
/* Changing what a program may do with its memory. */
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* The area that goes on at `start`; what the change would break. */
static int check_area(const struct vm_space *space, const struct vm_area *area, uint64_t start,
                      uint32_t prot)
{
    if (!area || area->start > start)
        return -ENOMEM;
    if ((prot & LX_PROT_WRITE) && !area->may_write)
        return -EACCES;
    if (vm_prot_is_data(area, prot) && !vm_prot_is_data(area, area->prot) &&
        !vm_limits_allow(space, 0, (area->end - area->start) >> PAGE_SHIFT))
        return -ENOMEM;
    return 0;
}

/* Linux changes what lies before the first fault and reports that fault: so does this. */
static int protect_locked(struct vm_space *space, struct vm_gather *gather, uint64_t start,
                          uint64_t end, uint32_t prot)
{
    struct vm_area *area;
    int err = vm_split_locked(space, start, end);

    while (!err && start < end) {
        area = vm_area_find(space, start);
        err = check_area(space, area, start, prot);
        if (err)
            break;
        start = area->end;
        if (area->prot == prot)
            continue;
        vm_area_set_prot(space, area, prot);
        vm_table_protect(gather, area->start, area->end, prot);
        vm_area_join(space, area);
    }
    area = vm_area_find(space, end);
    if (area && area->start == end)
        vm_area_join(space, area);
    return err;
}

/* down: from the lowest page of the growing area that holds start. */
static int protect(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot,
                   bool down)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);
    struct vm_gather gather;
    int err = 0;

    if (!IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (!nbytes)
        return 0;
    if (length < nbytes || !vm_range_valid(start, length))
        return -ENOMEM;
    if (vm_prot_is_wx(prot))
        return -EACCES;
    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    length += start;
    if (down) {
        const struct vm_area *area = vm_area_find(space, start);

        if (!area || area->start >= length)
            err = -ENOMEM;
        else if (!area->grows_down)
            err = -EINVAL;
        else
            start = area->start;
    }
    if (!err)
        err = protect_locked(space, &gather, start, length, prot);
    vm_gather_flush(&gather);
    mutex_unlock(&space->lock);
    return err;
}

int vm_protect(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot)
{
    return protect(space, start, nbytes, prot, false);
}

int vm_protect_down(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot)
{
    return protect(space, start, nbytes, prot, true);
}
