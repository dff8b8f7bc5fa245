/* SPDX-License-Identifier: MIT */
/*
 * proc/ptrace/ptrace.h - a process that watches and steers tasks of others: ptrace(2)
 *
 * Owns:    struct tracee, one for each task that is traced; the list of a tracer's.
 * Used by: signals, exit, exec, fork, wait, the path of system calls, sys_ptrace.c.
 * Rule:    the tracer is a process, any task of which may make requests. task.ptrace changes under
 *          process_tree_lock with the tracee's process.lock, so either keeps it. The task itself
 *          may test it without a lock, and uses what it points to under the tree lock alone, for
 *          the tracer may let go of it at any moment. Its registers and signals are the tracer's
 *          only while it is `frozen`: it sleeps, and nothing wakes it, not even SIGKILL.
 *          A task that is not traced pays a test of task.ptrace where signals are taken, and
 *          nothing on system calls: task.direct_calls is what they compare their number with.
 * Locks:   process_tree_lock. Interrupts are on, and nothing is held, in what may stop.
 * Fails:   as the requests of ptrace(2).
 * Tests:   tests/user/proc/ptrace*.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"
#include "kernel/proc/process.h"
#include "shared/linux/ptrace.h"

struct trap_frame;

enum tracee_state {
    TRACEE_RUNS,
    TRACEE_STOPPED,
    TRACEE_ENDED,
    TRACEE_CURSOR /* no tracee: a walk's */
};
enum tracee_resume { RESUME_CONT, RESUME_CALLS, RESUME_STEP };

/* I constant   t process_tree_lock   o the tracee itself, or its tracer while it is frozen */
struct tracee {
    struct list link;       /* [t] in tracer->tracees */
    struct list news_link;  /* [t] in tracer->trace_news: wait(2) has something to tell */
    struct task *task;      /* [I] counted */
    struct process *tracer; /* [I] it lives: its end lets go of its tracees */
    int tid;                /* [t] exec may change it */
    struct pid *number;     /* [t] of an ended task that is no leader: kept until it is told, and */
    struct identity *charged; /* [t] counted as one of that user's until then */
    bool capable;             /* [I] its tracer had CAP_SYS_PTRACE when it began to trace */
    bool seized;              /* [I] PTRACE_SEIZE, or inherited from one that was */
    uint32_t options;         /* [t] LX_PTRACE_O_* */
    enum tracee_state state;  /* [t] */
    bool frozen;              /* [t] */
    bool listening;           /* [t] a stopped group, seen as such: SIGCONT is told */
    bool in_group_stop;       /* [t] what it stopped for */
    bool at_exit;             /* [t] likewise: the event of its end, which a kill does not end */
    int status;               /* [t] of the stop: signal, flags, event, as above bit 8 of wait(2) */
    int end_status;           /* [t] of its end, as wait(2) has it */
    bool has_info;            /* [t] of the stop: its signal is info */
    struct lx_siginfo info;   /* [o] */
    uint64_t message;         /* [t] PTRACE_GETEVENTMSG */
    int signal;               /* [t] what the tracer lets it have instead */
    bool watches_calls;       /* [t] stops at calls */
    bool steps;               /* [t] one instruction, then SIGTRAP */
    bool flag_is_ours;        /* [o] RFLAGS.TF was set for that */
    uint8_t call_op;          /* [o] LX_SYSCALL_INFO_*: the stop is at a call */
    uint32_t call_number;     /* [o] of that call */
};

/* ---- ptrace.c: which process traces which tasks ---- */

void ptrace_init(void);
/* Whether the caller may set these options. -EPERM: SUSPEND_SECCOMP. */
MUST_CHECK int ptrace_options_check(const struct task *self, uint64_t options);
/* PTRACE_TRACEME, ATTACH and SEIZE. -EPERM, -ESRCH, -ENOMEM, -EIO. */
MUST_CHECK int64_t ptrace_trace_me(struct task *self);
MUST_CHECK int64_t ptrace_attach(struct task *self, int tid, bool seize, uint64_t options);
/* Whether its calls take the slow path: for a tracer, or for seccomp. Tree locked. */
void ptrace_watch_locked(struct task *task);
/* The tracee goes on by itself, with that signal. Tree locked. */
void ptrace_let_go_locked(struct tracee *tracee, int signal);
/* fork: a tracee for the child, if its maker's tracer has asked for that event, or `always`; NULL:
 * none. Made before, published with the child under the lock, which makes it NULL; where the tracer
 * has gone meanwhile it is not. */
