/* SPDX-License-Identifier: MIT */
/*
 * madvise(2), mincore(2), mlock(2): advice about ranges, and bringing their pages in.
 *
 * Ranges may be as large as the address space and reach over any number of areas and holes. As on
 * Linux what is mapped is done, and a hole is reported at the end; so a range that goes on behind
 * the end of user space is one with a hole. Walks go from area to area and from table to table,
 * never from page to page where nothing is.
 */
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_rmap.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* The page-aligned end of a range. -EINVAL: it is not one. */
static int range_end(uint64_t start, uint64_t nbytes, uint64_t *end)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);

    if (!IS_ALIGNED(start, PAGE_SIZE) || length < nbytes || start + length < start)
        return -EINVAL;
    *end = start + length;
    return 0;
}

/* Frames of the kernel's own, which are not the program's to drop. */
static bool area_is_kernel(const struct vm_area *area)
{
    return area->pager && area->pager->ops->is_kernel;
}

int vm_check_mapped_locked(const struct vm_space *space, uint64_t start, uint64_t end)
{
    const struct vm_area *area = vm_area_find(space, start);

    ASSERT(mutex_is_held(&space->lock));
    /* Areas need not be alike, only without a hole between them. */
    while (start < end) {
        if (!area || area->start > start)
            return -ENOMEM;
        start = area->end;
        area = vm_area_next(area);
        sched_preempt_point();
    }
    return 0;
}

/* For advice without effect here, msync and munlock: a program still learns of a hole. */
int vm_check_mapped(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    if (err)
        return err;
    mutex_lock(&space->lock);
    err = vm_check_mapped_locked(space, start, end);
    mutex_unlock(&space->lock);
    return err;
}

/* msync: as vm_check_mapped; and files that were stored to through a mapping of the range are told.
 * Behind the flush: what is stored later is news again. */
int vm_sync(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    struct vm_gather gather;
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    if (err)
        return err;
    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    for (const struct vm_area *area = vm_area_find(space, start); area && area->start < end;
         area = vm_area_next(area)) {
        if (!area->shared || !area->pager || !area->pager->ops->modified ||
            !vm_table_clean(&gather, MAX(area->start, start), MIN(area->end, end)))
            continue;
        vm_gather_flush(&gather);
        area->pager->ops->modified(area->pager);
        sched_preempt_point();
    }
    vm_gather_flush(&gather);
    err = vm_check_mapped_locked(space, start, end);
    mutex_unlock(&space->lock);
    return err;
}

static bool discard_allowed(const struct vm_area *area, int advice)
{
    if (area_is_kernel(area) || (area->locked && advice != LX_MADV_DONTNEED_LOCKED))
        return false;
    return advice != LX_MADV_FREE || !area->pager;
}

/* MADV_DONTNEED and MADV_FREE. Pages of a private mapping of a file that the program had changed
 * are lost with the others: that is what it asks for. MADV_FREE may drop at any time, so also at
 * once. An area of the wrong kind ends the call, with what lies before it done. */
int vm_discard(struct vm_space *space, uint64_t start, uint64_t nbytes, int advice)
{
    struct vm_gather gather;
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    if (err)
        return err;
    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    /* Areas stay as they are: pages that go come back as fresh ones, or as the file's. */
    for (const struct vm_area *area = vm_area_find(space, start); !err && area && area->start < end;
         area = vm_area_next(area)) {
        if (!discard_allowed(area, advice))
            err = -EINVAL;
        else
            vm_table_clear(&gather, MAX(area->start, start), MIN(area->end, end));
        sched_preempt_point();
    }
    vm_gather_flush(&gather);
    if (!err)
        err = vm_check_mapped_locked(space, start, end);
    mutex_unlock(&space->lock);
    return err;
}

/* Whether the area's pages can be taken out of its file through it; the order is Linux's. */
static int punch_check(const struct vm_area *area)
{
    if (!area->pager || area->locked)
        return -EINVAL;
    if (!area->shared || !area->may_write)
        return -EACCES;
    return area->pager->ops->punch ? 0 : -EOPNOTSUPP;
}

