/* SPDX-License-Identifier: MIT */
/*
 * lib/rbtree.h - balanced search tree, linked through a member
 *
 * Rule:    the caller compares. It walks down from root, remembers the parent and the link (the
 *          child pointer it would follow next, which is NULL), and gives both to rb_insert:
 *
 *              struct rb_node **link = &tree->root, *parent = NULL;
 *              while (*link) {
 *                  parent = *link;
 *                  link = key < key_of(parent) ? &parent->left : &parent->right;
 *              }
 *              rb_insert(tree, &item->node, parent, link);
 *
 *          Augmented: a node may sum up its subtree (lib/interval.h does). The functions that take
 *          an update call it for each node whose subtree has changed, children first.
 *
 *          Readers without that lock, by atomic loads of root, left and right: each of these words
 *          is at each moment NULL or the address of a node that is or was in the tree. They may
 *          meet a tree in the middle of a change, miss nodes and go in circles: they count their
 *          steps, find out by other means whether it was changed, and nodes outlive them.
 *
 * Context: any; the caller holds whatever lock guards the tree. No recursion, O(log n).
 * Tests:   tests/host/rbtree_test.c (random operations, all invariants after each)
 */
#pragma once

#include "kernel/lib/util.h"

struct rb_node {
    uintptr_t parent_and_colour; /* bit 0: black */
    struct rb_node *left;
    struct rb_node *right;
};

struct rb_tree {
    struct rb_node *root; /* NULL: empty. An all-zero tree is a valid empty one */
};

#define RB_BLACK 1u

static inline struct rb_node *rb_parent(const struct rb_node *node)
{
    return (struct rb_node *)(node->parent_and_colour & ~(uintptr_t)RB_BLACK);
}

void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
               struct rb_node **link);

/* The node must be in the tree. Its own fields are garbage afterwards. */
void rb_erase(struct rb_tree *tree, struct rb_node *node);

/* The same for an augmented tree. */
void rb_insert_augmented(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
                         struct rb_node **link, void (*update)(struct rb_node *node));
void rb_erase_augmented(struct rb_tree *tree, struct rb_node *node,
                        void (*update)(struct rb_node *node));

/* Puts node in the place of old, which leaves the tree; their keys must compare alike. */
void rb_replace(struct rb_tree *tree, struct rb_node *old, struct rb_node *node);

/* In the order of the keys; NULL at either end. */
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

#define rb_entry(ptr, type, member) container_of(ptr, type, member)
