/* SPDX-License-Identifier: MIT */
/*
 * proc/process.h - running programs and their family
 *
 * Owns:    struct process, its number, the tree of parents and children, groups and sessions.
 * Used by: fork, exec, exit, wait, signal, usermode, the terminal, the system calls.
 * Locks:   process_tree_lock, a spinlock, rank PROC_TREE: the tree, numbers, groups, sessions, the
 *          state that wait(2) sees; with interrupts off. process.lock, rank PROC: signals; no
 *          interrupt handler takes it. The list of tasks changes under both of them, so either
 *          keeps it as it is.
 * Rule:    what concerns a process as a whole goes over its tasks (process_each_task). Its leader
 *          is the task that the process began with, or the one that has executed a program since,
 *          and stays as long as the process, even if it ends before the others: what has one
 *          task in Linux's ABI, too (names, the files and state that /proc/PID shows, credentials
 *          as others see them, what a call means by the process's number) is the leader's. Without
 *          task.exiting of it, and under the tree lock, a leader has descriptors and directories.
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
#include "kernel/sched/deferred.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/resource.h"
#include "shared/linux/signal.h"

struct file;
struct fs_struct;
struct pidfd;
struct signal_poll;
struct tty;
struct vfs_path;

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
    uint64_t serial;                  /* [I] no other process or task ever has the same */
    struct process *parent;           /* [t] NULL: init itself */
    int parent_pid;                   /* [t] its number, read without the lock */
    struct family family;             /* [t] its children */
    struct process_link sibling;      /* [t] in parent->family.children */
    uint64_t arrival;                 /* [t] which of the parent's children it is, in their order */
    uint8_t filed_kind, filed_change; /* [t] where the parent has filed it: family.c */
    struct rb_node changed_node;      /* [t] there */
    unsigned traced;                  /* [s] tasks of it that have a tracer */
    struct list tracees;              /* [t] struct tracee, of tasks that it traces */
    struct list trace_news;           /* [t] those of which wait(2) has something to tell */
    bool trace_held;                  /* [t] a zombie of which its tracer hears before its parent */
    struct process_link all_link;     /* [t] in the list of all processes */
    struct pid *own_pid;              /* [I] its number; referenced until it was waited for */
    struct pidfd *pidfd;   /* [t] what its descriptors lead to; NULL: it has none (pidfd.h) */
    struct pid *group_pid; /* [t] its process group; NULL: not in the tree */
    struct process_link group_link; /* [t] in the group's members */
    bool anchor;                    /* [t] counts in its group's anchors */
    bool asks_death_signal;         /* [t] a task of it has had a death_signal once */
    int group, session;             /* [t] their numbers, read without the lock */
    uint64_t terminal_grant; /* [t] its session's terminal is its own, too, if the grant is that */
    int hup_group;           /* [t] a leader's: in the foreground when it was hung up */
    bool has_execed;         /* [t] setpgid by the parent is over */
    bool zombie;             /* [t] has ended, not yet waited for */
    bool reaped_by_init;     /* [I] init's own: it waits for this one, not for orphans */
    bool stopped;            /* [t] by a signal */
    int report_stop;         /* [t] stop signal that wait(2) has not told yet; 0: none */
    bool report_cont;        /* [t] likewise for SIGCONT */
    int exit_signal;         /* [o] sent to the parent; 0: none. exec makes it SIGCHLD */
    uint32_t parent_program; /* [I] the parent's generation when it was made */
    enum process_end end;    /* [s] of a zombie [t] */
    int end_code;            /* likewise */
    uint64_t killed_ns;      /* [t] when the lack of memory first met it killed; 0: not yet */
    bool core_dumped;        /* [s] of a zombie [t]: it has left a core file */
    uint32_t core_filter;    /* [a] CORE_*: which memory is in one */
    struct waitq child_wait; /* woken when a child ends, stops or continues, or a task for exec */
    struct waitq release_wait; /* vfork: the parent waits here */
    uint32_t vfork_done;       /* [a] exec or exit has given the parent's memory back */

    struct task *leader;       /* [ts] NULL: init has none */
    struct list tasks;         /* [ts] struct task, the leader first */
    unsigned live;             /* [ts] tasks that have not begun to exit */
    uint32_t present;          /* [a] tasks that have not given everything back */
    bool threaded;             /* it has had two tasks; set by the only one, then constant */
    bool ending;               /* [s] all its tasks end: .end and .end_code stand */
    uint32_t killed;           /* [a] process_kill_locked was called */
    struct task *exec_task;    /* [s] is waiting for the end of all others, to execute; NULL */
    struct task *dumper;       /* [s] writes a core file: the others wait on their way out; NULL */
    unsigned leaving;          /* [s] live tasks that are past that */
    unsigned dump_left;        /* [s] tasks that the dumper waits for */
    struct file *exe;          /* [o] counted; replaced under process.lock */
    struct exec_layout layout; /* [s] where in memory things are, for /proc */
    uint32_t generation;       /* [s] programs that it has run: exec adds one */
    int16_t oom_adjust;        /* [a] /proc/PID/oom_score_adj, thousandths of memory */
    int16_t oom_adjust_min;    /* [a] as low as it goes without CAP_SYS_RESOURCE */
    uint32_t exec_pages;       /* [a] arguments of its tasks that execute, and their copies */
    bool no_huge_pages;        /* [a] PR_SET_THP_DISABLE */
    bool sets_filters;         /* [a] a task of it sets filters of seccomp, and others wait */
    bool subreaper; /* [o] read by others: orphans below become its children (CHILD_SUBREAPER) */
    uint64_t started_ns;                 /* [I] */
    struct process_usage usage;          /* [s] of tasks that are gone; at the end: of all */
    uint64_t departures;                 /* [s] tasks that have left and are in it */
    bool usage_final;                    /* [s] all are in it */
    struct process_usage children_usage; /* [t] of children waited for */

    struct spinlock lock;            /* rank PROC */
    uint64_t actions_set;            /* [s] bit n: actions[n] may be other than all zero */
    struct list sharers;             /* [t] processes with the same actions: signal_share.h */
    struct signal_queue sig_queue;   /* [s] sent to the process */
    uint32_t group_count;            /* [a] signals that were sent to more than this one, ever */
    uint32_t group_sent[LX_NSIG];    /* [a] the count after the last one of that number */
    uint64_t sig_stopping;           /* [s] stop signals that were taken, are acted on */
    bool sig_stopped;                /* [s] the stop has begun and SIGCONT has not come */
    int sig_stop_number;             /* [s] by that signal */
    unsigned sig_stop_left;          /* [s] tasks that have not stopped yet */
    uint32_t stop_round;             /* [s] which stop it is, the first 1 */
    struct waitq stop_wait;          /* tasks that have stopped */
    uint64_t task_signals;           /* [s] may be pending for single tasks */
    bool sig_continued;              /* [s] SIGCONT ended a stop that the tree still shows */
    bool sig_exiting;                /* [ts] takes no more signals */
    struct deferred retarget;        /* looks for a task that takes what waits: signal_send.c */
    struct signal_poll *signal_poll; /* [a] epolls that wait for its signals; NULL: none has yet */
    struct signal_timers timers;     /* setitimer, timer_create */

    struct timer limit;          /* [I] */
    uint32_t limit_reached;      /* [a] */
    struct deferred limit_ended; /* from the timer's interrupt to a thread that may take locks */

    /* What process_alloc does not clear: actions are all zero in a process that is free, and its
     * maker gives it limits. */
    struct lx_sigaction actions[LX_NSIG];     /* [s] */
    struct lx_rlimit limits[LX_RLIM_NLIMITS]; /* [s] a word is read without it */
};

