/* SPDX-License-Identifier: MIT */
/*
 * proc/process.h - running programs and their family
 *
 * Owns:    struct process, its number, the tree of parents and children, groups and sessions.
 * Used by: fork, exec, exit, wait, signal, usermode, the terminal, the system calls.
 * Locks:   process_tree_lock, a spinlock, rank PROC_TREE: the tree, numbers, groups, sessions, the
 *          state that wait(2) sees; with interrupts off. process.lock, rank PROC: signals; no
 *          interrupt handler takes it.
 * Fails:   -ENOMEM, -EAGAIN (no number, RLIMIT_NPROC).
 * Tests:   tests/user/proc/fork*.c, wait*.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"
#include "kernel/proc/exec/exec.h"
#include "kernel/proc/family.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/signal/signal_queue.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/proc/task.h"
#include "kernel/proc/usage.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/resource.h"
#include "shared/linux/signal.h"

struct file;
struct tty;

enum process_end {
    PROCESS_RUNNING,
    PROCESS_EXITED,   /* code: exit status, 0..255 */
    PROCESS_SIGNALED, /* code: signal number */
    PROCESS_LIMIT,    /* its time was up */
};

/* I constant after creation   o only the owning task   a atomic   t process_tree_lock
 * s process.lock */
struct process {
    uint32_t refs;                    /* [a] */
    int pid;                          /* [I] */
    uint64_t serial;                  /* [I] no other process ever has the same */
    struct process *parent;           /* [t] NULL: init itself */
    int parent_pid;                   /* [t] its number, read without the lock */
    struct family family;             /* [t] its children */
    struct process_link sibling;      /* [t] in parent->family.children */
    uint64_t arrival;                 /* [t] which of the parent's children it is, in their order */
    uint8_t filed_kind, filed_change; /* [t] where the parent has filed it: family.c */
    struct rb_node changed_node;      /* [t] there */
    struct process_link all_link;     /* [t] in the list of all processes */
    struct pid *own_pid;              /* [I] its number; referenced until it was waited for */
    struct pid *group_pid;            /* [t] its process group; NULL: not in the tree */
    struct process_link group_link;   /* [t] in the group's members */
    bool anchor;                      /* [t] counts in its group's anchors */
    int group, session;               /* [t] their numbers, read without the lock */
    uint64_t terminal_grant; /* [t] its session's terminal is its own, too, if the grant is that */
    int hup_group;           /* [t] a leader's: in the foreground when it was hung up */
    bool has_execed;         /* [t] setpgid by the parent is over */
    bool zombie;             /* [t] has ended, not yet waited for */
    bool reaped_by_init;     /* [I] init's own: it waits for this one, not for orphans */
    bool stopped;            /* [t] by a signal */
    int report_stop;         /* [t] stop signal that wait(2) has not told yet; 0: none */
    bool report_cont;        /* [t] likewise for SIGCONT */
    int exit_signal;         /* [o] sent to the parent; 0: none. exec makes it SIGCHLD */
    enum process_end end;    /* [t] */
    int end_code;            /* [t] */
    uint64_t killed_ns;      /* [t] when the lack of memory first met it killed; 0: not yet */
    bool core_dumped;        /* [t] always false: none is written; the bit of wait(2) */
    struct waitq child_wait; /* woken when a child ends, stops or continues */
    struct waitq release_wait; /* vfork: the parent waits here */
    uint32_t vfork_done;       /* [a] exec or exit has given the parent's memory back */

    struct task *task;                        /* [I] */
    struct file *exe;                         /* [o] counted; replaced under process.lock */
    struct exec_layout layout;                /* [s] where in memory things are, for /proc */
    uint32_t generation;                      /* [s] programs that it has run: exec adds one */
    struct lx_rlimit limits[LX_RLIM_NLIMITS]; /* [s] a word is read without it */
    bool no_new_privs;                        /* [o] */
    bool keep_caps;                           /* [o] PR_SET_KEEPCAPS, until exec */
    bool subreaper; /* [o] read by others: orphans below become its children (CHILD_SUBREAPER) */
    uint64_t started_ns;                 /* [I] */
    struct process_usage usage;          /* [t] of a zombie; before that peak_pages alone, [o] */
    struct process_usage children_usage; /* [t] of children waited for */

