/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_shared.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/mutex.h"
#include "shared/linux/errno.h"

#define SLOTS      512 /* in a node, which is one frame */
#define SLOT_SHIFT 9

/* The pages hang in a tree of `levels` levels of nodes; an object of one page needs none. */
struct vm_shared {
    struct vm_pager pager; /* I */
    uint32_t refs;         /* [a] */
    uint8_t levels;        /* I */
    uint64_t npages;       /* I */
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
        if (!*slot && make)
            *slot = pmm_alloc(0, PMM_ZERO);
        if (!*slot)
            return NULL;
        slot = &node_slots(*slot)[index >> (SLOT_SHIFT * (level - 1)) & (SLOTS - 1)];
    }
    return slot;
}

static int shared_page_get(struct vm_pager *pager, uint64_t index, bool write,
                           struct frame **out_frame)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);
    struct frame **slot;
    int err = -ENOMEM;

    (void)write;
    if (index >= object->npages)
        return -ENXIO;
    mutex_lock(&object->lock);
    slot = slot_find(object, index, true);
    if (slot && !*slot)
        *slot = pmm_alloc(0, PMM_ZERO);
    if (slot && *slot) {
        frame_get(*slot);
        *out_frame = *slot;
        err = 0;
    }
    mutex_unlock(&object->lock);
    return err;
}

static bool shared_page_present(struct vm_pager *pager, uint64_t index)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);
    struct frame **slot = NULL;
    bool present;

    mutex_lock(&object->lock);
    if (index < object->npages)
        slot = slot_find(object, index, false);
    present = slot && *slot;
    mutex_unlock(&object->lock);
    return present;
}

static void shared_get(struct vm_pager *pager, struct dentry *name)
{
    (void)name;
    __atomic_fetch_add(&container_of(pager, struct vm_shared, pager)->refs, 1, __ATOMIC_RELAXED);
}

/* Depth first; no deeper than the four levels that an address space needs. */
static void node_free(struct frame *node, unsigned level)
{
    if (level > 0)
        for (unsigned i = 0; i < SLOTS; i++)
            if (node_slots(node)[i])
                node_free(node_slots(node)[i], level - 1);
    frame_put(node);
}

static void shared_put(struct vm_pager *pager, struct dentry *name)
{
    struct vm_shared *object = container_of(pager, struct vm_shared, pager);

    (void)name;
    if (__atomic_fetch_sub(&object->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    if (object->root)
        node_free(object->root, object->levels);
    slab_free(shared_cache, object);
}

static const struct vm_pager_ops shared_ops = {
    .page_get = shared_page_get,
    .page_present = shared_page_present,
    .get = shared_get,
    .put = shared_put,
    .label = "/dev/zero (deleted)",
};

void vm_shared_init(void)
{
    shared_cache = slab_cache_create("vm_shared", sizeof(struct vm_shared));
}

int vm_shared_create(uint64_t npages, struct vm_pager **out_pager)
{
    struct vm_shared *object = slab_zalloc(shared_cache);

    if (!object)
        return -ENOMEM;
    object->pager.ops = &shared_ops;
    object->refs = 1;
    object->npages = npages;
    mutex_init(&object->lock, MUTEX_INODE);
    while (npages > 1ULL << (SLOT_SHIFT * object->levels))
        object->levels++;
    *out_pager = &object->pager;
    return 0;
}
