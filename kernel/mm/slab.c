/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator: objects of one size from blocks of frames.
 *
 * A slab is a block of frames aligned to its own size: struct slab, then objects. Free objects are
 * linked through their first word. A slab is in no list while it is full, in `partial` while some
 * of its objects are used, in `empty` while none is; at most one empty slab is kept. The cache's
 * lock covers all of that; pmm.lock is taken under it (rank SLAB before PMM). The descriptor of an
 * object's frame names its cache, so kfree needs no size and a stray pointer is noticed. Requests
 * above the largest kmalloc class are blocks of their own, marked FRAME_LARGE.
 *
 * Each processor keeps a few free objects of each cache for itself, in a list that it alone
 * touches, with interrupts off: most allocations and frees take no lock and write no cache line
 * that another processor reads. An empty list is filled, and a full one emptied by half, under the
 * cache's lock; only that counts as use of a slab. An object freed on another processor than it was
 * allocated on goes to that one's list, and by way of its slab back to all. slab_drain has every
 * processor give up its list first, so that what is wholly free shows; until then a slab may be
 * held by objects that nothing uses: at most 2 x cache_batch of each cache on each processor.
 */
#include "kernel/mm/slab.h"

#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/ipi.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/config.h"
#include "kernel/mm/fail_nth.h"
#include "kernel/mm/pmm.h"

#define CACHES_MAX       64
#define OBJECT_ALIGN     16
#define CACHE_LINE       64
#define LINE_WASTE       6 /* at most this part of an object, for a cache line of its own */
#define SLAB_ORDER_MAX   3
#define KMALLOC_SMALLEST 16
#define KMALLOC_CLASSES  8 /* 16 .. 2,048 bytes */

/* At the start of a slab, which is aligned to its own size. */
struct slab {
    struct list link; /* [cache lock] in .partial or .empty, else alone */
    void *free;       /* [cache lock] objects not in use, linked through their first word */
    uint32_t used;    /* [cache lock] */
    uint32_t reserved;
};

struct slab_cache {
    struct spinlock lock;
    const char *name;
    uint32_t size;       /* I: bytes from one object to the next */
    uint32_t first;      /* I: where the first object of a slab begins */
    uint32_t per_slab;   /* I */
    uint8_t order;       /* I: frames of a slab, as a power of two */
    uint16_t index;      /* I */
    uint16_t batch;      /* I: objects that go between a processor's list and the slabs at once */
    uint64_t objects;    /* [lock] in use, or in the list of a processor */
    uint64_t slabs;      /* [lock] */
    struct list partial; /* [lock] slabs with used and free objects */
    struct list empty;   /* [lock] slabs without used objects */
};

/* [own processor, interrupts off] free objects, linked through their first word. */
struct slab_cpu {
    void *first;
    uint64_t count; /* read by others as a hint */
};

static PERCPU struct slab_cpu cpu_lists[CACHES_MAX] ALIGNED(64);
static struct slab_cache caches[CACHES_MAX];
static unsigned caches_count;
static struct slab_cache *kmalloc_caches[KMALLOC_CLASSES];

/* Neighbours in a slab belong to different processors in time. Where it costs little they share no
 * cache line, so that a count in one does not slow down a reader of the other. */
static uint32_t object_align(size_t size)
{
    return ALIGN_UP(size, CACHE_LINE) - size <= size / LINE_WASTE ? CACHE_LINE : OBJECT_ALIGN;
}

/* The smallest slab that wastes at most an eighth. Larger slabs waste less at their end but need
 * larger blocks, which are scarcer. */
static unsigned order_for(size_t size)
{
    for (unsigned order = 0; order < SLAB_ORDER_MAX; order++) {
        size_t room = (PAGE_SIZE << order) - CACHE_LINE;

        if (room >= size && room % size <= (PAGE_SIZE << order) / 8)
            return order;
    }
    return SLAB_ORDER_MAX;
}

