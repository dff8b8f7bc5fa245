/* SPDX-License-Identifier: MIT */
/*
 * Commands about signals of files: F_SETOWN, F_SETSIG, their relatives, F_SETLEASE, F_NOTIFY,
 * SIOCSPGRP.
 *
 * F_SETOWN and SIOCSPGRP say what kind of owner a number is by its sign, F_SETOWN_EX by a word.
 * What a file has without having been told is found in the answers: no owner is process 0, no
 * signal is 0, for SIGIO without more.
 */
#include "kernel/syscall/fs/owner_command.h"

#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/lease.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/file_owner.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* A process, or minus a group. */
static int64_t owner_set(struct file *file, int number)
{
    if (number == INT32_MIN)
        return -EINVAL;
    return number < 0 ? file_owner_set(file, FILE_OWNER_GROUP, -number, true)
                      : file_owner_set(file, FILE_OWNER_PROCESS, number, true);
}

/* Groups are negative again: a small one looks like an errno to C libraries, as on Linux. */
static int owner_get(struct file *file)
{
    enum file_owner_kind kind;
    int number = file_owner_get(file, &kind);

    return kind == FILE_OWNER_GROUP ? -number : number;
}

static int64_t owner_set_ex(struct file *file, struct uptr argument)
{
    struct lx_f_owner_ex owner;
    int err = vm_user_read(&owner, argument, sizeof(owner));

    if (err)
        return err;
    if (owner.type < FILE_OWNER_TASK || owner.type > FILE_OWNER_GROUP)
        return -EINVAL;
    return file_owner_set(file, (enum file_owner_kind)owner.type, owner.pid, true);
}

static int64_t owner_get_ex(struct file *file, struct uptr argument)
{
    enum file_owner_kind kind;
    struct lx_f_owner_ex owner = {.pid = file_owner_get(file, &kind)};

    owner.type = (int32_t)kind;
    return vm_user_write(argument, &owner, sizeof(owner));
}

static int64_t owner_users(struct file *file, struct uptr argument)
{
    uint32_t users[2];

    file_owner_users(file, users);
    return vm_user_write(argument, users, sizeof(users));
}

/* Without an event what there was is over. */
static int64_t directory_watch(struct file *file, int fd, uint32_t events)
{
    int err;

    if (!__atomic_load_n(&dnotify_enable, __ATOMIC_RELAXED))
        return -EINVAL;
    if (!(events & ~LX_DN_MULTISHOT)) {
        dnotify_remove(file);
        return 0;
    }
    if (!(file->access & FILE_DIRECTORY))
        return -ENOTDIR;
    err = file_owner_watch(file, fd);
    return err ? err : dnotify_add(file, events);
}

/* The owner of a file that gets a lease is the caller, if it has none. */
static int64_t lease_command(struct task *self, struct file *file, int fd, int type)
{
    const struct credentials *cred = &self->fs->cred;
    int err = 0;

    if (type < LX_F_RDLCK || type > LX_F_UNLCK)
        return -EINVAL;
    if (cred->fsuid != file->inode->uid && !credentials_capable(cred, LX_CAP_LEASE))
        return -EACCES;
    if (type != LX_F_UNLCK && file->access & FILE_SERIAL)
        err = file_owner_watch(file, fd);
    return err ? err : lease_set(file, type);
}

int64_t owner_command(struct task *self, struct file *file, int fd, int command, uint64_t argument)
{
    int number = (int)argument;

    switch (command) {
    case LX_F_SETOWN:
        return owner_set(file, number);
    case LX_F_GETOWN:
        return owner_get(file);
    case LX_F_SETSIG:
        if (number < 0 || number > LX_NSIG)
            return -EINVAL;
        return file_owner_set_signal(file, number);
    case LX_F_GETSIG:
        return file_owner_signal(file);
    case LX_F_SETOWN_EX:
        return owner_set_ex(file, (struct uptr){argument});
    case LX_F_GETOWN_EX:
        return owner_get_ex(file, (struct uptr){argument});
    case LX_F_SETLEASE:
        return lease_command(self, file, fd, number);
    case LX_F_GETLEASE:
        return lease_get(file);
    case LX_F_NOTIFY:
        return directory_watch(file, fd, (uint32_t)argument);
    default:
        return owner_users(file, (struct uptr){argument});
    }
}

int64_t owner_request(struct file *file, uint32_t request, struct uptr argument)
{
    int number = owner_get(file), err;

    if (request == LX_FIOGETOWN || request == LX_SIOCGPGRP)
        return vm_user_write(argument, &number, sizeof(number));
    err = vm_user_read(&number, argument, sizeof(number));
    return err ? err : owner_set(file, number);
}
