/* SPDX-License-Identifier: MIT */
/*
 * tests/host/ring_test.c - lib/ring.c against a plain queue
 */
#include "tests/host/check.h"

#include "kernel/lib/ring.h"

#define SIZE 16

/* What the ring should hold: sent bytes have a running number, so order is visible. */
static void check_next(struct ring *ring, uint8_t *expected, size_t nbytes)
{
    uint8_t got[2 * SIZE];

    assert_int_equal(ring_get(ring, got, nbytes), nbytes);
    for (size_t i = 0; i < nbytes; i++)
        assert_int_equal(got[i], (*expected)++);
}

static void test_random_traffic(void **state)
{
    uint8_t *memory = malloc(SIZE);
    uint8_t sent = 0, received = 0;
    uint64_t seed = 5;
    struct ring ring;

    (void)state;
    ring_init(&ring, memory, SIZE);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[2 * SIZE];
        size_t n = next_random(&seed) % (SIZE + 4);
        size_t room = ring_free(&ring);
        size_t done;

        assert_int_equal(ring_used(&ring) + ring_free(&ring), SIZE);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(sent + i);
        done = ring_put(&ring, bytes, n);
        assert_int_equal(done, n < room ? n : room);
        sent = (uint8_t)(sent + done);
        check_next(&ring, &received, next_random(&seed) % (ring_used(&ring) + 1));
    }
    free(memory);
}

static void test_empty_and_full(void **state)
{
    char memory[SIZE], bytes[SIZE + 1] = {0};
    struct ring ring;

    (void)state;
    ring_init(&ring, memory, SIZE);
    assert_int_equal(ring_get(&ring, bytes, 1), 0);
    assert_int_equal(ring_readable(&ring).nbytes, 0);
    assert_int_equal(ring_put(&ring, bytes, SIZE + 1), SIZE);
    assert_int_equal(ring_put(&ring, bytes, 1), 0);
    assert_int_equal(ring_writable(&ring).nbytes, 0);
    assert_int_equal(ring_get(&ring, bytes, SIZE + 1), SIZE);
}

static void test_spans(void **state)
{
    char memory[SIZE], bytes[SIZE] = "0123456789abcdef";
    struct ring ring;

    (void)state;
    ring_init(&ring, memory, SIZE);
    ring_put(&ring, bytes, 10);
    ring_get(&ring, bytes, 10);
    assert_int_equal(ring_writable(&ring).nbytes, 6); /* up to the end of the memory */
    assert_ptr_equal(ring_writable(&ring).bytes, memory + 10);
    ring_advance_write(&ring, 6);
    assert_int_equal(ring_writable(&ring).nbytes, 10);
    assert_ptr_equal(ring_writable(&ring).bytes, memory);
    ring_advance_write(&ring, 3);
    assert_int_equal(ring_readable(&ring).nbytes, 6);
    ring_advance_read(&ring, 6);
    assert_int_equal(ring_readable(&ring).nbytes, 3);
    assert_ptr_equal(ring_readable(&ring).bytes, memory);
}

static void test_put_over_keeps_the_newest(void **state)
{
    char memory[8], got[9] = {0};
    struct ring ring;

    (void)state;
    ring_init(&ring, memory, sizeof(memory));
    ring_put_over(&ring, "abcdef", 6);
    ring_put_over(&ring, "ghij", 4);
    assert_int_equal(ring_get(&ring, got, 8), 8);
    assert_string_equal(got, "cdefghij");
    ring_put_over(&ring, "0123456789ABCDEF", 16);
    assert_int_equal(ring_get(&ring, got, 8), 8);
    assert_string_equal(got, "89ABCDEF");
}

static void test_misuse_is_caught(void **state)
{
    char memory[8];
    struct ring ring;

    (void)state;
    expect_assert_failure(ring_init(&ring, memory, 6));
    expect_assert_failure(ring_init(&ring, memory, 0));
    ring_init(&ring, memory, 8);
    expect_assert_failure(ring_advance_read(&ring, 1));
    expect_assert_failure(ring_advance_write(&ring, 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_traffic),
        cmocka_unit_test(test_empty_and_full),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_put_over_keeps_the_newest),
        cmocka_unit_test(test_misuse_is_caught),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