/* One area of the range, with the lock given up before the file is changed: the walk of the reverse
 * map takes that of every space. *start: behind the area. */
static int punch_area(struct vm_space *space, uint64_t *start, uint64_t end, bool *hole)
{
    struct vm_pager *pager = NULL;
    struct dentry *name = NULL;
    uint64_t first = 0, npages = 0;
    const struct vm_area *area;
    int err = 0;

    mutex_lock(&space->lock);
    area = vm_area_find(space, *start);
    if (!area || area->start > *start)
        *hole = true;
    if (!area || area->start >= end) {
        *start = end;
    } else {
        uint64_t at = MAX(area->start, *start);

        *start = MIN(area->end, end);
        err = punch_check(area);
        if (!err) {
            pager = area->pager;
            name = area->name;
            pager->ops->get(pager, name);
            first = area->page_index + ((at - area->start) >> PAGE_SHIFT);
            npages = (*start - at) >> PAGE_SHIFT;
        }
    }
    mutex_unlock(&space->lock);
    if (!pager)
        return err;
    err = pager->ops->punch(pager, first, npages);
    vm_rmap_unmap_range(pager, first, first + npages, false);
    pager->ops->put(pager, name);
    return err;
}

/* MADV_REMOVE: pages of shared memory and of files become holes, for all that map them. */
int vm_punch(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    bool hole = false;
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    while (!err && start < end) {
        err = punch_area(space, &start, end, &hole);
        sched_preempt_point();
    }
    return !err && hole ? -ENOMEM : err;
}

/* What a child gets of the area: nothing, all, or fresh pages. */
static int fork_rule_set(struct vm_area *area, enum vm_fork_rule rule)
{
    if (rule == VM_FORK_DONT)
        area->dont_fork = true;
    else if (rule == VM_FORK_DO && area_is_kernel(area))
        return -EINVAL;
    else if (rule == VM_FORK_DO)
        area->dont_fork = false;
    else if (rule == VM_FORK_KEEP)
        area->wipe_on_fork = false;
    else if (area->pager)
        return -EINVAL; /* only memory of the program's own can be wiped */
    else
        area->wipe_on_fork = true;
    return 0;
}

/* Areas that change become areas of their own at both ends, and are merged again where the rule
 * makes them like their neighbours. Holes are skipped here and reported at the end. */
int vm_set_fork_rule(struct vm_space *space, uint64_t start, uint64_t nbytes,
                     enum vm_fork_rule rule)
{
    uint64_t end, at = start;
    int err = range_end(start, nbytes, &end);

    if (err)
        return err;
    mutex_lock(&space->lock);
    err = vm_split_locked(space, start, end);
    if (err == -ENOMEM)
        err = -EAGAIN; /* no area to be had: as Linux says it here, -ENOMEM being a hole */
    while (!err && at < end) {
        struct vm_area *area = vm_area_find(space, at);

        if (!area || area->start >= end)
            break;
        at = area->end;
        err = fork_rule_set(area, rule);
        vm_area_merge(space, area);
        sched_preempt_point();
    }
    if (!err)
        err = vm_check_mapped_locked(space, start, end);
    mutex_unlock(&space->lock);
    return err;
}

/* Pages of a range that mlock would add to those that are locked. Holes count, as on Linux. */
static uint64_t unlocked_pages_locked(const struct vm_space *space, uint64_t start, uint64_t end)
{
    uint64_t npages = (end - start) >> PAGE_SHIFT;

    ASSERT(mutex_is_held(&space->lock));
    for (const struct vm_area *area = vm_area_find(space, start); area && area->start < end;
         area = vm_area_next(area)) {
        if (area->locked)
            npages -= (MIN(area->end, end) - MAX(area->start, start)) >> PAGE_SHIFT;
        sched_preempt_point();
    }
    return npages;
}

/* Nothing is ever written out to make room, so a lock is a mark: it keeps advice from dropping
 * pages, and msync from invalidating them. Linux marks up to the first hole and reports that: so
 * does this. */
