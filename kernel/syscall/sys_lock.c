/* SPDX-License-Identifier: MIT */
/* Advisory locks, on whole files and on ranges of bytes. */
#include "kernel/fs/file.h"
#include "kernel/fs/flock.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/record_lock.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* From where l_start counts. */
static int origin(struct file *file, int whence, int64_t *from)
{
    *from = 0;
    if (whence == LX_SEEK_CUR)
        *from = __atomic_load_n(&file->position, __ATOMIC_RELAXED);
    else if (whence == LX_SEEK_END)
        *from = (int64_t)file_size(file);
    return whence < LX_SEEK_SET || whence > LX_SEEK_END ? -EINVAL : 0;
}

/* A negative length reaches backwards from before the start; 0 to the end of all files. */
static int range_of(struct file *file, const struct lx_flock *from, struct lock *lock)
{
    int64_t start;
    int err = origin(file, from->l_whence, &start);

    if (err)
        return err;
    if (__builtin_add_overflow(start, from->l_start, &start))
        return -EOVERFLOW;
    if (start < 0)
        return -EINVAL;
    lock->start = start;
    lock->end = LOCK_END;
    if (from->l_len > 0 && __builtin_add_overflow(start, from->l_len - 1, &lock->end))
        return -EOVERFLOW;
    if (from->l_len < 0) {
        lock->start += from->l_len;
        lock->end = start - 1;
    }
    return lock->start < 0 || from->l_type < LX_F_RDLCK || from->l_type > LX_F_UNLCK ? -EINVAL : 0;
}

static int test(struct file *file, struct lock *lock, struct lx_flock *user)
{
    bool own = user->l_type == LX_F_UNLCK; /* F_OFD_GETLK only: what does it have itself? */

    if (!lock_test(file->inode, lock, own)) {
        user->l_type = LX_F_UNLCK;
        return 0;
    }
    *user = (struct lx_flock){
        .l_type = lock->exclusive ? LX_F_WRLCK : LX_F_RDLCK,
        .l_start = lock->start,
        .l_len = lock->end == LOCK_END ? 0 : lock->end - lock->start + 1,
        .l_pid = lock->pid,
    };
    return 0;
}

static bool still_leads_to(struct fd_table *files, int fd, const struct file *file)
{
    struct file *now = fd_get(files, fd);

    if (now)
        file_put(now);
    return now == file;
}

static int set(struct task *self, struct fd_ref ref, int fd, const struct lock *lock, bool wait)
{
    int err = lock_set(ref.file->inode, lock, wait);

    /* Another thread closed the descriptor, and the close found no lock to take away. */
    if (!err && ref.counted && lock->family == LOCK_POSIX &&
        !still_leads_to(self->files, fd, ref.file)) {
        lock_clear_owner(ref.file->inode, self->files);
        err = -EBADF;
    }
    return err;
}

int record_lock(struct task *self, struct fd_ref ref, int fd, int command, struct uptr argument)
{
    bool ofd = command >= LX_F_OFD_GETLK;
    struct lock lock = {.owner = ofd ? (void *)ref.file : self->files,
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
        err = ofd && user.l_pid ? -EINVAL : test(ref.file, &lock, &user);
        return err ? err : vm_user_write(argument, &user, sizeof(user));
    }
    if (user.l_type != LX_F_UNLCK &&
        !(ref.file->access & (lock.exclusive ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    if (ofd && user.l_pid)
        return -EINVAL;
    if (user.l_type == LX_F_UNLCK)
        return lock_clear(ref.file->inode, &lock);
    return set(self, ref, fd, &lock, command == LX_F_SETLKW || command == LX_F_OFD_SETLKW);
}

/* LOCK_MAND, mandatory locks, is long gone from Linux: nothing is done, and nothing wrong. */
int64_t sys_flock(struct task *self, int fd, int operation)
{
    struct fd_ref ref;
    int err;

    if (operation & LX_LOCK_MAND)
        return 0;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    err = flock_apply(ref.file, operation);
    fd_ref_put(ref);
    return err;
}
