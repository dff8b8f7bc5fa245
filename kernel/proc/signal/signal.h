/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal.h - signals: sending, masks, what becomes of them
 *
 * Owns:    which signals are pending for a task, its mask, the actions of its process.
 * Rule:    actions are taken only on the way back to ring 3 (hook_exit_to_user). A wait that a
 *          signal interrupts returns -ERESTARTSYS (lib/restart.h); whether the program sees that or
 * the call starts anew is decided there too (signal_deliver.c). Locks:   process.lock, taken
 * inside. Names with _locked: the caller holds process_tree_lock. Context: threads only: an
 * interrupt handler must not take process.lock (its rank comes before locks that are held with
 * interrupts on). Tests:   tests/user/signal/sig_*.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/signal.h"

struct pid;
struct process;
struct signal_entry;
struct task;
struct trap_frame;
struct waiter;

#define SIGNAL_BIT(number) (1ULL << ((number)-1))

/* What no program can block, catch or ignore. */
#define SIGNAL_UNBLOCKABLE (SIGNAL_BIT(LX_SIGKILL) | SIGNAL_BIT(LX_SIGSTOP))

static inline bool signal_valid(int number)
{
    return number >= 1 && number <= LX_NSIG;
}

/* ---- sending (signal_send.c) ---- */

/* From the kernel to the process (any of its tasks) or to one task. Ignored signals vanish at once.
 * Never SIGCONT, which needs the tree: signal_send_info_locked. */
void signal_send_process(struct process *process, int number);
void signal_send_task(struct task *task, int number);

/* With a reason. task: that one; NULL: any of the process. must_queue: -EAGAIN when there is no
 * room for the info, else 0 always. */
MUST_CHECK int signal_send_info_locked(struct process *process, struct task *task,
                                       const struct lx_siginfo *info, bool must_queue);

/* A timer's own entry, likewise: whether it is queued now. What it says is in it. */
MUST_CHECK bool signal_send_entry_locked(struct process *process, struct task *task,
                                         struct signal_entry *entry);

/* The same for the caller's own process, without the tree. Never SIGCONT. */
MUST_CHECK int signal_send_self(struct task *self, bool to_task, const struct lx_siginfo *info,
                                bool must_queue);

/* What the process was just sent, others were sent too: its child gets it as well if it is being
 * forked. Number 0: nothing. */
void signal_note_group_locked(struct process *process, int number);
/* Which of the set were noted since group_count was that. */
uint64_t signal_group_since_locked(const struct process *process, uint32_t count, uint64_t set);

/* From the kernel (a terminal) to every process of a group, in slices; no lock held. Takes over a
 * reference to the group. */
void signal_send_group(struct pid *group, int number);
/* SIGHUP, and SIGCONT to those that are stopped; likewise. */
void signal_hang_up_group(struct pid *group);

/* Deferred work of a process with many tasks. */
struct deferred;
void signal_retarget(struct deferred *item);

/* For a fault of the task itself: if it is blocked or ignored, it kills. */
void signal_force(struct task *self, int number);
void signal_force_info(struct task *self, const struct lx_siginfo *info);

/* Whether the sender may signal the process. */
bool signal_may_send_locked(const struct task *sender, struct process *process, int number);

/* ---- masks and actions (signal_mask.c) ---- */

/* Pending, whether blocked or not. */
uint64_t signal_pending(const struct task *self);

/* A new mask; SIGKILL and SIGSTOP are never in it. */
void signal_set_mask(struct task *self, uint64_t mask);

/* After an interrupted call that had set a mask for its duration: `saved` comes back once the
 * signal has been acted on. */
void signal_restore_mask_later(struct task *self, uint64_t saved);
/* The result of a call that goes on, if no handler runs, until that time. */
int64_t signal_restart_until(struct task *self, uint64_t deadline_ns);

/* rt_sigaction: takes a struct lx_sigaction from ring 3 and gives the one before; each may be a
 * null pointer. Unknown flag bits are dropped, as Linux does; so is a pending signal that is
 * ignored now. 0, -EINVAL, -EFAULT. */
int64_t signal_set_action(struct task *self, int number, struct uptr action, struct uptr old);

/* Takes the lowest pending signal of the set; 0 if there is none. */
int signal_take_from(struct task *self, uint64_t set, struct lx_siginfo *info);
/* sigtimedwait: likewise, and waits for it. Its number, -EAGAIN when the time is up (0: never),
 * -ERESTARTSYS. */
MUST_CHECK int signal_wait_for(struct task *self, uint64_t set, uint64_t deadline_ns,
                               struct lx_siginfo *info);
/* From now on, or (0) no longer, a blocked signal of the set ends a wait. */
void signal_set_wait(struct task *self, uint64_t set);

/* ---- what the life of a process asks for ---- */

/* SIGCHLD (or what clone asked for) to the parent about the end of the child. Tree locked. */
void signal_send_child_locked(struct process *parent, struct process *child, int number);

/* Whether children of this process are not waited for (SIGCHLD ignored, or SA_NOCLDWAIT). */
bool signal_children_unwanted(struct process *parent);

/* exec: handlers go back to their default, ignored signals stay ignored, timers of timer_create
 * end. */
void signal_clear_handlers(struct process *process);

/* exit: what signals still hold for this task goes, and none come any more. True: it is the last
 * task of its process, which takes none either from here on. */
MUST_CHECK bool signal_exit(struct task *self);

/* Sleeps on an entered waiter until it is woken (0) or the task has to die (-ERESTARTSYS): other
 * signals wait. */
MUST_CHECK int signal_wait_killable(const struct waiter *waiter);
