/* SPDX-License-Identifier: MIT */
/*
 * Rules of capabilities(7): which sets a task has after setuid, capset and exec.
 *
 * A process of root's has nothing by its user id but these sets. They follow the id for programs
 * that know of no capabilities: a process that leaves user 0 for good loses them, and one that only
 * changes its effective user cannot use them meanwhile. Securebits switch each such rule off.
 */
#include "kernel/proc/capability.h"

#include "shared/linux/errno.h"

#define BIT(number) (1ULL << (number))
/* What the file system id stands for: the rights of an NFS server's root. */
#define FS_SET                                                                                     \
    (BIT(LX_CAP_CHOWN) | BIT(LX_CAP_MKNOD) | BIT(LX_CAP_DAC_OVERRIDE) |                            \
     BIT(LX_CAP_DAC_READ_SEARCH) | BIT(LX_CAP_FOWNER) | BIT(LX_CAP_FSETID) |                       \
     BIT(LX_CAP_LINUX_IMMUTABLE) | BIT(LX_CAP_MAC_OVERRIDE))

static bool any_is_root(const struct credentials *cred)
{
    return cred->uid == 0 || cred->euid == 0 || cred->suid == 0;
}

void capability_follow_ids(const struct credentials *old, struct credentials *new)
{
    if (new->securebits & LX_SECBIT_NO_SETUID_FIXUP)
        return;
    if (any_is_root(old) && !any_is_root(new)) {
        if (!(new->securebits &LX_SECBIT_KEEP_CAPS))
            new->permitted = new->effective = 0;
        /* Even then: what exec passes on to programs of any user was root's. */
        new->ambient = 0;
    }
    if (old->euid == 0 && new->euid != 0)
        new->effective = 0;
    if (old->euid != 0 && new->euid == 0)
        new->effective = new->permitted;
}

void capability_follow_fs_id(const struct credentials *old, struct credentials *new)
{
    if (new->securebits & LX_SECBIT_NO_SETUID_FIXUP)
        return;
    if (old->fsuid == 0 && new->fsuid != 0)
        new->effective &= ~FS_SET;
    if (old->fsuid != 0 && new->fsuid == 0)
        new->effective |= new->permitted &FS_SET;
}

int capability_set(struct credentials *cred, const struct credentials *wanted)
{
    uint64_t passed_on = cred->inheritable | cred->permitted;

    if (!credentials_capable(cred, LX_CAP_SETPCAP) && (wanted->inheritable & ~passed_on))
        return -EPERM;
    if ((wanted->inheritable & ~(cred->inheritable | cred->bounding)) ||
        (wanted->permitted & ~cred->permitted) || (wanted->effective & ~wanted->permitted))
        return -EPERM;
    cred->effective = wanted->effective;
    cred->permitted = wanted->permitted;
    cred->inheritable = wanted->inheritable;
    cred->ambient &= cred->permitted & cred->inheritable;
    return 0;
}

int capability_set_securebits(struct credentials *cred, uint64_t bits)
{
    uint64_t locks = cred->securebits & LX_SECURE_ALL_LOCKS;

    /* A locked bit stays, and so does a lock. */
    if ((locks >> 1 & (cred->securebits ^ bits)) || (locks & ~bits) ||
        (bits & ~(uint64_t)(LX_SECURE_ALL_BITS | LX_SECURE_ALL_LOCKS)) ||
        !credentials_capable(cred, LX_CAP_SETPCAP))
        return -EPERM;
    cred->securebits = bits;
    return 0;
}

int capability_raise_ambient(struct credentials *cred, uint64_t bit)
{
    if (!(cred->permitted & cred->inheritable & bit) ||
        (cred->securebits & LX_SECBIT_NO_CAP_AMBIENT_RAISE))
        return -EPERM;
    cred->ambient |= bit;
    return 0;
}

/* --- exec --- */

/* What a program of root's gets, unless SECBIT_NOROOT is set: as if its file had all of them. A
 * file with capabilities of its own means these, not all that its owner root would have. */
static void root_gets_all(const struct credentials *old, struct credentials *new, bool has_file,
                          bool *effective)
{
    if ((new->securebits &LX_SECBIT_NOROOT) || (has_file && new->uid != 0 && new->euid == 0))
        return;
    if (new->uid == 0 || new->euid == 0)
        new->permitted = new->bounding | old->inheritable;
    if (new->euid == 0)
        *effective = true;
}

int capability_exec(const struct credentials *old, struct credentials *new,
                    const struct capability_exec *how, bool *secure)
{
    const struct capability_file *file = &how->file;
    bool effective = file->effective;

    new->permitted = (new->bounding & file->permitted) | (new->inheritable & file->inheritable);
    /* A program that does not look at its capabilities runs with all that its file says, or not. */
    if (file->effective && (file->permitted & ~new->permitted))
        return -EPERM;
    root_gets_all(old, new, file->present, &effective);
    if ((how->ids_changed || (new->permitted & ~old->permitted)) && how->no_new_rights) {
        if (how->no_new_privs || !credentials_capable(old, LX_CAP_SETUID)) {
            new->euid = new->uid;
            new->egid = new->gid;
        }
        new->permitted &= old->permitted;
    }
    new->suid = new->fsuid = new->euid;
    new->sgid = new->fsgid = new->egid;
    if (file->present || how->ids_changed)
        new->ambient = 0;
    new->permitted |= new->ambient;
    new->effective = effective ? new->permitted : new->ambient;
    new->securebits &= ~(uint64_t)LX_SECBIT_KEEP_CAPS;
    *secure = how->ids_changed || new->euid != new->uid || new->egid != new->gid ||
              (new->uid != 0 && (effective || (new->permitted & ~new->ambient)));
    return 0;
}
