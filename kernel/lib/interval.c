/* SPDX-License-Identifier: MIT */
/*
 * Interval tree: a red-black tree by first number, with the largest last number of each subtree.
 *
 * In a subtree whose largest last number lies before the range nothing overlaps it, and right of a
 * node whose first number lies behind the range nothing does either. What is left to search is one
 * path down for each result.
 */
#include "kernel/lib/interval.h"

static inline struct interval *interval_of(struct rb_node *node)
{
    return rb_entry(node, struct interval, node);
}

static inline bool may_overlap(const struct rb_node *node, uint64_t first)
{
    return node && rb_entry(node, struct interval, node)->last_max >= first;
}

/* Called by the tree from the changed node upwards; children are right already. */
static void update_last_max(struct rb_node *node)
{
    struct interval *interval = interval_of(node);
    uint64_t max = interval->last;

    if (node->left)
        max = MAX(max, interval_of(node->left)->last_max);
    if (node->right)
        max = MAX(max, interval_of(node->right)->last_max);
    interval->last_max = max;
}

/* Equal first numbers go to the right: intervals may be the same, and stay in the order of
 * insertion. */
void interval_insert(struct rb_tree *tree, struct interval *interval)
{
    struct rb_node **link = &tree->root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = interval->first < interval_of(parent)->first ? &parent->left : &parent->right;
    }
    rb_insert_augmented(tree, &interval->node, parent, link, update_last_max);
}

void interval_erase(struct rb_tree *tree, struct interval *interval)
{
    rb_erase_augmented(tree, &interval->node, update_last_max);
}

/* The first one of the subtree, in which some range ends at or behind `first`. Where the left side
 * has such a range but it begins too late, all that follow begin even later. */
static struct interval *subtree_find(struct rb_node *node, uint64_t first, uint64_t last)
{
    while (may_overlap(node, first)) {
        struct interval *interval = interval_of(node);

        if (may_overlap(node->left, first)) {
            node = node->left;
            continue;
        }
        if (interval->first > last)
            return NULL;
        if (interval->last >= first)
            return interval;
        node = node->right;
    }
    return NULL;
}

struct interval *interval_find(const struct rb_tree *tree, uint64_t first, uint64_t last)
{
    return subtree_find(tree->root, first, last);
}

struct interval *interval_next(const struct interval *interval, uint64_t first, uint64_t last)
{
    const struct rb_node *node = &interval->node;

    for (;;) {
        struct rb_node *parent;

        if (may_overlap(node->right, first))
            return subtree_find(node->right, first, last);
        do { /* up to the first ancestor that comes behind */
            parent = rb_parent(node);
            if (!parent)
                return NULL;
            if (parent->left == node)
                break;
            node = parent;
        } while (true);
        node = parent;
        if (interval_of(parent)->first > last)
            return NULL;
        if (interval_of(parent)->last >= first)
            return interval_of(parent);
    }
}
