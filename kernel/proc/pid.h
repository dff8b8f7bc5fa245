/* SPDX-License-Identifier: MIT */
/*
 * proc/pid.h - numbers in use, and what goes by them: processes, process groups, sessions
 *
 * Owns:    struct pid, the table from numbers to them, the list of all processes; walks.
 * Used by: fork, exit, wait, signals, the terminal, setpgid and its kin, /proc.
 * Rule:    a number is given out again when nothing has it any more: no process, no member of its
 *          group, no group of its session, no terminal, no walk. The members of the group and the
 *          groups of the session are counted as such; each of the others holds a reference.
 * Locks:   process_tree_lock, for all of it.
 * Context: threads.
 * Fails:   -EAGAIN (no number left), -ENOMEM.
 * Tests:   tests/user/proc/crowd.c, tests/user/proc/number_kept.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct process;
struct tty;

#define PROCESS_INIT_PID 1 /* the kernel's harness */
#define PROCESS_PID_MAX  32768

/* In a list of processes. A walk has one, too, as its cursor: process is NULL. */
struct process_link {
    struct list link;
    struct process *process; /* [I] */
};

/* All fields: [t] process_tree_lock. */
struct process_group {
    struct list members; /* struct process_link; a child comes behind its parent */
    unsigned count;      /* of them, cursors apart */
    unsigned stopped;    /* members that are */
    unsigned anchors; /* members whose parent could continue them, see process_group_is_orphaned */
    struct pid *session; /* NULL: no members */
};

struct session {
    unsigned groups;        /* process groups with members */
    struct tty *terminal;   /* that it controls; NULL: none */
    struct pid *foreground; /* group, referenced; NULL: none */
    uint64_t grant;         /* which time a terminal was acquired: processes remember it */
};

struct pid {
    int number;              /* [I] once it has one */
    uint32_t refs;           /* [t] */
    struct process *process; /* [t] NULL: it was waited for; group or session live on */
    struct task *task;       /* [t] of another task than a leader: that one, without a process */
    struct process_group group;
    struct session session;
};

void pid_init(void);

/* Memory for one: no number, no reference; pid_discard takes back what never got a number. */
struct pid *pid_alloc(void);
void pid_discard(struct pid *pid);
/* Gives it a number and one reference. `reserve`: numbers that are left for others. */
MUST_CHECK int pid_assign_locked(struct pid *pid, unsigned reserve);
void pid_get_locked(struct pid *pid);
void pid_put_locked(struct pid *pid);
/* Borrowed; NULL: not in use. */
struct pid *pid_find_locked(int number);
int pid_last(void);

/* Borrowed, NULL if there is none (zombies are found). */
struct process *process_find_locked(int pid);
/* The process with the lowest number at or above that one. */
struct process *process_from_number_locked(int number);
/* The lowest number at or above that one that a process has; `process` not NULL: that a task of it
 * has. -1: none. Not locked: it takes the tree in slices. `process` is compared and may be gone. */
int pid_next(int number, const struct process *process);

/* The process gets into the group of that number, and so into its session; the place in the list is
 * behind that process if it is a member, else the first. */
void process_group_enter_locked(struct process *process, struct pid *group, struct pid *session,
                                const struct process *behind);
void process_group_leave_locked(struct process *process);
/* Process groups: NULL or without members is none. */
struct pid *process_group_find_locked(int number);
/* Anew, after its parent, its group, its parent's group or session, or its life has changed. */
void process_anchor_update_locked(struct process *process);
void process_set_stopped_locked(struct process *process, bool stopped);

/* No member has a parent outside of the group, yet in its session: nothing would continue what its
 * terminal stops (POSIX: an orphaned process group). */
static inline bool process_group_is_orphaned(const struct process_group *group)
{
    return group->anchors == 0;
}

/* setpgid(2), for a caller of that process; numbers as there, 0 included. The group may have no
 * members yet. Its children are looked at anew in slices. */
MUST_CHECK int64_t process_set_group(struct process *caller, int number, int group);
/* setsid(2): a new session with a new group, and no controlling terminal. If the process has
 * children the lock is given up meanwhile. */
void process_set_session_locked(struct process *process, uint64_t *flags);

/* Into the list of all processes, behind that one. */
void process_list_enter_locked(struct process *process, struct process *behind);

/* --- walks ---
 *
 * A walk visits the members of a group, or all processes, and lets go of the lock every few steps:
 * its cursor keeps the place. Those that were there at its begin are visited once unless they
 * leave; of those that come in between only children of members that were not visited yet, as they
 * are put right behind their parents. So a signal reaches a process, or its parent before it
 * forked. */
struct process_walk {
    struct process_link cursor;
    struct list *head;
    struct pid *group; /* referenced; NULL: a walk over something else */
    unsigned steps;
};

void process_walk_group_locked(struct process_walk *walk, struct pid *group);
void process_walk_all_locked(struct process_walk *walk);
/* The caller keeps the parent from being freed until the end of the walk. */
void process_walk_children_locked(struct process_walk *walk, struct process *parent);
/* The next one, borrowed for as long as the lock is held; NULL behind the last. Gives the lock up
 * first, and the processor to others, when it is time. */
struct process *process_walk_next_locked(struct process_walk *walk, uint64_t *flags);
void process_walk_end_locked(struct process_walk *walk);

/* The same pause for loops of other kinds; `steps` counts. True: the lock was given up meanwhile.
 */
bool process_tree_pause_locked(unsigned *steps, uint64_t *flags);
