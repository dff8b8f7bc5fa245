/* SPDX-License-Identifier: MIT */
/*
 * proc/ns.h - name spaces: which names of host and IPC objects a task sees
 *
 * Owns:    struct ns_common, the head of each name space; struct nsproxy, the set that a task has;
 *          the files that stand for name spaces (/proc/PID/ns).
 * Used by: fork, exit, unshare, setns; uts and ipc, which have one of each kind.
 * Rule:    a task without an nsproxy has the initial name spaces, which nearly all have for ever:
 *          these are not counted. A name space ends with the last nsproxy and the last inode of a
 *          file that have it; what it holds may outlive that for a while.
 * Locks:   process_tree_lock for a task's pointer to its nsproxy, which is constant itself.
 * Context: threads, no lock held; the last put may sleep.
 * Fails:   -ENOMEM, -EPERM; -EINVAL for kinds that this kernel has not.
 * Tests:   tests/user/proc/name_spaces.c, tests/user/ipc/ipc_spaces.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/proc/task.h"

struct dentry;
struct file;
struct fs_struct;
struct mount_space;
struct procfs_text;

enum ns_kind { NS_UTS, NS_IPC, NS_MNT, NS_KINDS };

struct ns_common {
    uint32_t refs;     /* [a] nsproxies and inodes */
    enum ns_kind kind; /* [I] */
    uint64_t ino;      /* [I] what programs know it by */
};

/* Constant once a task has it. */
struct nsproxy {
    uint32_t refs; /* [a] tasks */
    struct ns_common *spaces[NS_KINDS];
};

extern struct ns_common *const ns_initial[NS_KINDS];

void ns_init(void);

/* Of the calling task, borrowed; NULL is the kernel itself. */
static inline struct ns_common *ns_of(const struct task *task, enum ns_kind kind)
{
    return unlikely(task && task->nsproxy) ? task->nsproxy->spaces[kind] : ns_initial[kind];
}
/* Of another one, referenced. */
struct ns_common *ns_get_locked(const struct task *task, enum ns_kind kind);
void ns_put(struct ns_common *space);

const char *ns_name(enum ns_kind kind);
uint64_t ns_flag(enum ns_kind kind); /* CLONE_NEW* */

/* A new one, with one reference and a number of its own. */
void ns_common_init(struct ns_common *space, enum ns_kind kind);

/* --- tasks --- */

/* clone and unshare: 0 if there are no CLONE_NEW* among the flags, or those that can be made are
 * asked for by a task that may. */
MUST_CHECK int ns_flags_check(const struct task *self, uint64_t flags);
/* The mounts of the task's name space; only the task itself may ask. */
struct mount_space *ns_mounts(const struct task *self);

/* A child gets its maker's, or new ones for these flags, which were checked. */
MUST_CHECK int ns_fork(const struct task *self, struct task *child, uint64_t flags);
/* The task has none any more: it ends. */
void ns_drop(struct task *self);
static inline void ns_exit(struct task *self)
{
    if (unlikely(self->nsproxy))
        ns_drop(self);
}
/* The caller gets new ones for these flags, which were checked. place: what its root and working
 * directory will be in. */
MUST_CHECK int ns_unshare(struct task *self, uint64_t flags, struct fs_struct *place);
/* The caller gets these; NULL: keeps its own. */
MUST_CHECK int ns_enter(struct task *self, struct ns_common *const wanted[NS_KINDS]);

/* --- files --- */

/* What /proc/PID/ns leads to: a place without a name. Takes over the reference. */
MUST_CHECK int ns_file_place(struct ns_common *space, struct dentry **out_dentry);
/* What the file stands for, borrowed; NULL: it is no such file. */
struct ns_common *ns_of_file(const struct file *file);
