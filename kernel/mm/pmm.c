/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator: physical memory in blocks of 2^order frames.
 *
 * Every frame has a descriptor in one array, indexed by frame number. A free block is in the list
 * of its order and its first descriptor says so; the buddy of a block is the one whose number
 * differs in the bit of its order. pmm.lock, a late rank, covers the lists and the states of free
 * blocks: it is taken under almost every other lock, and nothing but list work happens under it
 * (zeroing and poisoning do not). Of an allocated block, others look only at the state and order of
 * its first descriptor, when they free the buddy; both are therefore set before the lock is
 * dropped.
 *
 * Single frames come from a list of the processor, and go back to it, without pmm.lock. Such a list
 * is one word, the number of its first frame below the number of frames, which makes two kinds of
 * change possible without a lock:
 *   - Its own processor, with interrupts off, takes the first frame or puts one in front.
 *   - Any processor that holds pmm.lock takes all of it, by an exchange with 0.
 * So a word that its processor finds changed is 0 by then and stays 0 until that processor fills it
 * again. A frame of the list can be in front a second time only by its own processor's doing: the
 * compare-and-exchange that takes it cannot be deceived, whatever it has read in the descriptor of
 * a frame that is gone.
 * An empty list is filled, and a full one shortened, by a batch under pmm.lock; frames enter and
 * leave all lists together under it, so a count under it misses none (pmm_free_count). Where the
 * buddy allocator has no block of the order, the lists of all processors go back to it before the
 * allocation fails: they keep neither the last frame nor a large block from anyone.
 *
 * Of free memory's largest blocks only some are in the lists at first: descriptors of the others
 * have never been written, so start-up takes no longer with more memory. When the list of the
 * largest blocks runs empty, pmm_init.c gives the next one (pmm_untouched_take): so the list is
 * empty only when there is none left, and nothing else has to know.
 *
 * Frame 0 is never free (pmm_init.c), so 0 ends the lists.
 */
#include "kernel/mm/pmm.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/config.h"
#include "kernel/mm/fail_nth.h"
#include "kernel/mm/tables.h"

#define BATCH_FRAMES 16 /* between a processor's list and the blocks at once */
#define CACHE_FRAMES (2 * BATCH_FRAMES)

uint64_t pmm_in_blocks ALIGNED(64);

static struct {
    struct spinlock lock;
    uint32_t first[PMM_MAX_ORDER + 1]; /* [lock] heads of the free lists, 0: empty */
    uint32_t orders;                   /* [lock] bit n: list n is not empty */
    uint32_t reached;                  /* [lock] the last that pmm_untouched_take gave */
    uint64_t total;                    /* [lock] frames ever given */
} pmm ALIGNED(64) = {.lock = SPINLOCK_INIT(SPIN_PMM)};

/* A list of single frames: see above. */
struct frame_cache {
    uint64_t word; /* [a] number of frames << 32 | the first one's number */
} ALIGNED(64);

#define CACHE_ONE (1ULL << 32)

static struct frame_cache caches[CPU_MAX];

/* At the front: a block that was freed last is likely to be in the cache still. */
static void block_link(uint32_t number, unsigned order)
{
    struct frame *frame = &pmm_frames[number];

    frame->state = FRAME_FREE;
    frame->order = (uint8_t)order;
    frame->prev = 0;
    frame->next = pmm.first[order];
    if (frame->next)
        pmm_frames[frame->next].prev = number;
    pmm.first[order] = number;
    pmm.orders |= 1u << order;
}

static void block_unlink(uint32_t number, unsigned order)
{
    struct frame *frame = &pmm_frames[number];

    if (frame->prev)
        pmm_frames[frame->prev].next = frame->next;
    else
        pmm.first[order] = frame->next;
    if (frame->next)
        pmm_frames[frame->next].prev = frame->prev;
    if (!pmm.first[order])
        pmm.orders &= ~(1u << order);
}

/* Merges with the neighbour as long as that is free and whole. Within a largest block every
 * descriptor that can be looked at here was written before: by the split that made the neighbour,
 * or by descriptors_clear. */
static void free_locked(uint32_t number, unsigned order)
{
    ASSERT(spin_is_held_inline(&pmm.lock));
    pmm_in_blocks += 1ULL << order;
    while (order < PMM_MAX_ORDER) {
        uint32_t buddy = number ^ (1u << order);
        const struct frame *other = &pmm_frames[buddy];

        if (other->state != FRAME_FREE || other->order != order)
            break;
        block_unlink(buddy, order);
        pmm_frames[MAX(number, buddy)].state = FRAME_RESERVED;
        number = MIN(number, buddy);
        order++;
    }
    block_link(number, order);
}

