/* SPDX-License-Identifier: MIT */
/*
 * User and group ids of the calling process.
 *
 * Each call works on a copy of the credentials, and commits it as a whole by identity_set, which
 * takes the lock under which others read them and moves the charges from the old user to the new
 * one: it may need memory, and a failure leaves everything as it was.
 *
 * User and group calls differ in the fields and the capability alone, so each pair shares one
 * function on struct ids. The file system ids follow the effective ones in every call but setfsuid
 * and setfsgid; capabilities follow the user ids (proc/capability.h).
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/proc/capability.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"

/* -1: leave this id as it is. */
#define UNCHANGED 0xffffffffU

int64_t sys_getuid(struct task *self)
{
    return self->fs->cred.uid;
}

int64_t sys_geteuid(struct task *self)
{
    return self->fs->cred.euid;
}

int64_t sys_getgid(struct task *self)
{
    return self->fs->cred.gid;
}

int64_t sys_getegid(struct task *self)
{
    return self->fs->cred.egid;
}

/* The ids of one kind, which user and group calls treat alike. */
struct ids {
    uint32_t *real, *effective, *saved, *fs;
    bool free; /* the caller may set them to anything */
};

static struct ids user_of(struct credentials *c)
{
    return (struct ids){&c->uid, &c->euid, &c->suid, &c->fsuid,
                        credentials_capable(c, LX_CAP_SETUID)};
}

static struct ids group_of(struct credentials *c)
{
    return (struct ids){&c->gid, &c->egid, &c->sgid, &c->fsgid,
                        credentials_capable(c, LX_CAP_SETGID)};
}

/* What an unprivileged process may set an id to: one of its own three. */
static bool ids_have(const struct ids *id, uint32_t value)
{
    return value == UNCHANGED || value == *id->real || value == *id->effective ||
           value == *id->saved;
}

static void ids_set(const struct ids *id, uint32_t real, uint32_t effective, uint32_t saved)
{
    if (real != UNCHANGED)
        *id->real = real;
    if (effective != UNCHANGED)
        *id->effective = effective;
    if (saved != UNCHANGED)
        *id->saved = saved;
    *id->fs = *id->effective;
}

/* setfsuid, setfsgid: the one before, whether it has changed or not. */
static int64_t set_fs(struct task *self, struct ids (*kind)(struct credentials *), uint32_t value)
{
    struct credentials wanted = self->fs->cred;
    struct ids id = kind(&wanted);
    uint32_t old = *id.fs;

    /* A refused value is no error: the caller has to call again to see what is in force. */
    if (value == UNCHANGED || value == old || !(id.free || ids_have(&id, value)))
        return old;
    *id.fs = value;
    capability_follow_fs_id(&self->fs->cred, &wanted);
    if (identity_set(self, &wanted))
        return old; /* these calls have no way to fail */
    return old;
}

/* setuid, setgid. The privileged give up everything at once; others move between the real and the
 * saved id.
 */
static int set_one(struct ids id, uint32_t value)
{
    if (value == UNCHANGED)
        return -EINVAL;
    if (id.free)
        ids_set(&id, value, value, value);
    else if (value == *id.real || value == *id.saved)
        ids_set(&id, UNCHANGED, value, UNCHANGED);
    else
        return -EPERM;
    return 0;
}

/* setreuid, setregid: the saved one follows when the real one is set, or the effective one to
 * something other than the old real one. */
static int set_two(struct ids id, uint32_t real, uint32_t effective)
{
    /* The rule of setreuid(2): it lets a program swap its two ids, and give up the old ones for
     * good. */
    bool saved_follows = real != UNCHANGED || (effective != UNCHANGED && effective != *id.real);

    if (!id.free && ((real != UNCHANGED && real != *id.real && real != *id.effective) ||
                     !ids_have(&id, effective)))
        return -EPERM;
    ids_set(&id, real, effective, UNCHANGED);
    if (saved_follows)
        *id.saved = *id.effective;
    return 0;
}

static int set_three(struct ids id, uint32_t real, uint32_t effective, uint32_t saved)
{
    if (!id.free && (!ids_have(&id, real) || !ids_have(&id, effective) || !ids_have(&id, saved)))
        return -EPERM;
    ids_set(&id, real, effective, saved);
    return 0;
}

