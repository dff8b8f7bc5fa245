/* SPDX-License-Identifier: MIT */
/*
 * timerfd_create, timerfd_settime, timerfd_gettime: timers as files.
 *
 * The kernel timer fires once: its interrupt sets `expired` and wakes. What has expired since is
 * computed when the file is read or asked, from the time, and a periodic timer is started again
 * only then. So a timer costs one interrupt for each time that its program looks, however short its
 * interval is; as on Linux. Deadline, interval and ticks change under the timer's mutex; `expired`
 * is set without, so a reader enters the queue before it looks.
 *
 * An absolute timer of real time follows when the clock is set (core/timer.h). Those that are to be
 * cancelled then are in a list; settime enters and leaves it, under the list's mutex, which comes
 * before the timer's.
 */
#include "kernel/syscall/time/sys_timerfd.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/fs/event/event_file.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/event.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/itimer.h"
#include "shared/linux/poll.h"
#include "shared/linux/time.h"

#define NS_PER_S    1000000000LL
#define SECONDS_MAX (INT64_MAX / NS_PER_S)

/* I constant   l lock   a atomic   s cancel_lock */
struct timerfd {
    struct timer timer;
    struct mutex lock;
    int clock;             /* [I] */
    uint32_t flags;        /* [l] of settime */
    bool realtime;         /* [l] the deadline is a real time */
    uint64_t deadline_ns;  /* [l] of the expiration that comes, or came last; 0: off */
    uint64_t interval_ns;  /* [l] */
    uint64_t ticks;        /* [l] expirations that were counted and not read yet; read as [a] */
    uint32_t expired;      /* [a] the interrupt has come and is not counted yet */
    uint32_t cancelled;    /* [a] the clock was set */
    bool listed;           /* [s] */
    struct list on_cancel; /* [s] */
    struct waitq queue;
    struct poll_head poll;
    uint32_t refs;        /* [a] its file, and `rest` while that is queued */
    struct deferred rest; /* polls that the interrupt has not woken */
};

static struct list cancel_list = LIST_INIT(cancel_list);
static struct mutex cancel_lock = MUTEX_INIT(MUTEX_INODE);

static struct timerfd *timerfd_of(const struct file *file)
{
    return file->private;
}

static bool clock_is_real(int clock)
{
    return clock == LX_CLOCK_REALTIME || clock == LX_CLOCK_REALTIME_ALARM;
}

static void timerfd_wake(struct timerfd *timer)
{
    waitq_wake_all(&timer->queue);
    poll_notify_events(&timer->poll, LX_POLLIN);
}

