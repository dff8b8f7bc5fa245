/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks, on whole files and on ranges of bytes: flock, and the commands of fcntl.
 *
 * The owner of a process's record locks is its table of descriptors, so that tasks that share the
 * table share the locks, and close finds them by the table it closes in. A call may wait for its
 * lock while another task closes the descriptor: that close found nothing to take away, so the call
 * looks afterwards whether its number still leads to the file, and takes the lock away itself if it
 * does not. Either the close sees the lock, or the call sees the close.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/fs/record_lock.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* From where l_start counts. */
static int record_lock_origin(struct file *file, int whence, int64_t *from)
{
    *from = 0;
    if (whence == LX_SEEK_CUR)
        *from = __atomic_load_n(&file->position, __ATOMIC_RELAXED);
    else if (whence == LX_SEEK_END)
        *from = (int64_t)file_size(file);
    return whence < LX_SEEK_SET || whence > LX_SEEK_END ? -EINVAL : 0;
}

/* A negative length reaches backwards from before the start; 0 to the end of all files. */
static int range_of(struct file *file, const struct lx_flock *from, struct file_lock *lock)
{
    int64_t start, end = LOCK_END;
    int err = record_lock_origin(file, from->l_whence, &start);

    if (err)
        return err;
    if (__builtin_add_overflow(start, from->l_start, &start))
        return -EOVERFLOW;
    if (start < 0)
        return -EINVAL;
    if (from->l_len > 0 && __builtin_add_overflow(start, from->l_len - 1, &end))
        return -EOVERFLOW;
    if (from->l_len < 0) {
        end = start - 1;
        start += from->l_len;
    }
    if (start < 0 || from->l_type < LX_F_RDLCK || from->l_type > LX_F_UNLCK)
        return -EINVAL;
    lock->range.first = (uint64_t)start;
    lock->range.last = (uint64_t)end;
    return 0;
}

/* F_GETLK and F_OFD_GETLK: what is in the way, described for the program. */
static int record_lock_test(struct file *file, struct file_lock *lock, struct lx_flock *user)
{
    bool own = user->l_type == LX_F_UNLCK; /* F_OFD_GETLK only: what does it have itself? */

    if (!lock_test(file->inode, lock, own)) {
        user->l_type = LX_F_UNLCK;
        return 0;
    }
    *user = (struct lx_flock){
        .l_type = lock->exclusive ? LX_F_WRLCK : LX_F_RDLCK,
        .l_start = (int64_t)lock->range.first,
        .l_len =
            lock->range.last == LOCK_END ? 0 : (int64_t)(lock->range.last + 1 - lock->range.first),
        .l_pid = lock->pid,
    };
    return 0;
}

/* The number may lead to another file by now, or to the same one again: then the lock is its. */
static bool still_leads_to(struct fd_table *files, int fd, const struct file *file)
{
    struct file *now = fd_get(files, fd);

    if (now)
        file_put(now);
    return now == file;
}

static int record_lock_set(struct task *self, struct fd_ref ref, int fd,
                           const struct file_lock *lock, bool wait)
{
    int err = lock_set(ref.file->inode, lock, self->fs->cred.uid, wait);

    /* Another thread closed the descriptor, and the close found no lock to take away. */
    if (!err && ref.counted && lock->family == LOCK_POSIX &&
        !still_leads_to(self->files, fd, ref.file)) {
        lock_clear_owner(ref.file->inode, self->files);
        err = -EBADF;
    }
    return err;
}

/* Order of the checks: the pointer, the type and range, then the access mode of the descriptor, as
 * Linux has it. l_pid must be 0 for the OFD commands, so that programs built for a later meaning
 * fail. */
int record_lock(struct task *self, struct fd_ref ref, int fd, int command, struct uptr argument)
{
    bool ofd = command >= LX_F_OFD_GETLK;
    struct file_lock lock = {.owner = ofd ? (void *)ref.file : self->files,
                             .family = ofd ? LOCK_OFD : LOCK_POSIX,
                             .pid = ofd ? -1 : self->process->pid};
    struct lx_flock user;
    int err = vm_user_read(&user, argument, sizeof(user));

    if (err)
        return err;
    if (command == LX_F_GETLK && user.l_type == LX_F_UNLCK)
        return -EINVAL;
    err = range_of(ref.file, &user, &lock);
    if (err)
        return err;
    lock.exclusive = user.l_type == LX_F_WRLCK;
    if (command == LX_F_GETLK || command == LX_F_OFD_GETLK) {
        err = ofd && user.l_pid ? -EINVAL : record_lock_test(ref.file, &lock, &user);
        return err ? err : vm_user_write(argument, &user, sizeof(user));
    }
    if (user.l_type != LX_F_UNLCK &&
        !(ref.file->access & (lock.exclusive ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    if (ofd && user.l_pid)
        return -EINVAL;
    if (user.l_type == LX_F_UNLCK)
        /* Unlocking needs no access mode and never waits. */
        return lock_clear(ref.file->inode, &lock);
    return record_lock_set(self, ref, fd, &lock,
                           command == LX_F_SETLKW || command == LX_F_OFD_SETLKW);
}

/* LOCK_MAND, mandatory locks, is long gone from Linux: nothing is done, and nothing wrong. */
int64_t sys_flock(struct task *self, int fd, int operation)
{
    struct fd_ref ref;
    int err;

    if (operation & LX_LOCK_MAND)
        return 0;
    if (!flock_is_operation(operation))
        return -EINVAL; /* before the descriptor is looked at, as on Linux */
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    /* Opened for neither reading nor writing (access mode 3): such a file can only be unlocked. */
    if ((operation & ~LX_LOCK_NB) != LX_LOCK_UN && !(ref.file->access & (FILE_READ | FILE_WRITE)))
        err = -EBADF;
    else
        err = flock_apply(ref.file, self->fs->cred.uid, operation);
    fd_ref_put(ref);
    return err;
}
