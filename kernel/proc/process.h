/* SPDX-License-Identifier: MIT */
/*
 * proc/process.h - a running program
 *
 * Owns:    struct process, its number, what its tasks share.
 * Used by: usermode (creates and reaps), exec, signal, the system calls.
 * Locks:   none yet: one process lives at a time, and its only task is the only user. The fields
 *          that the timer interrupt sets are atomic.
 * Fails:   -ENOMEM.
 * Tests:   kernel/selftest
 */
#pragma once

#include "kernel/core/timer.h"
#include "kernel/lib/util.h"
#include "kernel/proc/task.h"
#include "shared/linux/resource.h"
#include "shared/linux/signal.h"

struct file;

enum process_end {
    PROCESS_RUNNING,
    PROCESS_EXITED,   /* code: exit status, 0..255 */
    PROCESS_SIGNALED, /* code: signal number */
    PROCESS_LIMIT,    /* its time was up */
};

/* I constant after creation   o only the owning task   a atomic */
struct process {
    int pid;                                  /* [I] */
    int parent_pid;                           /* [I] 1: the kernel's harness */
    int group, session;                       /* [o] */
    struct task *task;                        /* [I] */
    struct file *exe;                         /* [o] counted */
    char name[16];                            /* [o] as prctl(PR_SET_NAME) */
    struct lx_rlimit limits[LX_RLIM_NLIMITS]; /* [o] */
    struct lx_sigaction actions[LX_NSIG];     /* [o] */
    uint64_t sig_pending;                     /* [a] sent to the process */
    struct lx_stack sig_stack;                /* [o] sigaltstack */
    bool no_new_privs;                        /* [o] */
    int death_signal;                         /* [o] prctl(PR_SET_PDEATHSIG) */
    uint64_t started_ns;                      /* [I] */
    struct timer limit;                       /* [I] */
    uint32_t limit_reached;                   /* [a] */
    enum process_end end;                     /* [o] */
    int end_code;                             /* [o] */
};

void process_init(void);

/* A process with one task: no memory, no program, empty descriptor table. */
MUST_CHECK int process_create(struct process **out_process);
/* After its task has ended, or before it ever ran. */
void process_destroy(struct process *process);
uint64_t process_live_count(void);

/* The task's time is up at that monotonic time; 0: no limit. */
void process_set_limit(struct process *process, uint64_t deadline_ns);

/* Ends the calling task and its process: memory, files and directories go now; the rest when the
 * parent reaps it. */
NORETURN void process_exit(struct task *self, enum process_end end, int code);

static inline struct task *task_current(void)
{
    return container_of(thread_current(), struct task, thread);
}