/* Counted as free since start-up. False: there is none left. */
static NOINLINE bool untouched_add_locked(void)
{
    uint32_t number = pmm_untouched_take();

    ASSERT(spin_is_held_inline(&pmm.lock));
    if (!number)
        return false;
    block_link(number, PMM_MAX_ORDER);
    pmm.reached = number;
    return true;
}

/* From the smallest block that is large enough; the upper halves go back as it is split. */
static uint32_t alloc_locked(unsigned order)
{
    uint32_t fitting = pmm.orders & ~((1u << order) - 1);
    unsigned from;
    uint32_t number;

    ASSERT(spin_is_held_inline(&pmm.lock));
    if (!fitting)
        return 0;
    from = (unsigned)__builtin_ctz(fitting);
    number = pmm.first[from];
    block_unlink(number, from);
    if (unlikely(from == PMM_MAX_ORDER) && !pmm.first[from])
        untouched_add_locked();
    /* The lower half is split on, so that what remains stays in large blocks at the end. */
    while (from > order) {
        from--;
        block_link(number + (1u << from), from);
    }
    pmm_in_blocks -= 1ULL << order;
    /* Here, not after the lock: the block's buddy looks at this when it is freed. */
    pmm_frames[number].state = FRAME_USED;
    pmm_frames[number].order = (uint8_t)order;
    return number;
}

/* What all processors keep goes back to the blocks. False if that was nothing. */
static bool caches_drain_locked(void)
{
    bool any = false;

    ASSERT(spin_is_held_inline(&pmm.lock));
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        uint32_t number, next;

        /* Read first: the word of a processor that keeps nothing is left alone. */
        if (!__atomic_load_n(&caches[cpu].word, __ATOMIC_RELAXED))
            continue;
        number = (uint32_t)__atomic_exchange_n(&caches[cpu].word, 0, __ATOMIC_ACQUIRE);
        for (; number; number = next) {
            next = pmm_frames[number].next;
            free_locked(number, 0);
            any = true;
        }
    }
    return any;
}

/* With interrupts off, or the thread could move to another processor. */
static inline struct frame_cache *cache_own(void)
{
    return &caches[CPU_OWN->index];
}

/* Takes blocks apart, the smallest first, so that large ones stay whole. A list of frames, as the
 * word of a cache. */
static uint64_t batch_take_locked(void)
{
    uint32_t first = 0, left = BATCH_FRAMES;

    ASSERT(spin_is_held_inline(&pmm.lock));
    while (left && pmm.orders) {
        unsigned order =
            MIN((unsigned)__builtin_ctz(pmm.orders), 31u - (unsigned)__builtin_clz(left));
        uint32_t number = alloc_locked(order);

        /* Backwards: they are handed out in the order of their addresses. */
        for (uint32_t i = 1u << order; i-- > 0;) {
            struct frame *frame = &pmm_frames[number + i];

            frame->next = first;
            frame->order = 0;
            frame->state = FRAME_CACHED;
            first = number + i;
        }
        left -= 1u << order;
    }
    return (uint64_t)(BATCH_FRAMES - left) << 32 | first;
}

/* Interrupts off, the own list empty: one frame, and more of them into the list. */
static NOINLINE uint32_t cache_refill(struct frame_cache *own)
{
    uint64_t word;
    uint32_t number;

    spin_lock_inline(&pmm.lock);
    if (unlikely(!pmm.orders))
        caches_drain_locked();
    word = batch_take_locked();
    number = (uint32_t)word;
    /* Under the lock: until then the frames are in no count. */
    if (number)
        word = word - CACHE_ONE - number + pmm_frames[number].next;
    __atomic_store_n(&own->word, word, __ATOMIC_RELAXED);
    spin_unlock_inline(&pmm.lock);
    return number;
}