MUST_CHECK int ptrace_fork_prepare(const struct task *self, unsigned event, bool always,
                                   struct tracee **out_tracee);
void ptrace_fork_locked(const struct task *self, struct task *child, struct tracee **tracee);
void ptrace_tracee_free(struct tracee *tracee); /* one that was not published; NULL is fine */
/* Tree locked: a child that comes to nothing, or a leader whose place another task takes. */
void ptrace_drop_locked(struct task *task);
/* Tree locked: the process traces the leader of its child, so wait(2) has nothing else to report to
 * it. */
bool ptrace_hides_locked(const struct process *child);

/* ---- ptrace_stop.c: what the tracee does ---- */

/* A signal was taken. The one to act on, 0: none; info is that one's. */
int ptrace_signal(struct task *self, struct lx_siginfo *info);
/* The process has stopped, and the caller counts. False: it is not traced, or to go on. */
bool ptrace_group_stop(struct task *self);
/* Tree and process locked: SIGCONT has ended a stop of a process with tracees. */
void ptrace_continued_locked(struct process *process);
/* What an interrupted stop or PTRACE_INTERRUPT has left to do, on the way to ring 3. */
void ptrace_trap(struct task *self);
void ptrace_event(struct task *self, unsigned event, uint64_t message);
/* Around a call of a task with direct_calls 0. The number may change; false: the call is not made.
 */
bool ptrace_call_enter(struct task *self, struct trap_frame *frame);
void ptrace_call_leave(struct task *self, struct trap_frame *frame, uint32_t number);
/* A filter says RET_TRACE: the tracer has seen it, and may have changed the call. False: there is
 * none that asked for it, or the task is to die. */
bool ptrace_seccomp(struct task *self, uint32_t data);
bool ptrace_suspends_seccomp(struct task *self); /* PTRACE_O_SUSPEND_SECCOMP */
/* The same on the way to ring 3, of a call that was not watched when it began. */
void ptrace_call_leave_late(struct task *self);
/* A handler's frame is about to be pushed: without our flag. And has been. */
void ptrace_handler_prepare(struct task *self, struct trap_frame *frame);
void ptrace_handler_entered(struct task *self);
/* Whether exec gives no rights, since a tracer without CAP_SYS_PTRACE would have them, too. */
bool ptrace_limits_exec(struct task *self);
/* exec has replaced the program; old_tid: the caller's number before. A tracer that could not
 * attach to the new one loses it. */
void ptrace_exec(struct task *self, int old_tid);

/* ---- ptrace_end.c: ends ---- */

/* The last task of a tracer: all that it traces goes on, or dies with EXITKILL. No lock. */
void ptrace_tracer_end(struct process *process);
/* How it ends, as wait(2) has it. */
uint64_t ptrace_status_of(const struct process *process);
/* A task's own code, of exit(2). */
void ptrace_note_end(struct task *self, int status);
/* Tree and process locked: a task that is no leader leaves. */
void ptrace_task_end_locked(struct task *task);
/* Tree locked: a process is a zombie. True: another process than its parent traces its leader, and
 * is told first. */
bool ptrace_process_end_locked(struct process *process);
/* Tree and process locked: the leader whose place another task takes by exec. */
void ptrace_leader_replaced_locked(struct task *old, struct task *self);

/* Tree locked, and dropped in between: what wait(2) finds among the tracees of the process. 1:
 * taken; 0: one is meant, and has nothing to tell; -ECHILD. A process that no other waits for any
 * more is left in *reaped. */
int ptrace_wait_locked(struct process *process, const struct process_wait *which,
                       struct process_change *change, struct process **reported, uint64_t *flags);

/* ---- ptrace_request.c: requests on a stopped tracee ---- */

int64_t ptrace_request(struct task *self, int request, int tid, uint64_t address, uint64_t data);

/* ---- ptrace_regs.c: registers of a frozen task ---- */

void ptrace_regs_get(const struct task *task, struct lx_user_regs *regs);
/* The area of XSAVE as debuggers expect it, features.fpu_nbytes. */
void ptrace_fpu_get(const struct task *task, char *area);
MUST_CHECK int ptrace_regs_set(struct task *task, const struct lx_user_regs *regs);

static inline struct tracee *ptrace_of_locked(const struct task *task)
{
    ASSERT(process_tree_is_held());
    return task->ptrace;
}
