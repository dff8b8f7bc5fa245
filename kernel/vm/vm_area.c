/* SPDX-License-Identifier: MIT */
/*
 * The areas of a space: a red-black tree by address, augmented for the search of holes.
 *
 * Each area knows the free bytes below it (`gap`) and the longest gap in its subtree (`longest`).
 * An insertion or removal changes gaps of the area and of its successor, and subtrees along the
 * way to the root. The gaps are set before the tree changes; the tree then repairs from the deepest
 * node that it touched upwards, once: the successor of a new leaf lies on that way, and so does, of
 * an area that goes, wherever it stands then.
 *
 * Neighbours that are alike are one area: adding, changing and moving merge them. An area counts in
 * mapped_pages and data_pages from its insertion to its removal, and is in the reverse map of its
 * pager for as long as it exists. All of it changes under vm_space.lock; the reverse map reads an
 * area's space, and nothing else, without it (vm_rmap.c).
 *
 * Areas are memory of the kernel that a program makes: their number has Linux's bound, a space
 * that has many weighs more when one is to be ended for want of memory (vm_space.c), and the last
 * frames are not for them.
 */
#include "kernel/vm/vm_area.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_rmap.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

static struct slab_cache *area_cache;

static struct vm_area *area_of(struct rb_node *node)
{
    return node ? rb_entry(node, struct vm_area, node) : NULL;
}

void vm_area_init(void)
{
    area_cache = slab_cache_create("vm_area", sizeof(struct vm_area));
}

/* The leftmost node that ends above va: whenever one is found, a better one can only be to its
 * left, and is none if this one holds va already. */
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

/* What new mappings have to keep clear of: below a stack as much as Linux's stack_guard_gap. */
uint64_t vm_area_low(const struct vm_area *area)
{
    if (!area->grows_down)
        return area->start;
    return area->start > VM_STACK_GAP ? area->start - VM_STACK_GAP : 0;
}

/* As Linux counts RLIMIT_DATA: the protection of now, not the one that mprotect may give. */
bool vm_prot_is_data(const struct vm_area *area, uint32_t prot)
{
    return (prot & LX_PROT_WRITE) && !area->shared && !area->grows_down;
}

/* npages may be a negative number: sums of 64 bits wrap. */
static void area_pages_count(struct vm_space *space, const struct vm_area *area, uint64_t npages)
{
    space->mapped_pages += npages;
    if (vm_prot_is_data(area, area->prot))
        space->data_pages += npages;
    if (area->locked)
        space->locked_pages += npages;
}

/* ---- holes: `gap` is free below the area, `longest` the maximum over its subtree ---- */

/* From the node and its children alone: those have to be right already. */
static void longest_update(struct rb_node *node)
{
    struct vm_area *area = area_of(node);
    uint64_t longest = area->gap;

    if (node->left)
        longest = MAX(longest, area_of(node->left)->longest);
    if (node->right)
        longest = MAX(longest, area_of(node->right)->longest);
    area->longest = longest;
}

/* Bounds have changed, the shape of the tree has not. */
static void longest_update_up(struct rb_node *node)
{
    for (; node; node = rb_parent(node))
        longest_update(node);
}

/* For a stack the gap that it keeps below itself is not free. prev NULL: there is none below. */
static inline void area_gap_set_after(struct vm_area *area, const struct vm_area *prev)
{
    uint64_t low = prev ? MAX(prev->end, USER_BASE) : USER_BASE;
    uint64_t high = vm_area_low(area);

    area->gap = high > low ? high - low : 0;
}

static void area_gap_set(struct vm_area *area)
{
    area_gap_set_after(area, vm_area_prev(area));
}

static void area_insert(struct vm_space *space, struct vm_area *area)
{
    struct rb_node **link = &space->areas.root, *parent = NULL, *prev = NULL, *next = NULL;

    /* No two areas begin at one address, and they do not overlap: the start alone decides. The last
     * turns to either side were at the neighbours. */
    while (*link) {
        parent = *link;
        if (area->start < area_of(parent)->start) {
            next = parent;
            link = &parent->left;
        } else {
            prev = parent;
            link = &parent->right;
        }
    }
    area_gap_set_after(area, area_of(prev));
    if (next)
        area_gap_set_after(area_of(next), area);
    rb_insert_augmented(&space->areas, &area->node, parent, link, longest_update);
    space->areas_count++;
}

static void area_erase(struct vm_space *space, struct vm_area *area)
{
    struct vm_area *next = vm_area_next(area);

    if (next) {
        area_gap_set_after(next, vm_area_prev(area));
        /* As a lone child it takes the area's place as it is. */
        longest_update(&next->node);
    }
    rb_erase_augmented(&space->areas, &area->node, longest_update);
    space->areas_count--;
}

/* The highest area that lies at or below `area` in the tree and has that much room below. */
static struct vm_area *find_gap_down(struct vm_area *area, uint64_t nbytes)
{
    struct rb_node *node = &area->node;