/* Written one after the other: a fault leaves the first ones written. */
static int64_t get_three(struct ids id, struct uptr real, struct uptr effective, struct uptr saved)
{
    int err = vm_user_write(real, id.real, sizeof(uint32_t));

    if (!err)
        err = vm_user_write(effective, id.effective, sizeof(uint32_t));
    return err ? err : vm_user_write(saved, id.saved, sizeof(uint32_t));
}

/* The credentials change as a whole, or not at all. */
static int64_t cred_commit(struct task *self, struct credentials *wanted, int err)
{
    if (err)
        return err;
    capability_follow_ids(&self->fs->cred, wanted);
    if (!memcmp(wanted, &self->fs->cred, sizeof(*wanted)))
        return 0;
    return identity_set(self, wanted);
}

int64_t sys_setuid(struct task *self, unsigned uid)
{
    struct credentials wanted = self->fs->cred;

    return cred_commit(self, &wanted, set_one(user_of(&wanted), uid));
}

int64_t sys_setgid(struct task *self, unsigned gid)
{
    struct credentials wanted = self->fs->cred;

    return cred_commit(self, &wanted, set_one(group_of(&wanted), gid));
}

int64_t sys_setreuid(struct task *self, unsigned real, unsigned effective)
{
    struct credentials wanted = self->fs->cred;

    return cred_commit(self, &wanted, set_two(user_of(&wanted), real, effective));
}

int64_t sys_setregid(struct task *self, unsigned real, unsigned effective)
{
    struct credentials wanted = self->fs->cred;

    return cred_commit(self, &wanted, set_two(group_of(&wanted), real, effective));
}

int64_t sys_setresuid(struct task *self, unsigned real, unsigned effective, unsigned saved)
{
    struct credentials wanted = self->fs->cred;

    return cred_commit(self, &wanted, set_three(user_of(&wanted), real, effective, saved));
}

int64_t sys_setresgid(struct task *self, unsigned real, unsigned effective, unsigned saved)
{
    struct credentials wanted = self->fs->cred;

    return cred_commit(self, &wanted, set_three(group_of(&wanted), real, effective, saved));
}

int64_t sys_getresuid(struct task *self, struct uptr real, struct uptr effective, struct uptr saved)
{
    return get_three(user_of(&self->fs->cred), real, effective, saved);
}

int64_t sys_getresgid(struct task *self, struct uptr real, struct uptr effective, struct uptr saved)
{
    return get_three(group_of(&self->fs->cred), real, effective, saved);
}

int64_t sys_getgroups(struct task *self, int count, struct uptr list)
{
    const struct group_set *groups = self->fs->cred.groups;
    uint32_t have = groups ? groups->ngroups : 0;

    if (count < 0)
        return -EINVAL;
    if (!count)
        return have;
    /* Count 0 asks for the number alone; too small a buffer is EINVAL, never a part of the list. */
    if ((uint32_t)count < have)
        return -EINVAL;
    if (have && vm_user_write(list, groups->gids, have * sizeof(uint32_t)))
        return -EFAULT;
    return have;
}

int64_t sys_setfsuid(struct task *self, uint32_t uid)
{
    return set_fs(self, user_of, uid);
}

int64_t sys_setfsgid(struct task *self, uint32_t gid)
{
    return set_fs(self, group_of, gid);
}

/* As Linux keeps them. Steps that are no powers of two keep it quick whatever the list. */
static void gids_sort(uint32_t *gids, size_t count)
{
    size_t step = count;

    while ((step = step == 2 ? 1 : step * 5 / 11) != 0)
        for (size_t i = step; i < count; i++) {
            uint32_t gid = gids[i];
            size_t at = i;

            for (; at >= step && gids[at - step] > gid; at -= step)
                gids[at] = gids[at - step];
            gids[at] = gid;
        }
}

/* The set is constant once it is published: readers need no lock. */
int64_t sys_setgroups(struct task *self, int count, struct uptr list)
{
    struct credentials wanted = self->fs->cred;
    struct group_set *groups = NULL;
    int err = 0;

    if (!credentials_capable(&wanted, LX_CAP_SETGID))
        return -EPERM;
    if (count < 0 || count > LX_NGROUPS_MAX)
        return -EINVAL;
    if (count) {
        err = group_set_create((uint32_t)count, &groups);
        if (err)
            return err;
        if (vm_user_read(groups->gids, list, (size_t)count * sizeof(uint32_t)))
            err = -EFAULT;
        else
            gids_sort(groups->gids, (size_t)count);
    }
    wanted.groups = groups;
    if (!err)
        err = identity_set(self, &wanted);
    group_set_put(groups);
    return err;
}
