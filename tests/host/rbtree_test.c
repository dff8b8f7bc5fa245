/* SPDX-License-Identifier: MIT */
/*
 * tests/host/rbtree_test.c - lib/rbtree.c: random operations, all invariants after each
 */
#include "tests/host/check.h"

#include "kernel/lib/rbtree.h"

#define ITEMS 200

struct item {
    int key;
    bool present;
    struct rb_node node;
};

static int key_of(const struct rb_node *node)
{
    return rb_entry(node, struct item, node)->key;
}

static bool is_black(const struct rb_node *node)
{
    return !node || (node->parent_and_colour & RB_BLACK);
}

/* Checks a subtree and returns its black height. */
static int check_subtree(const struct rb_node *node, const struct rb_node *parent)
{
    int left, right;

    if (!node)
        return 0;
    assert_ptr_equal(rb_parent(node), parent);
    assert_true(is_black(node) || (is_black(node->left) && is_black(node->right)));
    left = check_subtree(node->left, node);
    right = check_subtree(node->right, node);
    assert_int_equal(left, right);
    return left + is_black(node);
}

/* Shape, and the nodes in both directions against the list of what is present. */
static void check_tree(const struct rb_tree *tree, const struct item *items)
{
    struct rb_node *node = rb_first(tree);

    assert_true(is_black(tree->root));
    check_subtree(tree->root, NULL);
    for (int i = 0; i < ITEMS; i++) {
        if (!items[i].present)
            continue;
        assert_non_null(node);
        assert_int_equal(key_of(node), items[i].key);
        node = rb_next(node);
    }
    assert_null(node);

    node = rb_last(tree);
    for (int i = ITEMS - 1; i >= 0; i--) {
        if (!items[i].present)
            continue;
        assert_non_null(node);
        assert_int_equal(key_of(node), items[i].key);
        node = rb_prev(node);
    }
    assert_null(node);
}

static void insert(struct rb_tree *tree, struct item *item)
{
    struct rb_node **link = &tree->root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = item->key < key_of(parent) ? &parent->left : &parent->right;
    }
    rb_insert(tree, &item->node, parent, link);
    item->present = true;
}

static void items_init(struct item *items)
{
    for (int i = 0; i < ITEMS; i++)
        items[i] = (struct item){.key = i};
}

static void test_empty(void **state)
{
    struct rb_tree tree = {0};

    (void)state;
    assert_null(rb_first(&tree));
    assert_null(rb_last(&tree));
}

static void test_ascending_then_erased_in_order(void **state)
{
    struct rb_tree tree = {0};
    struct item items[ITEMS];

    (void)state;
    items_init(items);
    for (int i = 0; i < ITEMS; i++) {
        insert(&tree, &items[i]);
        check_tree(&tree, items);
    }
    assert_true(check_subtree(tree.root, NULL) <= 8);
    for (int i = 0; i < ITEMS; i++) {
        rb_erase(&tree, &items[i].node);
        items[i].present = false;
        check_tree(&tree, items);
    }
    assert_null(tree.root);
}

static void test_random_operations(void **state)
{
    struct rb_tree tree = {0};
    struct item items[ITEMS];
    uint64_t seed = 42;

    (void)state;
    items_init(items);
    for (int round = 0; round < 20000; round++) {
        struct item *item = &items[next_random(&seed) % ITEMS];

        if (item->present) {
            rb_erase(&tree, &item->node);
            item->present = false;
            memset(&item->node, 0xa5, sizeof(item->node));
        } else {
            insert(&tree, item);
        }
        check_tree(&tree, items);
    }
}

static void test_replace(void **state)
{
    struct rb_tree tree = {0};
    struct item items[ITEMS], others[ITEMS];

    (void)state;
    items_init(items);
    items_init(others);
    for (int i = 0; i < ITEMS; i++)
        insert(&tree, &items[(i * 37) % ITEMS]);
    for (int i = 0; i < ITEMS; i++) {
        rb_replace(&tree, &items[i].node, &others[i].node);
        memset(&items[i].node, 0xa5, sizeof(items[i].node));
        check_tree(&tree, items);
        assert_true(rb_entry(rb_first(&tree), struct item, node) == &others[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_ascending_then_erased_in_order),
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_replace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
