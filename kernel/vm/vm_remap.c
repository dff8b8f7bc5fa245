/* SPDX-License-Identifier: MIT */
/* mremap(2): areas that become shorter or longer, or move with their pages. */
#include "kernel/lib/assert.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_table.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

static int shrink_locked(struct vm_space *space, uint64_t start, uint64_t old_nbytes,
                         uint64_t new_nbytes)
{
    int err = vm_split_locked(space, start + new_nbytes, start + old_nbytes);

    if (!err)
        vm_remove_locked(space, start + new_nbytes, start + old_nbytes);
    return err;
}

/* What is wrong with growing or moving the area at old_start. */
static int check_locked(const struct vm_space *space, const struct vm_remap *r,
                        const struct vm_area *area)
{
    uint64_t more = (r->keep_old ? r->new_nbytes : r->new_nbytes - r->old_nbytes) >> PAGE_SHIFT;

    if (!r->old_nbytes && !area->shared)
        return -EINVAL; /* only what is shared can be mapped a second time */
    if (r->old_nbytes > area->end - r->old_start)
        return -EFAULT;
    if (!vm_limits_allow(space, more, vm_prot_is_data(area, area->prot) ? more : 0))
        return -ENOMEM;
    return 0;
}

static bool grow_in_place(struct vm_space *space, const struct vm_remap *r, struct vm_area *area)
{
    const struct vm_area *next = vm_area_next(area);
    uint64_t end = r->old_start + r->new_nbytes;

    if (!r->old_nbytes || r->old_start + r->old_nbytes != area->end)
        return false;
    if (!vm_range_valid(r->old_start, r->new_nbytes) || (next && vm_area_low(next) < end))
        return false;
    vm_area_resize(space, area, area->start, end);
    vm_area_join(space, area);
    return true;
}

/* The area itself goes with its pages. No step fails once pages have moved. */
static int move_whole_locked(struct vm_space *space, struct vm_gather *gather,
                             const struct vm_remap *r, uint64_t new_start)
{
    int err = vm_split_locked(space, r->old_start, r->old_start + r->old_nbytes);

    if (!err)
        err = vm_table_move(gather, r->old_start, new_start, r->old_nbytes);
    if (!err)
        vm_area_move(space, vm_area_find(space, r->old_start), new_start,
                     new_start + r->new_nbytes);
    return err;
}

/* The area stays, or is seen twice: the new place gets one of its own. */
static int move_pages_locked(struct vm_space *space, struct vm_gather *gather,
                             const struct vm_remap *r, uint64_t new_start)
{
    const struct vm_area *area = vm_area_find(space, r->old_start);
    struct vm_area model = *area;
    int err = vm_table_move(gather, r->old_start, new_start, r->old_nbytes);

    if (err)
        return err;
    model.start = new_start;
    model.end = new_start + r->new_nbytes;
    if (model.pager)
        model.page_index += (r->old_start - area->start) >> PAGE_SHIFT;
    err = vm_area_add(space, &model);
    if (err) /* and back: the tables are still there */
        ASSERT(vm_table_move(gather, new_start, r->old_start, r->old_nbytes) == 0);
    return err;
}

static int move_locked(struct vm_space *space, const struct vm_remap *r, uint64_t new_start)
{
    struct vm_gather gather;
    int err;

    if (space->areas_count + 3 > VM_AREAS_MAX)
        return -ENOMEM;
    vm_gather_init(&gather, space);
    if (r->keep_old || !r->old_nbytes)
        err = move_pages_locked(space, &gather, r, new_start);
    else
        err = move_whole_locked(space, &gather, r, new_start);
    vm_gather_flush(&gather);
    return err;
}

/* Room for the new place: what is at a fixed one goes. */
static int place_locked(struct vm_space *space, const struct vm_remap *r, uint64_t *new_start)
{
    struct vm_request request = {.address = r->new_start};
    uint64_t end = r->new_start + r->new_nbytes;
    int err;

    if (!r->fixed)
        return vm_place_locked(space, &request, r->new_nbytes, new_start);
    if (r->new_start < USER_BASE)
        return -EPERM;
    err = vm_split_locked(space, r->new_start, end);
    if (!err)
        vm_remove_locked(space, r->new_start, end);
    *new_start = r->new_start;
    return err;
}

static int remap_locked(struct vm_space *space, struct vm_remap *r, uint64_t *out)
{
    struct vm_area *area = vm_area_find(space, r->old_start);
    uint64_t new_start = r->old_start;
    int err = 0;

    if (!area || area->start > r->old_start)
        return -EFAULT;
    *out = r->old_start;
    if (r->old_nbytes >= r->new_nbytes && !r->keep_old) {
        if (r->old_nbytes > r->new_nbytes)
            err = shrink_locked(space, r->old_start, r->old_nbytes, r->new_nbytes);
        r->old_nbytes = r->new_nbytes;
        if (err || !r->fixed)
            return err;
        area = vm_area_find(space, r->old_start);
    }
    err = check_locked(space, r, area);
    if (err)
        return err;
    if (!r->fixed && !r->keep_old && grow_in_place(space, r, area))
        return 0;
    if (!r->may_move)
        return -ENOMEM;
    err = place_locked(space, r, &new_start);
    if (!err)
        err = move_locked(space, r, new_start);
    if (!err)
        *out = new_start;
    return err;
}

static bool overlaps(const struct vm_remap *r)
{
    return r->old_start + r->old_nbytes > r->new_start &&
           r->new_start + r->new_nbytes > r->old_start;
}

int vm_remap(struct vm_space *space, const struct vm_remap *request, uint64_t *out)
{
    struct vm_remap r = *request;
    int err;

    r.old_nbytes = ALIGN_UP(r.old_nbytes, PAGE_SIZE);
    r.new_nbytes = ALIGN_UP(r.new_nbytes, PAGE_SIZE);
    if (!IS_ALIGNED(r.old_start, PAGE_SIZE) || !r.new_nbytes || r.old_nbytes < request->old_nbytes)
        return -EINVAL;
    if (!vm_range_valid(r.old_start, MIN(r.old_nbytes, USER_END)))
        return -EFAULT;
    if (r.fixed && (!vm_range_valid(r.new_start, r.new_nbytes) || overlaps(&r)))
        return -EINVAL;
    if (r.new_nbytes >= USER_END)
        return -ENOMEM;
    mutex_lock(&space->lock);
    err = remap_locked(space, &r, out);
    mutex_unlock(&space->lock);
    return err;
}
