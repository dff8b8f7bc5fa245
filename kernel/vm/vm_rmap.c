/* SPDX-License-Identifier: MIT */
/*
 * The reverse map: from a file to the areas that map it.
 *
 * Each pager has a list of its areas. An area is on it from its creation to its end, so also while
 * it is not in its space's tree yet or no more. rmap_lock covers the links of all lists and
 * pager.writers. It is a leaf and says nothing about an area's bounds: those are read later, under
 * the lock of its space.
 *
 * A walk cannot hold the spinlock while it takes vm_space.lock, a mutex. So it keeps its place by a
 * cursor, a list node of its own, takes a reference to the next space, and lets go of rmap_lock.
 * Each walk has a number and marks the spaces that it has been to, since one space may have any
 * number of areas on the list. Walks that overlap may overwrite each other's marks: then a space is
 * visited twice, never not at all.
 *
 * What a walk must not miss is a page that was mapped before the file gave it up. The file's pages
 * go first, under INODE; a fault that still got one holds vm_space.lock until the entry is set, and
 * the walk takes that lock behind it. Areas that come later are filled by faults that no longer get
 * the page, or by fork, which copies entries under the locks of both spaces: the child's areas go
 * to the end of the list, before which the cursor is. A space whose last reference is gone needs no
 * visit: nothing runs in it, and it drops its pages by itself.
 */
#include "kernel/vm/vm_rmap.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_table.h"

#define CURSOR_STEPS 64 /* of a cursor under one holding of the spinlock */

static struct spinlock rmap_lock = SPINLOCK_INIT(SPIN_RMAP);
static uint64_t walks; /* [rmap_lock] so far */

static bool area_writes_file(const struct vm_area *area)
{
    return area->shared && area->may_write;
}

void vm_rmap_add(struct vm_area *area)
{
    struct list *areas = &area->pager->areas;

    spin_lock(&rmap_lock);
    if (!areas->next)
        list_init(areas);
    /* At the end, where a walk that is under way still comes. */
    list_push_back(areas, &area->rmap_link);
    area->pager->writers += area_writes_file(area);
    spin_unlock(&rmap_lock);
}

void vm_rmap_remove(struct vm_area *area)
{
    spin_lock(&rmap_lock);
    list_remove(&area->rmap_link);
    if (area_writes_file(area)) /* a cursor does not, nor has it a pager */
        area->pager->writers--;
    spin_unlock(&rmap_lock);
}

/* Moves the cursor on to the next area of a space that has not been visited, or by some steps. The
 * space, referenced; NULL: none among these. A cursor is an area without a space, and its `start`
 * is the number of its walk. */
static struct vm_space *cursor_advance_locked(struct vm_pager *pager, struct vm_area *cursor)
{
    ASSERT(spin_is_held(&rmap_lock));
    for (unsigned i = 0; i < CURSOR_STEPS && cursor->rmap_link.next != &pager->areas; i++) {
        struct list *next = cursor->rmap_link.next;
        struct vm_space *space = list_entry(next, struct vm_area, rmap_link)->space;

        list_remove(&cursor->rmap_link);
        list_insert_after(next, &cursor->rmap_link);
        if (space && space->visited != cursor->start && vm_space_get_unless_dead(space)) {
            space->visited = cursor->start;
            return space;
        }
    }
    return NULL;
}

/* The next space that is to be visited, referenced; NULL at the end. */
static struct vm_space *cursor_next_space(struct vm_pager *pager, struct vm_area *cursor)
{
    struct vm_space *space;
    bool at_end;

    do {
        spin_lock(&rmap_lock);
        space = cursor_advance_locked(pager, cursor);
        at_end = cursor->rmap_link.next == &pager->areas;
        spin_unlock(&rmap_lock);
        sched_preempt_point();
    } while (!space && !at_end);
    return space;
}

/* Pages that are the file's own frames; copies stay. */
static void file_pages_unmap(struct vm_gather *gather, uint64_t va, uint64_t end)
{
    uint64_t *entry;

    while ((entry = vm_entry_next(gather->space, &va, end)) != NULL) {
        for (uint64_t next = vm_table_end(va, end); va < next; va += PAGE_SIZE, entry++)
            if (vm_entry_has_frame(*entry) && (*entry & PTE_FILE))
                vm_entry_drop(gather, va, entry);
        sched_preempt_point();
    }
}

static void area_unmap_range(struct vm_gather *gather, const struct vm_area *area, uint64_t first,
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
        file_pages_unmap(gather, low, high);
}

static void space_unmap_range(struct vm_space *space, struct vm_pager *pager, uint64_t first,
                              uint64_t end, bool ends)
{
    struct vm_gather gather;

    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    for (struct rb_node *node = rb_first(&space->areas); node; node = rb_next(node)) {
        const struct vm_area *area = rb_entry(node, struct vm_area, node);

        if (area->pager == pager)
            area_unmap_range(&gather, area, first, end, ends);
        sched_preempt_point();
    }
    vm_gather_flush(&gather);
    mutex_unlock(&space->lock);
}

static void cursor_insert(struct vm_pager *pager, struct vm_area *cursor)
{
    spin_lock(&rmap_lock);
    list_push_front(&pager->areas, &cursor->rmap_link);
    cursor->start = ++walks;
    spin_unlock(&rmap_lock);
}

void vm_rmap_unmap_range(struct vm_pager *pager, uint64_t first, uint64_t end, bool ends)
{
    struct vm_area cursor = {.space = NULL};
    struct vm_space *space;

    if (!__atomic_load_n(&pager->areas.next, __ATOMIC_ACQUIRE))
        return; /* never mapped */
    cursor_insert(pager, &cursor);
    while ((space = cursor_next_space(pager, &cursor)) != NULL) {
        space_unmap_range(space, pager, first, end, ends);
        vm_space_put_later(space);
    }
    vm_rmap_remove(&cursor);
}
