/* SPDX-License-Identifier: MIT */
/* Who the program runs as. */
#include "kernel/fs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define UNCHANGED  0xffffffffU
#define GROUPS_MAX 65536

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

/* The three identities of one kind, which user and group calls treat alike. */
struct identity {
    uint32_t *real, *effective, *saved, *fs;
};

static struct identity user_of(struct task *self)
{
    struct credentials *c = &self->fs->cred;

    return (struct identity){&c->uid, &c->euid, &c->suid, &c->fsuid};
}

static struct identity group_of(struct task *self)
{
    struct credentials *c = &self->fs->cred;

    return (struct identity){&c->gid, &c->egid, &c->sgid, &c->fsgid};
}

static bool has(const struct identity *id, uint32_t value)
{
    return value == UNCHANGED || value == *id->real || value == *id->effective ||
           value == *id->saved;
}

static void set(const struct identity *id, uint32_t real, uint32_t effective, uint32_t saved)
{
    if (real != UNCHANGED)
        *id->real = real;
    if (effective != UNCHANGED)
        *id->effective = effective;
    if (saved != UNCHANGED)
        *id->saved = saved;
    *id->fs = *id->effective;
}

static bool is_root(const struct task *self)
{
    return self->fs->cred.euid == 0;
}

/* setfsuid, setfsgid: the one before, whether it has changed or not. */
static int64_t set_fs(struct task *self, struct identity id, uint32_t value)
{
    uint32_t old = *id.fs;

    if (value != UNCHANGED && (is_root(self) || has(&id, value)))
        *id.fs = value;
    return old;
}

/* setuid, setgid */
static int64_t set_one(struct task *self, struct identity id, uint32_t value)
{
    if (value == UNCHANGED)
        return -EINVAL;
    if (is_root(self))
        set(&id, value, value, value);
    else if (value == *id.real || value == *id.saved)
        set(&id, UNCHANGED, value, UNCHANGED);
    else
        return -EPERM;
    return 0;
}

/* setreuid, setregid: the saved one follows when the real one is set, or the effective one to
 * something other than the old real one. */
static int64_t set_two(struct task *self, struct identity id, uint32_t real, uint32_t effective)
{
    bool saved_follows = real != UNCHANGED || (effective != UNCHANGED && effective != *id.real);

    if (!is_root(self) &&
        ((real != UNCHANGED && real != *id.real && real != *id.effective) || !has(&id, effective)))
        return -EPERM;
    set(&id, real, effective, UNCHANGED);
    if (saved_follows)
        *id.saved = *id.effective;
    return 0;
}

static int64_t set_three(struct task *self, struct identity id, uint32_t real, uint32_t effective,
                         uint32_t saved)
{
    if (!is_root(self) && (!has(&id, real) || !has(&id, effective) || !has(&id, saved)))
        return -EPERM;
    set(&id, real, effective, saved);
    return 0;
}

static int64_t get_three(struct identity id, struct uptr real, struct uptr effective,
                         struct uptr saved)
{
    int err = vm_user_write(real, id.real, sizeof(uint32_t));

    if (!err)
        err = vm_user_write(effective, id.effective, sizeof(uint32_t));
    return err ? err : vm_user_write(saved, id.saved, sizeof(uint32_t));
}

int64_t sys_setuid(struct task *self, unsigned uid)
{
    return set_one(self, user_of(self), uid);
}

int64_t sys_setgid(struct task *self, unsigned gid)
{
    return set_one(self, group_of(self), gid);
}

int64_t sys_setreuid(struct task *self, unsigned real, unsigned effective)
{
    return set_two(self, user_of(self), real, effective);
}

int64_t sys_setregid(struct task *self, unsigned real, unsigned effective)
{
    return set_two(self, group_of(self), real, effective);
}

int64_t sys_setresuid(struct task *self, unsigned real, unsigned effective, unsigned saved)
{
    return set_three(self, user_of(self), real, effective, saved);
}

int64_t sys_setresgid(struct task *self, unsigned real, unsigned effective, unsigned saved)
{
    return set_three(self, group_of(self), real, effective, saved);
}

int64_t sys_getresuid(struct task *self, struct uptr real, struct uptr effective, struct uptr saved)
{
    return get_three(user_of(self), real, effective, saved);
}

int64_t sys_getresgid(struct task *self, struct uptr real, struct uptr effective, struct uptr saved)
{
    return get_three(group_of(self), real, effective, saved);
}

int64_t sys_getgroups(struct task *self, int count, struct uptr list)
{
    const struct group_set *groups = self->fs->cred.groups;
    uint32_t have = groups ? groups->ngroups : 0;

    if (count < 0)
        return -EINVAL;
    if (!count)
        return have;
    if ((uint32_t)count < have)
        return -EINVAL;
    if (have && vm_user_write(list, groups->gids, have * sizeof(uint32_t)))
        return -EFAULT;
    return have;
}

int64_t sys_setfsuid(struct task *self, uint32_t uid)
{
    return set_fs(self, user_of(self), uid);
}

int64_t sys_setfsgid(struct task *self, uint32_t gid)
{
    return set_fs(self, group_of(self), gid);
}

/* As Linux keeps them. Steps that are no powers of two keep it quick whatever the list. */
static void sort(uint32_t *gids, size_t count)
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

int64_t sys_setgroups(struct task *self, int count, struct uptr list)
{
    struct group_set *groups = NULL, *old;
    int err;

    if (!is_root(self))
        return -EPERM;
    if (count < 0 || count > GROUPS_MAX)
        return -EINVAL;
    if (count) {
        err = group_set_create((uint32_t)count, &groups);
        if (err)
            return err;
        if (vm_user_read(groups->gids, list, (size_t)count * sizeof(uint32_t))) {
            group_set_put(groups);
            return -EFAULT;
        }
        sort(groups->gids, (size_t)count);
    }
    spin_lock(&self->process->lock);
    old = self->fs->cred.groups;
    self->fs->cred.groups = groups;
    spin_unlock(&self->process->lock);
    group_set_put(old);
    return 0;
}
