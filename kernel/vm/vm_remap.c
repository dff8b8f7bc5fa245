/* SPDX-License-Identifier: MIT */
/*
 * mremap(2): areas that become shorter or longer, or move with their pages; remap_file_pages(2).
 *
 * The order of checks and steps is Linux's, since some of them cannot be taken back: what lies at a
 * fixed new place goes first, even where the rest then fails. That may be the old place itself:
 * an old length of 0 overlaps nothing (it maps shared memory a second time). So the area is looked
 * up only after that, and every lookup asks whether it covers old_start.
 *
 * A move makes the tables at the new place and the new area before the first entry is moved: from
 * then on nothing can fail.
 */
#include "kernel/lib/assert.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_table.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* Areas that one move may need: two splits, the new one. Linux asks for so many before it begins,
 * and for two more where something may have to make room. */
#define MOVE_AREAS 3
#define ROOM_AREAS 2

/* The area that holds va, or NULL: vm_area_find may give one that begins above it. */
static struct vm_area *area_at(const struct vm_space *space, uint64_t va)
{
    struct vm_area *area = vm_area_find(space, va);

    return area && area->start <= va ? area : NULL;
}

static int remap_shrink_locked(struct vm_space *space, uint64_t start, uint64_t old_nbytes,
                               uint64_t new_nbytes)
{
    ASSERT(mutex_is_held(&space->lock));
    if (old_nbytes == new_nbytes)
        return 0;
    return vm_unmap_locked(space, start + new_nbytes, old_nbytes - new_nbytes);
}

/* What is wrong with growing or moving the area at old_start; else it is *out_area. */
static int remap_check_locked(const struct vm_space *space, const struct vm_remap *r,
                              struct vm_area **out_area)
{
    struct vm_area *area = area_at(space, r->old_start);
    uint64_t more = (r->keep_old ? r->new_nbytes : r->new_nbytes - r->old_nbytes) >> PAGE_SHIFT;
    uint64_t data;

    ASSERT(mutex_is_held(&space->lock));
    if (!area)
        return -EFAULT;
    /* Several areas are never moved at once, and what is unmapped cannot be. */
    if (r->old_nbytes > area->end - r->old_start)
        return -EFAULT;
    if (area->locked && space->locked_pages + more > r->lock_limit)
        return -EAGAIN;
    data = vm_prot_is_data(area, area->prot) ? more : 0;
    /* What can never fit is refused at once, as by mmap. */
    if (!vm_limits_allow(space, more, data) || (!area->no_reserve && data > pmm_total_count()))
        return -ENOMEM;
    *out_area = area;
    return 0;
}

/* Where the range ends with its area and the hole behind it is large enough. */
static bool remap_grow_in_place(struct vm_space *space, const struct vm_remap *r,
                                struct vm_area *area)
{
    const struct vm_area *next = vm_area_next(area);
    uint64_t end = r->old_start + r->new_nbytes;

    if (!r->old_nbytes || r->old_start + r->old_nbytes != area->end)
        return false;
    if (!vm_range_valid(r->old_start, r->new_nbytes) || (next && vm_area_low(next) < end))
        return false;
    vm_area_resize(space, area, area->start, end);
    /* It may have reached a neighbour that is like it. */
    vm_area_merge(space, area);
    return true;
}

/* The area itself goes with its pages. */
static int remap_move_area_locked(struct vm_space *space, const struct vm_remap *r,
                                  uint64_t new_start)
{
    struct vm_gather gather;
    int err;

    ASSERT(mutex_is_held(&space->lock));
    err = vm_split_locked(space, r->old_start, r->old_start + r->old_nbytes);
    if (!err)
        err = vm_table_move_prepare(space, r->old_start, new_start, r->old_nbytes);
    if (err)
        return err;
    vm_gather_init(&gather, space);
    vm_table_move(&gather, r->old_start, new_start, r->old_nbytes);
    vm_gather_flush(&gather);
    vm_area_move(space, area_at(space, r->old_start), new_start, new_start + r->new_nbytes);
    return 0;
}

