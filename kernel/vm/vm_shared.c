/* SPDX-License-Identifier: MIT */
/*
 * Shared memory without a file: a sparse array of frames, in a tree whose height is fixed when the
 * object is made. A page that was made stays until MADV_REMOVE drops it or the last area is gone,
 * and then no lock is needed to take the tree apart. Each page has one reference of the tree and
 * one for each entry that maps it, so the order in which areas and object end does not matter.
 */
#include "kernel/vm/vm_shared.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "shared/linux/errno.h"

#define SLOTS      512 /* in a node, which is one frame */
#define SLOT_SHIFT 9

/* The pages hang in a tree of `levels` levels of nodes; an object of one page needs none. */
struct vm_shared {
    struct vm_pager pager;           /* I */
    uint32_t refs;                   /* [a] */
    uint8_t levels;                  /* I */
    uint64_t npages;                 /* I */
    struct vm_shared_budget *budget; /* I: NULL: none */
    uint64_t resident;               /* [lock] pages in the tree; read without it as a hint */
    struct mutex lock;
    struct frame *root; /* [lock] node, or the page itself */
};

static struct slab_cache *shared_cache;

static struct frame **node_slots(const struct frame *node)
{
    return frame_address(node);
}

/* Where the page's frame is kept; NULL: a node cannot be had, or (not make) is not there. */
static struct frame **slot_find(struct vm_shared *object, uint64_t index, bool make)
{
    struct frame **slot = &object->root;

    for (unsigned level = object->levels; level > 0; level--) {
        /* A node that was made stays, even if the next one cannot be had. */
        if (!*slot && make)
            *slot = vm_frame_alloc(PMM_ZERO);
        if (!*slot)
            return NULL;
        slot = &node_slots(*slot)[index >> (SLOT_SHIFT * (level - 1)) & (SLOTS - 1)];
    }
    return slot;
}

/* Pages that come or go, in the object's count and in that of all under its bound. A page more is
 * counted before it is made. */
static bool shared_pages_count(struct vm_shared *object, int64_t change)
{
    struct vm_shared_budget *budget = object->budget;

    if (budget &&
        __atomic_add_fetch(&budget->used, (uint64_t)change, __ATOMIC_RELAXED) >
            __atomic_load_n(&budget->most, __ATOMIC_RELAXED) &&
        change > 0) {
        __atomic_fetch_sub(&budget->used, (uint64_t)change, __ATOMIC_RELAXED);
        return false;
    }
    object->resident += (uint64_t)change;
    return true;
}

/* 0; -ENXIO: no more may be had; -ENOMEM. */
static int shared_page_make(struct vm_shared *object, struct frame **slot)
{
    if (!shared_pages_count(object, 1))
        return -ENXIO;
    *slot = vm_frame_alloc(PMM_ZERO);
    if (*slot)
        return 0;
    shared_pages_count(object, -1);
    return -ENOMEM;
}

static int shared_map_range(struct vm_pager *pager, struct vm_page_range *range)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);
    struct frame **slot;
    int err = 0;

    if (range->index + range->needed >= object->npages)
        return -ENXIO;
    /* Of rank INODE: a fault comes here with the lock of its address space. */
    mutex_lock(&object->lock);
    slot = slot_find(object, range->index + range->needed, true);
    if (!slot)
        err = -ENOMEM;
    else if (!*slot)
        err = shared_page_make(object, slot);
    if (err) {
        mutex_unlock(&object->lock);
        return err;
    }
    /* Of the neighbours only those that another process has touched: none is made. */
    for (unsigned i = 0; i < range->count; i++) {
        slot =
            range->index + i < object->npages ? slot_find(object, range->index + i, false) : NULL;
        range->frames[i] = slot ? *slot : NULL;
        if (range->frames[i])
            frame_get(range->frames[i]);
    }
    mutex_unlock(&object->lock);
    return 0;
}

