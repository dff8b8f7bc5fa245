/* SPDX-License-Identifier: MIT */
/*
 * tests/host/pmm_test.c - frames: lists of processors, exact counts, the last frame, large blocks
 *
 * A processor is what GS points to: a test changes to another one, or has a thread for each. Frames
 * are real memory, so an owner's mark in them shows a frame that was handed out twice.
 */
#include "tests/host/check.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/core/clock.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/tables.h"
#include "tests/host/bootinfo_builder.h"

#define ARENA_NBYTES 0x3800000 /* what the machine of bootinfo_builder.c has */
#define CPUS         4

char *fake_arena;
unsigned cpu_count = CPUS;
uint64_t cpu_percpu_offset[CPU_MAX]; /* the statistics of locks are shared here */
static struct cpu cpus[CPUS];
static struct bootinfo_build build;
static struct frame *held[ARENA_NBYTES >> PAGE_SHIFT];

/* The rooms that pmm.c looks up to, as far as it does. */
bool tables_any_free(void)
{
    return false;
}

uint64_t clock_monotonic_ns(void)
{
    return 0;
}

static void run_on(unsigned cpu)
{
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[cpu]))
        abort();
}

static int start(void **state)
{
    (void)state;
    fake_arena =
        mmap(NULL, ARENA_NBYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fake_arena == MAP_FAILED)
        return -1;
    for (unsigned i = 0; i < CPUS; i++) {
        cpus[i].index = i;
        cpus[i].lock_id = (uint16_t)(i + 1);
    }
    run_on(0);
    /* As firmware leaves memory: descriptors that nothing has written are garbage. */
    memset(fake_arena, FRAME_CACHED, ARENA_NBYTES);
    bootinfo_build_machine(&build);
    pmm_init(&build.info);
    return 0;
}

/* After each test: all is free and whole again. */
static void expect_all_free(void)
{
    const char *fault;

    assert_int_equal(pmm_free_count(), pmm_total_count());
    pmm_drain();
    fault = pmm_check_owners();
    if (fault)
        fail_msg("%s", fault);
    assert_int_equal(pmm_in_blocks, pmm_total_count());
}

/* Of most of memory not even the descriptors have been written: start-up takes no longer with more
 * of it. The first test: blocks that were used once are in the lists. */
static void test_untouched(void **state)
{
    uint64_t counted = 0, garbage = 0;

    (void)state;
    assert_null(pmm_check_untouched(&counted));
    assert_true(counted > pmm_total_count() / 2 && counted < pmm_total_count());
    for (uint64_t n = 0; n < ARENA_NBYTES >> PAGE_SHIFT; n++) {
        bool written = pmm_frames[n].next != FRAME_CACHED * 0x01010101u;

        garbage += pmm_is_untouched(n) && !written;
        if (pmm_is_untouched(n))
            assert_true(pmm_frame_is_free(n));
    }
    assert_int_equal(garbage, counted);
    expect_all_free();
}

static uint64_t alloc_all(void)
{
    uint64_t count = 0;

    while ((held[count] = pmm_alloc(0, PMM_PLAIN)) != NULL)
        count++;
    return count;
}

static void test_count_is_exact(void **state)
{
    uint64_t before = pmm_free_count();

    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        run_on(i % CPUS);
        held[i] = pmm_alloc(0, PMM_PLAIN);
        assert_non_null(held[i]);
        assert_int_equal(pmm_free_count(), before - i - 1);
    }
    /* All on one processor: its list is shortened several times. */
    for (uint64_t i = 0; i < 200; i++) {
        pmm_free(held[i], 0);
        assert_int_equal(pmm_free_count(), before - 200 + i + 1);
        assert_true(before - 200 + i + 1 - pmm_in_blocks <= CPUS * 33);
    }
    assert_true(pmm_in_blocks < before);
    expect_all_free();
}

static void test_more_than(void **state)
{
    uint64_t before = pmm_free_count();

    (void)state;
    run_on(1);
    pmm_free(pmm_alloc(0, PMM_PLAIN), 0);
    run_on(0);
    assert_true(pmm_in_blocks < before);
    assert_true(pmm_has_more_than(before - 1)); /* with what the other one keeps */
    assert_false(pmm_has_more_than(before));
    expect_all_free();
}

static void test_last_frame(void **state)
{
    uint64_t before = pmm_free_count(), count;

    (void)state;
    /* Each other processor keeps some. */
    for (unsigned cpu = 1; cpu < CPUS; cpu++) {
        run_on(cpu);
        pmm_free(pmm_alloc(0, PMM_PLAIN), 0);
    }
    run_on(0);
    assert_true(pmm_in_blocks < before);
    count = alloc_all();
    assert_int_equal(count, before);
    assert_int_equal(pmm_free_count(), 0);
    assert_false(pmm_has_more_than(0));
    /* One that goes to the list of another one is there for the first. */
    run_on(2);
    pmm_free(held[--count], 0);
    run_on(0);
    held[count] = pmm_alloc(0, PMM_PLAIN);
    assert_non_null(held[count++]);
    for (uint64_t i = 0; i < count; i++) {
        run_on(i % CPUS);
        pmm_free(held[i], 0);
    }
    expect_all_free();
}

