/* SPDX-License-Identifier: MIT */
#include "kernel/mm/slab.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/config.h"
#include "kernel/mm/pmm.h"

#define CACHES_MAX       64
#define OBJECT_ALIGN     16
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
    uint32_t per_slab;   /* I */
    uint8_t order;       /* I: frames of a slab, as a power of two */
    uint16_t index;      /* I */
    uint64_t objects;    /* [lock] in use */
    uint64_t slabs;      /* [lock] */
    struct list partial; /* [lock] slabs with used and free objects */
    struct list empty;   /* [lock] slabs without used objects */
};

static struct slab_cache caches[CACHES_MAX];
static unsigned caches_count;
static struct slab_cache *kmalloc_caches[KMALLOC_CLASSES];

/* The smallest slab that wastes at most an eighth. */
static unsigned order_for(size_t size)
{
    for (unsigned order = 0; order < SLAB_ORDER_MAX; order++) {
        size_t room = (PAGE_SIZE << order) - sizeof(struct slab);

        if (room >= size && room % size <= (PAGE_SIZE << order) / 8)
            return order;
    }
    return SLAB_ORDER_MAX;
}

struct slab_cache *slab_cache_create(const char *name, size_t size)
{
    struct slab_cache *cache = &caches[caches_count];

    ASSERT(caches_count < CACHES_MAX && size > 0 && size <= PAGE_SIZE);
    spin_init(&cache->lock, SPIN_SLAB);
    cache->name = name;
    cache->size = (uint32_t)ALIGN_UP(size, OBJECT_ALIGN);
    cache->order = (uint8_t)order_for(cache->size);
    cache->per_slab = (uint32_t)(((PAGE_SIZE << cache->order) - sizeof(struct slab)) / cache->size);
    cache->index = (uint16_t)caches_count++;
    list_init(&cache->partial);
    list_init(&cache->empty);
    return cache;
}

static struct slab *slab_create(struct slab_cache *cache)
{
    struct frame *frame = pmm_alloc(cache->order, PMM_PLAIN);
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
    object = (char *)(slab + 1) + (size_t)(cache->per_slab - 1) * cache->size;
    for (uint32_t i = 0; i < cache->per_slab; i++, object -= cache->size) {
        *(void **)object = slab->free;
        slab->free = object;
    }
    return slab;
}

static void *take_locked(struct slab_cache *cache, struct slab *slab)
{
    void *object = slab->free;

    slab->free = *(void **)object;
    if (slab->used++ == 0 || !slab->free) {
        list_remove(&slab->link);
        if (slab->free)
            list_push_front(&cache->partial, &slab->link);
    }
    cache->objects++;
    return object;
}

static struct slab *find_locked(struct slab_cache *cache)
{
    if (!list_empty(&cache->partial))
        return list_entry(cache->partial.next, struct slab, link);
    if (!list_empty(&cache->empty))
        return list_entry(cache->empty.next, struct slab, link);
    return NULL;
}

void *slab_alloc(struct slab_cache *cache)
{
    uint64_t irq = spin_lock_irqsave(&cache->lock);
    struct slab *slab = find_locked(cache);
    void *object = NULL;

    if (!slab) {
        slab = slab_create(cache); /* rank PMM comes after SLAB */
        if (slab)
            cache->slabs++;
    }
    if (slab)
        object = take_locked(cache, slab);
    spin_unlock_irqrestore(&cache->lock, irq);
    return object;
}

void *slab_zalloc(struct slab_cache *cache)
{
    void *object = slab_alloc(cache);

    if (object)
        memset(object, 0, cache->size);
    return object;
}

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

void slab_free(struct slab_cache *cache, void *object)
{
    struct slab *slab = (struct slab *)ALIGN_DOWN((uint64_t)object, PAGE_SIZE << cache->order);
    struct frame *frame = frame_from_address(slab);
    uint64_t irq;

    ASSERT(frame->state == FRAME_SLAB && frame->owner == cache->index);
    if (CONFIG_POISON)
        memset(object, 0xdb, cache->size);
    irq = spin_lock_irqsave(&cache->lock);
    ASSERT(slab->used > 0);
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
    spin_unlock_irqrestore(&cache->lock, irq);
}

uint64_t slab_objects(const struct slab_cache *cache)
{
    return __atomic_load_n(&cache->objects, __ATOMIC_RELAXED);
}

uint64_t slab_frames(const struct slab_cache *cache)
{
    return __atomic_load_n(&cache->slabs, __ATOMIC_RELAXED) << cache->order;
}

void slab_drain(void)
{
    for (unsigned i = 0; i < caches_count; i++) {
        struct slab_cache *cache = &caches[i];
        uint64_t irq = spin_lock_irqsave(&cache->lock);

        while (!list_empty(&cache->empty))
            slab_release(cache, list_entry(cache->empty.next, struct slab, link));
        spin_unlock_irqrestore(&cache->lock, irq);
    }
}

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
    return 60 - (unsigned)__builtin_clzll(nbytes - 1);
}

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
