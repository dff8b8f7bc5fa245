/* SPDX-License-Identifier: MIT */
/*
 * RCU: objects are freed after a grace period, and never while a reader has them.
 *
 * An object holds a known word, which is overwritten before it is freed. Readers on all other
 * processors look at the published object while the check replaces it again and again: a reader
 * that sees the overwritten word had an object that was freed under it. With `make POISON=1` freed
 * memory is overwritten as well.
 *
 * Trees that such readers go down (lib/rbtree.h) never show them half an address.
 */
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/clock.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/rbtree.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/hazard.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/ktest.h"

#define MANY       5000
#define SOME       200 /* fewer than are freed without a barrier */
#define LIVE       0x600d600d600d600dULL
#define GONE       0xdeaddeaddeaddeadULL
#define READING_NS 100000000ULL
#define HOLDING_NS 20000000ULL

struct item {
    struct rcu_head rcu;
    uint64_t word;
};

static unsigned freed; /* atomic */

static void item_free(struct rcu_head *head)
{
    struct item *item = container_of(head, struct item, rcu);

    __atomic_store_n(&item->word, GONE, __ATOMIC_RELAXED);
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
    kfree(item);
}

/* Without memory NULL: the check fails with a reason of its own. */
static struct item *item_make(void)
{
    struct item *item = kmalloc(sizeof(*item));

    if (item)
        item->word = LIVE;
    return item;
}

/* Without a barrier most are freed in the course of things; none waits after one. */
KTEST(rcu_frees, "rcu-frees")
{
    unsigned before;

    freed = 0;
    for (unsigned i = 0; i < MANY; i++) {
        struct item *item = item_make();

        KTEST_EXPECT(item, "no memory for item %u", i);
        rcu_call(&item->rcu, item_free);
        if (i % 64 == 0)
            sched_yield_cpu();
    }
    before = __atomic_load_n(&freed, __ATOMIC_RELAXED);
    rcu_barrier();
    KTEST_EXPECT(freed == MANY, "%u of %u freed after the barrier", freed, MANY);
    KTEST_EXPECT(before >= MANY / 2, "only %u of %u freed before the barrier", before, MANY);
    return true;
}

static struct item *published; /* atomic */
static bool stop;              /* atomic */
static unsigned nreaders;      /* atomic: readers that have not ended */
static unsigned seen_gone;     /* atomic */
static PERCPU struct thread readers;

/* A thread of another processor: reads what is published, again and again. A hundred looks in one
 * section: the writer has time to replace the object meanwhile. */
static void read_published(void *argument)
{
    (void)argument;
    sched_first();
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        struct item *item;

        rcu_read_lock();
        item = __atomic_load_n(&published, __ATOMIC_ACQUIRE);
        for (unsigned i = 0; i < 100; i++) {
            if (__atomic_load_n(&item->word, __ATOMIC_RELAXED) != LIVE)
                __atomic_fetch_add(&seen_gone, 1, __ATOMIC_RELAXED);
            cpu_pause();
        }
        rcu_read_unlock();
        sched_yield_cpu();
    }
    sched_exit();
}

static void reader_ended(struct thread *thread)
{
    (void)thread;
    __atomic_fetch_sub(&nreaders, 1, __ATOMIC_RELEASE);
}

/* False: there is no memory for it. */
static bool reader_start(unsigned cpu, void (*function)(void *))
{
    struct thread *thread = percpu_of(readers, __atomic_load_n(&nreaders, __ATOMIC_RELAXED));

    *thread = (struct thread){0};
    if (thread_create(thread, function, NULL))
        return false;
    thread->affinity = cpumask_of(cpu);
    thread->ended = reader_ended;
    __atomic_fetch_add(&nreaders, 1, __ATOMIC_RELAXED);
    sched_start(thread);
    return true;
}

/* On every processor but the first, as many as there is memory for. */
static void threads_start(void (*function)(void *argument))
{
    stop = false;
    for (unsigned cpu = 1; cpu < sched_cpus_online(); cpu++)
        if (!reader_start(cpu, function))
            break;
}

/* Stacks are freed when the threads have ended for good. */
static void readers_stop(unsigned count)
{
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    while (__atomic_load_n(&nreaders, __ATOMIC_ACQUIRE))
        sched_yield_cpu();
    for (unsigned i = 0; i < count; i++)
        thread_destroy(percpu_of(readers, i));
}

/* Takes the object away that readers may look at, and has it freed. False: no memory. */
static bool replace_published(void)
{
    struct item *item = item_make(), *old;

    if (!item)
        return false;
    old = __atomic_exchange_n(&published, item, __ATOMIC_ACQ_REL);
    rcu_call(&old->rcu, item_free);
    return true;
}

/* An object stays as it is until every reader that found it is done, on whichever processor. */
KTEST(rcu_reader, "rcu-reader-keeps-object")
{
    uint64_t end = clock_monotonic_ns() + READING_NS;
    unsigned count;
    bool good = true;

    seen_gone = 0;
    published = item_make();
    KTEST_EXPECT(published, "no memory");
    threads_start(read_published);
    count = nreaders;
    while (good && clock_monotonic_ns() < end) {
        good = replace_published();
        sched_yield_cpu();
    }
    readers_stop(count);
    rcu_barrier();
    kfree(published);
    KTEST_EXPECT(good, "no memory");
    KTEST_EXPECT(seen_gone == 0, "readers saw an object %u times after it was freed", seen_gone);
    return true;
}

