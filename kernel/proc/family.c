/* SPDX-License-Identifier: MIT */
/*
 * The children of a process, as wait(2) asks for them.
 *
 * wait(2) asks three things: is there a child that is meant at all, has
 * one of them something to report, and if so which came first. Counts answer the first, trees in
 * the order of arrival the others, so none of them takes longer with more children.
 *
 * A child is in one tree of its parent or in none: by `zombie`, `report_stop` and `report_cont`,
 * and by the kind that its exit signal makes it. What changes one of these files it anew, under
 * process_tree_lock, before it wakes the parent.
 */
#include "kernel/proc/family.h"

#include "kernel/lib/assert.h"
#include "kernel/proc/process.h"
#include "shared/linux/signal.h"

void family_init(struct family *family)
{
    list_init(&family->children);
}

enum family_kind family_kind_of(const struct process *child)
{
    return child->exit_signal == LX_SIGCHLD ? FAMILY_NORMAL : FAMILY_CLONE;
}

/* An end hides a stop or a continuation that was not reported: nothing else can be waited for
 * then. */
static enum family_change change_of(const struct process *child)
{
    if (child->zombie)
        return child->trace_held ? FAMILY_NO_CHANGE : FAMILY_ENDED;
    if (child->report_stop)
        return FAMILY_STOPPED;
    return child->report_cont ? FAMILY_CONTINUED : FAMILY_NO_CHANGE;
}

static void changed_insert(struct rb_tree *tree, struct process *child)
{
    /* Two children of one parent never have the same arrival, so the order is total. */
    struct rb_node **link = &tree->root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = child->arrival < rb_entry(parent, struct process, changed_node)->arrival
                   ? &parent->left
                   : &parent->right;
    }
    rb_insert(tree, &child->changed_node, parent, link);
}

/* Into the counts and trees of its parent, by what it is now; out of them, as it was filed. Both
 * remember in filed_kind and filed_change what was filed: by the time that a child is taken out,
 * its fields may have changed already. */
static void file_child(struct process *child)
{
    struct family *family = &child->parent->family;
    enum family_kind kind = family_kind_of(child);

    child->filed_kind = kind;
    child->filed_change = change_of(child);
    if (child->filed_change == FAMILY_ENDED)
        family->ended[kind]++;
    else
        family->living[kind]++;
    if (child->filed_change != FAMILY_NO_CHANGE)
        changed_insert(&family->changed[kind][child->filed_change], child);
}

static void unfile_child(struct process *child)
{
    struct family *family = &child->parent->family;
    enum family_kind kind = child->filed_kind;

    if (child->filed_change == FAMILY_ENDED)
        family->ended[kind]--;
    else
        family->living[kind]--;
    if (child->filed_change != FAMILY_NO_CHANGE)
        rb_erase(&family->changed[kind][child->filed_change], &child->changed_node);
}

void family_enter_locked(struct process *parent, struct process *child)
{
    ASSERT(process_tree_is_held() && !parent->zombie);
    child->parent = parent;
    __atomic_store_n(&child->parent_pid, parent->pid, __ATOMIC_RELAXED);
    /* A child that is inherited counts as new: it comes behind those that the parent has. */
    child->arrival = ++parent->family.arrivals;
    list_push_back(&parent->family.children, &child->sibling.link);
    file_child(child);
}

void family_leave_locked(struct process *child)
{
    ASSERT(process_tree_is_held());
    unfile_child(child);
    list_remove(&child->sibling.link);
}

/* Living children of the normal kind, in the group of their parent, that never asked for a signal
 * at its end: nothing is sent or filed for them, and no group loses the parent that it had outside.
 */
static inline bool is_plain(const struct process *parent, const struct process *child)
{
    return child->filed_kind == FAMILY_NORMAL && child->filed_change == FAMILY_NO_CHANGE &&
           !child->anchor && child->group == parent->group && !child->asks_death_signal;
}

/* A parent may have thousands, so they change lists in one piece, and each is written to just where
 * it has another parent. */
unsigned family_move_plain_locked(struct process *parent, struct process *heir, unsigned most)
{
    struct family *from = &parent->family, *to = &heir->family;
    struct list *head = &from->children, *node = head->next;
    const uint64_t before = to->arrivals, limit = before + most;
    uint64_t arrival = before;
    int heir_pid = heir->pid;
    bool anchors = heir->parent; /* init's children are none */

    ASSERT(process_tree_is_held() && !heir->zombie);
    for (; node != head && arrival < limit; node = node->next) {
        struct process *child = list_entry(node, struct process_link, link)->process;

        if (!child || !is_plain(parent, child)) /* none: the cursor of a walk, which stays */
            break;
        child->parent = heir;
        __atomic_store_n(&child->parent_pid, heir_pid, __ATOMIC_RELAXED);
        child->arrival = ++arrival;
        if (anchors)
            process_anchor_update_locked(child);
    }
    if (arrival == before)
        return 0;
    list_move_front(head, node->prev, &to->children);
    from->living[FAMILY_NORMAL] -= (unsigned)(arrival - before);
    to->living[FAMILY_NORMAL] += (unsigned)(arrival - before);
    to->arrivals = arrival;
    return (unsigned)(arrival - before);
}

void family_update_locked(struct process *child)
{
    ASSERT(process_tree_is_held());
    if (change_of(child) == child->filed_change && family_kind_of(child) == child->filed_kind)
        return;
    unfile_child(child);
    file_child(child);
}

void family_set_exit_signal_locked(struct process *child, int signal)
{
    ASSERT(process_tree_is_held());
    child->exit_signal = signal;
    family_update_locked(child);
}

struct process *family_changed_after_locked(const struct process *parent, enum family_kind kind,
                                            enum family_change change, uint64_t arrival)
{
    /* The leftmost node to the right of that arrival: a search of the tree's depth. */
    struct rb_node *node = parent->family.changed[kind][change].root;
    struct process *found = NULL;

    ASSERT(process_tree_is_held());
    while (node) {
        struct process *child = rb_entry(node, struct process, changed_node);

        if (child->arrival > arrival)
            found = child;
        node = child->arrival > arrival ? node->left : node->right;
    }
    return found;
}

struct process *family_first_locked(const struct process *parent)
{
    ASSERT(process_tree_is_held());
    list_for_each (node, &parent->family.children) {
        struct process *child = list_entry(node, struct process_link, link)->process;

        if (child) /* no cursor of a walk */
            return child;
    }
    return NULL;
}
