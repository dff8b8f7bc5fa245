/* SPDX-License-Identifier: MIT */
/*
 * Name spaces: sets of them, and the tasks that have a set.
 *
 * A set (struct nsproxy) is made whole, then given to a task, and never changes: tasks that fork
 * share it, one that changes a name space gets another set. So the task itself reads its set
 * without a lock; others take a reference to a name space under process_tree_lock, under which the
 * pointer changes, and a task that has begun to exit has none for them.
 *
 * Nothing here is counted for the initial name spaces as long as nothing names them: a task has no
 * set then. Once one has, they are counted like others, from a count that never comes to 0.
 */
#include "kernel/proc/ns.h"

#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/proc/process.h"
#include "kernel/proc/uts.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"
#include "shared/linux/nsfs.h"

#define NS_FLAGS                                                                                   \
    (LX_CLONE_NEWNS | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWPID | LX_CLONE_NEWNET |      \
     LX_CLONE_NEWCGROUP | LX_CLONE_NEWTIME)
#define NS_FLAGS_MADE (LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWNS)

/* --- mounts --- */

struct mnt_namespace {
    struct ns_common common;
    struct mount_space mounts;
};

/* Its mounts are there before it is: mount_space_initial. */
static struct ns_common mnt_initial = {.refs = 1, .kind = NS_MNT, .ino = LX_MNT_INIT_INO};

static COLD struct mount_space *mounts_of(struct ns_common *common)
{
    return common == &mnt_initial ? &mount_space_initial
                                  : &container_of(common, struct mnt_namespace, common)->mounts;
}

COLD struct mount_space *ns_mounts(const struct task *self)
{
    return mounts_of(ns_of(self, NS_MNT));
}

static COLD int mnt_copy(struct ns_common *from, struct ns_common **out_space)
{
    struct mnt_namespace *copy = ipc_alloc(sizeof(*copy));
    int err;

    if (!copy)
        return -ENOMEM;
    /* Nothing can find it before it is complete. */
    ns_common_init(&copy->common, NS_MNT);
    err = mount_space_copy(mounts_of(from), &copy->mounts);
    if (err)
        ipc_free(copy, sizeof(*copy));
    else
        *out_space = &copy->common;
    return err;
}

static COLD void mnt_end(struct ns_common *space)
{
    mount_space_end(mounts_of(space));
    ipc_free(container_of(space, struct mnt_namespace, common), sizeof(struct mnt_namespace));
}

static const struct {
    const char *name;
    uint64_t flag;
    /* Another one: as that one is, or empty. */
    int (*copy)(struct ns_common *from, struct ns_common **out_space);
    void (*end)(struct ns_common *space); /* nothing has it any more */
} kinds[NS_KINDS] = {
    [NS_UTS] = {"uts", LX_CLONE_NEWUTS, uts_copy, uts_end},
    [NS_IPC] = {"ipc", LX_CLONE_NEWIPC, ipc_copy, ipc_end},
    [NS_MNT] = {"mnt", LX_CLONE_NEWNS, mnt_copy, mnt_end},
};

struct ns_common *const ns_initial[NS_KINDS] = {
    [NS_UTS] = &uts_initial.common,
    [NS_IPC] = &ipc_initial.common,
    [NS_MNT] = &mnt_initial,
};

COLD const char *ns_name(enum ns_kind kind)
{
    return kinds[kind].name;
}

COLD uint64_t ns_flag(enum ns_kind kind)
{
    return kinds[kind].flag;
}

COLD void ns_common_init(struct ns_common *space, enum ns_kind kind)
{
    static uint64_t last_ino = LX_MNT_INIT_INO; /* atomic */

    *space = (struct ns_common){
        .refs = 1, .kind = kind, .ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED)};
}

/* Initial ones, too: their count starts at one that is never put. */
static void ns_get(struct ns_common *space)
{
    __atomic_fetch_add(&space->refs, 1, __ATOMIC_RELAXED);
}

