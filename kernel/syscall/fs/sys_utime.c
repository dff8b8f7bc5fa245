/* SPDX-License-Identifier: MIT */
/*
 * Setting the times of a file: utimensat, futimesat, utimes, utime.
 *
 * Four calls with four formats of time; all become one struct fs_times, and fs_set_times checks
 * rights and stores them under the inode's lock. Rights depend on what is asked: the current time
 * needs permission to write, any other time the owner (utimensat(2)), so "now" is kept as a flag
 * and not turned into a time here.
 */
#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"
#include "shared/linux/time.h"

#define USEC_PER_SEC  1000000LL
#define NSEC_PER_USEC 1000

/* Both times, as they are when they are stored. */
static const struct fs_times times_now = {
    .set_atime = true, .set_mtime = true, .atime_now = true, .mtime_now = true};

/* One time alone is taken for the use that sets it, as on Linux. */
static void times_notify(struct dentry *dentry, struct inode *inode, const struct fs_times *times)
{
    if (times->set_atime && times->set_mtime)
        notify_dentry(dentry, inode, LX_IN_ATTRIB);
    else if (times->set_atime || times->set_mtime)
        notify_dentry(dentry, inode, times->set_atime ? LX_IN_ACCESS : LX_IN_MODIFY);
}

/* path NULL: the descriptor itself. */
static int set_times(struct task *self, int dirfd, struct uptr path, int flags,
                     const struct fs_times *times)
{
    unsigned walk = (flags & LX_AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
                    (flags & LX_AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct user_object object;
    struct fd_ref ref;
    int err;

    /* An O_PATH descriptor is refused here, as on Linux. */
    if (!path.va && dirfd != LX_AT_FDCWD) {
        if (flags)
            return -EINVAL;
        ref = fd_find(self->files, dirfd);
        if (!ref.file)
            return -EBADF;
        err = dentry_check_writable(ref.file->dentry);
        if (!err)
            err = fs_set_times(self->fs, ref.file->inode, times);
        if (!err)
            times_notify(ref.file->dentry, ref.file->inode, times);
        fd_ref_put(ref);
        return err;
    }
    err = user_walk_object(self, dirfd, path, walk, &object);
    if (err)
        return err;
    err = dentry_check_writable(object.dentry);
    if (!err)
        err = fs_set_times(self->fs, object.inode, times);
    if (!err)
        times_notify(object.dentry, object.inode, times);
    user_object_put(&object);
    return err;
}

/* UTIME_NOW and UTIME_OMIT are values of nsec; sec is then ignored. Nanoseconds that are none stay
 * none: fs_set_times refuses them once the file is found. */
static void one_time(const struct lx_timespec *from, struct fs_time *time, bool *set, bool *now)
{
    uint64_t nsec = (uint64_t)from->nsec;

    *set = from->nsec != LX_UTIME_OMIT;
    *now = from->nsec == LX_UTIME_NOW;
    if (!*now && *set)
        *time = (struct fs_time){.sec = from->sec,
                                 .nsec = (uint32_t)MIN(nsec, (uint64_t)FS_NSEC_PER_SEC)};
}

/* Honoured: SYMLINK_NOFOLLOW, EMPTY_PATH. Whole seconds; struct utimbuf is two words of 64 bits. */
int64_t sys_utimensat(struct task *self, int dirfd, struct uptr path, struct uptr user, int flags)
{
    struct fs_times times = times_now;
    struct lx_timespec spec[2];
    int err = 0;

    if (user.va) {
        err = vm_user_read(spec, user, sizeof(spec));
        if (err)
            return err;
        if (spec[0].nsec == LX_UTIME_OMIT && spec[1].nsec == LX_UTIME_OMIT)
            return 0; /* Linux does not even look at the path */
        one_time(&spec[0], &times.atime, &times.set_atime, &times.atime_now);
        one_time(&spec[1], &times.mtime, &times.set_mtime, &times.mtime_now);
    }
    if (flags & ~(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
        return -EINVAL;
    return set_times(self, dirfd, path, flags, &times);
}

/* NULL is the current time for both. */
static int times_from_timeval(struct uptr user, struct fs_times *times)
{
    struct lx_timeval tv[2];
    int err;

    *times = times_now;
    if (!user.va)
        return 0;
    err = vm_user_read(tv, user, sizeof(tv));
    if (err)
        return err;
    for (int i = 0; i < 2; i++)
        if (tv[i].usec < 0 || tv[i].usec >= USEC_PER_SEC)
            return -EINVAL;
    times->atime_now = times->mtime_now = false;
    times->atime = (struct fs_time){tv[0].sec, (uint32_t)tv[0].usec * NSEC_PER_USEC};
    times->mtime = (struct fs_time){tv[1].sec, (uint32_t)tv[1].usec * NSEC_PER_USEC};
    return 0;
}

/* path NULL is the descriptor itself, which is how the C library makes futimes(3). */
int64_t sys_futimesat(struct task *self, int dirfd, struct uptr path, struct uptr user)
{
    struct fs_times times;
    int err = times_from_timeval(user, &times);

    return err ? err : set_times(self, dirfd, path, 0, &times);
}

int64_t sys_utimes(struct task *self, struct uptr path, struct uptr user)
{
    return sys_futimesat(self, LX_AT_FDCWD, path, user);
}

int64_t sys_utime(struct task *self, struct uptr path, struct uptr user)
{
    struct fs_times times = times_now;
    int64_t seconds[2];

    if (user.va) {
        int err = vm_user_read(seconds, user, sizeof(seconds));
        if (err)
            return err;
        times.atime_now = times.mtime_now = false;
        times.atime.sec = seconds[0];
        times.mtime.sec = seconds[1];
    }
    return set_times(self, LX_AT_FDCWD, path, 0, &times);
}
