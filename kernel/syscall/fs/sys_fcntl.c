/* SPDX-License-Identifier: MIT */
/*
 * fcntl and ioctl: flags of descriptors, flags of files, and what a file's own operations answer.
 *
 * Close-on-exec belongs to the number and lies in the table; O_APPEND, O_NONBLOCK and the like
 * belong to the open file, and so to every task that shares it. They are single bits, changed
 * atomically: two tasks may each change one of their own.
 */
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/ramfs/memfd.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/net/socket.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/file_owner.h"
#include "kernel/syscall/fs/owner_command.h"
#include "kernel/syscall/fs/record_lock.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/signal.h"
#include "shared/linux/stat.h"

#define SETFL_FLAGS (LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME)

/* Each bit by its own atomic operation: a task that changes another bit at the same time loses
 * nothing. */
static void set_flag(struct file *file, uint32_t flag, bool on)
{
    if (on)
        __atomic_fetch_or(&file->flags, flag, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&file->flags, ~flag, __ATOMIC_RELAXED);
}

/* Only bits that are newly set are checked: a program may give back what F_GETFL showed. */
static int64_t set_flags(struct task *self, struct file *file, int fd, uint32_t flags)
{
    uint32_t changed = flags ^ file->flags;

    if ((changed & flags & LX_O_NOATIME) &&
        !inode_owner_or_privileged(file->inode, &self->fs->cred))
        return -EPERM;
    if ((flags & LX_O_DIRECT) && !file_is_pipe(file) && !file_is_memory(file))
        return -EINVAL;
    if (changed & LX_O_ASYNC) {
        int err = file_owner_async(file, fd, flags & LX_O_ASYNC);

        if (err)
            return err;
    }
    set_flag(file, SETFL_FLAGS & ~flags, false);
    set_flag(file, SETFL_FLAGS & flags, true);
    return 0;
}

/* A lowest number at or above RLIMIT_NOFILE is EINVAL, not EMFILE. */
static int64_t duplicate(struct task *self, int fd, uint64_t min, bool cloexec)
{
    if (min >= __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED))
        return -EINVAL;
    return fd_dup(self->files, fd, (int)min, cloexec);
}

/* What O_PATH descriptors allow, too. *handled is false for everything else. */
static int64_t fcntl_any(struct task *self, struct file *file, int fd, int command,
                         uint64_t argument, bool *handled)
{
    *handled = true;
    switch (command) {
    case LX_F_DUPFD:
        return duplicate(self, fd, (uint32_t)argument, false);
    case LX_F_DUPFD_CLOEXEC:
        return duplicate(self, fd, (uint32_t)argument, true);
    case LX_F_GETFD:
        return fd_get_cloexec(self->files, fd);
    case LX_F_SETFD:
        return fd_set_cloexec(self->files, fd, argument & LX_FD_CLOEXEC);
    case LX_F_GETFL:
        return __atomic_load_n(&file->flags, __ATOMIC_RELAXED) & ~FILE_FLAG_NOATIME;
    default:
        *handled = false;
        return 0;
    }
}

#define RW_HINT_MOST 5 /* the longest life that Linux has a word for */

/* How long what is written will live: of a device's use alone, but kept with the file. */
static int64_t fcntl_hint(struct inode *inode, int command, struct uptr argument)
{
    uint64_t hint = __atomic_load_n(&inode->write_hint, __ATOMIC_RELAXED);
    int err;

    if (command == LX_F_GET_RW_HINT)
        return vm_user_write(argument, &hint, sizeof(hint));
    err = vm_user_read(&hint, argument, sizeof(hint));
    if (!err && hint > RW_HINT_MOST)
        err = -EINVAL;
    if (!err)
        __atomic_store_n(&inode->write_hint, (uint8_t)hint, __ATOMIC_RELAXED);
    return err;
}

