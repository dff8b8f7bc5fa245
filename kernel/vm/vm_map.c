/* SPDX-License-Identifier: MIT */
/*
 * mmap(2) and munmap(2), and the steps that they share with other calls. What can fail comes first:
 * limits, splitting at both ends. Removing what lies between borders cannot fail.
 */
#include "kernel/vm/vm_map.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_shared.h"
#include "kernel/vm/vm_table.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define TABLES_KEPT 64 /* that may be empty, however few pages a space has */

static bool wx_denied;

/* Set at start-up, before there are programs. */
void vm_deny_wx(void)
{
    wx_denied = true;
}

bool vm_prot_is_wx(uint32_t prot)
{
    return (prot & LX_PROT_WRITE) && (prot & LX_PROT_EXEC) && wx_denied;
}

/* The sum is not formed: it could wrap. */
bool vm_range_valid(uint64_t start, uint64_t nbytes)
{
    return IS_ALIGNED(start, PAGE_SIZE) && start < USER_END && nbytes <= USER_END - start;
}

/* The hole that is left when the areas from `first` to `end` go. */
static void hole_find(const struct vm_space *space, const struct vm_area *first, uint64_t *start,
                      uint64_t *end)
{
    const struct vm_area *prev = vm_area_prev(first), *next = vm_area_find(space, *end);

    *start = prev ? prev->end : 0;
    /* Behind the last area up to the end of the last table, which is a page above USER_END. */
    *end = next ? next->start : USER_END + PAGE_SIZE;
}

void vm_remove_locked(struct vm_space *space, uint64_t start, uint64_t end)
{
    struct vm_gather gather;
    struct vm_area *area = vm_area_find(space, start);

    ASSERT(mutex_is_held(&space->lock));
    vm_gather_init(&gather, space);
    /* Tables stay for areas to come; but when there are more of them than of pages, those in the
     * hole go, so that a program that maps at ever new places does not fill memory with them. */
    if (unlikely(space->table_frames > space->resident_pages + TABLES_KEPT) && area)
        hole_find(space, area, &start, &end);
    /* Pages before areas: an area holds the file whose frames the entries lead to. */
    vm_table_clear(&gather, start, end);
    vm_gather_flush(&gather);
    while (area && area->start < end) {
        struct vm_area *next = vm_area_next(area);

        vm_area_remove(space, area);
        area = next;
        sched_preempt_point();
    }
}

int vm_split_locked(struct vm_space *space, uint64_t start, uint64_t end)
{
    int err;

    ASSERT(mutex_is_held(&space->lock));
    err = vm_area_split(space, start);
    return err ? err : vm_area_split(space, end);
}

/* Whether no area lies in the range, for MAP_FIXED_NOREPLACE: gaps of stacks do not count there. */
static bool range_is_free(const struct vm_space *space, uint64_t start, uint64_t end)
{
    const struct vm_area *area = vm_area_find(space, start);

    return !area || area->start >= end;
}

/* The same, and clear of the gap below a growing area. */
static bool range_is_clear(const struct vm_space *space, uint64_t start, uint64_t end)
{
    const struct vm_area *area = vm_area_find(space, start);

    return !area || vm_area_low(area) >= end;
}

/* RLIMIT_AS for all pages, RLIMIT_DATA for private ones that can be written. */
bool vm_limits_allow(const struct vm_space *space, uint64_t more, uint64_t more_data)
{
    uint64_t data_pages = __atomic_load_n(&space->data_limit, __ATOMIC_RELAXED);

    /* The limits are set by other processes (prlimit) without the lock; each is one word. */
    if (space->mapped_pages + more > __atomic_load_n(&space->limit_pages, __ATOMIC_RELAXED))
        return false;
    return !more_data || space->data_pages + more_data <= data_pages;
}

/* Whether the limits allow a mapping over the range, which takes the place of what is there. Linux
 * takes all pages that go off the data, of whatever kind, and refuses a process that is over its
 * limit already even where it would not grow. */
static bool limits_allow_over(const struct vm_space *space, const struct vm_area *model)
{
    uint64_t npages = (model->end - model->start) >> PAGE_SHIFT;
    bool is_data = vm_prot_is_data(model, model->prot);
    uint64_t more = npages;

    if (vm_limits_allow(space, npages, is_data ? npages : 0))
        return true;

    for (const struct vm_area *area = vm_area_find(space, model->start);
         area && area->start < model->end; area = vm_area_next(area)) {
        uint64_t covered =
            (MIN(area->end, model->end) - MAX(area->start, model->start)) >> PAGE_SHIFT;

        more -= covered;
        sched_preempt_point();
    }
    return vm_limits_allow(space, more, 0) &&
           (!is_data ||
            space->data_pages + more <= __atomic_load_n(&space->data_limit, __ATOMIC_RELAXED));
}

/* Where a fixed mapping goes has been chosen, whatever lies there; the order of refusals is
 * Linux's. Others go to the hint if it is free, else to the highest hole below the place for the
 * stack. */