/* A page of small objects, few of large ones. */
static uint16_t cache_batch(uint32_t size)
{
    return (uint16_t)(size <= PAGE_SIZE / 16 ? 16 : PAGE_SIZE / size + 1);
}

/* During start-up only, hence no lock around the table of caches. A size is rounded up so that
 * every object has the alignment of any type. */
COLD struct slab_cache *slab_cache_create(const char *name, size_t size)
{
    struct slab_cache *cache = &caches[caches_count];

    ASSERT(caches_count < CACHES_MAX && size > 0 && size <= PAGE_SIZE);
    spin_init(&cache->lock, SPIN_SLAB);
    cache->name = name;
    cache->size = ALIGN_UP((uint32_t)size, object_align(size));
    cache->first = ALIGN_UP((uint32_t)sizeof(struct slab), object_align(size));
    cache->order = (uint8_t)order_for(cache->size);
    cache->per_slab = (uint32_t)(((PAGE_SIZE << cache->order) - cache->first) / cache->size);
    cache->index = (uint16_t)caches_count++;
    cache->batch = cache_batch(cache->size);
    list_init(&cache->partial);
    list_init(&cache->empty);
    return cache;
}

/* All frames of the block are marked, since an object may begin in any of them. The list is built
 * from the end, so that objects are first given out in the order of their addresses. The block is
 * cleared: nothing of before shows in an object, and where it was code, of the firmware or of a
 * program, QEMU drops what it has translated, or each store beside that would take a lock. */
static struct slab *slab_create(struct slab_cache *cache)
{
    struct frame *frame = pmm_alloc(cache->order, PMM_ZERO);
    struct slab *slab;
    char *object;

    if (!frame)
        return NULL;
    for (unsigned i = 0; i < 1u << cache->order; i++) {
        frame[i].state = FRAME_SLAB;
        frame[i].owner = cache->index;
    }
    slab = frame_address(frame);
    list_init(&slab->link);
    slab->used = 0;
    slab->free = NULL;
    object = (char *)slab + cache->first + (size_t)(cache->per_slab - 1) * cache->size;
    for (uint32_t i = 0; i < cache->per_slab; i++, object -= cache->size) {
        *(void **)object = slab->free;
        slab->free = object;
    }
    return slab;
}

/* A slab whose state does not change keeps its place in the list: the common case touches no list.
 */
static void *slab_take_locked(struct slab_cache *cache, struct slab *slab)
{
    void *object = slab->free;

    ASSERT(spin_is_held_inline(&cache->lock));
    slab->free = *(void **)object;
    if (slab->used++ == 0 || !slab->free) {
        list_remove(&slab->link);
        if (slab->free)
            list_push_front(&cache->partial, &slab->link);
    }
    cache->objects++;
    return object;
}

/* Partial ones first, so that empty slabs can go back. */
static inline struct slab *slab_find_locked(struct slab_cache *cache)
{
    ASSERT(spin_is_held_inline(&cache->lock));
    if (!list_empty(&cache->partial))
        return list_entry(cache->partial.next, struct slab, link);
    if (!list_empty(&cache->empty))
        return list_entry(cache->empty.next, struct slab, link);
    return NULL;
}

static void *slab_alloc_locked(struct slab_cache *cache)
{
    struct slab *slab = slab_find_locked(cache);

    ASSERT(spin_is_held_inline(&cache->lock));
    if (!slab) {
        slab = slab_create(cache); /* rank PMM comes after SLAB */
        if (!slab)
            return NULL;
        cache->slabs++;
    }
    return slab_take_locked(cache, slab);
}

/* Interrupts off: an object, and more of them into the processor's list if no slab has to be made
 * for them. */
static NOINLINE void *slab_refill(struct slab_cache *cache, struct slab_cpu *own)
{
    void *object;

    spin_lock(&cache->lock);
    object = slab_alloc_locked(cache);
    while (object && own->count < cache->batch) {
        struct slab *slab = slab_find_locked(cache);
        void *more;

        if (!slab)
            break;
        more = slab_take_locked(cache, slab);
        *(void **)more = own->first;
        own->first = more;
        own->count++;
    }
    spin_unlock(&cache->lock);
    return object;
}

