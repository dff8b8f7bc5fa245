/* SPDX-License-Identifier: MIT */
/*
 * proc/family.h - parents and children: what wait(2) looks for
 *
 * Owns:    process.family: the children of a process, those of them that have something to report.
 * Used by: fork, exec, exit, wait, stop and continue.
 * Locks:   process_tree_lock, for all of it.
 * Context: threads.
 * Tests:   tests/user/proc/wait.c, tests/user/proc/crowd.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"

struct process;

/* What a child can have to report; at most one at a time. */
enum family_change {
    FAMILY_ENDED,
    FAMILY_STOPPED,
    FAMILY_CONTINUED,
    FAMILY_CHANGES,
    FAMILY_NO_CHANGE = FAMILY_CHANGES,
};

/* Children by the signal that they end with: SIGCHLD, or another one or none ("clone children"). */
enum family_kind {
    FAMILY_NORMAL,
    FAMILY_CLONE,
    FAMILY_KINDS,
};

/* All fields: [t]. */
struct family {
    struct list children; /* struct process_link, in the order in which they came */
    uint64_t arrivals;    /* children that ever came: their order */
    /* Of each kind: those that live, those that have ended; those with something to report. */
    unsigned living[FAMILY_KINDS], ended[FAMILY_KINDS];
    struct rb_tree changed[FAMILY_KINDS][FAMILY_CHANGES];
};

void family_init(struct family *family);
void family_enter_locked(struct process *parent, struct process *child);
void family_leave_locked(struct process *child);
/* The first children of a process that is exiting, at most so many, go to another parent: as far as
 * they need nothing else, which is nearly always. Returns how many. */
unsigned family_move_plain_locked(struct process *parent, struct process *heir, unsigned most);
/* The child has ended (zombie), or report_stop or report_cont have changed. */
void family_update_locked(struct process *child);
void family_set_exit_signal_locked(struct process *child, int signal);
/* Of the children of that kind with such a change, the one that came first after that arrival (from
 * 1 on). NULL: none. */
struct process *family_changed_after_locked(const struct process *parent, enum family_kind kind,
                                            enum family_change change, uint64_t arrival);
enum family_kind family_kind_of(const struct process *child);
/* The child that came first; NULL: there are none. */
struct process *family_first_locked(const struct process *parent);
