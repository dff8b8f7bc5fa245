/* SPDX-License-Identifier: MIT */
/* Flags of descriptors and files, and ioctl. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/pipe.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/record_lock.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/signal.h"
#include "shared/linux/stat.h"

#define SETFL_FLAGS (LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME | LX_O_ASYNC)

static void set_flag(struct file *file, uint32_t flag, bool on)
{
    if (on)
        __atomic_fetch_or(&file->flags, flag, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&file->flags, ~flag, __ATOMIC_RELAXED);
}

static int64_t set_flags(struct task *self, struct file *file, uint32_t flags)
{
    uint32_t changed = (flags ^ file->flags) & SETFL_FLAGS;

    if ((changed & flags & LX_O_NOATIME) &&
        !inode_owner_or_privileged(file->inode, &self->fs->cred))
        return -EPERM;
    if ((flags & LX_O_DIRECT) && !(file->flags & LX_O_DIRECT) && !file_is_pipe(file))
        return -EINVAL;
    set_flag(file, SETFL_FLAGS & ~flags, false);
    set_flag(file, SETFL_FLAGS & flags, true);
    return 0;
}

static int64_t duplicate(struct task *self, struct file *file, uint64_t min, bool cloexec)
{
    int fd;

    if (min >= __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED))
        return -EINVAL;
    file_get(file);
    fd = fd_install(self->files, file, (int)min, cloexec);
    if (fd < 0)
        file_put(file);
    return fd;
}

/* What O_PATH descriptors allow, too. *handled is false for everything else. */
static int64_t fcntl_any(struct task *self, struct file *file, int fd, int command,
                         uint64_t argument, bool *handled)
{
    *handled = true;
    switch (command) {
    case LX_F_DUPFD:
        return duplicate(self, file, (uint32_t)argument, false);
    case LX_F_DUPFD_CLOEXEC:
        return duplicate(self, file, (uint32_t)argument, true);
    case LX_F_GETFD:
        return fd_get_cloexec(self->files, fd);
    case LX_F_SETFD:
        return fd_set_cloexec(self->files, fd, argument & LX_FD_CLOEXEC);
    case LX_F_GETFL:
        return __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
    default:
        *handled = false;
        return 0;
    }
}

/* Who would get SIGIO, and which signal instead of it. */
static int64_t fcntl_owner(struct file *file, int command, int argument)
{
    switch (command) {
    case LX_F_SETOWN:
        if (argument == INT32_MIN)
            return -EINVAL;
        if (argument && !process_exists(argument))
            return -ESRCH;
        file->owner = argument;
        return 0;
    case LX_F_GETOWN:
        return file->owner;
    case LX_F_SETSIG:
        if (argument < 0 || argument > LX_NSIG)
            return -EINVAL;
        file->owner_signal = argument;
        return 0;
    default:
        return file->owner_signal;
    }
}

/* Everything else, for files that are open for input, output or neither. */
static int64_t fcntl_open(struct task *self, struct fd_ref ref, int fd, int command,
                          uint64_t argument)
{
    struct file *file = ref.file;

    if (is_record_lock(command))
        return record_lock(self, ref, fd, command, (struct uptr){argument});
    if (command >= LX_F_SETOWN && command <= LX_F_GETSIG)
        return fcntl_owner(file, command, (int)argument);
    if (command == LX_F_SETFL)
        return set_flags(self, file, (uint32_t)argument);
    if (command != LX_F_GETPIPE_SZ && command != LX_F_SETPIPE_SZ)
        return -EINVAL;
    if (!file_is_pipe(file))
        return -EBADF;
    return command == LX_F_GETPIPE_SZ
               ? pipe_capacity(file)
               : pipe_resize(file, (uint32_t)argument, self->fs->cred.euid == 0);
}

/* Honoured: DUPFD, DUPFD_CLOEXEC, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, the same three
 * of OFD, GETPIPE_SZ, SETPIPE_SZ. SETOWN and SETSIG are kept, but SIGIO is never sent. */
int64_t sys_fcntl(struct task *self, int fd, int command, uint64_t argument)
{
    struct fd_ref ref = fd_find_any(self->files, fd);
    int64_t result;
    bool handled;

    if (!ref.file)
        return -EBADF;
    result = fcntl_any(self, ref.file, fd, command, argument, &handled);
    if (handled)
        ;
    else if (ref.file->access & FILE_PATH)
        result = -EBADF;
    else
        result = fcntl_open(self, ref, fd, command, argument);
    fd_ref_put(ref);
    return result;
}

static int64_t bytes_to_the_end(struct file *file, struct uptr argument)
{
    uint64_t size = file_size(file);
    uint32_t left = (uint32_t)(size - (uint64_t)file->position);

    return vm_user_write(argument, &left, sizeof(left));
}

static int64_t set_nonblock(struct file *file, struct uptr argument)
{
    int on;
    int err = vm_user_read(&on, argument, sizeof(on));

    if (!err)
        set_flag(file, LX_O_NONBLOCK, on != 0);
    return err;
}

/* Honoured for all: FIOCLEX, FIONCLEX, FIONBIO; for regular files FIONREAD. The rest is the
 * device's own. */
int64_t sys_ioctl(struct task *self, int fd, unsigned request, struct uptr argument)
{
    struct fd_ref ref = fd_find(self->files, fd);
    int64_t result;

    if (!ref.file)
        return -EBADF;
    if (request == LX_FIOCLEX || request == LX_FIONCLEX)
        result = fd_set_cloexec(self->files, fd, request == LX_FIOCLEX);
    else if (request == LX_FIONBIO)
        result = set_nonblock(ref.file, argument);
    else if (request == LX_FIONREAD && (file_mode(ref.file) & LX_S_IFMT) == LX_S_IFREG)
        result = bytes_to_the_end(ref.file, argument);
    else
        result = ref.file->ops->ioctl ? ref.file->ops->ioctl(ref.file, request, argument) : -ENOTTY;
    fd_ref_put(ref);
    return result;
}
