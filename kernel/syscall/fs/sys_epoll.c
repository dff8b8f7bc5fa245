/* SPDX-License-Identifier: MIT */
/*
 * epoll_create, epoll_ctl, epoll_wait and their relatives: arguments, in Linux's order of errors.
 *
 * A wait that a signal ends is never restarted, as signal(7) says: time-outs are relative, and the
 * program is expected to compute anew how long it can wait. The mask of the p calls is in force
 * from before the first look until the signal that ended the wait has been acted on.
 */
#include "kernel/fs/event/epoll.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/poll_scan.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define EVENTS_MAX (INT32_MAX / (int)sizeof(struct lx_epoll_event))

/* What an item with EPOLLEXCLUSIVE may ask for. */
#define EXCLUSIVE_ALLOWED                                                                          \
    (LX_POLLIN | LX_POLLOUT | LX_POLLERR | LX_POLLHUP | LX_EPOLLWAKEUP | LX_EPOLLET |              \
     LX_EPOLLEXCLUSIVE)

/* Honoured: CLOEXEC. */
int64_t sys_epoll_create1(struct task *self, int flags)
{
    struct file *file;
    int err, fd;

    if ((uint32_t)flags & ~LX_O_CLOEXEC)
        return -EINVAL;
    /* The number first: nothing can fail once the file exists. */
    fd = fd_reserve(self->files, 0, (uint32_t)flags & LX_O_CLOEXEC);
    if (fd < 0)
        return fd;
    err = epoll_create(0, &self->fs->cred, &file);
    if (err) {
        fd_unreserve(self->files, fd);
        return err;
    }
    fd_fill(self->files, fd, file);
    return fd;
}

int64_t sys_epoll_create(struct task *self, int size)
{
    return size > 0 ? sys_epoll_create1(self, 0) : -EINVAL;
}

/* EXCLUSIVE is accepted where Linux does. WAKEUP has no meaning without suspend. */
static int control_check(const struct file *epoll, int operation, const struct file *watched,
                         const struct lx_epoll_event *event)
{
    if (!watched->ops->poll)
        return -EPERM;
    if (epoll == watched || !file_is_epoll(epoll))
        return -EINVAL;
    if (operation < LX_EPOLL_CTL_ADD || operation > LX_EPOLL_CTL_MOD)
        return -EINVAL;
    if (operation == LX_EPOLL_CTL_DEL || !(event->events & LX_EPOLLEXCLUSIVE))
        return 0;
    if (operation == LX_EPOLL_CTL_MOD || file_is_epoll(watched) ||
        (event->events & ~EXCLUSIVE_ALLOWED))
        return -EINVAL;
    return 0;
}

int64_t sys_epoll_ctl(struct task *self, int fd, int operation, int watched_fd, struct uptr user)
{
    struct lx_epoll_event event = {0};
    struct fd_ref epoll, watched = {0};
    int err = 0;

    if (operation != LX_EPOLL_CTL_DEL)
        err = vm_user_read(&event, user, sizeof(event));
    if (err)
        return err;
    event.events |= LX_POLLERR | LX_POLLHUP; /* always reported */
    epoll = fd_find(self->files, fd);
    if (epoll.file)
        watched = fd_find(self->files, watched_fd);
    err = watched.file ? control_check(epoll.file, operation, watched.file, &event) : -EBADF;
    if (!err)
        err = epoll_control(epoll.file, operation, watched.file, watched_fd, &event);
    fd_ref_put(watched);
    fd_ref_put(epoll);
    return err;
}

static int64_t wait_user(struct task *self, int fd, struct uptr events, int count,
                         struct poll_timeout timeout)
{
    struct fd_ref ref;
    int result;

    if (count <= 0 || count > EVENTS_MAX)
        return -EINVAL;
    /* Before the descriptor is looked at, as Linux does, and for all of the array. */
    if (events.va > USER_END - (uint64_t)count * sizeof(struct lx_epoll_event))
        return -EFAULT;
    ref = fd_find_inline(self->files, fd);
    if (!ref.file)
        return -EBADF;
    result =
        epoll_wait_for(ref.file, events, (unsigned)count, timeout.no_wait, timeout.deadline_ns);
    fd_ref_put(ref);
    return result;
}

static struct poll_timeout timeout_of_ms(int timeout_ms)
{
    if (timeout_ms > 0)
        return poll_timeout_after(timeout_ms * NS_PER_MS);
    return (struct poll_timeout){.deadline_ns = POLL_FOREVER, .no_wait = timeout_ms == 0};
}

static NOINLINE int64_t wait_timed(struct task *self, int fd, struct uptr events, int count,
                                   int timeout_ms)
{
    return wait_user(self, fd, events, count, timeout_of_ms(timeout_ms));
}

/* The usual cases, at once and for ever, need no clock and no stack. */
int64_t sys_epoll_wait(struct task *self, int fd, struct uptr events, int count, int timeout_ms)
{
    if (timeout_ms > 0)
        return wait_timed(self, fd, events, count, timeout_ms);
    return wait_user(self, fd, events, count, timeout_of_ms(timeout_ms));
}

static int64_t wait_masked(struct task *self, int fd, struct uptr events, int count,
                           struct poll_timeout timeout, struct uptr mask, size_t mask_nbytes)
{
    uint64_t saved;
    int64_t result = poll_mask_begin(self, mask, mask_nbytes, &saved);

    if (result)
        return result;
    result = wait_user(self, fd, events, count, timeout);
    /* The mask stays until the signal has been acted on, as with a call that may be restarted. */
    poll_mask_end(self, result == -EINTR ? -ERESTARTNOHAND : result, saved);
    return result;
}

int64_t sys_epoll_pwait(struct task *self, int fd, struct uptr events, int count, int timeout_ms,
                        struct uptr mask, size_t mask_nbytes)
{
    return wait_masked(self, fd, events, count, timeout_of_ms(timeout_ms), mask, mask_nbytes);
}

int64_t sys_epoll_pwait2(struct task *self, int fd, struct uptr events, int count, struct uptr time,
                         struct uptr mask, size_t mask_nbytes)
{
    struct poll_timeout timeout;
    int err = poll_timeout_read(time, &timeout);

    return err ? err : wait_masked(self, fd, events, count, timeout, mask, mask_nbytes);
}