/* The area stays, empty (MREMAP_DONTUNMAP) or as it is (a second view of shared memory, old length
 * 0, for which no entry is moved): the new place gets an area of its own, at the same page of the
 * file. */
static int remap_move_pages_locked(struct vm_space *space, const struct vm_remap *r,
                                   uint64_t new_start)
{
    const struct vm_area *area = area_at(space, r->old_start);
    struct vm_area model = *area;
    struct vm_gather gather;
    int err;

    ASSERT(mutex_is_held(&space->lock));
    err = vm_table_move_prepare(space, r->old_start, new_start, r->old_nbytes);
    model.start = new_start;
    model.end = new_start + r->new_nbytes;
    if (model.pager)
        model.page_index += (r->old_start - area->start) >> PAGE_SHIFT;
    if (!err)
        err = vm_area_add(space, &model);
    if (err)
        return err;
    vm_gather_init(&gather, space);
    vm_table_move(&gather, r->old_start, new_start, r->old_nbytes);
    vm_gather_flush(&gather);
    /* MREMAP_DONTUNMAP takes the lock along with the pages. */
    if (r->keep_old)
        vm_area_set_mlock(space, area_at(space, r->old_start), false);
    return 0;
}

static int remap_move_locked(struct vm_space *space, const struct vm_remap *r, uint64_t new_start)
{
    ASSERT(mutex_is_held(&space->lock));
    if (space->areas_count >= VM_AREAS_MAX - MOVE_AREAS)
        return -ENOMEM;
    return r->keep_old || !r->old_nbytes ? remap_move_pages_locked(space, r, new_start)
                                         : remap_move_area_locked(space, r, new_start);
}

/* To a place that the caller chose, or anywhere but here, the area being left behind. */
static int remap_away_locked(struct vm_space *space, struct vm_remap *r, uint64_t *out)
{
    struct vm_request request = {.address = r->new_start};
    struct vm_area *area;
    int err = 0;

    ASSERT(mutex_is_held(&space->lock));
    /* Room for all areas that may be needed, before anything is removed. */
    if (r->fixed && r->new_start < USER_BASE && !r->low_allowed)
        return -EPERM;
    if (space->areas_count + ROOM_AREAS >= VM_AREAS_MAX - MOVE_AREAS)
        return -ENOMEM;
    if (r->fixed)
        err = vm_unmap_locked(space, r->new_start, r->new_nbytes);
    /* That may have been the area itself. */
    if (!err && r->fixed && !area_at(space, r->old_start))
        err = -EFAULT;
    if (!err && r->old_nbytes > r->new_nbytes) {
        err = remap_shrink_locked(space, r->old_start, r->old_nbytes, r->new_nbytes);
        r->old_nbytes = r->new_nbytes;
    }
    if (!err)
        err = remap_check_locked(space, r, &area);
    if (!err && !r->fixed)
        err = vm_place_locked(space, &request, r->new_nbytes, &request.address);
    if (!err)
        err = remap_move_locked(space, r, request.address);
    if (!err)
        *out = request.address;
    return err;
}

static int remap_locked(struct vm_space *space, struct vm_remap *r, uint64_t *out)
{
    struct vm_request request = {.address = 0};
    struct vm_area *area;
    int err;

    ASSERT(mutex_is_held(&space->lock));
    area = area_at(space, r->old_start);
    if (!area)
        return -EFAULT;
    if (!r->old_nbytes && !area->shared)
        return -EINVAL; /* only what is shared can be mapped a second time */
    /* Both leave the old place, even if there were room behind it. */
    if (r->fixed || r->keep_old)
        return remap_away_locked(space, r, out);
    *out = r->old_start;
    /* Shorter, which needs no area at all at the end that goes: Linux unmaps whatever is there. */
    if (r->old_nbytes >= r->new_nbytes)
        return remap_shrink_locked(space, r->old_start, r->old_nbytes, r->new_nbytes);
    err = remap_check_locked(space, r, &area);
    if (err || remap_grow_in_place(space, r, area))
        return err;
    if (!r->may_move)
        return -ENOMEM;
    err = vm_place_locked(space, &request, r->new_nbytes, out);
    return err ? err : remap_move_locked(space, r, *out);
}

