/* SPDX-License-Identifier: MIT */
/*
 * proc/seccomp/seccomp.h - a task gives up system calls: seccomp(2)
 *
 * Owns:    struct seccomp_filter, the chains of them; what becomes of a call of such a task.
 * Used by: the slow path of system calls, fork, exit, ptrace, prctl, /proc.
 * Rule:    a task with a mode has 0 for direct_calls, so all others pay nothing. A filter never
 *          changes and never goes from its task: newer ones come before it. Each holds the one
 *          behind it, each task its newest. So what a task has read of its chain stays for as long
 *          as the task, whatever another puts before it (TSYNC).
 * Locks:   process_tree_lock: task.seccomp, .seccomp_mode, .seccomp_count; the task itself reads
 *          them without it. process.sets_filters keeps those that set filters apart.
 * Fails:   -EINVAL, -EACCES, -EFAULT, -ENOMEM, -ESRCH, -EBUSY as seccomp(2).
 * Tests:   tests/user/proc/seccomp*.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/proc/task.h"
#include "shared/linux/seccomp.h"

struct file;
struct procfs_dir;
struct seccomp_notify;
struct trap_frame;
struct user_charge;

/* I constant   a atomic */
struct seccomp_filter {
    uint32_t refs;                   /* [a] tasks and the filter before it */
    uint16_t count;                  /* [I] instructions */
    bool log;                        /* [I] all that it does, but to allow */
    struct seccomp_filter *previous; /* [I] counted; NULL: the first */
    struct seccomp_notify *notify;   /* [I] NULL: it has no supervisor */
    struct user_charge *user;        /* [I] */
    struct lx_sock_filter insns[];   /* [I] */
};

/* ---- seccomp.c ---- */

int64_t seccomp_set_strict(struct task *self);
/* TSYNC: 0, or the number of a thread that has filters of its own. NEW_LISTENER: a descriptor. */
int64_t seccomp_set_filter(struct task *self, uint32_t flags, struct uptr program);
/* That one of a frozen task, 0 the first that was set. -EINVAL, -ENOENT. */
MUST_CHECK int seccomp_find(const struct task *task, uint64_t index,
                            const struct seccomp_filter **out_filter);
/* The child is about to be seen by others. */
void seccomp_inherit_locked(const struct task *self, struct task *child);
static inline void seccomp_fork(const struct task *self, struct task *child)
{
    if (unlikely(self->seccomp_mode))
        seccomp_inherit_locked(self, child);
}
/* The task makes no more calls, and takes no filters any more. */
void seccomp_release(struct task *task);

/* ---- seccomp_call.c ---- */

/* False: the call is not made, and RAX has its result. The number may have changed. */
bool seccomp_call_enter(struct task *self, struct trap_frame *frame);
bool seccomp_action_is_known(uint32_t action);

/* ---- seccomp_notify.c ---- */

/* A filter's; NULL: no memory. The file for its supervisor: nothing else knows it yet. */
#define SECCOMP_NOTIFY_NBYTES 256 /* of one, at most */
struct seccomp_notify *seccomp_notify_create(void);
MUST_CHECK int seccomp_notify_file(const struct task *self, struct seccomp_notify *notify,
                                   struct file **out_file);
/* Its supervisor has gone, and does not come back. */
bool seccomp_notify_is_closed(const struct seccomp_notify *notify);
/* The filter goes. No lock held. */
void seccomp_notify_orphan(struct seccomp_notify *notify);
/* Waits for the answer: 0, -ERESTARTSYS. */
MUST_CHECK int seccomp_notify_ask(struct seccomp_notify *notify, const struct lx_seccomp_data *data,
                                  struct lx_seccomp_notif_resp *reply);

extern const struct procfs_dir seccomp_sysctl_dir; /* /proc/sys/kernel/seccomp */
