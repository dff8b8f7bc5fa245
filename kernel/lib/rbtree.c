/* SPDX-License-Identifier: MIT */
/*
 * lib/rbtree.c - red-black tree
 *
 * Invariants: the root is black; a red node has no red child; every path from the root to a NULL
 * meets the same number of black nodes. Left and right are handled by one piece of code each, with
 * the side as an index.
 */
#include "kernel/lib/rbtree.h"

enum side {
    LEFT = 0,
    RIGHT = 1,
};

static inline enum side other(enum side side)
{
    return side == LEFT ? RIGHT : LEFT;
}

static inline struct rb_node **child(struct rb_node *node, enum side side)
{
    return side == LEFT ? &node->left : &node->right;
}

/* NULL counts as black. */
static inline bool is_red(const struct rb_node *node)
{
    return node && !(node->parent_and_colour & RB_BLACK);
}

static inline void set_parent(struct rb_node *node, struct rb_node *parent)
{
    node->parent_and_colour = (uintptr_t)parent | (node->parent_and_colour & RB_BLACK);
}

static inline void set_black(struct rb_node *node)
{
    node->parent_and_colour |= RB_BLACK;
}

static inline void set_red(struct rb_node *node)
{
    node->parent_and_colour &= ~(uintptr_t)RB_BLACK;
}

/* The pointer that leads to node from above. */
static inline struct rb_node **link_of(struct rb_tree *tree, struct rb_node *node,
                                       struct rb_node *parent)
{
    if (!parent)
        return &tree->root;
    return parent->left == node ? &parent->left : &parent->right;
}

/* Turns node down to `side`; its child on the other side takes its place. Colours stay. */
static void rotate(struct rb_tree *tree, struct rb_node *node, enum side side)
{
    struct rb_node *parent = rb_parent(node);
    struct rb_node *up = *child(node, other(side));
    struct rb_node *inner = *child(up, side);

    *link_of(tree, node, parent) = up;
    set_parent(up, parent);
    *child(up, side) = node;
    set_parent(node, up);
    *child(node, other(side)) = inner;
    if (inner)
        set_parent(inner, node);
}

void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
               struct rb_node **link)
{
    node->left = NULL;
    node->right = NULL;
    node->parent_and_colour = (uintptr_t)parent; /* red */
    *link = node;

    while (is_red(parent)) { /* a red parent is not the root: there is a grandparent */
        struct rb_node *grand = rb_parent(parent);
        enum side side = grand->left == parent ? LEFT : RIGHT;
        struct rb_node *uncle = *child(grand, other(side));

        if (is_red(uncle)) {
            set_black(parent);
            set_black(uncle);
            set_red(grand);
            node = grand;
            parent = rb_parent(node);
            continue;
        }
        if (*child(parent, other(side)) == node) {
            rotate(tree, parent, side);
            parent = node;
        }
        set_black(parent);
        set_red(grand);
        rotate(tree, grand, other(side));
        break;
    }
    set_black(tree->root);
}

/* Paths through `node` (which may be NULL), a child of parent, are one black node short. */
static void fix_short(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent)
{
    while (parent && !is_red(node)) {
        enum side side = parent->left == node ? LEFT : RIGHT;
        struct rb_node *sibling = *child(parent, other(side)); /* not NULL: its side is longer */

        if (is_red(sibling)) {
            set_black(sibling);
            set_red(parent);
            rotate(tree, parent, side);
            sibling = *child(parent, other(side));
        }
        if (!is_red(sibling->left) && !is_red(sibling->right)) {
            set_red(sibling);
            node = parent;
            parent = rb_parent(node);
            continue;
        }
        if (!is_red(*child(sibling, other(side)))) {
            set_black(*child(sibling, side));
            set_red(sibling);
            rotate(tree, sibling, other(side));
            sibling = *child(parent, other(side));
        }
        sibling->parent_and_colour = (uintptr_t)parent | (is_red(parent) ? 0 : (uintptr_t)RB_BLACK);
        set_black(parent);
        set_black(*child(sibling, other(side)));
        rotate(tree, parent, side);
        return;
    }
    if (node)
        set_black(node);
}

void rb_replace(struct rb_tree *tree, struct rb_node *old, struct rb_node *node)
{
    *link_of(tree, old, rb_parent(old)) = node;
    *node = *old;
    if (node->left)
        set_parent(node->left, node);
    if (node->right)
        set_parent(node->right, node);
}

/* Takes out a node with at most one child, and repairs the colours. */
static void erase_simple(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *parent = rb_parent(node);
    struct rb_node *only = node->left ? node->left : node->right;
    bool was_red = is_red(node);

    *link_of(tree, node, parent) = only;
    if (only)
        set_parent(only, parent);
    if (!was_red)
        fix_short(tree, only, parent);
}

void rb_erase(struct rb_tree *tree, struct rb_node *node)
{
    if (node->left && node->right) {
        /* The successor has no left child: it comes out in node's stead, then takes its place. */
        struct rb_node *successor = rb_next(node);

        erase_simple(tree, successor);
        rb_replace(tree, node, successor);
    } else {
        erase_simple(tree, node);
    }
}

static struct rb_node *outermost(struct rb_node *node, enum side side)
{
    while (node && *child(node, side))
        node = *child(node, side);
    return node;
}

/* The next node towards `side`: the nearest one of that subtree, else the first ancestor that is
 * reached from the other side. */
static struct rb_node *neighbour(const struct rb_node *start, enum side side)
{
    struct rb_node *node = (struct rb_node *)(uintptr_t)start;
    struct rb_node *parent;

    if (*child(node, side))
        return outermost(*child(node, side), other(side));
    for (parent = rb_parent(node); parent && *child(parent, side) == node;
         parent = rb_parent(parent))
        node = parent;
    return parent;
}

struct rb_node *rb_first(const struct rb_tree *tree)
{
    return outermost(tree->root, LEFT);
}

struct rb_node *rb_last(const struct rb_tree *tree)
{
    return outermost(tree->root, RIGHT);
}

struct rb_node *rb_next(const struct rb_node *node)
{
    return neighbour(node, RIGHT);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    return neighbour(node, LEFT);
}