int vm_lock(struct vm_space *space, uint64_t start, uint64_t nbytes, uint64_t limit_pages)
{
    bool locked = limit_pages != VM_UNLOCK;
    struct vm_area *area;
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    if (err || start == end)
        return err;
    mutex_lock(&space->lock);
    if (locked && space->locked_pages + unlocked_pages_locked(space, start, end) > limit_pages)
        err = -ENOMEM;
    if (!err)
        err = vm_split_locked(space, start, end);
    while (!err && start < end) {
        area = vm_area_find(space, start);
        if (!area || area->start > start) {
            err = -ENOMEM;
            break;
        }
        start = area->end;
        vm_area_set_mlock(space, area, locked && !area_is_kernel(area));
        sched_preempt_point();
    }
    /* With a hole before it the border at the end may be for nothing. */
    area = vm_area_find(space, end);
    if (area && area->start == end)
        vm_area_merge(space, area);
    mutex_unlock(&space->lock);
    return err;
}

/* The lock is given up for each area, as vm_populate needs it. */
static void populate_all(struct vm_space *space)
{
    uint64_t start, end = 0;
    int err = 0;

    while (err != -EINTR) {
        const struct vm_area *area;

        mutex_lock(&space->lock);
        area = vm_area_find(space, end);
        start = area ? area->start : 0;
        end = area ? area->end : 0;
        mutex_unlock(&space->lock);
        if (!end)
            return;
        err = vm_populate(space, start, end - start, VM_POPULATE_ANY);
        sched_preempt_point();
    }
}

void vm_lock_all(struct vm_space *space, bool locked, bool populate)
{
    uint64_t at = 0;
    struct vm_area *area;

    mutex_lock(&space->lock);
    while ((area = vm_area_find(space, at)) != NULL) {
        at = area->end;
        vm_area_set_mlock(space, area, locked && !area_is_kernel(area));
        sched_preempt_point();
    }
    mutex_unlock(&space->lock);
    if (populate)
        populate_all(space);
}

bool vm_range_has_mlock(struct vm_space *space, uint64_t start, uint64_t nbytes)
{
    const struct vm_area *area;
    bool found = false;

    mutex_lock(&space->lock);
    for (area = nbytes ? vm_area_find(space, start) : NULL;
         !found && area && area->start < start + nbytes; area = vm_area_next(area)) {
        found = area->locked;
        sched_preempt_point();
    }
    mutex_unlock(&space->lock);
    return found;
}

/* How the page at va is to be brought in. Negative: not at all. MADV_POPULATE_READ needs the right
 * to read, as on Linux, though x86 cannot keep reads out of what may be written or executed: for
 * the others any right will do. */
static int access_for(struct vm_space *space, uint64_t va, enum vm_populate how, uint64_t *area_end)
{
    const struct vm_area *area;
    int access = -ENOMEM;

    mutex_lock(&space->lock);
    area = vm_area_find(space, va);
    if (area && area->start <= va) {
        *area_end = area->end;
        if (how == VM_POPULATE_WRITE)
            access = area->prot & LX_PROT_WRITE ? VM_WRITE : -EINVAL;
        else if (how == VM_POPULATE_READ)
            access = (area->prot & LX_PROT_READ) && !area_is_kernel(area) ? VM_READ : -EINVAL;
        else if ((area->prot & LX_PROT_WRITE) && !area->shared)
            access = VM_WRITE;
        else
            access = area->prot ? VM_READ : -EINVAL;
    }
    mutex_unlock(&space->lock);
    return access;
}

/* Page by page without the lock: each fault may wait for memory, and areas may change meanwhile.
 * Then it fails as an access would. */
static int populate_area(struct vm_space *space, uint64_t va, uint64_t end, enum vm_access access)
{
    int err = 0;

    for (; !err && va < end; va += PAGE_SIZE) {
        if (vm_kill_pending())
            return -EINTR;
        err = vm_fault_exact(space, va, access);
        sched_preempt_point();
    }
    /* What an access would get a signal for is a bad address. */
    return err == -ENXIO || err == -EACCES ? -EFAULT : err;
}

