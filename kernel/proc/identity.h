/* SPDX-License-Identifier: MIT */
/*
 * proc/identity.h - the credentials of a task, as others see them
 *
 * Owns:    struct identity: credentials that never change, counted, with the account of their user.
 * Used by: setuid and its kin, exec, fork; everything that asks whose a process is.
 * Rule:    a task changes its credentials by replacing the whole: nothing sees the user of before
 *          with the group of after. task.fs->cred is the task's own copy, for the walks of paths.
 * Locks:   process.lock, for the pointer; the task itself reads it without. Nothing for the rest.
 * Context: threads.
 * Fails:   -EAGAIN without memory, as setuid(2).
 * Tests:   tests/user/proc/identity.c, limits.c
 */
#pragma once

#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/util.h"
#include "kernel/mm/user_charge.h"

struct process;
struct task;

struct identity {
    uint32_t refs;            /* [a] */
    struct credentials cred;  /* [I] groups counted */
    struct user_charge *user; /* [I] counted; of cred.uid */
};

/* Root's, in no groups. For start-up and the harness's programs. */
MUST_CHECK int identity_create(const struct credentials *cred, struct identity **out_identity);
void identity_free(struct identity *identity); /* identity_put's */
static inline void identity_get(struct identity *identity)
{
    __atomic_fetch_add(&identity->refs, 1, __ATOMIC_RELAXED);
}
static inline void identity_put(struct identity *identity) /* NULL is fine */
{
    /* Released, then acquired by the last one: its frees come after every other reader's loads. */
    if (identity && __atomic_sub_fetch(&identity->refs, 1, __ATOMIC_ACQ_REL) == 0)
        identity_free(identity);
}

/* The caller becomes that: groups are referenced anew. The process counts as one of the user's. */
MUST_CHECK int identity_set(struct task *self, const struct credentials *cred);
/* The same in two steps, for exec: the second cannot fail and takes over the reference. */
void identity_replace(struct task *self, struct identity *identity);
/* False: the caller became a user with more processes than RLIMIT_NPROC allows, and it still is. */
MUST_CHECK bool identity_may_exec(struct task *self);

/* Process tree locked: that of the process, whether it lives or has ended; borrowed by the copy:
 * its groups are not to be looked at. Of init: root's. */
struct credentials identity_of_locked(struct process *process);
/* The same, referenced; NULL: init. */
struct identity *identity_get_locked(struct process *process);

/* A task begins or ceases to count for that user (RLIMIT_NPROC). */
void identity_charge_task(const struct identity *identity, int change);