/* With interrupts off, or the thread could move to another processor. */
static inline struct slab_cpu *slab_own_list(const struct slab_cache *cache)
{
    return &(*percpu_own(cpu_lists))[cache->index];
}

void *slab_alloc(struct slab_cache *cache)
{
    struct slab_cpu *own;
    void *object;
    uint64_t irq;

    if (fail_nth_now())
        return NULL;
    irq = irq_save();
    own = slab_own_list(cache);
    object = own->first;
    if (likely(object)) {
        own->first = *(void **)object;
        own->count--;
    } else {
        object = slab_refill(cache, own);
    }
    irq_restore(irq);
    return object;
}

/* Outside of all lists, like every write to the object itself. */
void *slab_zalloc(struct slab_cache *cache)
{
    void *object = slab_alloc(cache);

    if (object)
        memset(object, 0, cache->size);
    return object;
}

/* The states are set back to what pmm_free expects of a block: its first frame used, the rest
 * inside. */
static void slab_release(struct slab_cache *cache, struct slab *slab)
{
    struct frame *frame = frame_from_address(slab);

    list_remove(&slab->link);
    cache->slabs--;
    for (unsigned i = 1; i < 1u << cache->order; i++)
        frame[i].state = FRAME_RESERVED;
    frame->state = FRAME_USED;
    pmm_free(frame, cache->order);
}

static struct slab *slab_of(const struct slab_cache *cache, const void *object)
{
    return (struct slab *)ALIGN_DOWN((uint64_t)object, PAGE_SIZE << cache->order);
}

static void slab_free_locked(struct slab_cache *cache, void *object)
{
    struct slab *slab = slab_of(cache, object);

    ASSERT(spin_is_held_inline(&cache->lock) && slab->used > 0);
    *(void **)object = slab->free;
    slab->free = object;
    slab->used--;
    cache->objects--;
    list_remove(&slab->link);
    /* One free slab is kept: a loop of alloc and free would otherwise make and drop it each time.
     */
    if (slab->used)
        list_push_front(&cache->partial, &slab->link);
    else if (list_empty(&cache->empty))
        list_push_front(&cache->empty, &slab->link);
    else
        slab_release(cache, slab);
}

/* Interrupts off: gives up objects of the processor's list until so many are left. */
static NOINLINE void slab_list_shrink(struct slab_cache *cache, struct slab_cpu *own, uint64_t left)
{
    spin_lock(&cache->lock);
    while (own->count > left) {
        void *object = own->first;

        own->first = *(void **)object;
        own->count--;
        slab_free_locked(cache, object);
    }
    spin_unlock(&cache->lock);
}

/* Poisoned before it is in a list; the link overwrites the first word. Half of the list stays when
 * it is shrunk, so that a loop of alloc and free at that border does not take the lock each time.
 */
void slab_free(struct slab_cache *cache, void *object)
{
    struct frame *frame = frame_from_address(slab_of(cache, object));
    struct slab_cpu *own;
    uint64_t irq;

    ASSERT(frame->state == FRAME_SLAB && frame->owner == cache->index);
    if (CONFIG_POISON)
        memset(object, 0xdb, cache->size);
    irq = irq_save();
    own = slab_own_list(cache);
    *(void **)object = own->first;
    own->first = object;
    if (unlikely(++own->count > 2u * cache->batch))
        slab_list_shrink(cache, own, cache->batch);
    irq_restore(irq);
}

/* The lists change meanwhile: exact only while nothing is allocated. */
uint64_t slab_objects(const struct slab_cache *cache)
{
    uint64_t objects = __atomic_load_n(&cache->objects, __ATOMIC_RELAXED);

    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        objects -=
            __atomic_load_n(&(*percpu_of(cpu_lists, cpu))[cache->index].count, __ATOMIC_RELAXED);
    return objects;
}