static bool remap_overlaps(const struct vm_remap *r)
{
    return r->old_start + r->old_nbytes > r->new_start &&
           r->new_start + r->new_nbytes > r->old_start;
}

int vm_remap(struct vm_space *space, const struct vm_remap *request, uint64_t *out)
{
    struct vm_remap r = *request;
    const struct vm_area *area;
    bool populate = false;
    uint64_t moved;
    int err;

    /* An old length that wraps is 0, as on Linux; a new one is refused as 0 is. */
    r.old_nbytes = ALIGN_UP(r.old_nbytes, PAGE_SIZE);
    r.new_nbytes = ALIGN_UP(r.new_nbytes, PAGE_SIZE);
    if (!IS_ALIGNED(r.old_start, PAGE_SIZE) || !r.new_nbytes || r.new_nbytes > USER_END)
        return -EINVAL;
    if (r.keep_old && r.old_nbytes != r.new_nbytes)
        return -EINVAL;
    /* With keep_old the new place is a hint; but one that could not be taken is refused. */
    if ((r.fixed || r.keep_old) &&
        (!vm_range_valid(r.new_start, r.new_nbytes) || remap_overlaps(&r)))
        return -EINVAL;
    mutex_lock(&space->lock);
    err = remap_locked(space, &r, &moved);
    if (!err) {
        area = area_at(space, moved);
        populate = area && area->locked && r.new_nbytes > r.old_nbytes;
    }
    mutex_unlock(&space->lock);
    if (err)
        return err;
    *out = moved;
    if (populate &&
        vm_populate(space, moved + r.old_nbytes, r.new_nbytes - r.old_nbytes, VM_POPULATE_ANY))
        return 0; /* as much as went */
    return 0;
}

/* --- remap_file_pages(2), which Linux has kept as a call of mmap --- */

/* Whether shared areas of one object with one protection cover the range from there on. */
static bool is_one_object(const struct vm_area *first, uint64_t end)
{
    const struct vm_area *area = first;

    while (area->end < end) {
        const struct vm_area *next = vm_area_next(area);

        if (!next || next->start != area->end || next->pager != first->pager ||
            next->prot != first->prot || !next->shared)
            return false;
        area = next;
        sched_preempt_point();
    }
    return true;
}

int vm_remap_pages(struct vm_space *space, uint64_t start, uint64_t nbytes, uint64_t page_index,
                   uint64_t lock_limit)
{
    struct vm_request request = {.address = start, .nbytes = nbytes, .shared = true, .fixed = true};
    const struct vm_area *area;
    uint64_t where;
    int err = -EINVAL;

    mutex_lock(&space->lock);
    area = area_at(space, start);
    if (area && area->shared && is_one_object(area, start + nbytes)) {
        request.prot = area->prot;
        request.may_write = area->may_write;
        request.locked = area->locked;
        request.lock_limit = lock_limit;
        request.pager = area->pager;
        request.name = area->name;
        request.page_index = page_index;
        /* The area goes before the new one has a reference of its own. */
        request.pager->ops->get(request.pager, request.name);
        err = vm_map_locked(space, &request, nbytes, request.pager, &where);
    }
    mutex_unlock(&space->lock);
    if (request.pager)
        request.pager->ops->put(request.pager, request.name);
    if (!err && vm_populate(space, start, nbytes, VM_POPULATE_ANY))
        return 0; /* the rest when it is touched */
    return err;
}