/* --- a tree that is read while it is changed --- */

static struct rb_node leaves[3]; /* in the order of the tree */
static struct rb_tree tree;
static unsigned seen_torn; /* atomic: addresses that are none of the three */

static bool is_leaf_or_none(const struct rb_node *node)
{
    return !node || (node >= leaves && node < leaves + ARRAY_SIZE(leaves));
}

static void tree_add(struct rb_node *node)
{
    struct rb_node **link = &tree.root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = node < parent ? &parent->left : &parent->right;
    }
    rb_insert(&tree, node, parent, link);
}

static void read_leaves(void *argument)
{
    (void)argument;
    sched_first();
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < 1000 * ARRAY_SIZE(leaves); i++) {
            struct rb_node *node = &leaves[i % ARRAY_SIZE(leaves)];

            if (!is_leaf_or_none(__atomic_load_n(&tree.root, __ATOMIC_RELAXED)) ||
                !is_leaf_or_none(__atomic_load_n(&node->left, __ATOMIC_RELAXED)) ||
                !is_leaf_or_none(__atomic_load_n(&node->right, __ATOMIC_RELAXED)))
                __atomic_fetch_add(&seen_torn, 1, __ATOMIC_RELAXED);
        }
        sched_yield_cpu();
    }
    sched_exit();
}

/* The middle one has two children: the successor, which has none, takes its place. */
KTEST(rcu_tree, "rcu-tree-links-are-whole")
{
    uint64_t end = clock_monotonic_ns() + READING_NS;
    unsigned count;

    seen_torn = 0;
    tree.root = NULL;
    threads_start(read_leaves);
    count = nreaders;
    while (clock_monotonic_ns() < end) {
        tree_add(&leaves[1]);
        tree_add(&leaves[0]);
        tree_add(&leaves[2]);
        for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
            rb_erase(&tree, &leaves[(i + 1) % ARRAY_SIZE(leaves)]);
    }
    readers_stop(count);
    KTEST_EXPECT(seen_torn == 0, "readers met %u addresses that are no node's", seen_torn);
    return true;
}

/* Has the lists of all processors freed, without a pause. */
static void barriers_again(void *argument)
{
    (void)argument;
    sched_first();
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        rcu_barrier();
        sched_yield_cpu();
    }
    sched_exit();
}

/* The object may be on the lists that another barrier has taken. */
KTEST(rcu_barriers, "rcu-barriers-at-once")
{
    uint64_t end = clock_monotonic_ns() + READING_NS;
    unsigned count, given = 0;
    bool good = true;

    freed = 0;
    threads_start(barriers_again);
    count = nreaders;
    while (good && clock_monotonic_ns() < end) {
        for (unsigned i = 0; i < SOME; i++) {
            struct item *item = item_make();

            if (!item)
                break;
            rcu_call(&item->rcu, item_free);
            given++;
            cpu_pause();
        }
        rcu_barrier();
        good = __atomic_load_n(&freed, __ATOMIC_RELAXED) == given;
    }
    readers_stop(count);
    KTEST_EXPECT(good, "only %u of %u were free after the barrier", freed, given);
    return true;
}

/* --- hazard pointers --- */

static struct {
    bool entered, left; /* atomic */
    bool early;         /* the drain has not waited */
} hazard;

static void hazard_hold(void *argument)
{
    uint64_t end;

    (void)argument;
    sched_first();
    hazard_enter(&hazard);
    __atomic_store_n(&hazard.entered, true, __ATOMIC_RELEASE);
    end = clock_monotonic_ns() + HOLDING_NS;
    while (clock_monotonic_ns() < end)
        cpu_pause();
    __atomic_store_n(&hazard.left, true, __ATOMIC_RELEASE);
    hazard_leave();
    sched_exit();
}

static void hazard_wait(void *argument)
{
    (void)argument;
    sched_first();
    while (!__atomic_load_n(&hazard.entered, __ATOMIC_ACQUIRE))
        cpu_pause();
    hazard_drain(&hazard);
    hazard.early = !__atomic_load_n(&hazard.left, __ATOMIC_ACQUIRE);
    sched_exit();
}

/* Whoever drains waits for a reader on each other processor: of the first two in both directions.
 * The thread that waits may be started alone, for want of memory: then it finds no reader. */
KTEST(hazard_drain_waits, "hazard-drain-waits")
{
    for (unsigned cpu = 0; cpu < 2 && sched_cpus_online() > 1; cpu++) {
        bool holds, waits;

        hazard.entered = hazard.left = hazard.early = false;
        waits = reader_start(!cpu, hazard_wait);
        holds = waits && reader_start(cpu, hazard_hold);
        if (!holds)
            __atomic_store_n(&hazard.entered, true, __ATOMIC_RELEASE);
        readers_stop((unsigned)waits + holds);
        KTEST_EXPECT(holds, "no memory");
        KTEST_EXPECT(!hazard.early, "not for the reader on processor %u", cpu);
    }
    return true;
}