static void test_large_block(void **state)
{
    uint64_t count = alloc_all();
    struct frame *block;

    (void)state;
    assert_null(pmm_alloc(4, PMM_PLAIN));
    /* The frames of an aligned block, in the lists of two processors. */
    for (uint64_t i = 0; i < count; i++) {
        if ((frame_number(held[i]) >> 4) != 0x1000 >> 4)
            continue;
        run_on(1 + i % 2);
        pmm_free(held[i], 0);
        held[i] = NULL;
    }
    assert_int_equal(pmm_free_count(), 16);
    assert_int_equal(pmm_in_blocks, 0);
    run_on(0);
    block = pmm_alloc(4, PMM_ZERO);
    assert_non_null(block);
    assert_int_equal(frame_number(block), 0x1000);
    assert_null(pmm_alloc(0, PMM_PLAIN));
    pmm_free(block, 4);
    for (uint64_t i = 0; i < count; i++)
        if (held[i])
            pmm_free(held[i], 0);
    expect_all_free();
}

/* A list that another processor has taken is empty for its own, which fills it again. */
static void test_taken_list(void **state)
{
    struct frame *frames[8];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        run_on(0);
        frames[i] = pmm_alloc(0, PMM_PLAIN);
        assert_non_null(frames[i]);
        run_on(1);
        pmm_drain();
    }
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        run_on(0);
        pmm_free(frames[i], 0);
        run_on(1);
        pmm_drain();
        assert_int_equal(pmm_in_blocks, pmm_free_count());
    }
    expect_all_free();
}

static void test_zeroed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct frame *frame = pmm_alloc(0, PMM_PLAIN);
        const char *bytes = frame_address(frame);

        memset(frame_address(frame), 0xa5, PAGE_SIZE);
        pmm_free(frame, 0);
        assert_ptr_equal(pmm_alloc(0, PMM_ZERO), frame); /* the last one freed */
        for (size_t n = 0; n < PAGE_SIZE; n++)
            assert_int_equal(bytes[n], 0);
        pmm_free(frame, 0);
    }
    expect_all_free();
}

static void test_freed_twice(void **state)
{
    struct frame *frame = pmm_alloc(0, PMM_PLAIN);

    (void)state;
    pmm_free(frame, 0);
    assert_true(pmm_frame_is_free(frame_number(frame)));
    expect_assert_failure(pmm_free(frame, 0));
    pmm_drain();
    expect_assert_failure(pmm_free(frame, 0));
    expect_all_free();
}

/* --- a thread for each processor --- */

#define ROUNDS 300000
#define SLOTS  64

static uint32_t wrong; /* atomic */

/* At both ends of the page: who has it. */
static void mark_set(struct frame *frame, uint64_t mark)
{
    uint64_t *words = frame_address(frame);

    words[0] = words[PAGE_SIZE / 8 - 1] = mark;
}

static bool mark_intact(const struct frame *frame, uint64_t mark)
{
    const uint64_t *words = frame_address(frame);

    return words[0] == mark && words[PAGE_SIZE / 8 - 1] == mark;
}

/* Single frames, now and then a block, and everything that takes the lists of the others. */
static void *processor(void *argument)
{
    unsigned cpu = (unsigned)(uint64_t)argument;
    struct frame *slots[SLOTS] = {NULL};
    uint64_t state = cpu + 1, total = pmm_total_count();

    run_on(cpu);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = next_random(&state) % SLOTS;
        uint64_t mark = (uint64_t)cpu << 32 | i;

        if (slots[i] && !mark_intact(slots[i], mark))
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
        if (slots[i]) {
            pmm_free(slots[i], 0);
            slots[i] = NULL;
        } else {
            slots[i] = pmm_alloc(0, PMM_PLAIN);
            mark_set(slots[i], mark);
        }
        if (round % 64 == cpu)
            pmm_drain();
        /* Exact but for what each processor is about to do. */
        if (round % 16 == cpu && pmm_free_count() < total - CPUS * SLOTS - 2 * CPUS)
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i])
            pmm_free(slots[i], 0);
    return NULL;
}

static void test_processors_at_once(void **state)
{
    pthread_t threads[CPUS];

    (void)state;
    for (uint64_t cpu = 0; cpu < CPUS; cpu++)
        if (pthread_create(&threads[cpu], NULL, processor, (void *)cpu))
            abort();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        pthread_join(threads[cpu], NULL);
    assert_int_equal(wrong, 0);
    expect_all_free();
}