/* One frame; 0: none is free on any processor. */
static inline uint32_t single_alloc(void)
{
    uint64_t irq = irq_save();
    struct frame_cache *own = cache_own();
    uint64_t word = __atomic_load_n(&own->word, __ATOMIC_RELAXED);
    uint32_t number = (uint32_t)word;

    /* The word may have become 0, and the frame another owner's: then next is not used. */
    if (unlikely(!number) ||
        unlikely(!__atomic_compare_exchange_n(
            &own->word, &word,
            word - CACHE_ONE - number + __atomic_load_n(&pmm_frames[number].next, __ATOMIC_RELAXED),
            false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
        number = cache_refill(own);
    irq_restore(irq);
    /* Nobody else looks at more of it than that it is not FRAME_FREE. */
    if (likely(number))
        pmm_frames[number].state = FRAME_USED;
    return number;
}

static uint32_t block_alloc(unsigned order)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);
    uint32_t number = alloc_locked(order);

    if (unlikely(!number) && caches_drain_locked())
        number = alloc_locked(order);
    spin_unlock_irqrestore(&pmm.lock, irq);
    return number;
}

/* Zeroed outside of all locks: the block has no other user yet. */
struct frame *pmm_alloc(unsigned order, enum pmm_flags flags)
{
    uint32_t number;
    struct frame *frame;

    ASSERT(order <= PMM_MAX_ORDER);
    if (fail_nth_now())
        return NULL;
    number = order ? block_alloc(order) : single_alloc();
    if (!number)
        return NULL;
    frame = &pmm_frames[number];
    frame->refs = 1;
    if (flags & PMM_ZERO)
        memset(frame_address(frame), 0, PAGE_SIZE << order);
    return frame;
}

/* Those below it and the block itself go to the list first: until then its descriptor is garbage,
 * after a warm reset a part of the list that this kernel had before. The rest goes back. Its parts
 * do not merge: each one's neighbour is the part before, which is not free. */
COLD struct frame *pmm_alloc_first(uint64_t block, unsigned order)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);
    struct frame *frame = &pmm_frames[block];
    bool whole;

    while (pmm.reached < block && untouched_add_locked())
        ;
    whole = frame->state == FRAME_FREE && frame->order == PMM_MAX_ORDER;
    if (whole) {
        block_unlink((uint32_t)block, PMM_MAX_ORDER);
        pmm_in_blocks -= 1ULL << PMM_MAX_ORDER;
        frame->state = FRAME_USED;
        frame->order = (uint8_t)order;
        frame->refs = 1;
        for (unsigned part = PMM_MAX_ORDER; part-- > order;)
            free_locked((uint32_t)block + (1u << part), part);
    }
    spin_unlock_irqrestore(&pmm.lock, irq);
    return whole ? frame : NULL;
}

/* Without the lock: while the block is allocated, others look at its first descriptor alone, and
 * there only for its state, which stays. */
void pmm_split(struct frame *block, unsigned order)
{
    ASSERT(block->state == FRAME_USED && block->order == order);
    for (struct frame *frame = block; frame < block + (1UL << order); frame++) {
        frame->refs = 1;
        frame->order = 0;
        frame->state = FRAME_USED;
    }
}

/* Interrupts off, the own list full: the frames that have been in it for longest go back. */
static NOINLINE void cache_shrink(struct frame_cache *own)
{
    uint64_t word;
    uint32_t number, next, kept = 0;
    struct frame *last = NULL;

    spin_lock_inline(&pmm.lock);
    /* As another processor would: it cannot take them meanwhile, and under the lock no count misses
     * them. */
    word = __atomic_exchange_n(&own->word, 0, __ATOMIC_RELAXED);
    for (number = (uint32_t)word; number && kept < BATCH_FRAMES; number = last->next, kept++)
        last = &pmm_frames[number];
    if (last)
        last->next = 0;
    __atomic_store_n(&own->word, kept * CACHE_ONE | (uint32_t)word, __ATOMIC_RELEASE);
    for (; number; number = next) {
        next = pmm_frames[number].next;
        free_locked(number, 0);
    }
    spin_unlock_inline(&pmm.lock);
}

static inline void single_free(struct frame *frame)
{
    uint64_t irq, word;
    uint32_t number = (uint32_t)frame_number(frame);
    struct frame_cache *own;

    frame->state = FRAME_CACHED;
    irq = irq_save();
    own = cache_own();
    word = __atomic_load_n(&own->word, __ATOMIC_RELAXED);
    frame->next = (uint32_t)word;
    if (unlikely(!__atomic_compare_exchange_n(&own->word, &word,
                                              word - (uint32_t)word + CACHE_ONE + number, false,
                                              __ATOMIC_RELEASE, __ATOMIC_RELAXED))) {
        /* Taken by another processor: the list is empty, and only this one puts frames in it. */
        frame->next = 0;
        __atomic_store_n(&own->word, CACHE_ONE + number, __ATOMIC_RELEASE);
    } else if (unlikely(word >= CACHE_FRAMES * CACHE_ONE)) {
        cache_shrink(own);
    }
    irq_restore(irq);
}

