/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children, wait(2).
 *
 * The parent enters child_wait first and looks after that, under process_tree_lock; a
 * child files its change under the same lock and wakes child_wait afterwards. So a change is either
 * seen or ends the sleep. What the process traces is looked at behind its children (ptrace_end.c).
 * A search by group lets go of the lock now and then: a change behind its back wakes it all the
 * same, and it searches again.
 */
#include "kernel/lib/assert.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"
#include "shared/linux/signal.h"

/* __WCLONE means children with another exit signal than SIGCHLD alone, __WALL both kinds, neither
 * of them the ordinary kind: wait(2), "Linux notes". */
static bool kind_is_meant(const struct process_wait *which, enum family_kind kind)
{
    bool is_clone = kind == FAMILY_CLONE;

    return (which->kinds & LX_WALL) || is_clone == ((which->kinds & LX_WCLONE) != 0);
}

static bool change_is_meant(const struct process_wait *which, enum family_change change)
{
    return (change == FAMILY_ENDED && which->exited) ||
           (change == FAMILY_STOPPED && which->stopped) ||
           (change == FAMILY_CONTINUED && which->continued);
}

/* Of a child that has ended nothing but its end is reported any more. */
static bool child_is_meant(const struct process_wait *which, const struct process *child)
{
    return kind_is_meant(which, child->filed_kind) &&
           (child->filed_change != FAMILY_ENDED || which->exited);
}

/* Writes down what the child reports, and takes it off it unless it is to be kept. *reported: a
 * reference to one that lives, or is waited for now. */
static void change_take_locked(struct process *child, const struct process_wait *which,
                               struct process_change *change, struct process **reported)
{
    struct process *parent = child->parent;

    ASSERT(process_tree_is_held());
    /* What a child used includes what its own children used: RUSAGE_CHILDREN is over all
     * descendants that were waited for. */
    *change = (struct process_change){.pid = child->pid, .uid = identity_of_locked(child).uid};
    change->usage = child->children_usage;
    if (child->zombie) {
        process_usage_add(&change->usage, &child->usage);
        change->end = child->end;
        change->code = child->end_code;
        change->core_dumped = child->core_dumped;
    } else if (child->report_stop) {
        change->stopped = true;
        change->code = child->report_stop;
    } else {
        change->continued = true;
        change->code = LX_SIGCONT;
    }
    if (!child->zombie) { /* what it has used so far is added without the lock */
        process_get(child);
        *reported = child;
    }
    /* WNOWAIT of waitid: the same change is reported again by the next call. */
    if (which->keep)
        return;
    if (child->zombie) {
        /* Only now, at the end and not at every report: a child is added once. */
        process_usage_add(&parent->children_usage, &change->usage);
        process_unlink_locked(child);
        *reported = child;
        return;
    }
    /* Reported once each; a stop that followed a continuation has replaced it already
     * (signal_stop.c). */
    child->report_stop = 0;
    child->report_cont = false;
    family_update_locked(child);
}

/* 1: found and taken; 0: none has anything to report yet; -ECHILD: none is meant. */
static int look_at_one_locked(struct process *parent, const struct process_wait *which,
                              struct process_change *change, struct process **reported)
{
    struct process *child = which->pidfd ? which->pidfd->process : process_find_locked(which->pid);

    ASSERT(process_tree_is_held());
    /* A number may belong to another's child, or to a process group without a process. */
    if (!child || child->parent != parent || !child_is_meant(which, child))
        return -ECHILD;
    if (!change_is_meant(which, child->filed_change))
        return 0;
    change_take_locked(child, which, change, reported);
    return 1;
}

/* Of the children that are meant and have something to report, the one that came first after that
 * arrival. */
static struct process *next_changed_locked(const struct process *parent,
                                           const struct process_wait *which, uint64_t after)
{
    struct process *first = NULL;

    ASSERT(process_tree_is_held());
    for (enum family_kind kind = 0; kind < FAMILY_KINDS; kind++)
        for (enum family_change c = 0; c < FAMILY_CHANGES; c++) {
            struct process *child = NULL;

            if (kind_is_meant(which, kind) && change_is_meant(which, c))
                child = family_changed_after_locked(parent, kind, c, after);
            if (child && (!first || child->arrival < first->arrival))
                first = child;
        }
    return first;
}

