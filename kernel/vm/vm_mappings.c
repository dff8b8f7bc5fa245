/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_mappings.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_table.h"

/* All lists; the links of areas and of cursors. A cursor is an area without a space. Its `start` is
 * the walk's number: each space is visited once, however its areas lie among others'. */
static struct spinlock mappings_lock = SPINLOCK_INIT(SPIN_FDTABLE);
static uint64_t walks; /* [mappings_lock] so far */

static bool writes(const struct vm_area *area)
{
    return area->shared && area->may_write;
}

void vm_mappings_add(struct vm_area *area)
{
    struct list *areas = &area->pager->areas;

    spin_lock(&mappings_lock);
    if (!areas->next)
        list_init(areas);
    /* At the end: a walk that is under way comes by a child that is made meanwhile. */
    list_push_back(areas, &area->mapping);
    area->pager->writers += writes(area);
    spin_unlock(&mappings_lock);
}

void vm_mappings_remove(struct vm_area *area)
{
    spin_lock(&mappings_lock);
    list_remove(&area->mapping);
    if (writes(area)) /* no cursor, which has no pager */
        area->pager->writers--;
    spin_unlock(&mappings_lock);
}

/* The next space behind the cursor that has not been visited yet, referenced, and the cursor behind
 * its areas; NULL at the end. */
static struct vm_space *space_next(struct vm_pager *pager, struct vm_area *cursor)
{
    struct vm_space *found = NULL;

    spin_lock(&mappings_lock);
    while (cursor->mapping.next != &pager->areas) {
        struct list *next = cursor->mapping.next;
        struct vm_space *space = list_entry(next, struct vm_area, mapping)->space;

        if (found && space != found)
            break;
        list_remove(&cursor->mapping);
        list_insert_after(next, &cursor->mapping);
        /* One that is dead is dropping everything by itself. */
        if (!found && space && space->visited != cursor->start && vm_space_get_unless_dead(space)) {
            found = space;
            space->visited = cursor->start;
        }
    }
    spin_unlock(&mappings_lock);
    return found;
}

/* Pages that show the file's own frames; copies stay. */
static void shown_drop(struct vm_gather *gather, uint64_t va, uint64_t end)
{
    uint64_t *entry;

    while ((entry = vm_entry_next(gather->space, &va, end)) != NULL)
        for (uint64_t next = vm_table_end(va, end); va < next; va += PAGE_SIZE, entry++)
            if (vm_entry_has_frame(*entry) && (*entry & PTE_SHOWN))
                vm_entry_drop(gather, va, entry);
}

static void area_drop(struct vm_gather *gather, const struct vm_area *area, uint64_t first,
                      uint64_t end, bool ends)
{
    uint64_t npages = (area->end - area->start) >> PAGE_SHIFT;
    uint64_t low = first > area->page_index ? first - area->page_index : 0;
    uint64_t high = end > area->page_index ? MIN(end - area->page_index, npages) : 0;

    if (low >= high)
        return;
    low = area->start + (low << PAGE_SHIFT);
    high = area->start + (high << PAGE_SHIFT);
    if (area->shared || ends)
        vm_table_clear(gather, low, high);
    else
        shown_drop(gather, low, high);
}

static void space_drop(struct vm_space *space, struct vm_pager *pager, uint64_t first, uint64_t end,
                       bool ends)
{
    struct vm_gather gather;

    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    for (struct rb_node *node = rb_first(&space->areas); node; node = rb_next(node)) {
        const struct vm_area *area = rb_entry(node, struct vm_area, node);

        if (area->pager == pager)
            area_drop(&gather, area, first, end, ends);
    }
    vm_gather_flush(&gather);
    mutex_unlock(&space->lock);
}

static void cursor_start(struct vm_pager *pager, struct vm_area *cursor)
{
    spin_lock(&mappings_lock);
    list_push_front(&pager->areas, &cursor->mapping);
    cursor->start = ++walks;
    spin_unlock(&mappings_lock);
}

void vm_mappings_drop(struct vm_pager *pager, uint64_t first, uint64_t end, bool ends)
{
    struct vm_area cursor = {.space = NULL};
    struct vm_space *space;

    if (!__atomic_load_n(&pager->areas.next, __ATOMIC_ACQUIRE))
        return; /* never mapped */
    cursor_start(pager, &cursor);
    while ((space = space_next(pager, &cursor)) != NULL) {
        space_drop(space, pager, first, end, ends);
        vm_space_put(space);
    }
    vm_mappings_remove(&cursor);
}
