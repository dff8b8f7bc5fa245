/* SPDX-License-Identifier: MIT */
/*
 * proc/task.h - one thread of a program, as Linux's ABI sees it
 *
 * Owns:    what a thread of a program has to itself: its kernel thread, number, signal mask.
 * Used by: every system call handler, which gets it as its first argument.
 * Rule:    a reference keeps the structure, not the life: the list's, until the task has left its
 *          process (the leader never does), the thread's, until its stack has been left for the
 *          last time, and those of calls that use it without a lock.
 * Context: a task reads and writes its own fields without a lock; others only as marked.
 */
#pragma once

#include "kernel/arch/x86_64/thread.h"
#include "kernel/lib/list.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/util.h"
#include "kernel/proc/signal/signal_queue.h"
#include "kernel/proc/usage.h"
#include "kernel/sched/thread.h"

struct fd_table;
struct fs_context;
struct futex_pi_waiter;
struct identity;
struct lx_mq_attr;
struct nsproxy;
struct process;
struct seccomp_filter;
struct sem_undo_list;
struct tracee;

/* Calls with lower numbers take the fast path, if nothing watches the task. */
#define TASK_DIRECT_CALLS 464
extern uint64_t task_direct_calls; /* of a new task; changes at start-up alone */

/* What prctl(2) sets and children and new programs keep. */
struct task_inherited {
    bool no_new_privs; /* exec gives no rights */
    bool io_flusher;
    uint32_t personality; /* personality(2) */
    uint8_t mce_kill;     /* LX_PR_MCE_KILL_DEFAULT, or what was chosen */
};

/* I constant after creation   o only the owning thread   s process.lock (the owner reads freely)
 * t process_tree_lock   a atomic */
struct task {
    struct thread thread;      /* first: the running thread leads to its task */
    uint32_t refs;             /* [a] */
    struct process *process;   /* [I] */
    uint64_t direct_calls;     /* [a] 0 while something watches its calls */
    struct tracee *ptrace;     /* [ts] NULL: it is not traced */
    struct list link;          /* [ts] in process->tasks */
    struct pid *own_pid;       /* [t] its number; NULL: the leader, whose number is its process's */
    bool exiting;              /* [ts] takes no more signals, and gives back what it has */
    bool gone;                 /* [a] a leader that has given all back before others have */
    bool vfork_waited;         /* [a] CLONE_VFORK: another task waits for its end */
    bool dump_waits;           /* [s] for a core file, before it ends */
    uint32_t stop_round;       /* [s] of the stop that it has been counted in; 0: none */
    struct fd_table *files;    /* [o] shared by the tasks of a process */
    struct io_usage io;        /* [o] read by others */
    struct fs_context *fs;     /* [o] root, working directory, umask, credentials */
    struct identity *identity; /* [s] the credentials, as others see them; until it is freed */
    struct nsproxy *nsproxy;   /* [o] written [t]; NULL: the initial name spaces */
    struct sem_undo_list *sem_undo;  /* [o] what its end undoes; NULL: nothing yet */
    int tid;                         /* [I] but for exec, which makes it the process's */
    uint64_t serial;                 /* [I] as its process's: no other has the same; 0: a leader */
    uint64_t started_ns;             /* [I] */
    void *fpu_object;                /* [I] what holds thread.arch.fpu */
    char name[16];                   /* [o] read by others: prctl(PR_SET_NAME) */
    struct task_inherited inherited; /* [o] read by others */
    bool over_limit;           /* [o] became a user with too many processes: exec looks again */
    int death_signal;          /* [o] read by others: sent to it when its parent ends; 0: none */
    struct lx_stack sig_stack; /* [o] sigaltstack */
    uint64_t sig_mask;         /* [s] bit n-1: signal n is blocked */
    struct signal_queue sig_queue; /* [s] sent to this thread */
    uint64_t sig_wait;             /* [s] blocked signals that sigtimedwait waits for */
    uint64_t sig_saved_mask;       /* [o] to be restored when a handler returns (sigsuspend) */
    bool sig_restore;              /* [o] sig_saved_mask is valid */
    bool sig_restart;              /* [o] read by others: RAX holds a code of lib/restart.h */
    uint64_t restart_deadline_ns;  /* [o] of a sleep that was interrupted; 0: none */
    uint32_t restart_number;       /* [o] the call that RESTART_CALL goes on with; 0: none */
    uint32_t trace_count;          /* [ts] how often it has got a tracer */
    bool trap_pending;             /* [s] a stop that its tracer asked for */
    bool stop_passed;   /* [s] it goes on, by its tracer's word, while its process is stopped */
    bool trace_flag;    /* [o] RFLAGS.TF in its frame is its tracer's, not its own */
    bool call_followed; /* [o] in a call that ptrace_call_leave will end */
    bool call_late;     /* [o] in one that it is to end as well: late_number */
    uint32_t late_number;
    const struct lx_mq_attr *mq_attr; /* [o] for a queue that mq_open makes */
    int ptrace_signal;                /* [t] what its tracer lets it have at the end of a stop */
    uint64_t fault_vector, fault_error, fault_address; /* [o] the last, for handlers */
    struct uptr set_tid;                               /* [o] CLONE_CHILD_SETTID */
    struct uptr clear_tid;                /* [o] set_tid_address, CLONE_CHILD_CLEARTID */
    struct uptr robust_list;              /* [o] */
    uint64_t slack_ns, slack_start_ns;    /* [o] set by others: PR_SET_TIMERSLACK */
    uint16_t ioprio;                      /* [a] ioprio_set */
    struct list pi_held;                  /* [pi] locks that others wait for: futex_pi.c */
    struct futex_pi_waiter *pi_blocked;   /* [pi] the lock that it waits for; NULL: none */
    bool pi_gone;                         /* [a] owns no more such locks: it ends */
    struct uptr rseq;                     /* [o] registered area */
    uint32_t rseq_nbytes, rseq_signature; /* [o] of it */
    uint32_t rseq_cpu;                    /* [o] the processor that it shows */
    struct seccomp_filter *seccomp;       /* [t] the newest, counted; itself reads it freely */
    uint32_t seccomp_count;               /* [t] filters that it has */
    uint8_t seccomp_mode;                 /* [t] LX_SECCOMP_MODE_*; itself reads it freely */
};

void task_init(void); /* at start-up */
/* Of that process, with room for its FPU state and nothing else: no thread, no number, and not in
 * the list of the process. One reference. */
MUST_CHECK int task_alloc(struct process *process, struct task **out_task);
/* The last one takes back what the task has got since, and the thread if that never ran. */
void task_put(struct task *task);
static inline void task_get(struct task *task)
{
    __atomic_fetch_add(&task->refs, 1, __ATOMIC_RELAXED);
}
/* Lets it run: its thread is complete. It holds its process until its stack has been left. */
void task_start(struct task *task);
/* The last part of the path becomes the name. */
void task_set_name(struct task *task, const char *path);

/* For the calls that go on where they were, first of all: the deadline of before if this one goes
 * on, else 0. A call that a tracer has put in between neither has it nor ends it. */
static inline uint64_t restart_deadline_take(struct task *self)
{
    uint64_t deadline_ns = 0;

    if ((uint32_t)arch_thread_frame(&self->thread.arch)->error == RESTART_CALL) {
        deadline_ns = self->restart_deadline_ns;
        self->restart_deadline_ns = 0;
    }
    return deadline_ns;
}