/* What any process has touched is in memory for all that map it. */
static void shared_residency(struct vm_pager *pager, uint64_t index, size_t count, uint8_t *out)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);

    mutex_lock(&object->lock);
    for (size_t i = 0; i < count; i++) {
        struct frame **slot =
            index + i < object->npages ? slot_find(object, index + i, false) : NULL;

        out[i] = slot && *slot;
    }
    mutex_unlock(&object->lock);
}

/* Pages [first, last) below the node in the slot, by their numbers there. The nodes stay. */
static void node_punch(struct vm_shared *object, struct frame **slot, unsigned level,
                       uint64_t first, uint64_t last)
{
    unsigned shift = level ? SLOT_SHIFT * (level - 1) : 0;

    if (!*slot)
        return;
    if (level == 0) {
        frame_put(*slot); /* entries that map it have references of their own */
        *slot = NULL;
        shared_pages_count(object, -1);
        return;
    }
    for (uint64_t i = first >> shift; i < SLOTS && i << shift < last; i++) {
        uint64_t base = i << shift;

        node_punch(object, &node_slots(*slot)[i], level - 1, first > base ? first - base : 0,
                   MIN(last - base, 1ULL << shift));
    }
    if (level == 1)
        sched_preempt_point();
}

static int shared_punch(struct vm_pager *pager, uint64_t index, uint64_t npages)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);

    mutex_lock(&object->lock);
    if (index < object->npages)
        node_punch(object, &object->root, object->levels, index,
                   MIN(index + npages, object->npages));
    mutex_unlock(&object->lock);
    return 0;
}

static void shared_get(struct vm_pager *pager, struct dentry *name)
{
    (void)name;
    __atomic_fetch_add(&container_of(pager, struct vm_shared, pager)->refs, 1, __ATOMIC_RELAXED);
}

/* Depth first; no deeper than the four levels that an address space needs. A page may still be
 * mapped by an entry that is on its way out: then its frame goes with that. */
static void node_free(struct frame *node, unsigned level)
{
    if (level > 0)
        for (unsigned i = 0; i < SLOTS; i++)
            if (node_slots(node)[i])
                node_free(node_slots(node)[i], level - 1);
    if (level == 1)
        sched_preempt_point();
    frame_put(node);
}

static void shared_put(struct vm_pager *pager, struct dentry *name)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);

    (void)name;
    if (__atomic_fetch_sub(&object->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    /* The last area has gone, so no fault can come in: without the lock. */
    shared_pages_count(object, -(int64_t)object->resident);
    if (object->root)
        node_free(object->root, object->levels);
    slab_free(shared_cache, object);
}

static const struct vm_pager_ops shared_ops = {
    .map_range = shared_map_range,
    .residency = shared_residency,
    .punch = shared_punch,
    .get = shared_get,
    .put = shared_put,
    .label = "/dev/zero (deleted)",
};

uint64_t vm_shared_resident(struct vm_pager *pager)
{
    return __atomic_load_n(&container_of(pager, struct vm_shared, pager)->resident,
                           __ATOMIC_RELAXED);
}

void vm_shared_init(void)
{
    shared_cache = slab_cache_create("vm_shared", sizeof(struct vm_shared));
}

/* The first node comes with the first page: what is never touched costs the object alone. */
int vm_shared_create_bounded(uint64_t npages, struct vm_shared_budget *budget,
                             struct vm_pager **out_pager)
{
    struct vm_shared *object = slab_zalloc(shared_cache);

    if (!object)
        return -ENOMEM;
    object->pager.ops = &shared_ops;
    object->refs = 1;
    object->npages = npages;
    object->budget = budget;
    mutex_init(&object->lock, MUTEX_INODE);
    /* As few levels as reach the last page. */
    while (npages > 1ULL << (SLOT_SHIFT * object->levels))
        object->levels++;
    *out_pager = &object->pager;
    return 0;
}

int vm_shared_create(uint64_t npages, struct vm_pager **out_pager)
{
    return vm_shared_create_bounded(npages, NULL, out_pager);
}
