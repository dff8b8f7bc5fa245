/* SPDX-License-Identifier: MIT */
/*
 * The frame and object allocators under random use, exhaustion, and kernel stacks.
 *
 * A table of blocks is filled and emptied at random. Each block has a random mark at both ends,
 * which is compared when it is freed: a block that was handed out twice, or written beyond its end,
 * has lost it. The leak check around every check (ktest.c) finds what was not freed.
 */
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/random.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/ktest.h"

#define SLOTS  200
#define ROUNDS 20000

/* bytes NULL: this slot is empty. */
struct held {
    void *bytes;
    size_t nbytes;
    unsigned order;
    uint64_t mark;
};

static struct held held[SLOTS];

/* Not uniform for large limits, which does not matter here. */
static uint32_t random_below(uint32_t limit)
{
    uint32_t value;

    random_fill(&value, sizeof(value));
    return value % limit;
}

/* Each owner writes a random mark at both ends of its block: an overlapping block destroys it. */
static void mark_set(struct held *h)
{
    random_fill(&h->mark, sizeof(h->mark));
    memcpy(h->bytes, &h->mark, sizeof(h->mark));
    memcpy((char *)h->bytes + h->nbytes - sizeof(h->mark), &h->mark, sizeof(h->mark));
}

static bool mark_intact(const struct held *h)
{
    return !memcmp(h->bytes, &h->mark, sizeof(h->mark)) &&
           !memcmp((const char *)h->bytes + h->nbytes - sizeof(h->mark), &h->mark, sizeof(h->mark));
}

/* Orders 0 to 4, as the kernel uses them. */
static void frames_get(struct held *h)
{
    struct frame *frame;

    h->order = random_below(5);
    h->nbytes = PAGE_SIZE << h->order;
    frame = pmm_alloc(h->order, PMM_PLAIN);
    h->bytes = frame ? frame_address(frame) : NULL;
}

static void frames_put(struct held *h)
{
    pmm_free(frame_from_address(h->bytes), h->order);
}

/* Mostly small ones; a quarter may be larger than any slab's objects, and comes from the page
 * allocator. */
static void objects_get(struct held *h)
{
    h->nbytes = 2 * sizeof(h->mark) + random_below(random_below(4) ? 1000 : 20000);
    h->bytes = kmalloc(h->nbytes);
}

static void objects_put(struct held *h)
{
    kfree(h->bytes);
}

