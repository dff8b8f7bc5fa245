/* SPDX-License-Identifier: MIT */
/*
 * lib/list.h - circular doubly linked list, linked through a member
 *
 * Rule:    a head and an unlinked node point to themselves.
 * Context: any; the caller holds whatever lock guards the list.
 * Tests:   tests/host/list_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name)                                                                            \
    {                                                                                              \
        &(name), &(name)                                                                           \
    }

static inline void list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_after(struct list *where, struct list *node)
{
    struct list *next = where->next;

    node->next = next;
    node->prev = where;
    next->prev = node;
    where->next = node;
}

/* First or last of the list whose head is given. */
static inline void list_push_front(struct list *head, struct list *node)
{
    list_insert_after(head, node);
}

static inline void list_push_back(struct list *head, struct list *node)
{
    list_insert_after(head->prev, node);
}

/* The neighbours are read once: to the compiler any store may have changed them. */
static inline void list_unlink(struct list *node)
{
    struct list *next = node->next, *prev = node->prev;

    next->prev = prev;
    prev->next = next;
}

/* Afterwards the node is unlinked and may be removed again without harm. */
static inline void list_remove(struct list *node)
{
    list_unlink(node);
    list_init(node);
}

/* From its place to the one behind `where`, in the same list or another; not behind itself. */
static inline void list_move_after(struct list *where, struct list *node)
{
    list_unlink(node);
    list_insert_after(where, node);
}

/* Unlinks and returns the first node, or NULL. */
static inline struct list *list_pop_front(struct list *head)
{
    struct list *node = head->next;

    if (node == head)
        return NULL;
    list_remove(node);
    return node;
}

/* The nodes from the first one to `last` come to the end of another list. */
static inline void list_move_front(struct list *head, struct list *last, struct list *to)
{
    struct list *first = head->next;

    head->next = last->next;
    head->next->prev = head;
    first->prev = to->prev;
    first->prev->next = first;
    last->next = to;
    to->prev = last;
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

#define list_for_each(pos, head)                                                                   \
    for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* The body may remove pos. */
#define list_for_each_safe(pos, head)                                                              \
    for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);                  \
         pos = pos##_next, pos##_next = pos->next)