    while (area_of(node)->gap < nbytes) {
        /* What is to the left lies lower: the highest hole there that is long enough. */
        if (node->left && area_of(node->left)->longest >= nbytes) {
            node = node->left;
            while (node->right && area_of(node->right)->longest >= nbytes)
                node = node->right;
            continue;
        }
        /* Nothing here: up, to the first one that lies lower. */
        for (;;) {
            struct rb_node *parent = rb_parent(node);

            if (!parent)
                return NULL;
            if (parent->right == node) {
                node = parent;
                break;
            }
            node = parent;
        }
    }
    return area_of(node);
}

/* From the top down, as Linux places mappings. The hole right below `top` may be cut by it, so it
 * is looked at by itself; all others are whole gaps, which the tree finds. The hole above the last
 * area is in no gap: it is that first one. */
uint64_t vm_area_find_hole(const struct vm_space *space, uint64_t nbytes, uint64_t top)
{
    struct vm_area *above = vm_area_find(space, top - 1);
    struct vm_area *below = above ? vm_area_prev(above) : area_of(rb_last(&space->areas));
    uint64_t high = above ? MIN(vm_area_low(above), top) : top;
    uint64_t low = below ? MAX(below->end, USER_BASE) : USER_BASE;

    if (high > low && high - low >= nbytes)
        return high - nbytes;
    below = below ? find_gap_down(below, nbytes) : NULL;
    return below ? vm_area_low(below) - nbytes : 0;
}

/* ---- making, changing, dropping ---- */

/* Not in the tree yet, but in the reverse map: a walk that finds it waits for the lock. */
static struct vm_area *area_create(struct vm_space *space, const struct vm_area *model)
{
    struct vm_area *area;

    ASSERT(mutex_is_held(&space->lock));
    /* Linux's mmap goes one beyond the limit; splits ask for themselves. */
    if (space->areas_count > VM_AREAS_MAX || !vm_memory_is_left_for_object())
        return NULL;
    area = slab_alloc(area_cache);
    if (!area)
        return NULL;
    /* The references first: the area can be found by its file as soon as it is in the reverse map.
     */
    *area = *model;
    area->space = space;
    if (area->pager) {
        area->pager->ops->get(area->pager, area->name);
        vm_rmap_add(area);
    }
    return area;
}

/* Out of the tree already; its file may go with it. */
static void area_free(struct vm_area *area)
{
    if (area->pager) {
        vm_rmap_remove(area);
        area->pager->ops->put(area->pager, area->name);
    }
    slab_free(area_cache, area);
}

/* Whether two neighbours can be one: they differ in their place alone. */
static bool areas_alike(const struct vm_area *low, const struct vm_area *high)
{
    return low->end == high->start && low->prot == high->prot && low->shared == high->shared &&
           low->may_write == high->may_write && low->grows_down == high->grows_down &&
           low->dont_fork == high->dont_fork && low->wipe_on_fork == high->wipe_on_fork &&
           low->locked == high->locked && low->no_reserve == high->no_reserve &&
           low->pager == high->pager && low->name == high->name &&
           (!low->pager ||
            low->page_index + ((low->end - low->start) >> PAGE_SHIFT) == high->page_index);
}

/* The area of the higher addresses goes, and its bounds with it: `area` is not valid afterwards
 * where its lower neighbour took it in. Counts do not change. */
void vm_area_merge(struct vm_space *space, struct vm_area *area)
{
    struct vm_area *prev = vm_area_prev(area);
    struct vm_area *next = vm_area_next(area);
    bool merged = false;

    if (next && areas_alike(area, next)) {
        uint64_t end = next->end;

        area_erase(space, next);
        area_free(next);
        area->end = end;
        merged = true;
    }
    if (prev && areas_alike(prev, area)) {
        uint64_t end = area->end;

        area_erase(space, area);
        area_free(area);
        area = prev;
        area->end = end;
        merged = true;
    }
    /* The erasure saw a gap where the area now is. */
    next = merged ? vm_area_next(area) : NULL;
    if (next) {
        area_gap_set(next);
        longest_update_up(&next->node);
    }
}

/* Of a file the area maps the same pages at the same addresses: its first page follows `start`. */
void vm_area_resize(struct vm_space *space, struct vm_area *area, uint64_t start, uint64_t end)
{
    struct vm_area *next = vm_area_next(area);

    area_pages_count(space, area,
                     ((end - start) >> PAGE_SHIFT) - ((area->end - area->start) >> PAGE_SHIFT));
    if (area->pager)
        area->page_index += (uint64_t)((int64_t)(start - area->start) >> PAGE_SHIFT);
    area->start = start;
    area->end = end;
    area_gap_set(area);
    longest_update_up(&area->node);
    if (next) {
        area_gap_set(next);
        longest_update_up(&next->node);
    }
}

/* Out of the tree and in again, since its place in the order changes. It keeps its reference to the
 * file and its place in the reverse map, which does not know addresses. */
void vm_area_move(struct vm_space *space, struct vm_area *area, uint64_t start, uint64_t end)
{
    area_pages_count(space, area,
                     ((end - start) >> PAGE_SHIFT) - ((area->end - area->start) >> PAGE_SHIFT));
    area_erase(space, area);
    area->start = start;
    area->end = end;
    area_insert(space, area);
    vm_area_merge(space, area);
}

