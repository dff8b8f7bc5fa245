/* SPDX-License-Identifier: MIT */
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

static bool wx_allowed;

void vm_allow_wx(bool allow)
{
    wx_allowed = allow;
}

static bool is_wx(uint32_t prot)
{
    return (prot & LX_PROT_WRITE) && (prot & LX_PROT_EXEC) && !wx_allowed;
}

static bool range_valid(uint64_t start, uint64_t nbytes)
{
    return IS_ALIGNED(start, PAGE_SIZE) && start < USER_END && nbytes <= USER_END - start;
}

/* Tables between the areas around [start, end) hold nothing any more. */
static void free_tables(struct vm_gather *gather, uint64_t start, uint64_t end)
{
    const struct vm_area *high = vm_area_find(gather->space, end);
    const struct vm_area *low = high ? vm_area_prev(high) : vm_area_last(gather->space);

    if (low && low->end > start)
        return;
    vm_table_clear(gather, low ? low->end : 0, high ? high->start : USER_END + PAGE_SIZE);
}

/* Removes areas and pages in a range whose ends are area borders already: cannot fail. */
static void remove_locked(struct vm_space *space, uint64_t start, uint64_t end)
{
    struct vm_gather gather;
    struct vm_area *area = vm_area_find(space, start);
    bool any = false;

    vm_gather_init(&gather, space);
    vm_table_clear(&gather, start, end);
    while (area && area->start < end) {
        struct vm_area *next = vm_area_next(area);

        space->mapped_pages -= (area->end - area->start) >> PAGE_SHIFT;
        vm_area_remove(space, area);
        area = next;
        any = true;
    }
    if (any)
        free_tables(&gather, start, end);
    vm_gather_flush(&gather);
}

static int split_at_ends(struct vm_space *space, uint64_t start, uint64_t end)
{
    int err = vm_area_split(space, start);

    return err ? err : vm_area_split(space, end);
}

static bool range_is_free(const struct vm_space *space, uint64_t start, uint64_t end)
{
    const struct vm_area *area = vm_area_find(space, start);

    return !area || area->start >= end;
}

/* Pages of the range that are mapped already. */
static uint64_t pages_covered(const struct vm_space *space, uint64_t start, uint64_t end)
{
    uint64_t count = 0;

    for (const struct vm_area *area = vm_area_find(space, start); area && area->start < end;
         area = vm_area_next(area))
        count += (MIN(area->end, end) - MAX(area->start, start)) >> PAGE_SHIFT;
    return count;
}

static int place_locked(struct vm_space *space, const struct vm_request *request, uint64_t nbytes,
                        uint64_t *start)
{
    uint64_t top = request->low_2g ? MIN(0x80000000ULL, space->map_top) : space->map_top;
    uint64_t hint = ALIGN_DOWN(request->address, PAGE_SIZE);

    if (request->fixed) {
        if (!range_valid(request->address, nbytes))
            return -ENOMEM;
        if (request->address < USER_BASE)
            return -EPERM; /* as Linux's vm.mmap_min_addr */
        if (request->no_replace &&
            !range_is_free(space, request->address, request->address + nbytes))
            return -EEXIST;
        *start = request->address;
        return 0;
    }
    if (hint >= USER_BASE && range_valid(hint, nbytes) && hint + nbytes <= top &&
        range_is_free(space, hint, hint + nbytes)) {
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
                      uint64_t *out)
{
    uint64_t npages = nbytes >> PAGE_SHIFT;
    struct vm_area model = {
        .prot = request->prot,
        .shared = request->shared,
        .may_write = request->may_write,
        .pager = request->pager,
        .page_index = request->page_index,
    };
    uint64_t start, after;
    int err = place_locked(space, request, nbytes, &start);

    if (err)
        return err;
    model.start = start;
    model.end = start + nbytes;
    after = space->mapped_pages - pages_covered(space, start, model.end) + npages;
    if (after > space->limit_pages || can_never_fit(request, npages) ||
        space->areas_count + 2 > VM_AREAS_MAX)
        return -ENOMEM;
    err = split_at_ends(space, start, model.end);
    if (err)
        return err;
    remove_locked(space, start, model.end);
    err = vm_area_add(space, &model);
    if (err)
        return err;
    space->mapped_pages += npages;
    *out = start;
    return 0;
}

int vm_map(struct vm_space *space, const struct vm_request *request, uint64_t *out)
{
    uint64_t nbytes = ALIGN_UP(request->nbytes, PAGE_SIZE);
    int err;

    if (!request->nbytes)
        return -EINVAL;
    if (nbytes < request->nbytes || nbytes >= USER_END)
        return -ENOMEM;
    if (request->fixed && !IS_ALIGNED(request->address, PAGE_SIZE))
        return -EINVAL;
    if (is_wx(request->prot))
        return -EACCES;
    mutex_lock(&space->lock);
    err = map_locked(space, request, nbytes, out);
    mutex_unlock(&space->lock);
    return err;
}

int vm_unmap(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);
    int err;

    if (!nbytes || length < nbytes || !range_valid(start, length))
        return -EINVAL;
    mutex_lock(&space->lock);
    err = split_at_ends(space, start, start + length);
    if (!err)
        remove_locked(space, start, start + length);
    mutex_unlock(&space->lock);
    return err;
}

static int check_mapped_locked(const struct vm_space *space, uint64_t start, uint64_t end)
{
    const struct vm_area *area = vm_area_find(space, start);

    while (start < end) {
        if (!area || area->start > start)
            return -ENOMEM;
        start = area->end;
        area = vm_area_next(area);
    }
    return 0;
}

/* Linux changes what lies before the first fault and reports that fault: so does this. */
static int protect_locked(struct vm_space *space, uint64_t start, uint64_t end, uint32_t prot)
{
    int err = split_at_ends(space, start, end);
    struct vm_area *area;

    if (err)
        return err;
    while (start < end) {
        area = vm_area_find(space, start);
        if (!area || area->start > start)
            return -ENOMEM;
        if ((prot & LX_PROT_WRITE) && !area->may_write)
            return -EACCES;
        area->prot = prot;
        vm_table_protect(space, start, area->end, prot); /* only what is new in a joined area */
        start = area->end;
        vm_area_join(space, area);
    }
    area = vm_area_find(space, end);
    if (area && area->start == end)
        vm_area_join(space, area);
    return 0;
}

int vm_protect(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);
    int err;

    if (!IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (!nbytes)
        return 0;
    if (length < nbytes || !range_valid(start, length))
        return -ENOMEM;
    if (is_wx(prot))
        return -EACCES;
    mutex_lock(&space->lock);
    err = protect_locked(space, start, start + length, prot);
    mutex_unlock(&space->lock);
    return err;
}

int vm_discard(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);
    struct vm_gather gather;
    int err;

    if (!IS_ALIGNED(start, PAGE_SIZE) || length < nbytes)
        return -EINVAL;
    if (!range_valid(start, length))
        return -ENOMEM;
    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    vm_table_clear(&gather, start, start + length);
    vm_gather_flush(&gather);
    err = check_mapped_locked(space, start, start + length);
    mutex_unlock(&space->lock);
    return err;
}

int vm_check_mapped(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);
    int err;

    if (length < nbytes || !range_valid(start, length))
        return -ENOMEM;
    mutex_lock(&space->lock);
    err = check_mapped_locked(space, start, start + length);
    mutex_unlock(&space->lock);
    return err;
}