int vm_place_locked(const struct vm_space *space, const struct vm_request *request, uint64_t nbytes,
                    uint64_t *start)
{
    uint64_t top = request->low_2g ? MIN(0x80000000ULL, space->map_top) : space->map_top;
    uint64_t hint = ALIGN_DOWN(request->address, PAGE_SIZE);

    ASSERT(mutex_is_held(&space->lock));
    if (request->fixed) {
        if (request->address >= USER_END || nbytes > USER_END - request->address)
            return -ENOMEM;
        if (!IS_ALIGNED(request->address, PAGE_SIZE))
            return -EINVAL;
        if (request->address < USER_BASE && !request->low_allowed)
            return -EPERM; /* as Linux's vm.mmap_min_addr */
        if (request->no_replace &&
            !range_is_free(space, request->address, request->address + nbytes))
            return -EEXIST;
        *start = request->address;
        return 0;
    }
    /* A hint is followed where nothing is, else it is as if there were none. */
    if (hint >= USER_BASE && vm_range_valid(hint, nbytes) &&
        (!request->low_2g || hint + nbytes <= top) && range_is_clear(space, hint, hint + nbytes)) {
        *start = hint;
        return 0;
    }
    /* 0 is no place for a mapping (USER_BASE), and so stands for "none". */
    *start = nbytes < top ? vm_area_find_hole(space, nbytes, top) : 0;
    return *start ? 0 : -ENOMEM;
}

/* Linux's heuristic: what can never fit is refused at once. */
static bool can_never_fit(const struct vm_request *request, uint64_t npages)
{
    return !request->shared && (request->prot & LX_PROT_WRITE) && !request->no_reserve &&
           npages > pmm_total_count();
}

/* Refusals first. Then what is in the way goes, which can fail before anything is removed; only the
 * area itself may still fail for want of memory, and then the range is a hole, as on Linux. */
int vm_map_locked(struct vm_space *space, const struct vm_request *request, uint64_t nbytes,
                  struct vm_pager *pager, uint64_t *out)
{
    struct vm_area model = {
        .prot = request->prot,
        .shared = request->shared,
        .may_write = request->may_write,
        .grows_down = request->grows_down,
        .locked = request->locked,
        .no_reserve = request->no_reserve,
        .pager = pager,
    };
    int err;

    ASSERT(mutex_is_held(&space->lock));
    if (pager && pager == request->pager) {
        model.name = request->name;
        model.page_index = request->page_index;
    } /* else it is not the file that was asked for: neither its offset nor its name */
    err = vm_place_locked(space, request, nbytes, &model.start);
    /* Locking comes before everything that the kind of mapping forbids, as on Linux. */
    if (!err && request->locked &&
        space->locked_pages + (nbytes >> PAGE_SHIFT) > request->lock_limit)
        err = request->lock_limit || request->lock_unasked ? -EAGAIN : -EPERM;
    if (!err)
        err = request->refusal;
    if (err)
        return err;
    model.end = model.start + nbytes;
    if (!limits_allow_over(space, &model) || can_never_fit(request, nbytes >> PAGE_SHIFT) ||
        space->areas_count > VM_AREAS_MAX)
        return -ENOMEM;
    if (!range_is_free(space, model.start, model.end)) {
        err = vm_unmap_locked(space, model.start, nbytes);
        if (err)
            return err;
    }
    err = vm_area_add(space, &model);
    if (!err)
        *out = model.start;
    return err;
}

/* Shared memory without a file gets an object; zeroes without an end are anonymous memory. */
static int pager_choose(const struct vm_request *request, uint64_t nbytes,
                        struct vm_pager **out_pager, bool *created)
{
    struct vm_pager *pager = request->pager;

    if (pager && pager->ops->is_zero)
        pager = NULL;
    *out_pager = pager;
    *created = request->shared && !pager && !request->refusal;
    return *created ? vm_shared_create(nbytes >> PAGE_SHIFT, out_pager) : 0;
}

int vm_map(struct vm_space *space, const struct vm_request *request, uint64_t *out)
{
    uint64_t nbytes = ALIGN_UP(request->nbytes, PAGE_SIZE);
    struct vm_request refused;
    struct vm_pager *pager;
    bool created;
    int err;

    if (!request->nbytes)
        return -EINVAL;
    /* The first: rounding up has wrapped. */
    if (nbytes < request->nbytes || nbytes >= USER_END)
        return -ENOMEM;
    /* Not an error of Linux's own: the one that a security module gives there. */
    if (!request->refusal && vm_prot_is_wx(request->prot)) {
        refused = *request;
        refused.refusal = -EACCES;
        request = &refused;
    }
    /* Before the lock: making an object may need memory. */
    err = pager_choose(request, nbytes, &pager, &created);
    if (err)
        return err;
    mutex_lock(&space->lock);
    err = vm_map_locked(space, request, nbytes, pager, out);
    mutex_unlock(&space->lock);
    if (created) /* the area has a reference of its own */
        pager->ops->put(pager, NULL);
    if (!err && request->populate && vm_populate(space, *out, nbytes, VM_POPULATE_ANY))
        return 0; /* as much as went; the rest when it is touched */
    return err;
}

int vm_unmap_locked(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    const struct vm_area *area;
    int err = 0;

    ASSERT(mutex_is_held(&space->lock));
    /* A range without any area in it is fine: there is nothing to remove. */
    if (!nbytes || !vm_range_valid(start, nbytes))
        return -EINVAL;
    area = vm_area_find(space, start);
    /* A hole within one area: asked before the first split, so that nothing is half done. */
    if (area && area->start < start && area->end > start + nbytes &&
        space->areas_count >= VM_AREAS_MAX)
        return -ENOMEM;
    /* Mostly the range is one whole area: its ends are borders already. Splitting may fail after
     * the first of two splits, which changes nothing that a program can see. */
    if (area && (area->start != start || area->end != start + nbytes))
        err = vm_split_locked(space, start, start + nbytes);
    if (!err)
        vm_remove_locked(space, start, start + nbytes);
    return err;
}

int vm_unmap(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    int err;

    mutex_lock(&space->lock);
    err = vm_unmap_locked(space, start, ALIGN_UP(nbytes, PAGE_SIZE)); /* one that wraps is 0 */
    mutex_unlock(&space->lock);
    return err;
}