static void block_free(struct frame *frame, unsigned order)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);

    frame->state = FRAME_RESERVED;
    free_locked((uint32_t)frame_number(frame), order);
    spin_unlock_irqrestore(&pmm.lock, irq);
}

void pmm_free(struct frame *frame, unsigned order)
{
    ASSERT(frame->state >= FRAME_USED && frame->order == order);
    if (CONFIG_POISON)
        memset(frame_address(frame), 0xdb, PAGE_SIZE << order);
    if (order)
        block_free(frame, order);
    else
        single_free(frame);
}

void pmm_drain(void)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);

    caches_drain_locked();
    spin_unlock_irqrestore(&pmm.lock, irq);
}

/* Pinned frames are those of the initrd: they never come back, so that the page cache may count
 * references on them like on any other. */
void frame_put(struct frame *frame)
{
    uint32_t before = __atomic_fetch_sub(&frame->refs, 1, __ATOMIC_ACQ_REL);

    ASSERT(before != 0);
    if (before == 1 && frame->state != FRAME_PINNED)
        pmm_free(frame, 0);
}

/* Under the lock no frame is on its way between the blocks and a processor's list: the sum is off
 * by no more than what is allocated and freed meanwhile. */
uint64_t pmm_free_count(void)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock), count = pmm_in_blocks;

    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        count += __atomic_load_n(&caches[cpu].word, __ATOMIC_RELAXED) / CACHE_ONE;
    spin_unlock_irqrestore(&pmm.lock, irq);
    return count;
}

uint64_t pmm_total_count(void)
{
    return __atomic_load_n(&pmm.total, __ATOMIC_RELAXED);
}

/* In the largest aligned blocks that fit; free_locked merges them with what lies next to them. */
void pmm_give(uint64_t first, uint64_t count)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);

    pmm.total += count;
    while (count) {
        unsigned order =
            first ? (unsigned)__builtin_ctzll(first | (1ULL << PMM_MAX_ORDER)) : PMM_MAX_ORDER;

        while ((1ULL << order) > count)
            order--;
        free_locked((uint32_t)first, order);
        first += 1ULL << order;
        count -= 1ULL << order;
    }
    spin_unlock_irqrestore(&pmm.lock, irq);
}

/* Whole blocks of PMM_MAX_ORDER whose descriptors nothing has written; the first of all goes to the
 * list. */
void pmm_give_untouched(uint64_t count)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);

    pmm.total += count;
    pmm_in_blocks += count;
    if (!pmm.first[PMM_MAX_ORDER])
        untouched_add_locked();
    spin_unlock_irqrestore(&pmm.lock, irq);
}

/* The head of the free block that would hold the frame, for each size. Right for frames next to
 * memory that is not free: descriptors there are all valid. */
bool pmm_frame_is_free(uint64_t number)
{
    if (pmm_is_untouched(number))
        return true;
    if (pmm_frames[number].state == FRAME_CACHED)
        return true;
    for (unsigned order = 0; order <= PMM_MAX_ORDER; order++) {
        const struct frame *head = &pmm_frames[ALIGN_DOWN(number, 1ULL << order)];

        if (head->state == FRAME_FREE && head->order == order)
            return true;
    }
    return false;
}

/* For the self-test: walks every list with the lock held, after the processors' own have gone back
 * to them. NULL, or what is wrong. */
COLD const char *pmm_check_owners(void)
{
    uint64_t irq = spin_lock_irqsave(&pmm.lock);
    uint64_t counted = 0;
    const char *fault = NULL;

    caches_drain_locked();
    for (unsigned order = 0; order <= PMM_MAX_ORDER && !fault; order++)
        for (uint64_t n = pmm.first[order]; n && !fault; n = pmm_frames[n].next) {
            fault = pmm_check_block(n, 1ULL << order);
            counted += 1ULL << order;
        }
    if (!fault)
        fault = pmm_check_untouched(&counted);
    if (!fault && counted != pmm_in_blocks)
        fault = "the free lists do not add up to the number of free frames";
    if (!fault && tables_any_free())
        fault = "a page table of the kernel lies in a free block";
    spin_unlock_irqrestore(&pmm.lock, irq);
    return fault;
}
