/* SPDX-License-Identifier: MIT */
/*
 * Capabilities of the calling task: capget, capset, and prctl's options about them.
 *
 * As setuid and its kin, each call works on a copy of the credentials and commits it as a whole.
 */
#include "kernel/lib/string.h"
#include "kernel/proc/capability.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_prctl.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

#define WORDS 2

/* The number of words that the version has; -EINVAL, and the header gets the version in use. */
static int header_words(struct uptr header, unsigned *out_words)
{
    uint32_t version;

    if (vm_user_read(&version, header, sizeof(version)))
        return -EFAULT;
    *out_words = WORDS;
    switch (version) {
    case LX_CAPABILITY_VERSION_1:
        *out_words = 1;
        return 0;
    case LX_CAPABILITY_VERSION_2:
    case LX_CAPABILITY_VERSION_3: /* the same with another name: capget(2) */
        return 0;
    default:
        version = LX_CAPABILITY_VERSION_3;
        return vm_user_write(header, &version, sizeof(version)) ? -EFAULT : -EINVAL;
    }
}

static int header_pid(struct uptr header, int *out_pid)
{
    struct uptr at = {header.va + offsetof(struct lx_cap_header, pid)};

    return vm_user_read(out_pid, at, sizeof(*out_pid));
}

/* That of any task: the number's own, or its process's leader, which stands for all of them. */
static int sets_of(const struct task *self, int pid, struct credentials *out)
{
    struct process *process;
    uint64_t flags;

    *out = self->fs->cred;
    if (!pid || pid == self->tid)
        return 0;
    flags = spin_lock_irqsave(&process_tree_lock);
    process = process_of_task_locked(pid);
    if (process)
        *out = identity_of_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return process ? 0 : -ESRCH;
}

/* Without a place for the sets it gives the version alone. They are written whole, or cut to the
 * first word for version 1: a reader of that version cannot learn of the others. */
int64_t sys_capget(struct task *self, struct uptr header, struct uptr data)
{
    struct lx_cap_data words[WORDS];
    struct credentials sets;
    unsigned nwords;
    int pid = 0, err = header_words(header, &nwords);

    if (err || !data.va)
        return err == -EINVAL && !data.va ? 0 : err;
    err = header_pid(header, &pid);
    if (!err && pid < 0)
        err = -EINVAL;
    if (!err)
        err = sets_of(self, pid, &sets);
    if (err)
        return err;
    for (unsigned i = 0; i < WORDS; i++)
        words[i] = (struct lx_cap_data){(uint32_t)(sets.effective >> 32 * i),
                                        (uint32_t)(sets.permitted >> 32 * i),
                                        (uint32_t)(sets.inheritable >> 32 * i)};
    return vm_user_write(data, words, nwords * sizeof(words[0]));
}

/* Nothing is allocated for a change that is none. */
static int64_t sets_commit(struct task *self, const struct credentials *wanted, int err)
{
    if (err || !memcmp(wanted, &self->fs->cred, sizeof(*wanted)))
        return err;
    return identity_set(self, wanted);
}

/* Capabilities that do not exist are left out, as Linux does. */
int64_t sys_capset(struct task *self, struct uptr header, struct uptr data)
{
    struct credentials sets = self->fs->cred, wanted = {0};
    struct lx_cap_data words[WORDS] = {0};
    unsigned nwords;
    int pid = 0, err = header_words(header, &nwords);

    if (!err)
        err = header_pid(header, &pid);
    if (!err && pid && pid != self->tid) /* those of others cannot be set */
        err = -EPERM;
    if (!err)
        err = vm_user_read(words, data, nwords * sizeof(words[0]));
    if (err)
        return err;
    for (unsigned i = 0; i < WORDS; i++) {
        wanted.effective |= (uint64_t)words[i].effective << 32 * i & CAPABILITIES_ALL;
        wanted.permitted |= (uint64_t)words[i].permitted << 32 * i & CAPABILITIES_ALL;
        wanted.inheritable |= (uint64_t)words[i].inheritable << 32 * i & CAPABILITIES_ALL;
    }
    return sets_commit(self, &sets, capability_set(&sets, &wanted));
}

/* --- prctl --- */

/* The right comes first, as with every option that takes one. What is dropped is out of reach of
 * every later program, but stays permitted to this one. */
static int64_t bounding_drop(struct task *self, uint64_t number)
{
    struct credentials sets = self->fs->cred;

    if (!credentials_capable(&sets, LX_CAP_SETPCAP))
        return -EPERM;
    if (number > LX_CAP_LAST_CAP)
        return -EINVAL;
    sets.bounding &= ~(1ULL << number);
    return sets_commit(self, &sets, 0);
}

/* One of the securebits that takes no capability to set. */
static int64_t keep_caps_set(struct task *self, uint64_t value)
{
    struct credentials sets = self->fs->cred;

    if (value > 1)
        return -EINVAL;
    if (sets.securebits & LX_SECBIT_KEEP_CAPS_LOCKED)
        return -EPERM;
    sets.securebits &= ~(uint64_t)LX_SECBIT_KEEP_CAPS;
    sets.securebits |= value ? LX_SECBIT_KEEP_CAPS : 0;
    return sets_commit(self, &sets, 0);
}

/* Lowering takes no right. */
static int64_t ambient_change(struct task *self, const struct prctl_args *args)
{
    struct credentials sets = self->fs->cred;
    uint64_t bit;

    if (args->four || args->five)
        return -EINVAL;
    if (args->two == LX_PR_CAP_AMBIENT_CLEAR_ALL) {
        if (args->three)
            return -EINVAL;
        sets.ambient = 0;
        return sets_commit(self, &sets, 0);
    }
    if (args->three > LX_CAP_LAST_CAP)
        return -EINVAL;
    bit = 1ULL << args->three;
    switch (args->two) {
    case LX_PR_CAP_AMBIENT_IS_SET:
        return (sets.ambient & bit) != 0;
    case LX_PR_CAP_AMBIENT_RAISE:
        return sets_commit(self, &sets, capability_raise_ambient(&sets, bit));
    case LX_PR_CAP_AMBIENT_LOWER:
        sets.ambient &= ~bit;
        return sets_commit(self, &sets, 0);
    default:
        return -EINVAL;
    }
}

/* Honoured: CAPBSET_READ, CAPBSET_DROP, SECUREBITS, KEEPCAPS, CAP_AMBIENT. */
COLD int64_t prctl_capability(struct task *self, int option, const struct prctl_args *args)
{
    struct credentials sets = self->fs->cred;

    switch (option) {
    case LX_PR_CAPBSET_READ:
        return args->two > LX_CAP_LAST_CAP ? -EINVAL : (int64_t)(sets.bounding >> args->two & 1);
    case LX_PR_CAPBSET_DROP:
        return bounding_drop(self, args->two);
    case LX_PR_GET_SECUREBITS:
        return (int64_t)sets.securebits;
    case LX_PR_SET_SECUREBITS:
        return sets_commit(self, &sets, capability_set_securebits(&sets, args->two));
    case LX_PR_GET_KEEPCAPS:
        return (sets.securebits & LX_SECBIT_KEEP_CAPS) != 0;
    case LX_PR_SET_KEEPCAPS:
        return keep_caps_set(self, args->two);
    case LX_PR_CAP_AMBIENT:
        return ambient_change(self, args);
    default:
        return -EINVAL;
    }
}
