/* SPDX-License-Identifier: MIT */
/*
 * tests/host/bpf_test.c - lib/bpf.c: random programs, under the sanitizers
 *
 * What a program may be and returns is compared with Linux by tests/user/proc/seccomp_programs.c.
 * Here every program that the check lets pass is run with a buffer of exactly its data: whatever it
 * does beyond it, or for ever, is found.
 */
#include "tests/host/check.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/lib/bpf.h"

#define PROGRAMS  200000
#define INSNS_MAX 24

static uint64_t seed;

static uint32_t draw(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static uint32_t constant(void)
{
    static const uint32_t special[] = {
        0, 1, 15, 16, 31, 32, 60, 63, 64, UINT32_MAX, UINT32_MAX - 1};

    return draw() % 4 ? special[draw() % 11] : draw() % 2 ? draw() % 64 : draw();
}

static struct lx_sock_filter insn(void)
{
    static const uint8_t codes[] = {0x00, 0x20, 0x60, 0x80, 0x01, 0x61, 0x81, 0x02, 0x03, 0x0c,
                                    0x34, 0x3c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x05, 0x15, 0x1d,
                                    0x25, 0x35, 0x45, 0x07, 0x87, 0x06, 0x16, 0x02, 0x02, 0x15};

    return (struct lx_sock_filter){draw() % 30 ? codes[draw() % sizeof(codes)] : (uint16_t)draw(),
                                   (uint8_t)(draw() % 8), (uint8_t)(draw() % 8), constant()};
}

/* The program and its scratch have no byte more than they need. */
static void test_random(void **unused)
{
    struct lx_seccomp_data *data = calloc(1, sizeof(*data));
    unsigned good = 0;

    (void)unused;
    for (unsigned i = 0; i < PROGRAMS; i++) {
        unsigned count = 1 + draw() % (i % 2 ? 5 : INSNS_MAX);
        struct lx_sock_filter *insns = malloc(count * sizeof(*insns));
        uint16_t *scratch = malloc(count * sizeof(*scratch));

        for (unsigned at = 0; at < count; at++)
            insns[at] = insn();
        if (draw() % 4)
            insns[count - 1] = (struct lx_sock_filter){0x16, 0, 0, 0};
        data->args[draw() % 6] = constant();
        if (bpf_check(insns, count, scratch)) {
            bpf_run(insns, data);
            good++;
        }
        free(insns);
        free(scratch);
    }
    assert_true(good > PROGRAMS / 50);
    free(data);
}

static uint32_t result_of(struct lx_sock_filter one, uint32_t a, uint32_t x)
{
    const struct lx_sock_filter insns[] = {
        {0x00, 0, 0, x}, {0x07, 0, 0, 0}, {0x00, 0, 0, a}, one, {0x16, 0, 0, 0}};
    const struct lx_seccomp_data data = {.number = 5};
    uint16_t scratch[5];

    assert_true(bpf_check(insns, 5, scratch));
    return bpf_run(insns, &data);
}

static void test_arithmetic(void **unused)
{
    static const struct {
        struct lx_sock_filter insn;
        uint32_t a, x, result;
    } cases[] = {
        {{0x04, 0, 0, 2}, UINT32_MAX, 0, 1},
        {{0x0c, 0, 0, 0}, 3, 4, 7},
        {{0x14, 0, 0, 4}, 3, 0, UINT32_MAX},
        {{0x24, 0, 0, 3}, 0x80000001, 0, 0x80000003},
        {{0x34, 0, 0, 2}, UINT32_MAX, 0, 0x7fffffff},
        {{0x3c, 0, 0, 0}, 7, 0, 0},
        {{0x44, 0, 0, 6}, 1, 0, 7},
        {{0x5c, 0, 0, 0}, 6, 3, 2},
        {{0x64, 0, 0, 31}, 3, 0, 0x80000000},
        {{0x6c, 0, 0, 0}, 1, 33, 2},
        {{0x74, 0, 0, 1}, 0x80000000, 0, 0x40000000},
        {{0x7c, 0, 0, 0}, 4, 34, 1},
        {{0x84, 0, 0, 0}, 1, 0, UINT32_MAX},
        {{0xa4, 0, 0, 5}, 6, 0, 3},
        {{0x80, 0, 0, 9}, 1, 0, 64},
        {{0x20, 0, 0, 0}, 1, 0, 5},
        {{0x87, 0, 0, 0}, 1, 12, 12},
    };

    (void)unused;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(result_of(cases[i].insn, cases[i].a, cases[i].x), cases[i].result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_arithmetic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