extern struct spinlock process_tree_lock;
extern struct process process_init_process; /* pid 1 */

static inline bool process_tree_is_held(void)
{
    return spin_is_held_inline(&process_tree_lock);
}

void process_init(void);

/* --- tasks --- */

/* The one with that number, borrowed; NULL: none. Of init there is none. */
struct task *task_find_locked(int tid);

/* The same for what is asked about scheduling: of init there is a record. */
struct task *task_scheduled_find_locked(int tid);

/* The process of that task, as most calls on processes have it: a number of any task will do. */
static inline struct process *process_of_task_locked(int tid)
{
    const struct task *task = task_find_locked(tid);

    ASSERT(process_tree_is_held());
    return task ? task->process : process_find_locked(tid); /* init has no task */
}

/* Process or tree locked: its tasks stay what they are. */
static inline bool process_is_held(const struct process *process)
{
    return spin_is_held_inline(&process->lock) || process_tree_is_held();
}

/* The task behind that one, NULL: the first; NULL behind the last, and of init. process_is_held. */
static inline struct task *process_next_task(const struct process *process, const struct task *task)
{
    const struct list *next = task ? task->link.next : process->tasks.next;

    return next != &process->tasks ? list_entry(next, struct task, link) : NULL;
}
#define process_each_task(task, process)                                                           \
    for (struct task *task = process_next_task(process, NULL); task;                               \
         task = process_next_task(process, task))