/* Everything else, for files that are open for input, output or neither. */
static int64_t fcntl_open(struct task *self, struct fd_ref ref, int fd, int command,
                          uint64_t argument)
{
    struct file *file = ref.file;

    if (is_record_lock(command))
        return record_lock(self, ref, fd, command, (struct uptr){argument});
    if (is_owner_command(command))
        return owner_command(self, file, fd, command, argument);
    if (command == LX_F_SETFL)
        return set_flags(self, file, fd, (uint32_t)argument);
    if (command == LX_F_ADD_SEALS)
        return memfd_add_seals(file, (uint32_t)argument);
    if (command == LX_F_GET_SEALS)
        return memfd_get_seals(file);
    if (command == LX_F_GET_RW_HINT || command == LX_F_SET_RW_HINT)
        return fcntl_hint(file->inode, command, (struct uptr){argument});
    if (command != LX_F_GETPIPE_SZ && command != LX_F_SETPIPE_SZ)
        return -EINVAL;
    if (!file_is_pipe(file))
        return -EBADF;
    return command == LX_F_GETPIPE_SZ
               ? pipe_capacity(file)
               : pipe_resize(file, (uint32_t)argument, credentials_unlimited(&self->fs->cred));
}

/* Honoured: DUPFD, DUPFD_CLOEXEC, GETFD, SETFD, GETFL, SETFL, GETLK, SETLK, SETLKW, the same three
 * of OFD, SETOWN, GETOWN, SETSIG, GETSIG, SETOWN_EX, GETOWN_EX, GETOWNER_UIDS, NOTIFY, SETLEASE,
 * GETLEASE, GETPIPE_SZ, SETPIPE_SZ, GET_RW_HINT, SET_RW_HINT, ADD_SEALS, GET_SEALS. */
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

/* FIONREAD of a regular file; negative behind the end, as on Linux. */
static int64_t bytes_to_the_end(struct file *file, struct uptr argument)
{
    uint64_t size = file_size(file);
    uint32_t left = (uint32_t)(size - (uint64_t)file->position);

    return vm_user_write(argument, &left, sizeof(left));
}

/* The same bit as O_NONBLOCK of F_SETFL, for all tasks that share the open file. */
static int64_t set_nonblock(struct file *file, struct uptr argument)
{
    int on;
    int err = vm_user_read(&on, argument, sizeof(on));

    if (!err)
        set_flag(file, LX_O_NONBLOCK, on != 0);
    return err;
}

/* O_ASYNC of F_SETFL, but that a file without it says so. */
static int64_t set_async(struct file *file, int fd, struct uptr argument)
{
    int on;
    int err = vm_user_read(&on, argument, sizeof(on));

    if (err || !on == !(__atomic_load_n(&file->flags, __ATOMIC_RELAXED) & LX_O_ASYNC))
        return err;
    return file->ops->async ? file_owner_async(file, fd, on != 0) : -ENOTTY;
}

/* Size of a block, as stat(2) says it of all files. */
static int64_t block_size(struct uptr argument)
{
    const int nbytes = PAGE_SIZE;

    return vm_user_write(argument, &nbytes, sizeof(nbytes));
}

/* Honoured for all: FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC, FIGETBSZ; for regular files FIONREAD; for
 * sockets FIOSETOWN and its relatives. The rest is the device's own. */
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
    else if (request == LX_FIOASYNC)
        result = set_async(ref.file, fd, argument);
    else if (is_owner_request(request) && socket_of(ref.file))
        result = owner_request(ref.file, request, argument);
    else if (request == LX_FIGETBSZ)
        result = block_size(argument);
    else if (request == LX_FIONREAD && (file_mode(ref.file) & LX_S_IFMT) == LX_S_IFREG)
        result = bytes_to_the_end(ref.file, argument);
    else
        result = ref.file->ops->ioctl ? ref.file->ops->ioctl(ref.file, request, argument) : -ENOTTY;
    fd_ref_put(ref);
    return result;
}
