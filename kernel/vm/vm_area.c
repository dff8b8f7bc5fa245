/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_area.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/vm/vm_pager.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

static struct slab_cache *area_cache;

static struct vm_area *area_of(struct rb_node *node)
{
    return node ? rb_entry(node, struct vm_area, node) : NULL;
}

void vm_area_init(void)
{
    area_cache = slab_cache_create("vm_area", sizeof(struct vm_area));
}

struct vm_area *vm_area_find(const struct vm_space *space, uint64_t va)
{
    struct rb_node *node = space->areas.root;
    struct vm_area *found = NULL;

    while (node) {
        struct vm_area *area = area_of(node);

        if (area->end > va) {
            found = area;
            if (area->start <= va)
                break;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

struct vm_area *vm_area_next(const struct vm_area *area)
{
    return area_of(rb_next(&area->node));
}

struct vm_area *vm_area_prev(const struct vm_area *area)
{
    return area_of(rb_prev(&area->node));
}

struct vm_area *vm_area_last(const struct vm_space *space)
{
    return area_of(rb_last(&space->areas));
}

static void insert(struct vm_space *space, struct vm_area *area)
{
    struct rb_node **link = &space->areas.root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = area->start < area_of(parent)->start ? &parent->left : &parent->right;
    }
    rb_insert(&space->areas, &area->node, parent, link);
    space->areas_count++;
}

static struct vm_area *area_create(struct vm_space *space, const struct vm_area *model)
{
    struct vm_area *area;

    if (space->areas_count >= VM_AREAS_MAX)
        return NULL;
    area = slab_alloc(area_cache);
    if (!area)
        return NULL;
    *area = *model;
    if (area->pager)
        area->pager->ops->get(area->pager);
    return area;
}

static bool alike(const struct vm_area *low, const struct vm_area *high)
{
    return low->end == high->start && low->prot == high->prot && low->shared == high->shared &&
           low->may_write == high->may_write && low->pager == high->pager &&
           (!low->pager ||
            low->page_index + ((low->end - low->start) >> PAGE_SHIFT) == high->page_index);
}

void vm_area_join(struct vm_space *space, struct vm_area *area)
{
    struct vm_area *prev = vm_area_prev(area);
    struct vm_area *next = vm_area_next(area);

    if (next && alike(area, next)) {
        area->end = next->end;
        vm_area_remove(space, next);
    }
    if (prev && alike(prev, area)) {
        prev->end = area->end;
        vm_area_remove(space, area);
    }
}

/* Growing a neighbour needs no memory; most calls of brk and mmap end here. */
static bool neighbour_grows(struct vm_space *space, const struct vm_area *model)
{
    struct vm_area *low = model->start ? vm_area_find(space, model->start - 1) : NULL;

    if (!low || !alike(low, model))
        return false;
    low->end = model->end;
    vm_area_join(space, low);
    return true;
}

int vm_area_add(struct vm_space *space, const struct vm_area *model)
{
    struct vm_area *area;

    if (neighbour_grows(space, model))
        return 0;
    area = area_create(space, model);
    if (!area)
        return -ENOMEM;
    insert(space, area);
    vm_area_join(space, area);
    return 0;
}

int vm_area_split(struct vm_space *space, uint64_t va)
{
    struct vm_area *low = vm_area_find(space, va);
    struct vm_area *high;

    if (!low || low->start >= va)
        return 0;
    high = area_create(space, low);
    if (!high)
        return -ENOMEM;
    high->start = va;
    high->page_index += (va - low->start) >> PAGE_SHIFT;
    low->end = va;
    insert(space, high);
    return 0;
}

void vm_area_remove(struct vm_space *space, struct vm_area *area)
{
    rb_erase(&space->areas, &area->node);
    space->areas_count--;
    if (area->pager)
        area->pager->ops->put(area->pager);
    slab_free(area_cache, area);
}

uint64_t vm_area_find_hole(const struct vm_space *space, uint64_t nbytes, uint64_t top)
{
    struct vm_area *area = area_of(rb_last(&space->areas));

    while (area && area->start >= top)
        area = vm_area_prev(area);
    for (;;) {
        uint64_t low = area ? area->end : USER_BASE;

        if (low < top && top - low >= nbytes)
            return top - nbytes;
        if (!area)
            return 0;
        top = MIN(top, area->start);
        area = vm_area_prev(area);
    }
}