static void timerfd_put(struct timerfd *timer)
{
    if (__atomic_sub_fetch(&timer->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(timer);
}

static void timerfd_wake_rest(struct deferred *item)
{
    struct timerfd *timer = container_of(item, struct timerfd, rest);

    poll_wake(&timer->poll, LX_POLLIN);
    timerfd_put(timer);
}

/* In the interrupt. A timer that many epolls watch is left to a thread. */
static void timerfd_fires(struct timer *hardware)
{
    struct timerfd *timer = container_of(hardware, struct timerfd, timer);

    __atomic_store_n(&timer->expired, 1, __ATOMIC_SEQ_CST);
    waitq_wake_all(&timer->queue);
    if (poll_wake_briefly(&timer->poll, LX_POLLIN))
        return;
    __atomic_fetch_add(&timer->refs, 1, __ATOMIC_RELAXED);
    if (!deferred_queue(&timer->rest)) /* its reference is not the last */
        timerfd_put(timer);
}

static void timerfd_start_locked(struct timerfd *timer)
{
    ASSERT(mutex_is_held(&timer->lock));
    (timer->realtime ? timer_start_realtime : timer_start)(&timer->timer, timer->deadline_ns);
}

static uint64_t timerfd_now(const struct timerfd *timer)
{
    return timer->realtime ? clock_realtime_ns() : clock_monotonic_ns();
}

/* Counts what has expired, and goes on from the first period that has not. A clock that was set
 * back does not take back what has happened. */
static void timerfd_count_locked(struct timerfd *timer)
{
    uint64_t now, periods = 0;

    ASSERT(mutex_is_held(&timer->lock));
    if (!__atomic_exchange_n(&timer->expired, 0, __ATOMIC_SEQ_CST))
        return;
    now = timerfd_now(timer);
    if (timer->interval_ns && now > timer->deadline_ns)
        periods = (now - timer->deadline_ns) / timer->interval_ns;
    __atomic_store_n(&timer->ticks, timer->ticks + 1 + periods, __ATOMIC_RELAXED);
    if (timer->interval_ns) {
        timer->deadline_ns += (periods + 1) * timer->interval_ns;
        timerfd_start_locked(timer);
    }
}

/* --- reading --- */

/* 0: nothing so far. */
static int64_t timerfd_take(struct timerfd *timer, uint64_t *ticks)
{
    int64_t result = 0;

    mutex_lock(&timer->lock);
    timerfd_count_locked(timer);
    *ticks = timer->ticks;
    __atomic_store_n(&timer->ticks, 0, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(&timer->cancelled, 0, __ATOMIC_SEQ_CST))
        result = -ECANCELED;
    else if (*ticks)
        result = sizeof(*ticks);
    mutex_unlock(&timer->lock);
    return result;
}

static int64_t timerfd_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct timerfd *timer = timerfd_of(file);
    uint64_t ticks;
    int64_t result;

    (void)offset;
    if (io->left < sizeof(ticks))
        return -EINVAL;
    result = timerfd_take(timer, &ticks);
    if (!result && file->flags & LX_O_NONBLOCK)
        return -EAGAIN;
    while (!result) {
        struct waiter self;

        waitq_enter(&timer->queue, &self);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        result = timerfd_take(timer, &ticks);
        if (!result)
            result = waitq_sleep(&self, 1, 0);
        waitq_leave(&timer->queue, &self);
    }
    if (result > 0 && user_iter_put(io, &ticks, sizeof(ticks)) < sizeof(ticks))
        return -EFAULT;
    return result;
}

static uint32_t timerfd_poll(struct file *file, struct poll_waiter *waiter)
{
    struct timerfd *timer = timerfd_of(file);

    poll_register(&timer->poll, waiter);
    return __atomic_load_n(&timer->expired, __ATOMIC_RELAXED) ||
                   __atomic_load_n(&timer->ticks, __ATOMIC_RELAXED) ||
                   __atomic_load_n(&timer->cancelled, __ATOMIC_RELAXED)
               ? LX_POLLIN
               : 0;
}

/* --- setting --- */

static void timerfd_list(struct timerfd *timer, bool listed)
{
    mutex_lock(&cancel_lock);
    if (listed && !timer->listed)
        list_push_back(&cancel_list, &timer->on_cancel);
    else if (!listed && timer->listed)
        list_remove(&timer->on_cancel);
    timer->listed = listed;
    mutex_unlock(&cancel_lock);
}

void timerfd_clock_was_set(void)
{
    mutex_lock(&cancel_lock);
    list_for_each (node, &cancel_list) {
        struct timerfd *timer = list_entry(node, struct timerfd, on_cancel);

        __atomic_store_n(&timer->cancelled, 1, __ATOMIC_SEQ_CST);
        timerfd_wake(timer);
        sched_preempt_point();
    }
    mutex_unlock(&cancel_lock);
}

static void timerfd_release(struct file *file)
{
    struct timerfd *timer = timerfd_of(file);

    timerfd_list(timer, false);
    timer_stop(&timer->timer);
    timerfd_put(timer);
}

static struct lx_timespec timespec_from(uint64_t ns)
{
    return (struct lx_timespec){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};
}

/* What is left until the next expiration: at least 1 ns while it is to come. */
static struct lx_itimerspec timerfd_left_locked(struct timerfd *timer)
{
    uint64_t left = 0;

    ASSERT(mutex_is_held(&timer->lock));
    timerfd_count_locked(timer);
    if (timer->deadline_ns && timer_pending(&timer->timer)) {
        uint64_t now = timerfd_now(timer);

        left = timer->deadline_ns > now ? timer->deadline_ns - now : 1;
    }
    return (struct lx_itimerspec){timespec_from(timer->interval_ns), timespec_from(left)};
}

/* False: not a time. Later than 292 years is as good as never. */
static bool timerfd_ns_of(const struct lx_timespec *time, uint64_t *out)
{
    if (time->sec < 0 || time->nsec < 0 || time->nsec >= NS_PER_S)
        return false;
    *out = time->sec >= SECONDS_MAX ? INT64_MAX : (uint64_t)(time->sec * NS_PER_S + time->nsec);
    return true;
}

static void timerfd_set(struct timerfd *timer, uint32_t flags, uint64_t value_ns,
                        uint64_t interval_ns, struct lx_itimerspec *old)
{
    bool absolute = flags & LX_TFD_TIMER_ABSTIME;
    uint64_t now = clock_monotonic_ns();

    mutex_lock(&timer->lock);
    *old = timerfd_left_locked(timer);
    timer_stop(&timer->timer);
    __atomic_store_n(&timer->expired, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&timer->ticks, 0, __ATOMIC_RELAXED);
    timer->flags = flags;
    timer->realtime = absolute && clock_is_real(timer->clock);
    timer->interval_ns = interval_ns;
    timer->deadline_ns = 0;
    if (value_ns) {
        timer->deadline_ns = absolute ? value_ns : MIN(value_ns, INT64_MAX - now) + now;
        timerfd_start_locked(timer);
    }
    mutex_unlock(&timer->lock);
}

static const struct file_ops timerfd_ops;

/* Honoured: ABSTIME, CANCEL_ON_SET (for an absolute real time). A timer that was cancelled is set,
 * and says so. */
static int timerfd_settime_file(struct file *file, uint32_t flags, uint64_t value_ns,
                                uint64_t interval_ns, struct lx_itimerspec *old)
{
    const uint32_t cancel = LX_TFD_TIMER_ABSTIME | LX_TFD_TIMER_CANCEL_ON_SET;
    struct timerfd *timer = timerfd_of(file);
    bool cancels = clock_is_real(timer->clock) && (flags & cancel) == cancel;

    timerfd_list(timer, cancels);
    timerfd_set(timer, flags, value_ns, interval_ns, old);
    if (__atomic_exchange_n(&timer->cancelled, 0, __ATOMIC_SEQ_CST) && cancels && value_ns)
        return -ECANCELED;
    return 0;
}

int64_t sys_timerfd_settime(struct task *self, int fd, int flags, struct uptr value,
                            struct uptr user_old)
{
    struct lx_itimerspec times, old = {{0, 0}, {0, 0}};
    uint64_t value_ns, interval_ns;
    struct fd_ref ref;
    int err = vm_user_read(&times, value, sizeof(times));

    if (err)
        return err;
    if (((uint32_t)flags & ~(LX_TFD_TIMER_ABSTIME | LX_TFD_TIMER_CANCEL_ON_SET)) ||
        !timerfd_ns_of(&times.value, &value_ns) || !timerfd_ns_of(&times.interval, &interval_ns))
        return -EINVAL;
    ref = fd_find(self->files, fd);
    if (!ref.file)
        return -EBADF;
    err = -EINVAL;
    if (ref.file->ops == &timerfd_ops)
        err = timerfd_settime_file(ref.file, (uint32_t)flags, value_ns, interval_ns, &old);
    fd_ref_put(ref);
    if (!err && user_old.va)
        err = vm_user_write(user_old, &old, sizeof(old));
    return err;
}

int64_t sys_timerfd_gettime(struct task *self, int fd, struct uptr value)
{
    struct lx_itimerspec times = {{0, 0}, {0, 0}};
    struct fd_ref ref = fd_find(self->files, fd);
    int err = ref.file ? -EINVAL : -EBADF;

    if (ref.file && ref.file->ops == &timerfd_ops) {
        struct timerfd *timer = timerfd_of(ref.file);

        mutex_lock(&timer->lock);
        times = timerfd_left_locked(timer);
        mutex_unlock(&timer->lock);
        err = 0;
    }
    fd_ref_put(ref);
    return err ? err : vm_user_write(value, &times, sizeof(times));
}

/* --- the file --- */

static void timerfd_fdinfo(struct file *file, struct procfs_text *text)
{
    struct timerfd *timer = timerfd_of(file);
    struct lx_itimerspec times;

    mutex_lock(&timer->lock);
    times = timerfd_left_locked(timer);
    procfs_print(text,
                 "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\n"
                 "it_interval: (%llu, %llu)\n",
                 timer->clock, (unsigned long long)timer->ticks, timer->flags,
                 (unsigned long long)times.value.sec, (unsigned long long)times.value.nsec,
                 (unsigned long long)times.interval.sec, (unsigned long long)times.interval.nsec);
    mutex_unlock(&timer->lock);
}

static const struct file_ops timerfd_ops = {
    .release = timerfd_release,
    .read = timerfd_read,
    .seek = event_file_seek,
    .poll = timerfd_poll,
    .anon_name = "timerfd",
    .fdinfo = timerfd_fdinfo,
};

static bool clock_has_timers(int clock)
{
    return clock_is_real(clock) || clock == LX_CLOCK_MONOTONIC || clock == LX_CLOCK_BOOTTIME ||
           clock == LX_CLOCK_BOOTTIME_ALARM;
}

/* Honoured: CLOEXEC, NONBLOCK. There is no suspend that an alarm could end. */
int64_t sys_timerfd_create(struct task *self, int clock, int flags)
{
    struct timerfd *timer;
    int fd;

    if (((uint32_t)flags & ~(LX_O_CLOEXEC | LX_O_NONBLOCK)) || !clock_has_timers(clock))
        return -EINVAL;
    if ((clock == LX_CLOCK_REALTIME_ALARM || clock == LX_CLOCK_BOOTTIME_ALARM) &&
        !credentials_capable(&self->fs->cred, LX_CAP_WAKE_ALARM))
        return -EPERM;
    timer = kzalloc(sizeof(*timer));
    if (!timer)
        return -ENOMEM;
    timer_init(&timer->timer, timerfd_fires);
    mutex_init(&timer->lock, MUTEX_PIPE);
    timer->clock = clock;
    timer->refs = 1;
    deferred_init(&timer->rest, timerfd_wake_rest);
    waitq_init(&timer->queue);
    poll_head_init(&timer->poll);
    fd = event_file_install(self->files, &timerfd_ops, timer, (uint32_t)flags, &self->fs->cred);
    if (fd < 0)
        kfree(timer);
    return fd;
}