/* The address space in which all tasks of a process run; NULL: it has none yet, or no more.
 * process_is_held. */
struct vm_space *process_space_locked(const struct process *process);

/* All tasks end on their way to ring 3, as by SIGKILL. One is told, and passes it on once it is
 * there: the others may be thousands. process_is_held. */
void process_kill_locked(struct process *process);
/* Every task looks at its processor time on its way to ring 3, for a limit or a timer of the
 * process has changed. Process locked. */
void process_check_cpu_time_locked(struct process *process);
void task_check_cpu_time(struct task *task); /* one of them; process or tree locked */
/* Whether process_kill_locked was called. Any context. */
static inline bool process_is_killed(const struct process *process)
{
    return __atomic_load_n(&process->killed, __ATOMIC_ACQUIRE);
}

/* --- life --- */

/* A process with one task: no memory, no program, empty descriptor table, child of parent; its user
 * and group are both that number. */
MUST_CHECK int process_create(struct process *parent, uint32_t uid, struct process **out_process);
/* The same in steps, for fork. A process with one task that nothing knows and that has neither
 * descriptors nor directories nor credentials: process_free takes back what it got of these. */
MUST_CHECK int process_alloc(struct process **out_process);
void process_free(struct process *process);
/* Into the tree, with a number: child of that parent, in its group and session if it is `behind`,
 * the process that it is a copy of; NULL: in a group and session of its own. From here on it gets
 * signals, so its thread exists. -EAGAIN. */
MUST_CHECK int process_link_locked(struct process *parent, struct process *process,
                                   struct process *behind);
/* The calling task has another table of descriptors from here on, and drops the old one. Takes over
 * the reference. */
void process_replace_files(struct task *self, struct fd_table *files);
/* The same for root, working directory and umask. */
void process_replace_place(struct task *self, struct fs_struct *place);
/* Takes back what never ran. */
void process_abandon(struct process *process);
/* A second task and more: into the list, with a number, counted. Process locked, too, and the
 * caller, of that process, has no work that ends it. -EAGAIN. */
MUST_CHECK int process_add_task_locked(struct process *process, struct task *task, struct pid *pid);
/* The end of a task that is not the leader: out of the list, its number free, its usage the
 * process's. Tree and process locked; the caller drops the list's reference. */
void process_remove_task_locked(struct process *process, struct task *task);
/* process.lock held: its memory follows its limits from now on. It is not exiting. */
void process_limits_apply_locked(struct process *process);

static inline void process_get(struct process *process)
{
    __atomic_fetch_add(&process->refs, 1, __ATOMIC_RELAXED);
}
void process_put(struct process *process);
uint64_t process_live_count(void); /* without init */
uint64_t process_forks(void);      /* processes and threads ever made */
int process_last_pid(void);

/* Out of the tree for good; the caller drops the tree's reference. */
void process_unlink_locked(struct process *process);
bool process_exists(int pid); /* or, when negative, any of that group */

static inline int process_parent_pid(const struct process *process)
{
    return __atomic_load_n(&process->parent_pid, __ATOMIC_RELAXED);
}

