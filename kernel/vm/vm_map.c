/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_map.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_shared.h"
#include "kernel/vm/vm_table.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define TABLES_KEPT 64

static bool wx_allowed;

void vm_allow_wx(bool allow)
{
    wx_allowed = allow;
}

bool vm_prot_is_wx(uint32_t prot)
{
    return (prot & LX_PROT_WRITE) && (prot & LX_PROT_EXEC) && !wx_allowed;
}

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
    *end = next ? next->start : USER_END + PAGE_SIZE;
}

void vm_remove_locked(struct vm_space *space, uint64_t start, uint64_t end)
{
    struct vm_gather gather;
    struct vm_area *area = vm_area_find(space, start);

    vm_gather_init(&gather, space);
    /* Tables stay for areas to come; but when there are more of them than of pages, those in the
     * hole go, so that memory is not lost to who maps at ever new places. */
    if (unlikely(space->table_frames > space->resident_pages + TABLES_KEPT) && area)
        hole_find(space, area, &start, &end);
    vm_table_clear(&gather, start, end);
    vm_gather_flush(&gather);
    while (area && area->start < end) {
        struct vm_area *next = vm_area_next(area);

        vm_area_remove(space, area);
        area = next;
    }
}

int vm_split_locked(struct vm_space *space, uint64_t start, uint64_t end)
{
    int err = vm_area_split(space, start);

    return err ? err : vm_area_split(space, end);
}

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

bool vm_limits_allow(const struct vm_space *space, uint64_t more, uint64_t more_data)
{
    uint64_t data_pages = __atomic_load_n(&space->brk_limit, __ATOMIC_RELAXED) >> PAGE_SHIFT;

    if (space->mapped_pages + more > __atomic_load_n(&space->limit_pages, __ATOMIC_RELAXED))
        return false;
    return !more_data || space->data_pages + more_data <= data_pages;
}

/* Whether the limits allow a mapping over the range, which takes the place of what is there. */
static bool limits_allow_over(const struct vm_space *space, const struct vm_area *model)
{
    uint64_t npages = (model->end - model->start) >> PAGE_SHIFT;
    uint64_t more = npages, more_data = vm_prot_is_data(model, model->prot) ? npages : 0;

    for (const struct vm_area *area = vm_area_find(space, model->start);
         area && area->start < model->end; area = vm_area_next(area)) {
        uint64_t covered =
            (MIN(area->end, model->end) - MAX(area->start, model->start)) >> PAGE_SHIFT;

        more -= covered;
        if (more_data && vm_prot_is_data(area, area->prot))
            more_data -= MIN(covered, more_data);
    }
    return vm_limits_allow(space, more, more_data);
}

int vm_place_locked(const struct vm_space *space, const struct vm_request *request, uint64_t nbytes,
                    uint64_t *start)
{
    uint64_t top = request->low_2g ? MIN(0x80000000ULL, space->map_top) : space->map_top;
    uint64_t hint = ALIGN_DOWN(request->address, PAGE_SIZE);

    if (request->fixed) {
        if (!vm_range_valid(request->address, nbytes))
            return -ENOMEM;
        if (request->address < USER_BASE)
            return -EPERM; /* as Linux's vm.mmap_min_addr */
        if (request->no_replace &&
            !range_is_free(space, request->address, request->address + nbytes))
            return -EEXIST;
        *start = request->address;
        return 0;
    }
    if (hint >= USER_BASE && vm_range_valid(hint, nbytes) &&
        (!request->low_2g || hint + nbytes <= top) && range_is_clear(space, hint, hint + nbytes)) {
        *start = hint;
        return 0;
    }
    *start = nbytes < top ? vm_area_find_hole(space, nbytes, top) : 0;
    return *start ? 0 : -ENOMEM;
}

/* Linux's heuristic: what can never fit is refused at once. */
static bool can_never_fit(const struct vm_request *request, uint64_t npages)
{
    return !request->shared && (request->prot & LX_PROT_WRITE) && !request->no_reserve &&
           npages > pmm_total_count();
}

static int map_locked(struct vm_space *space, const struct vm_request *request, uint64_t nbytes,
                      struct vm_pager *pager, uint64_t *out)
{
    struct vm_area model = {
        .prot = request->prot,
        .shared = request->shared,
        .may_write = request->may_write,
        .grows_down = request->grows_down,
        .pager = pager,
        .name = request->name,
        .page_index = request->page_index,
    };
    int err = vm_place_locked(space, request, nbytes, &model.start);

    if (err)
        return err;
    model.end = model.start + nbytes;
    if (!limits_allow_over(space, &model) || can_never_fit(request, nbytes >> PAGE_SHIFT) ||
        space->areas_count + 2 > VM_AREAS_MAX)
        return -ENOMEM;
    if (!range_is_free(space, model.start, model.end)) {
        err = vm_split_locked(space, model.start, model.end);
        if (err)
            return err;
        vm_remove_locked(space, model.start, model.end);
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
    *created = request->shared && !pager;
    return *created ? vm_shared_create(nbytes >> PAGE_SHIFT, out_pager) : 0;
}

int vm_map(struct vm_space *space, const struct vm_request *request, uint64_t *out)
{
    uint64_t nbytes = ALIGN_UP(request->nbytes, PAGE_SIZE);
    struct vm_request wanted = *request;
    struct vm_pager *pager;
    bool created;
    int err;

    if (!request->nbytes)
        return -EINVAL;
    if (nbytes < request->nbytes || nbytes >= USER_END)
        return -ENOMEM;
    if (request->fixed && !IS_ALIGNED(request->address, PAGE_SIZE))
        return -EINVAL;
    if (vm_prot_is_wx(request->prot))
        return -EACCES;
    err = pager_choose(request, nbytes, &pager, &created);
    if (err)
        return err;
    if (!request->pager || pager != request->pager) {
        wanted.page_index = 0;
        wanted.name = NULL;
    }
    mutex_lock(&space->lock);
    err = map_locked(space, &wanted, nbytes, pager, out);
    mutex_unlock(&space->lock);
    if (created)
        pager->ops->put(pager, NULL);
    if (!err && request->populate && vm_populate(space, *out, nbytes, VM_POPULATE_ANY))
        return 0; /* as much as went; the rest when it is touched */
    return err;
}

int vm_unmap(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);
    int err;

    if (!nbytes || length < nbytes || !vm_range_valid(start, length))
        return -EINVAL;
    mutex_lock(&space->lock);
    err = vm_split_locked(space, start, start + length);
    if (!err)
        vm_remove_locked(space, start, start + length);
    mutex_unlock(&space->lock);
    return err;
}