/* For mlock(2), MAP_POPULATE and MADV_POPULATE_*: as if each page were touched, but with an error
 * instead of a signal. */
int vm_populate(struct vm_space *space, uint64_t start, uint64_t nbytes, enum vm_populate how)
{
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    /* The area is looked up again for each stretch: the lock was given up in between. */
    while (!err && start < end) {
        uint64_t area_end;
        int access = access_for(space, start, how, &area_end);

        if (access < 0)
            return access;
        err = populate_area(space, start, MIN(area_end, end), (enum vm_access)access);
        start = area_end;
    }
    return err;
}

/* Bytes for pages of one area that have no entry: what the pager has, or nothing. */
static void residency_without_table(const struct vm_area *area, uint64_t va, size_t npages,
                                    uint8_t *out)
{
    const struct vm_pager *pager = area->pager;

    if (!pager)
        /* Memory of the program's own that has no entry was never touched. */
        memset(out, 0, npages);
    else if (!pager->ops->residency)
        /* A pager without the operation has all that it has in memory. */
        memset(out, 1, npages);
    else
        pager->ops->residency(area->pager, area->page_index + ((va - area->start) >> PAGE_SHIFT),
                              npages, out);
}

/* Pages of one area: first as if no table were there, then those that have entries. */
static void residency_of_area(const struct vm_space *space, const struct vm_area *area, uint64_t va,
                              uint64_t end, uint8_t *out)
{
    uint64_t start = va;
    const uint64_t *entry;

    residency_without_table(area, va, (end - va) >> PAGE_SHIFT, out);
    while ((entry = vm_entry_next(space, &va, end)) != NULL)
        for (uint64_t next = vm_table_end(va, end); va < next; va += PAGE_SIZE, entry++)
            if (vm_entry_has_frame(*entry))
                out[(va - start) >> PAGE_SHIFT] = 1;
}

/* Of one piece of a range: the caller comes again for the next, and gives the lock up in between.
 * So the answer is about each page at some time during the call, as on Linux. */
int vm_residency(struct vm_space *space, uint64_t start, size_t npages, uint8_t *out)
{
    uint64_t end = start + npages * PAGE_SIZE;
    const struct vm_area *area;
    int err = 0;

    mutex_lock(&space->lock);
    area = vm_area_find(space, start);
    while (start < end && !err) {
        uint64_t next;

        if (!area || area->start > start) {
            err = -ENOMEM;
            break;
        }
        next = MIN(area->end, end);
        residency_of_area(space, area, start, next, out);
        out += (next - start) >> PAGE_SHIFT;
        start = next;
        area = vm_area_next(area);
    }
    mutex_unlock(&space->lock);
    return err;
}

/* A moment's copy: the pages may be others as soon as the lock is free. */
void vm_entries_copy(struct vm_space *space, uint64_t start, size_t npages, uint64_t *out)
{
    uint64_t va = start, end = start + npages * PAGE_SIZE;
    const uint64_t *entry;

    memset(out, 0, npages * sizeof(*out));
    mutex_lock(&space->lock);
    while ((entry = vm_entry_next(space, &va, end)) != NULL)
        for (uint64_t next = vm_table_end(va, end); va < next; va += PAGE_SIZE, entry++)
            if (vm_entry_has_frame(*entry))
                out[(va - start) >> PAGE_SHIFT] = *entry;
    mutex_unlock(&space->lock);
}

uint64_t vm_next_resident(struct vm_space *space, uint64_t va, uint64_t end, bool own)
{
    const uint64_t *entry;
    bool found = false;

    mutex_lock(&space->lock);
    while (!found && (entry = vm_entry_next(space, &va, end)) != NULL)
        for (uint64_t next = vm_table_end(va, end); va < next; va += PAGE_SIZE, entry++) {
            found = vm_entry_has_frame(*entry) && !(own && (*entry & PTE_FILE));
            if (found)
                break;
        }
    mutex_unlock(&space->lock);
    return found ? va : end;
}