static int look_at_all_locked(struct process *parent, const struct process_wait *which,
                              struct process_change *change, struct process **reported)
{
    struct process *first = next_changed_locked(parent, which, 0);
    const struct family *family = &parent->family;

    ASSERT(process_tree_is_held());
    if (first) {
        change_take_locked(first, which, change, reported);
        return 1;
    }
    /* No change to report. Is there a child to sleep for? Zombies count only if their end is
     * meant. */
    for (enum family_kind kind = 0; kind < FAMILY_KINDS; kind++)
        if (kind_is_meant(which, kind) &&
            (family->living[kind] || (which->exited && family->ended[kind])))
            return 0;
    return -ECHILD;
}

static bool group_has_child_locked(const struct process *parent, const struct process_wait *which,
                                   struct pid *group, uint64_t *flags)
{
    struct process_walk walk;
    const struct process *member;
    bool found = false;

    ASSERT(process_tree_is_held());
    process_walk_group_locked(&walk, group);
    while (!found && (member = process_walk_next_locked(&walk, flags)) != NULL)
        found = member->parent == parent && child_is_meant(which, member);
    process_walk_end_locked(&walk);
    return found;
}

/* Children of one group, in the same order as all. */
static int look_at_group_locked(struct process *parent, const struct process_wait *which,
                                struct process_change *change, struct process **reported,
                                uint64_t *flags)
{
    /* The number of the group is taken once: setpgid of another task may change it during the
     * walk. */
    const int number = which->pid ? -which->pid : parent->group;
    struct process *child;
    struct pid *group;
    unsigned steps = 0;
    uint64_t after = 0;

    ASSERT(process_tree_is_held());
    while ((child = next_changed_locked(parent, which, after)) != NULL) {
        after = child->arrival;
        if (child->group == number) {
            change_take_locked(child, which, change, reported);
            return 1;
        }
        process_tree_pause_locked(&steps, flags);
    }
    /* Nothing to report: the group's members show whether there is a child at all. A walk over them
     * keeps its place while the lock is dropped. */
    group = process_group_find_locked(number);
    return group && group_has_child_locked(parent, which, group, flags) ? 0 : -ECHILD;
}

static int wait_look(struct process *parent, const struct process_wait *which,
                     struct process_change *change, struct process **reported)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int result, traced;

    if (which->pidfd || which->pid > 0)
        result = look_at_one_locked(parent, which, change, reported);
    else if (which->pid == -1)
        result = look_at_all_locked(parent, which, change, reported);
    else
        result = look_at_group_locked(parent, which, change, reported, &flags);
    if (unlikely(result <= 0 && !list_empty(&parent->tracees))) {
        traced = ptrace_wait_locked(parent, which, change, reported, &flags);
        result = traced == -ECHILD ? result : traced;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return result;
}

/* A child that lives has used more than what its own children have. */
static void usage_complete(struct process *child, struct process_change *change)
{
    struct process_usage own;

    process_usage_take(child, &own);
    process_usage_add(&change->usage, &own);
}

int process_wait(struct process *parent, const struct process_wait *which,
                 struct process_change *change)
{
    struct process *reported = NULL;
    int found, err = 0;
    bool done;

    /* What a signal interrupts has another look: the signal may be that of a child that ends. */
    do {
        struct waiter waiter = {0};

        /* Entered before the search, so that a change behind the search's back ends the sleep. */
        waitq_enter(&parent->child_wait, &waiter);
        found = wait_look(parent, which, change, &reported);
        done = found || which->no_hang || err;
        if (!done)
            err = waitq_sleep(&waiter, 1, 0);
        waitq_leave(&parent->child_wait, &waiter);
    } while (!done);
    if (found)
        err = MIN(found, 0);
    else if (which->no_hang)
        *change = (struct process_change){0};
    if (reported && (change->stopped || change->continued))
        usage_complete(reported, change);
    if (reported)
        process_put(reported);
    return err;
}
