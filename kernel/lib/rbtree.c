/* SPDX-License-Identifier: MIT */
/*
 * Red-black tree, with an optional sum at each node.
 *
 * Invariants: the root is black; a red node has no red child; every path from the root to a NULL
 * meets the same number of black nodes. Left and right are handled by one piece of code each, with
 * the side as an index.
 *
 * Readers may go down while the tree is changed (rbtree.h). So the words that lead down, the root
 * and the children of a node, are stored by set_link alone: one whole word, behind everything that
 * was stored in the node before. A copy of a struct would not do: compilers make it of smaller
 * pieces, and a reader would meet half an address. The parents and colours are for changers alone.
 */
#include "kernel/lib/rbtree.h"

/* Cormen et al., "Introduction to Algorithms", chapter 13; the cases below are theirs. */
enum side {
    LEFT = 0,
    RIGHT = 1,
};

static inline enum side other(enum side side)
{
    return side == LEFT ? RIGHT : LEFT;
}

/* Not an array of two in the node: callers descend by name. */
static inline struct rb_node **child(struct rb_node *node, enum side side)
{
    return side == LEFT ? &node->left : &node->right;
}

static inline void set_link(struct rb_node **link, struct rb_node *node)
{
    __atomic_store_n(link, node, __ATOMIC_RELEASE);
}

/* NULL counts as black. */
static inline bool is_red(const struct rb_node *node)
{
    return node && !(node->parent_and_colour & RB_BLACK);
}

/* Nodes are aligned, so the lowest bit of the parent's address holds the colour. */
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

/* From node up to the root; for trees that are not augmented there is nothing to do. Stops at the
 * root, not at the first sum that stays the same: comparing would need the sum's type. */
static inline void update_path(struct rb_node *node, void (*update)(struct rb_node *node))
{
    for (; update && node; node = rb_parent(node))
        update(node);
}

/* Turns node down to `side`; its child on the other side takes its place. Colours stay. Of the
 * sums only these two change: the subtree above them has the same members as before. */
static void rb_rotate(struct rb_tree *tree, struct rb_node *node, enum side side,
                      void (*update)(struct rb_node *node))
{
    struct rb_node *parent = rb_parent(node);
    struct rb_node *up = *child(node, other(side));
    struct rb_node *inner = *child(up, side);

    set_link(link_of(tree, node, parent), up);
    set_parent(up, parent);
    set_link(child(up, side), node);
    set_parent(node, up);
    set_link(child(node, other(side)), inner);
    if (inner)
        set_parent(inner, node);
    if (update) {
        update(node);
        update(up);
    }
}

void rb_insert_augmented(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
                         struct rb_node **link, void (*update)(struct rb_node *node))
{
    set_link(&node->left, NULL);
    set_link(&node->right, NULL);
    node->parent_and_colour = (uintptr_t)parent; /* red */
    set_link(link, node);
    update_path(node, update);

    while (is_red(parent)) { /* a red parent is not the root: there is a grandparent */
        struct rb_node *grand = rb_parent(parent);
        enum side side = grand->left == parent ? LEFT : RIGHT;
        struct rb_node *uncle = *child(grand, other(side));

        /* Case 1: the black moves down from the grandparent, the violation moves up to it. */
        if (is_red(uncle)) {
            set_black(parent);
            set_black(uncle);
            set_red(grand);
            node = grand;
            parent = rb_parent(node);
            continue;
        }
        /* Case 2: an inner grandchild is turned to the outside first. */
        if (*child(parent, other(side)) == node) {
            rb_rotate(tree, parent, side, update);
            parent = node;
        }
        /* Case 3: one rotation, and the tree is right. */
        set_black(parent);
        set_red(grand);
        rb_rotate(tree, grand, other(side), update);
        break;
    }
    set_black(tree->root);
}

void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
               struct rb_node **link)
{
    rb_insert_augmented(tree, node, parent, link, NULL);
}

/* Paths through `node` (which may be NULL), a child of parent, are one black node short. */
static void fix_short(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
                      void (*update)(struct rb_node *node))
{
    while (parent && !is_red(node)) {
        enum side side = parent->left == node ? LEFT : RIGHT;
        struct rb_node *sibling = *child(parent, other(side)); /* not NULL: its side is longer */

        /* Case 1: a red sibling is turned up; the new sibling is black. */
        if (is_red(sibling)) {
            set_black(sibling);
            set_red(parent);
            rb_rotate(tree, parent, side, update);
            sibling = *child(parent, other(side));
        }
        /* Case 2: the sibling's side gives up a black too, and the shortage moves to the parent. */
        if (!is_red(sibling->left) && !is_red(sibling->right)) {
            set_red(sibling);
            node = parent;
            parent = rb_parent(node);
            continue;
        }
        /* Case 3: a red inner child of the sibling is turned to the outside. */
        if (!is_red(*child(sibling, other(side)))) {
            set_black(*child(sibling, side));
            set_red(sibling);
            rb_rotate(tree, sibling, other(side), update);
            sibling = *child(parent, other(side));
        }
        /* Case 4: the sibling takes the parent's place and colour. The parent pointer stored here
         * is overwritten by the rotation; only the colour counts. */
        sibling->parent_and_colour = (uintptr_t)parent | (is_red(parent) ? 0 : (uintptr_t)RB_BLACK);
        set_black(parent);
        set_black(*child(sibling, other(side)));
        rb_rotate(tree, parent, side, update);
        return;
    }
    if (node)
        set_black(node);
}

/* Sums are copied with the node and have to be recomputed where the two differ. */
void rb_replace(struct rb_tree *tree, struct rb_node *old, struct rb_node *node)
{
    node->parent_and_colour = old->parent_and_colour;
    set_link(&node->left, old->left);
    set_link(&node->right, old->right);
    set_link(link_of(tree, old, rb_parent(old)), node);
    if (node->left)
        set_parent(node->left, node);
    if (node->right)
        set_parent(node->right, node);
}

/* Takes out a node with at most one child, and repairs the colours. Sums first, from the parent up:
 * the rotations that follow rely on them. */
static void erase_simple(struct rb_tree *tree, struct rb_node *node,
                         void (*update)(struct rb_node *node))
{
    struct rb_node *parent = rb_parent(node);
    struct rb_node *only = node->left ? node->left : node->right;
    bool was_red = is_red(node);

    set_link(link_of(tree, node, parent), only);
    if (only)
        set_parent(only, parent);
    update_path(parent, update);
    if (!was_red)
        fix_short(tree, only, parent, update);
}

void rb_erase_augmented(struct rb_tree *tree, struct rb_node *node,
                        void (*update)(struct rb_node *node))
{
    if (node->left && node->right) {
        /* The successor has no left child: it comes out in node's stead, then takes its place. */
        struct rb_node *successor = rb_next(node);

        erase_simple(tree, successor, update);
        rb_replace(tree, node, successor);
        update_path(successor, update);
    } else {
        erase_simple(tree, node, update);
    }
}

void rb_erase(struct rb_tree *tree, struct rb_node *node)
{
    rb_erase_augmented(tree, node, NULL);
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