void vm_area_set_mlock(struct vm_space *space, struct vm_area *area, bool locked)
{
    uint64_t npages = (area->end - area->start) >> PAGE_SHIFT;

    if (area->locked != locked)
        space->locked_pages += locked ? npages : 0 - npages;
    area->locked = locked;
    vm_area_merge(space, area);
}

/* Only RLIMIT_DATA's count depends on the protection. */
void vm_area_set_prot(struct vm_space *space, struct vm_area *area, uint32_t prot)
{
    uint64_t npages = (area->end - area->start) >> PAGE_SHIFT;

    if (vm_prot_is_data(area, area->prot))
        space->data_pages -= npages;
    if (vm_prot_is_data(area, prot))
        space->data_pages += npages;
    area->prot = prot;
}

/* Growing a neighbour needs no memory; most calls of brk and mmap end here. */
static bool area_neighbour_grow(struct vm_space *space, const struct vm_area *model)
{
    struct vm_area *low = model->start ? vm_area_find(space, model->start - 1) : NULL;

    if (!low || !areas_alike(low, model))
        return false;
    /* That may close the hole to the next one, which may then be alike too. */
    vm_area_resize(space, low, low->start, model->end);
    low = vm_area_next(low);
    if (low && areas_alike(vm_area_prev(low), low))
        vm_area_merge(space, low);
    return true;
}

/* The model's pager and name are borrowed: a new area takes references of its own, one that its
 * neighbour takes in needs none. */
int vm_area_add(struct vm_space *space, const struct vm_area *model)
{
    struct vm_area *area;

    if (area_neighbour_grow(space, model))
        return 0;
    area = area_create(space, model);
    if (!area)
        return -ENOMEM;
    area_insert(space, area);
    area_pages_count(space, area, (area->end - area->start) >> PAGE_SHIFT);
    area = vm_area_next(area);
    if (area && areas_alike(vm_area_prev(area), area))
        vm_area_merge(space, area);
    return 0;
}

/* Without a search and without a look at neighbours: fork copies areas that are merged already, and
 * looks for holes only when all are there. */
int vm_area_append(struct vm_space *space, const struct vm_area *model, struct vm_area **last)
{
    struct rb_node *parent = *last ? &(*last)->node : NULL;
    struct vm_area *area = area_create(space, model);

    if (!area)
        return -ENOMEM;
    area_gap_set_after(area, *last);
    rb_insert(&space->areas, &area->node, parent, parent ? &parent->right : &space->areas.root);
    space->areas_count++;
    area_pages_count(space, area, (area->end - area->start) >> PAGE_SHIFT);
    *last = area;
    return 0;
}

/* The first node of a subtree in an order in which children come before their parent. */
static struct rb_node *deepest_first(struct rb_node *node)
{
    while (node && (node->left || node->right))
        node = node->left ? node->left : node->right;
    return node;
}

void vm_area_append_finish(struct vm_space *space)
{
    struct rb_node *node = deepest_first(space->areas.root);

    ASSERT(mutex_is_held(&space->lock));
    while (node) {
        struct rb_node *parent = rb_parent(node);

        longest_update(node);
        if (!parent || !parent->right || parent->right == node) {
            node = parent;
            continue;
        }
        node = deepest_first(parent->right);
        sched_preempt_point(); /* 65,530 areas take more than a millisecond */
    }
}

/* The upper part becomes an area of its own. Gaps and counts stay as they are in sum. */
int vm_area_split(struct vm_space *space, uint64_t va)
{
    struct vm_area *low = vm_area_find(space, va);
    struct vm_area *high;

    if (!low || low->start >= va)
        return 0;
    if (space->areas_count >= VM_AREAS_MAX)
        return -ENOMEM;
    high = area_create(space, low);
    if (!high)
        return -ENOMEM;
    high->start = va;
    if (high->pager)
        high->page_index += (va - low->start) >> PAGE_SHIFT;
    /* `low` keeps its node: no gap depends on where it ends but that of `high`, which is none. */
    low->end = va;
    area_insert(space, high);
    return 0;
}

/* The entries of its pages are gone before: an area holds the file whose frames they lead to. */
void vm_area_remove(struct vm_space *space, struct vm_area *area)
{
    area_pages_count(space, area, -((area->end - area->start) >> PAGE_SHIFT));
    area_erase(space, area);
    area_free(area);
}

/* Children first, without a look at the order: nothing is left that could be searched. */
void vm_area_remove_all(struct vm_space *space)
{
    struct rb_node *node = space->areas.root;

    ASSERT(mutex_is_held(&space->lock));
    space->areas.root = NULL;
    while (node) {
        struct rb_node *below = node->left ? node->left : node->right;
        struct vm_area *area = area_of(node);

        if (below) {
            /* Its link goes now, so that the way back up does not lead down again. */
            *(node->left ? &node->left : &node->right) = NULL;
            node = below;
            continue;
        }
        node = rb_parent(node);
        area_pages_count(space, area, -((area->end - area->start) >> PAGE_SHIFT));
        area_free(area);
        sched_preempt_point();
    }
    space->areas_count = 0;
}