uint64_t slab_objects_bound(const struct slab_cache *cache)
{
    return __atomic_load_n(&cache->objects, __ATOMIC_RELAXED);
}

uint64_t slab_frames(const struct slab_cache *cache)
{
    return __atomic_load_n(&cache->slabs, __ATOMIC_RELAXED) << cache->order;
}

COLD bool slab_info_get(unsigned index, struct slab_info *info)
{
    const struct slab_cache *cache = &caches[index];

    if (index >= caches_count)
        return false;
    *info = (struct slab_info){
        .name = cache->name,
        .objects = slab_objects(cache),
        .slabs = __atomic_load_n(&cache->slabs, __ATOMIC_RELAXED),
        .size = cache->size,
        .per_slab = cache->per_slab,
        .nframes = 1u << cache->order,
        .batch = cache->batch,
    };
    return true;
}

/* In an interrupt of each processor, or in the thread that asks. */
static void slab_lists_empty(void *argument)
{
    uint64_t irq = irq_save();

    (void)argument;
    for (unsigned i = 0; i < caches_count; i++)
        slab_list_shrink(&caches[i], slab_own_list(&caches[i]), 0);
    irq_restore(irq);
}

/* For the leak checks: what stays allocated afterwards is in use. */
void slab_drain(void)
{
    ipi_call_all(slab_lists_empty, NULL);
    for (unsigned i = 0; i < caches_count; i++) {
        struct slab_cache *cache = &caches[i];
        uint64_t irq = spin_lock_irqsave(&cache->lock);

        while (!list_empty(&cache->empty))
            slab_release(cache, list_entry(cache->empty.next, struct slab, link));
        spin_unlock_irqrestore(&cache->lock, irq);
    }
}

/* Powers of two: a request wastes less than half, and the class is a count of leading zeroes. */
void slab_init(void)
{
    static const char *const names[KMALLOC_CLASSES] = {
        "kmalloc-16",  "kmalloc-32",  "kmalloc-64",   "kmalloc-128",
        "kmalloc-256", "kmalloc-512", "kmalloc-1024", "kmalloc-2048",
    };

    for (unsigned i = 0; i < KMALLOC_CLASSES; i++)
        kmalloc_caches[i] = slab_cache_create(names[i], KMALLOC_SMALLEST << i);
}

/* Index of the class that holds nbytes; KMALLOC_CLASSES or more for larger ones. */
static unsigned class_for(size_t nbytes)
{
    if (nbytes <= KMALLOC_SMALLEST)
        return 0;
    /* The smallest power of two that holds nbytes, counted from 2^4. */
    return 60 - (unsigned)__builtin_clzll(nbytes - 1);
}

/* Above 2,048 bytes whole frames are as good: a slab of them would hold one or two objects. */
void *kmalloc(size_t nbytes)
{
    unsigned class = class_for(nbytes);
    unsigned order = 0;
    struct frame *frame;

    if (class < KMALLOC_CLASSES)
        return slab_alloc(kmalloc_caches[class]);
    while (order <= PMM_MAX_ORDER && (PAGE_SIZE << order) < nbytes)
        order++;
    if (order > PMM_MAX_ORDER)
        return NULL;
    frame = pmm_alloc(order, PMM_PLAIN);
    if (!frame)
        return NULL;
    frame->state = FRAME_LARGE;
    return frame_address(frame);
}

void *kzalloc(size_t nbytes)
{
    void *object = kmalloc(nbytes);

    if (object)
        memset(object, 0, nbytes);
    return object;
}

/* The frame's state decides; anything else than these two is a pointer that kmalloc did not return.
 */
void kfree(void *object)
{
    struct frame *frame;

    if (!object)
        return;
    frame = frame_from_address(object);
    if (frame->state == FRAME_LARGE) {
        pmm_free(frame, frame->order);
        return;
    }
    ASSERT(frame->state == FRAME_SLAB);
    slab_free(&caches[frame->owner], object);
}
