/* SPDX-License-Identifier: MIT */
/*
 * lib/interval.h - interval tree: which of many ranges overlap a given one
 *
 * Rule:    ranges have a first and a last number, both included; they may overlap each other. A
 *          member's range does not change while it is in the tree.
 * How:     an augmented red-black tree by first number: each node knows the largest last number of
 *          its subtree, so that a search leaves out what ends before it.
 * Context: any; the caller holds whatever lock guards the tree. O(log n) each step.
 * Tests:   tests/host/interval_test.c (against a plain list)
 */
#pragma once

#include "kernel/lib/rbtree.h"

struct interval {
    struct rb_node node;
    uint64_t first, last; /* the caller's, before interval_insert */
    uint64_t last_max;    /* of the subtree */
};

void interval_insert(struct rb_tree *tree, struct interval *interval);
void interval_erase(struct rb_tree *tree, struct interval *interval);

/* The overlapping ones in the order of their first number; NULL: no (more). */
struct interval *interval_find(const struct rb_tree *tree, uint64_t first, uint64_t last);
struct interval *interval_next(const struct interval *interval, uint64_t first, uint64_t last);
