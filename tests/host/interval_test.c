/* SPDX-License-Identifier: MIT */
/*
 * tests/host/interval_test.c - lib/interval.c: random members, searches against a plain list
 */
#include "tests/host/check.h"

#include "kernel/lib/interval.h"

#define ITEMS 120
#define STEPS 60000
#define SPAN  1000

static struct interval items[ITEMS];
static bool present[ITEMS];
static struct rb_tree tree;

/* The sum of every node is right, and the order. */
static uint64_t check_subtree(const struct rb_node *node)
{
    const struct interval *item = node ? rb_entry(node, struct interval, node) : NULL;
    uint64_t max, left, right;

    if (!node)
        return 0;
    left = check_subtree(node->left);
    right = check_subtree(node->right);
    max = MAX(item->last, MAX(left, right));
    assert_int_equal(item->last_max, max);
    if (node->left)
        assert_true(rb_entry(node->left, struct interval, node)->first <= item->first);
    if (node->right)
        assert_true(rb_entry(node->right, struct interval, node)->first >= item->first);
    return max;
}

static void check_search(uint64_t first, uint64_t last)
{
    unsigned want = 0, got = 0;
    uint64_t before = 0;

    for (unsigned i = 0; i < ITEMS; i++)
        want += present[i] && items[i].first <= last && items[i].last >= first;
    for (struct interval *at = interval_find(&tree, first, last); at;
         at = interval_next(at, first, last)) {
        assert_true(present[at - items]);
        assert_true(at->first <= last && at->last >= first && at->first >= before);
        before = at->first;
        got++;
    }
    assert_int_equal(got, want);
}

static void test_random(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)(next_random(&seed) % ITEMS);
        uint64_t first = next_random(&seed) % SPAN;
        uint64_t length = next_random(&seed) % (next_random(&seed) % 8 ? 20 : SPAN);

        if (present[i]) {
            interval_erase(&tree, &items[i]);
        } else {
            items[i].first = first;
            items[i].last = next_random(&seed) % 50 ? first + length : UINT64_MAX;
            interval_insert(&tree, &items[i]);
        }
        present[i] = !present[i];
        if (step % 16 == 0)
            check_subtree(tree.root);
        check_search(first, first + next_random(&seed) % 30);
    }
    check_search(0, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