/* The task's time is up at that monotonic time; 0: no limit. */
void process_set_limit(struct process *process, uint64_t deadline_ns);
/* Now, whatever was set. The caller has a reference, or knows that it lives; any context but NMI.
 */
void process_expire(struct process *process);

/* Ends the calling task, and with it its process, the other tasks of which are killed (exit.c): the
 * last one gives memory, files and directories back; the rest goes when the parent has waited for
 * it. If the process is ending already, it does so as was said first. */
NORETURN void process_exit(struct task *self, enum process_end end, int code);
/* Ends the calling task alone. With the last the process ends, in that one's way. */
NORETURN void task_exit(struct task *self, enum process_end end, int code);
/* TIF_KILL: ends as it was told to. */
NORETURN void task_exit_killed(struct task *self);
/* All other tasks of the caller's process get that work (TIF_*) to do; in slices, no lock held. The
 * caller has seen to it that none is added. */
void process_notify_others(struct task *self, uint32_t work);
/* The task behind that one, NULL: the first; NULL behind the last. Gives the tree lock up first,
 * and the processor to others, when it is time: the caller has a reference to the process, and
 * meets each task that stays at least once. `steps` begins as 0. */
struct task *process_walk_task_locked(struct process *process, struct task *task, unsigned *steps,
                                      uint64_t *flags);
/* exec: no task of another process shares the caller's directories, and none comes to (CLONE_FS)
 * before fs_context_release. False: one does. */
MUST_CHECK bool process_claim_fs(const struct task *self);
/* pivot_root: of all tasks, root and working directories that are that place become the new one. */
void process_replace_roots(struct vfs_path old, struct dentry *root);
/* exec: all other tasks of the process end, and the caller is its leader with its number from then
 * on. -EAGAIN: another one is at it; -EINTR: the caller is to die. */
MUST_CHECK int process_end_others(struct task *self);

/* A core file, in steps. The process is to end by that signal, and its other tasks wait, those that
 * have not begun to leave. False: it ends in another way. Then, the caller writes the file unless
 * process_is_killed, and lets them go on. */
MUST_CHECK bool process_dump_begin(struct task *self, int signal);
/* The tasks that wait, one after the other; behind that one, NULL: the first. */
struct task *process_dump_next(struct process *process, struct task *task);
void process_dump_end(struct task *self, bool dumped);
/* Every task on its way out, once, before it gives anything back; process locked. False: it is to
 * call process_dump_wait first, without the lock. */
static inline bool process_dump_pass_locked(struct process *process)
{
    ASSERT(spin_is_held_inline(&process->lock));
    process->leaving += !process->dumper;
    return !process->dumper;
}
void process_dump_wait(struct task *self);

/* How many tasks it has, a leader that has ended before the others among them. */
unsigned process_count_tasks(const struct process *process);

/* That of its leader. */
const char *process_name(const struct process *process);

/* Tree locked: the parent is told of a zombie. True: it does not want to wait for it. */
MUST_CHECK bool process_tell_parent_locked(struct process *process);

/* Gives the parent's memory back after vfork (exec and exit). */
void process_release_parent(struct process *process);

/* wait(2): which children, and what of them (wait.c). */
struct process_wait {
    int pid; /* > 0: that child; -1: any; < -1: of that group; 0: of the caller's group */
    const struct pidfd *pidfd;       /* instead: the child that it leads to; NULL: by pid */
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
    bool traced;                /* stopped as a tracee: code has flags and event above the signal */
    struct process_usage usage; /* with that of its own children */
};
/* 0, -ECHILD, -ERESTARTSYS. */
MUST_CHECK int process_wait(struct process *parent, const struct process_wait *which,
                            struct process_change *change);

static inline struct task *task_current(void)
{
    return container_of(thread_current(), struct task, thread);
}

/* Whether the caller may look into the process, as ptrace would have it; by the real user and group
 * of the caller, or by those that files are opened with. Tree locked. */
bool process_may_look_locked(struct process *process, bool by_real_ids);