void ns_put(struct ns_common *space)
{
    if (__atomic_sub_fetch(&space->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kinds[space->kind].end(space);
}

COLD struct ns_common *ns_get_locked(const struct task *task, enum ns_kind kind)
{
    struct ns_common *space = ns_of(task, kind);

    ASSERT(process_tree_is_held());
    ns_get(space);
    return space;
}

/* --- sets --- */

/* The last task that had it puts its name spaces; what ends with them may sleep. */
static void nsproxy_put(struct nsproxy *set)
{
    if (!set || __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (unsigned i = 0; i < NS_KINDS; i++)
        ns_put(set->spaces[i]);
    kfree(set);
}

/* Only the task itself may call this: its own set does not change under it. */
static COLD struct nsproxy *nsproxy_copy(const struct task *self)
{
    struct nsproxy *set = kmalloc(sizeof(*set));

    if (!set)
        return NULL;
    set->refs = 1;
    for (unsigned i = 0; i < NS_KINDS; i++) {
        set->spaces[i] = ns_of(self, (enum ns_kind)i);
        ns_get(set->spaces[i]);
    }
    return set;
}

/* Takes over the reference. The set is known to the caller alone. */
static COLD void nsproxy_replace(struct nsproxy *set, struct ns_common *space)
{
    ns_put(set->spaces[space->kind]);
    set->spaces[space->kind] = space;
}

/* A set with fresh name spaces of the kinds in flags, for a task with that place. Nothing has
 * happened where it fails. */
static COLD int nsproxy_unshare(const struct task *self, uint64_t flags, struct fs_struct *place,
                                struct nsproxy **out_set)
{
    struct nsproxy *set = nsproxy_copy(self);
    int err = set ? 0 : -ENOMEM;

    for (unsigned i = 0; i < NS_KINDS && !err; i++) {
        struct ns_common *fresh;

        if (!(flags & kinds[i].flag))
            continue;
        err = kinds[i].copy(set->spaces[i], &fresh);
        if (!err)
            nsproxy_replace(set, fresh);
    }
    /* The last that can fail: the copies of the task's directories. */
    if (!err && (flags & LX_CLONE_NEWNS))
        err = mount_space_map(mounts_of(set->spaces[NS_MNT]), place);
    if (err)
        nsproxy_put(set);
    *out_set = set;
    return err;
}

static COLD void nsproxy_switch(struct task *self, struct nsproxy *set)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct nsproxy *old = self->nsproxy;

    self->nsproxy = set;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    nsproxy_put(old);
}

/* --- tasks --- */

/* As Linux answers that was built without the other kinds: user name spaces, which need no right
 * there, are refused before rights are looked at. */
COLD int ns_flags_check(const struct task *self, uint64_t flags)
{
    if (flags & LX_CLONE_NEWUSER)
        return -EINVAL;
    if (!(flags & NS_FLAGS))
        return 0;
    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    return flags & NS_FLAGS & ~(uint64_t)NS_FLAGS_MADE ? -EINVAL : 0;
}

/* The usual case, without any set, costs one test. The child does not run yet. */
int ns_fork(const struct task *self, struct task *child, uint64_t flags)
{
    if (unlikely(flags & NS_FLAGS_MADE)) {
        struct nsproxy *set;
        int err = nsproxy_unshare(self, flags, child->fs->place, &set);

        child->nsproxy = err ? NULL : set;
        return err;
    }
    child->nsproxy = self->nsproxy;
    if (unlikely(child->nsproxy))
        __atomic_fetch_add(&child->nsproxy->refs, 1, __ATOMIC_RELAXED);
    return 0;
}

void ns_drop(struct task *self)
{
    nsproxy_put(self->nsproxy);
    self->nsproxy = NULL;
}

/* What semaphores have to have undone is done on leaving an IPC name space. */
COLD int ns_unshare(struct task *self, uint64_t flags, struct fs_struct *place)
{
    struct nsproxy *set;
    int err = nsproxy_unshare(self, flags, place, &set);

    if (err)
        return err;
    if (flags & LX_CLONE_NEWIPC)
        sem_exit(self);
    nsproxy_switch(self, set);
    return 0;
}

/* To the root of the mount name space, as on Linux. */
static COLD void place_reset(struct task *self, struct dentry *root)
{
    dentry_get(root);
    fs_context_set_root(self->fs, root);
    fs_context_set_cwd(self->fs, root);
}

/* Rights for all of them first, then the set, then what cannot fail: all or nothing. */
COLD int ns_enter(struct task *self, struct ns_common *const wanted[NS_KINDS])
{
    const struct credentials *cred = &self->fs->cred;
    struct dentry *root = NULL;
    struct nsproxy *set;
    int err;

    if (!credentials_capable(cred, LX_CAP_SYS_ADMIN) ||
        (wanted[NS_MNT] && !credentials_capable(cred, LX_CAP_SYS_CHROOT)))
        return -EPERM;
    if (wanted[NS_MNT] && fs_context_is_shared(self->fs))
        return -EINVAL;
    err = wanted[NS_MNT] ? mount_space_root(mounts_of(wanted[NS_MNT]), &root) : 0;
    if (err)
        return err;
    set = nsproxy_copy(self);
    if (!set) {
        dentry_put(root);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < NS_KINDS; i++) {
        if (!wanted[i])
            continue;
        ns_get(wanted[i]);
        nsproxy_replace(set, wanted[i]);
    }
    if (wanted[NS_MNT])
        place_reset(self, root);
    if (wanted[NS_IPC])
        sem_exit(self);
    nsproxy_switch(self, set);
    return 0;
}
