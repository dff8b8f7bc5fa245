/* SPDX-License-Identifier: MIT */
/*
 * Credentials of tasks as constant, counted objects; processes by user.
 *
 * setuid and its kin replace the whole object under process.lock, so another task that reads
 * credentials (kill, /proc, prlimit) sees those of before or those of after, never a mixture.
 * task.fs->cred is a copy that the task alone reads, without lock or reference, for each component
 * of a path. Group sets are counted on their own and shared by both.
 */
#include "kernel/proc/identity.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"

int identity_create(const struct credentials *cred, struct identity **out_identity)
{
    struct identity *identity = kmalloc(sizeof(*identity));

    if (!identity)
        return -ENOMEM;
    /* The account is that of the real user: RLIMIT_NPROC and RLIMIT_SIGPENDING count by it, as on
     * Linux. */
    *identity = (struct identity){.refs = 1, .cred = *cred, .user = user_charge_get(cred->uid)};
    if (!identity->user) {
        kfree(identity);
        return -EAGAIN; /* as setuid(2) has it for the accounts of users */
    }
    group_set_get(identity->cred.groups);
    *out_identity = identity;
    return 0;
}

void identity_free(struct identity *identity)
{
    user_charge_put(identity->user);
    group_set_put(identity->cred.groups);
    kfree(identity);
}

void identity_charge_task(const struct identity *identity, int change)
{
    user_charge_add(identity->user, CHARGE_PROCESSES, change);
}

/* Its memory may hold what the new user is not to see. */
static bool is_other_user(const struct credentials *old, const struct credentials *new)
{
    return old->euid != new->euid || old->egid != new->egid || old->fsuid != new->fsuid ||
           old->fsgid != new->fsgid;
}

/* RLIMIT_NPROC as setuid and exec see it; root's processes are not limited. */
static bool has_too_many(const struct process *process, const struct identity *identity)
{
    uint64_t limit = process->limits[LX_RLIMIT_NPROC].current;

    return identity->cred.uid && (uint64_t)__atomic_load_n(&identity->user->used[CHARGE_PROCESSES],
                                                           __ATOMIC_RELAXED) > limit;
}

bool identity_may_exec(struct task *self)
{
    self->over_limit = self->over_limit && has_too_many(self->process, self->identity);
    return !self->over_limit;
}

void identity_replace(struct task *self, struct identity *identity)
{
    struct group_set *groups = self->fs->cred.groups;
    struct identity *old = self->identity;

    /* The old identity may be the last reference, and freeing it takes locks of the slab. */
    ASSERT(!spin_any_held());
    /* As on Linux (commit_creds): the memory may hold secrets of the user of before, and a parent
     * of that user may no longer have a signal sent to it. */
    if (is_other_user(&old->cred, &identity->cred)) {
        __atomic_store_n(&self->thread.space->undumpable, true, __ATOMIC_RELAXED);
        self->death_signal = 0;
    }
    /* Not refused here: programs that ignore the result of setuid would go on as root. */
    if (identity->user != old->user)
        self->over_limit = has_too_many(self->process, identity);
    group_set_get(identity->cred.groups); /* for the task's own copy */
    /* Counted on the new account before it leaves the old one: no moment at which it counts
     * nowhere. */
    user_charge_add(identity->user, CHARGE_PROCESSES, 1);
    user_charge_add(old->user, CHARGE_PROCESSES, -1);
    spin_lock(&self->process->lock);
    self->identity = identity;
    self->fs->cred = identity->cred;
    spin_unlock(&self->process->lock);
    group_set_put(groups);
    identity_put(old);
}

int identity_set(struct task *self, const struct credentials *cred)
{
    struct identity *identity;
    int err = identity_create(cred, &identity);

    if (!err)
        identity_replace(self, identity);
    return err;
}

struct credentials identity_of_locked(struct process *process)
{
    struct credentials cred = credentials_of_user(0);

    ASSERT(process_tree_is_held());
    /* Init has neither task nor identity: it is root. */
    if (!process->leader)
        return cred;
    spin_lock(&process->lock);
    cred = process->leader->identity->cred;
    spin_unlock(&process->lock);
    return cred;
}

struct identity *identity_get_locked(struct process *process)
{
    struct identity *identity;

    ASSERT(process_tree_is_held());
    if (!process->leader)
        return NULL;
    spin_lock(&process->lock);
    identity = process->leader->identity;
    identity_get(identity);
    spin_unlock(&process->lock);
    return identity;
}