    struct spinlock lock;                 /* rank PROC */
    struct lx_sigaction actions[LX_NSIG]; /* [s] */
    struct signal_queue sig_queue;        /* [s] sent to the process */
    uint64_t group_signals;               /* [a] sent to more than this one since its last fork */
    int sig_stopping;                     /* [s] stop signal that was taken, is acted on; 0: none */
    bool sig_stopped;                     /* [s] the stop has begun and SIGCONT has not come */
    bool sig_continued;                   /* [s] SIGCONT ended a stop that the tree still shows */
    bool sig_exiting;                     /* [ts] takes no more signals */
    struct signal_timers timers;          /* setitimer, timer_create */

    struct timer limit;     /* [I] */
    uint32_t limit_reached; /* [a] */
};

extern struct spinlock process_tree_lock;
extern struct process process_init_process; /* pid 1 */

static inline bool process_tree_is_held(void)
{
    return spin_is_held_inline(&process_tree_lock);
}

void process_init(void);

/* A process with one task: no memory, no program, empty descriptor table, child of parent. */
MUST_CHECK int process_create(struct process *parent, struct process **out_process);
/* A copy of the caller's for fork: descriptors, directories, credentials, signals, limits. The
 * memory is the caller's to set. share_files, share_fs: as CLONE_FILES and CLONE_FS. Nothing else
 * knows it before process_publish. */
MUST_CHECK int process_copy(struct task *self, bool share_files, bool share_fs,
                            struct process **out_process);
/* The copy becomes a child of the caller's (or of its parent), in its group and session; from here
 * on it gets signals, so its thread exists. -ERESTARTNOINTR: the caller has signals to act on
 * first. A signal to a group thus reaches both of them, or the parent before there is a child. What
 * the parent has blocked waits for both if it came to the group during the fork. */
MUST_CHECK int process_publish(struct process *self, struct process *child, bool same_parent);
/* The calling task has another table of descriptors from here on, and drops the old one. Takes over
 * the reference. */
void process_replace_files(struct task *self, struct fd_table *files);
/* Takes back what never ran. */
void process_abandon(struct process *process);
/* process.lock held: its memory follows its limits from now on. It is not exiting. */
void process_limits_apply_locked(struct process *process);
/* Lets it run: its thread is complete. */
void process_start(struct process *process);

static inline void process_get(struct process *process)
{
    __atomic_fetch_add(&process->refs, 1, __ATOMIC_RELAXED);
}
void process_put(struct process *process);
uint64_t process_live_count(void); /* without init */
uint64_t process_forks(void);      /* processes ever made */
int process_last_pid(void);

/* Out of the tree for good; the caller drops the tree's reference. */
void process_unlink_locked(struct process *process);
bool process_exists(int pid); /* or, when negative, any of that group */
/* Into another group of its session, or into a session of its own. Its children are looked at anew
 * in slices: the lock is given up meanwhile, and the caller has a reference. */
void process_set_group_locked(struct process *process, struct pid *group, uint64_t *flags);
void process_set_session_locked(struct process *process, uint64_t *flags);

static inline int process_parent_pid(const struct process *process)
{
    return __atomic_load_n(&process->parent_pid, __ATOMIC_RELAXED);
}

/* The task's time is up at that monotonic time; 0: no limit. */
void process_set_limit(struct process *process, uint64_t deadline_ns);

/* Ends the calling task and its process (exit.c): memory, files and directories go now; the rest
 * when the parent has waited for it. */
NORETURN void process_exit(struct task *self, enum process_end end, int code);

/* The last part of the path becomes the name. */
void task_set_name(struct task *task, const char *path);
/* That of its first task. */
const char *process_name(const struct process *process);

/* Gives the parent's memory back after vfork (exec and exit). */
void process_release_parent(struct process *process);

/* wait(2): which children, and what of them (wait.c). */
struct process_wait {
    int pid; /* > 0: that child; -1: any; < -1: of that group; 0: of the caller's group */
    bool exited, stopped, continued; /* which changes count */
    bool no_hang, keep;              /* return at once; leave it to be waited for again */
    int kinds; /* LX_WALL, LX_WCLONE: also, or only, children that end with another signal */
};
struct process_change {
    int pid; /* 0: nothing yet (no_hang) */
    uint32_t uid;
    enum process_end end;
    int code; /* exit status or signal */
    bool stopped, continued, core_dumped;
    struct process_usage usage; /* with that of its own children */
};
/* 0, -ECHILD, -ERESTARTSYS. */
MUST_CHECK int process_wait(struct process *parent, const struct process_wait *which,
                            struct process_change *change);

static inline struct task *task_current(void)
{
    return container_of(thread_current(), struct task, thread);
}
