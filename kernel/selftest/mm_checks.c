/* SPDX-License-Identifier: MIT */
/* The allocators, under random use; the windows. */
#include "kernel/core/random.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/window.h"
#include "kernel/selftest/ktest.h"

#define SLOTS  200
#define ROUNDS 20000

struct held {
    void *bytes;
    size_t nbytes;
    unsigned order;
    uint64_t mark;
};

static struct held held[SLOTS];

static uint32_t random_below(uint32_t limit)
{
    uint32_t value;

    random_fill(&value, sizeof(value));
    return value % limit;
}

/* Owners write their mark at both ends: who overlaps destroys it. */
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

static void objects_get(struct held *h)
{
    h->nbytes = 2 * sizeof(h->mark) + random_below(random_below(4) ? 1000 : 20000);
    h->bytes = kmalloc(h->nbytes);
}

static void objects_put(struct held *h)
{
    kfree(h->bytes);
}

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
    KTEST_EXPECT(good, "a block was handed out twice, or written by somebody else");
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

KTEST(exhaustion, "mm-exhaustion")
{
    struct frame *first = NULL;
    uint64_t free_before = pmm_free_count(), count = 0;

    /* Chained through their own first bytes. */
    for (;;) {
        struct frame *frame = pmm_alloc(0, PMM_PLAIN);

        if (!frame)
            break;
        *(struct frame **)frame_address(frame) = first;
        first = frame;
        count++;
    }
    while (first) {
        struct frame *next = *(struct frame **)frame_address(first);

        pmm_free(first, 0);
        first = next;
    }
    KTEST_EXPECT(count == free_before, "%llu frames free, %llu handed out",
                 (unsigned long long)free_before, (unsigned long long)count);
    KTEST_EXPECT(pmm_free_count() == free_before, "frames lost");
    return true;
}

KTEST(stacks, "mm-stacks")
{
    static void *tops[64];
    uint64_t live = window_stacks_live();

    for (unsigned i = 0; i < ARRAY_SIZE(tops); i++) {
        tops[i] = window_stack_create();
        KTEST_EXPECT(tops[i], "stack %u: not enough memory", i);
        memset((char *)tops[i] - KERNEL_STACK_SIZE, 0x5a, KERNEL_STACK_SIZE);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(tops); i++)
        window_stack_destroy(tops[i]);
    KTEST_EXPECT(window_stacks_live() == live, "stacks lost");
    return true;
}