/* Failed allocations are fine: the table then has an empty slot. */
static bool churn(void (*get)(struct held *), void (*put)(struct held *),
                  char reason[KTEST_REASON_SIZE])
{
    bool good = true;

    memset(held, 0, sizeof(held));
    for (unsigned round = 0; round < ROUNDS && good; round++) {
        struct held *h = &held[random_below(SLOTS)];

        if (h->bytes) {
            good = mark_intact(h);
            put(h);
            h->bytes = NULL;
        } else {
            get(h);
            if (h->bytes)
                mark_set(h);
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (!held[i].bytes)
            continue;
        good = good && mark_intact(&held[i]);
        put(&held[i]);
    }
    KTEST_EXPECT(good, "a block was handed out twice, or written by another owner");
    return true;
}

KTEST(frames, "mm-frames")
{
    const char *fault;

    if (!churn(frames_get, frames_put, reason))
        return false;
    fault = pmm_check_owners();
    KTEST_EXPECT(!fault, "%s", fault);
    return true;
}

KTEST(objects, "mm-objects")
{
    return churn(objects_get, objects_put, reason);
}

/* The frame that was just freed is the likeliest to be handed out again: it is filled first. */
KTEST(zeroed, "mm-zeroed-frames")
{
    for (unsigned i = 0; i < 100; i++) {
        struct frame *frame = pmm_alloc(0, PMM_PLAIN);
        const char *bytes;
        bool clean = true;

        KTEST_EXPECT(frame, "not enough memory");
        memset(frame_address(frame), 0xa5, PAGE_SIZE);
        pmm_free(frame, 0);
        frame = pmm_alloc(0, PMM_ZERO);
        KTEST_EXPECT(frame, "not enough memory");
        bytes = frame_address(frame);
        for (size_t n = 0; n < PAGE_SIZE; n++)
            clean = clean && !bytes[n];
        pmm_free(frame, 0);
        KTEST_EXPECT(clean, "a zeroed frame is dirty");
    }
    return true;
}

/* All frames, down to none, and back. How many there were. */
static uint64_t frames_exhaust(void)
{
    struct frame *first = NULL;
    uint64_t count = 0;

    /* Chained through their own first bytes. */
    for (;;) {
        struct frame *frame = pmm_alloc(0, PMM_PLAIN);

        if (!frame)
            break;
        /* No memory is left for a list: the frames hold it themselves. */
        *(struct frame **)frame_address(frame) = first;
        first = frame;
        count++;
    }
    while (first) {
        struct frame *next = *(struct frame **)frame_address(first);

        pmm_free(first, 0);
        first = next;
    }
    return count;
}

/* The count of free frames must be exact, and running out must be an error and not a panic. */
KTEST(exhaustion, "mm-exhaustion")
{
    uint64_t free_before = pmm_free_count(), count = frames_exhaust();

    KTEST_EXPECT(count == free_before, "%llu frames free, %llu handed out",
                 (unsigned long long)free_before, (unsigned long long)count);
    KTEST_EXPECT(pmm_free_count() == free_before, "frames lost");
    return true;
}

/* In an interrupt of each processor: its list has a frame at least afterwards. */
static void frame_keep(void *argument)
{
    struct frame *frame = pmm_alloc(0, PMM_PLAIN);

    (void)argument;
    if (frame)
        pmm_free(frame, 0);
}

/* What the other processors keep counts as free, is there for the last allocations, and goes back
 * without their doing. */
KTEST(kept, "mm-frames-of-others")
{
    uint64_t free_before = pmm_free_count(), kept, count;

    pmm_drain();
    KTEST_EXPECT(pmm_in_blocks == free_before, "a processor keeps frames behind a drain");
    ipi_call_all(frame_keep, NULL);
    kept = free_before - pmm_in_blocks;
    KTEST_EXPECT(kept >= sched_cpus_online(), "%llu frames kept by %u processors",
                 (unsigned long long)kept, sched_cpus_online());
    KTEST_EXPECT(pmm_free_count() == free_before, "kept frames are not counted");
    count = frames_exhaust();
    KTEST_EXPECT(count == free_before, "%llu frames free, %llu handed out",
                 (unsigned long long)free_before, (unsigned long long)count);
    ipi_call_all(frame_keep, NULL);
    pmm_drain();
    KTEST_EXPECT(pmm_in_blocks == free_before, "frames lost by a drain");
    return true;
}

#define TAKERS   8
#define TAKER_NS 200000000ULL
#define TAKER_SLOTS                                                                                \
    48 /* more than a processor keeps: lists are filled and shortened all the time */

static struct {
    struct thread threads[TAKERS];
    volatile unsigned ended;
    uint32_t wrong;  /* [a] frames that another owner has written to */
    uint64_t rounds; /* [a] */
    uint64_t end_ns; /* I while they run */
} takers;

static void taker_ended(struct thread *thread)
{
    (void)thread;
    __atomic_fetch_add(&takers.ended, 1, __ATOMIC_SEQ_CST);
}

/* Each frame has its owner's mark while it has an owner. */
static void taker(void *argument)
{
    struct frame *slots[TAKER_SLOTS];
    uint64_t mark = (uint64_t)argument + 1, rounds = 0;

    sched_first();
    while (clock_monotonic_ns() < takers.end_ns) {
        unsigned count = 0;

        while (count < TAKER_SLOTS && (slots[count] = pmm_alloc(0, PMM_PLAIN)) != NULL) {
            *(volatile uint64_t *)frame_address(slots[count]) = mark;
            count++;
        }
        while (count-- > 0) {
            if (*(volatile uint64_t *)frame_address(slots[count]) != mark)
                __atomic_fetch_add(&takers.wrong, 1, __ATOMIC_RELAXED);
            pmm_free(slots[count], 0);
        }
        rounds++;
        sched_preempt_point();
    }
    __atomic_fetch_add(&takers.rounds, rounds, __ATOMIC_RELAXED);
    sched_exit();
}

/* Every processor takes and frees, while this one takes their lists away from them. */
KTEST(drained_at_once, "mm-drain-while-used")
{
    uint64_t free_before, drains = 0;
    unsigned cpus = MIN(sched_cpus_online(), TAKERS);
    const char *fault = NULL;

    takers.ended = takers.wrong = 0;
    takers.rounds = 0;
    takers.end_ns = clock_monotonic_ns() + TAKER_NS;
    for (unsigned i = 0; i < cpus; i++) {
        takers.threads[i] = (struct thread){0};
        KTEST_EXPECT(!thread_create(&takers.threads[i], taker, (void *)(uint64_t)i),
                     "not enough memory");
        takers.threads[i].ended = taker_ended;
        takers.threads[i].affinity = cpumask_of(i);
    }
    free_before = pmm_free_count();
    for (unsigned i = 0; i < cpus; i++)
        sched_start(&takers.threads[i]);
    while (takers.ended < cpus && clock_monotonic_ns() < takers.end_ns + 10 * 1000000000ULL) {
        pmm_drain();
        drains++;
        if (!fault)
            fault = pmm_check_owners();
        sched_yield_cpu();
    }
    KTEST_EXPECT(takers.ended == cpus, "%u of %u threads ended", takers.ended, cpus);
    KTEST_EXPECT(!fault, "%s", fault);
    KTEST_EXPECT(!takers.wrong, "%u frames had two owners", takers.wrong);
    KTEST_EXPECT(drains && takers.rounds, "nothing was done");
    KTEST_EXPECT(pmm_free_count() == free_before, "%lld frames lost",
                 (long long)(free_before - pmm_free_count()));
    for (unsigned i = 0; i < cpus; i++)
        thread_destroy(&takers.threads[i]);
    return true;
}

/* The frames of a block that was split go one by one, in an order that merges them late. */
KTEST(split, "mm-split")
{
    uint64_t free_before = pmm_free_count();

    for (unsigned order = 0; order <= 4; order++) {
        struct frame *block = pmm_alloc(order, PMM_PLAIN);
        unsigned count = 1u << order;

        KTEST_EXPECT(block, "not enough memory");
        pmm_split(block, order);
        /* Every other frame first: no two of them are buddies, so nothing can merge yet. */
        for (unsigned i = 0; i < count; i += 2)
            frame_put(&block[i]);
        KTEST_EXPECT(pmm_free_count() == free_before - count / 2, "order %u: not single", order);
        /* Now each frame completes a pair, and all orders up to the whole block merge. */
        for (unsigned i = 1; i < count; i += 2)
            frame_put(&block[i]);
    }
    KTEST_EXPECT(pmm_free_count() == free_before && !pmm_check_owners(), "frames lost");
    return true;
}

/* More than are kept mapped. Every byte of a stack must be writable; freed ones are reused or
 * unmapped. */
KTEST(stacks, "mm-stacks")
{
    static void *tops[64];
    uint64_t live = kstacks_live();

    for (unsigned i = 0; i < ARRAY_SIZE(tops); i++) {
        tops[i] = kstack_create();
        KTEST_EXPECT(tops[i], "stack %u: not enough memory", i);
        memset((char *)tops[i] - KERNEL_STACK_SIZE, 0x5a, KERNEL_STACK_SIZE);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(tops); i++)
        kstack_destroy(tops[i]);
    KTEST_EXPECT(kstacks_live() == live, "stacks lost");
    return true;
}