/* What the check of free blocks says of frames that have an owner, at the borders of ranges. */
static void test_check_block(void **state)
{
    const struct bootinfo_range last = build.ranges[BOOTINFO_BUILD_RANGES - 1];
    uint64_t own = (uint64_t)((char *)pmm_frames - fake_arena) >> PAGE_SHIFT;

    (void)state;
    assert_null(pmm_check_block(0x3000, own - 0x3000)); /* up to the last free frame */
    assert_non_null(pmm_check_block(0x3000, own - 0x3000 + 1));
    assert_non_null(pmm_check_block(0x3700, 1)); /* the firmware's */
    assert_non_null(pmm_check_block(0x1ff, 1));  /* the kernel's last, */
    assert_null(pmm_check_block(0x200, 0x40));   /* tables, */
    assert_non_null(pmm_check_block(0x23f, 2));  /* and the hand-over block behind them */
    assert_non_null(pmm_check_block(0x300, 1));
    assert_null(pmm_check_block(0x600, 0x20)); /* the loader's */
    /* What lies behind the last range of the array is none. */
    build.ranges[BOOTINFO_BUILD_RANGES - 1] =
        (struct bootinfo_range){.base = 0x3000000, .npages = 1, .type = BOOTINFO_RESERVED};
    assert_non_null(pmm_check_block(0x3000, 1));
    build.info.ranges_count--;
    assert_null(pmm_check_block(0x3000, 1));
    build.info.ranges_count++;
    build.ranges[BOOTINFO_BUILD_RANGES - 1] = last;
    expect_all_free();
}

/* Far from each other, at the beginning of largest blocks, whose rest stays free; then of others.
 */
static void test_spread(void **state)
{
    uint64_t before = pmm_free_count(), mask = (1u << PMM_MAX_ORDER) - 1, count;
    struct frame *blocks[64];
    unsigned few = pmm_alloc_spread(blocks, 3, 4), all;

    (void)state;
    assert_int_equal(few, 3);
    for (unsigned i = 0; i < few; i++) {
        assert_int_equal(frame_number(blocks[i]) & mask, 0);
        assert_true(!i || frame_number(blocks[i]) - frame_number(blocks[i - 1]) > 2 * mask);
        memset(frame_address(blocks[i]), 0x96, PAGE_SIZE << 4);
    }
    assert_int_equal(pmm_free_count(), before - 3 * 16);
    assert_null(pmm_check_owners());
    assert_null(pmm_alloc_first(frame_number(blocks[0]), 0)); /* no longer whole */
    all = few + pmm_alloc_spread(blocks + few, 61, 4);
    assert_in_range(all, 8, 14);
    assert_int_equal(pmm_free_count(), before - all * 16);
    assert_null(pmm_check_owners());
    assert_int_equal(pmm_alloc_spread(blocks + all, 1, 4), 0); /* there is no other */
    /* Nothing else gets them, and the rest of their blocks can be had. */
    count = alloc_all();
    assert_int_equal(count, before - all * 16);
    for (uint64_t i = 0; i < count; i++)
        for (unsigned n = 0; n < all; n++)
            assert_false(held[i] >= blocks[n] && held[i] < blocks[n] + 16);
    for (uint64_t i = 0; i < count; i++)
        pmm_free(held[i], 0);
    for (unsigned i = 0; i < all; i++)
        pmm_free(blocks[i], 4);
    expect_all_free();
}

/* The second test, while blocks are untouched. Their descriptors hold what this kernel left there
 * before a warm reset: a list of free blocks that is sound in itself. */
static void test_spread_over_an_older_list(void **state)
{
    const uint32_t nframes = 1u << PMM_MAX_ORDER;
    struct frame *blocks[64];
    unsigned all;

    (void)state;
    for (uint32_t n = nframes; n < ARENA_NBYTES >> PAGE_SHIFT; n += nframes)
        if (pmm_is_untouched(n))
            pmm_frames[n] = (struct frame){.state = FRAME_FREE,
                                           .order = PMM_MAX_ORDER,
                                           .prev = n - nframes,
                                           .next = n + nframes};
    all = pmm_alloc_spread(blocks, 64, 4);
    assert_in_range(all, 8, 14);
    assert_null(pmm_check_owners());
    for (unsigned i = 0; i < all; i++)
        pmm_free(blocks[i], 4);
    expect_all_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untouched),      cmocka_unit_test(test_spread_over_an_older_list),
        cmocka_unit_test(test_count_is_exact), cmocka_unit_test(test_more_than),
        cmocka_unit_test(test_last_frame),     cmocka_unit_test(test_large_block),
        cmocka_unit_test(test_taken_list),     cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_freed_twice),    cmocka_unit_test(test_processors_at_once),
        cmocka_unit_test(test_check_block),    cmocka_unit_test(test_spread),
    };

    return cmocka_run_group_tests_name("pmm", tests, start, NULL);
}
