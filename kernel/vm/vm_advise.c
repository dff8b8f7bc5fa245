/* SPDX-License-Identifier: MIT */
/* What programs tell about their memory, and ask about it. */
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* The page-aligned end of a range; 0: the range is not one. */
static int range_end(uint64_t start, uint64_t nbytes, uint64_t *end)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);

    if (!IS_ALIGNED(start, PAGE_SIZE) || length < nbytes)
        return -EINVAL;
    if (!vm_range_valid(start, length))
        return -ENOMEM;
    *end = start + length;
    return 0;
}

int vm_check_mapped_locked(const struct vm_space *space, uint64_t start, uint64_t end)
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

int vm_discard(struct vm_space *space, uint64_t start, uint64_t nbytes, bool only_anonymous)
{
    struct vm_gather gather;
    uint64_t end;
    int err = range_end(start, nbytes, &end);

    if (err)
        return err;
    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    for (const struct vm_area *area = vm_area_find(space, start); !err && area && area->start < end;
         area = vm_area_next(area)) {
        if (only_anonymous && area->pager)
            err = -EINVAL;
        else
            vm_table_clear(&gather, MAX(area->start, start), MIN(area->end, end));
    }
    vm_gather_flush(&gather);
    if (!err)
        err = vm_check_mapped_locked(space, start, end);
    mutex_unlock(&space->lock);
    return err;
}

static int fork_rule_set(struct vm_area *area, enum vm_fork_rule rule)
{
    if (rule == VM_FORK_DONT)
        area->dont_fork = true;
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

int vm_set_fork_rule(struct vm_space *space, uint64_t start, uint64_t nbytes,
                     enum vm_fork_rule rule)
{
    uint64_t end, at = start;
    int err = range_end(start, nbytes, &end);

    if (err)
        return err;
    mutex_lock(&space->lock);
    err = vm_split_locked(space, start, end);
    while (!err && at < end) {
        struct vm_area *area = vm_area_find(space, at);

        if (!area || area->start >= end)
            break;
        at = area->end;
        err = fork_rule_set(area, rule);
        vm_area_join(space, area);
    }
    if (!err)
        err = vm_check_mapped_locked(space, start, end);
    mutex_unlock(&space->lock);
    return err;
}

/* How the page at va is to be brought in. Negative: not at all. */
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
        else if (how == VM_POPULATE_ANY && (area->prot & LX_PROT_WRITE) && !area->shared)
            access = VM_WRITE;
        else
            access = area->prot ? VM_READ : -EINVAL;
    }
    mutex_unlock(&space->lock);
    return access;
}

static int populate_area(struct vm_space *space, uint64_t va, uint64_t end, enum vm_access access)
{
    int err = 0;

    for (; !err && va < end; va += PAGE_SIZE) {
        if (__atomic_load_n(&thread_current()->arch.work, __ATOMIC_RELAXED) & ARCH_WORK_KILL)
            return -EINTR;
        err = vm_fault_exact(space, va, access);
    }
    return err == -ENXIO || err == -EACCES ? -EFAULT : err;
}

int vm_populate(struct vm_space *space, uint64_t start, uint64_t nbytes, enum vm_populate how)
{
    uint64_t end;
    int err = range_end(start, nbytes, &end);

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

static bool is_resident(const struct vm_space *space, const struct vm_area *area, uint64_t va)
{
    const uint64_t *entry = vm_entry_find(space, va);
    uint64_t index = area->page_index + ((va - area->start) >> PAGE_SHIFT);

    if (entry && vm_entry_has_frame(*entry))
        return true;
    if (!area->pager)
        return false;
    return !area->pager->ops->page_present || area->pager->ops->page_present(area->pager, index);
}

int vm_residency(struct vm_space *space, uint64_t start, size_t npages, uint8_t *out)
{
    int err = 0;

    mutex_lock(&space->lock);
    for (size_t i = 0; i < npages && !err; i++) {
        uint64_t va = start + i * PAGE_SIZE;
        const struct vm_area *area = vm_area_find(space, va);

        if (!area || area->start > va)
            err = -ENOMEM;
        else
            out[i] = is_resident(space, area, va);
    }
    mutex_unlock(&space->lock);
    return err;
}
