/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals: setitimer, alarm, timer_create and its relatives.
 *
 * All of them are the timers of proc/signal/signal_timer.h; the three interval timers have fixed
 * numbers, those of timer_create get theirs there. Here times are converted and
 * checked.
 *
 * Times of 0 turn a timer off. An interval timer never shows 0 while it runs, so microseconds are
 * rounded up.
 */
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/signal/signal_timer.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_usage.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/itimer.h"

#define NS_PER_S    1000000000LL
#define NS_PER_US   1000LL
#define SECONDS_MAX (INT64_MAX / NS_PER_S)

/* False: not a time. Later than 292 years is as good as never, but still a running timer. */
static bool ns_of(int64_t seconds, int64_t ns, uint64_t *out)
{
    if (seconds < 0 || ns < 0 || ns >= NS_PER_S)
        return false;
    *out = seconds >= SECONDS_MAX ? INT64_MAX : (uint64_t)(seconds * NS_PER_S + ns);
    return true;
}

/* A running timer never reads as one that is off: microseconds are rounded up. */
static struct lx_timeval itimer_timeval_of(uint64_t ns)
{
    uint64_t us = (ns + NS_PER_US - 1) / NS_PER_US;

    return (struct lx_timeval){(int64_t)(us / 1000000), (int64_t)(us % 1000000)};
}

static struct lx_timespec timespec_of(uint64_t ns)
{
    return (struct lx_timespec){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};
}

/* Which signal and clock the three interval timers have (setitimer(2)). */
static const struct {
    int signo;
    enum signal_clock clock;
} itimers[LX_ITIMER_COUNT] = {
    [LX_ITIMER_REAL] = {LX_SIGALRM, SIGNAL_CLOCK_MONOTONIC},
    [LX_ITIMER_VIRTUAL] = {LX_SIGVTALRM, SIGNAL_CLOCK_USER},
    [LX_ITIMER_PROF] = {LX_SIGPROF, SIGNAL_CLOCK_CPU},
};

/* The timer is created at its first setting. */
static int itimer_set(struct task *self, int which, const struct signal_timer_times *times,
                      struct signal_timer_times *before)
{
    bool locked = signal_timers_lock(self->process);
    int err = signal_timer_itimer(self->process, which, itimers[which].signo, itimers[which].clock);

    if (!err)
        err = signal_timer_set(self->process, SIGNAL_TIMER_ITIMER(which), false, times, before);
    signal_timers_unlock(self->process, locked);
    return err;
}

static int itimer_tell(struct uptr value, const struct signal_timer_times *times)
{
    struct lx_itimerval result = {itimer_timeval_of(times->interval),
                                  itimer_timeval_of(times->value)};

    return vm_user_write(value, &result, sizeof(result));
}

int64_t sys_getitimer(struct task *self, int which, struct uptr value)
{
    struct signal_timer_times times = {0};
    bool locked;

    if (which < 0 || which >= LX_ITIMER_COUNT)
        return -EINVAL;
    locked = signal_timers_lock(self->process);
    /* One that was never set is off. */
    if (signal_timer_get(self->process, SIGNAL_TIMER_ITIMER(which), &times))
        times = (struct signal_timer_times){0};
    signal_timers_unlock(self->process, locked);
    return itimer_tell(value, &times);
}

/* Microseconds above 999,999 are refused before they could overflow. */
static int itimerval_read(struct uptr value, struct signal_timer_times *times)
{
    struct lx_itimerval wanted;
    int err = vm_user_read(&wanted, value, sizeof(wanted));

    if (err)
        return err;
    if (wanted.value.usec >= 1000000 || wanted.interval.usec >= 1000000 ||
        !ns_of(wanted.value.sec, wanted.value.usec * NS_PER_US, &times->value) ||
        !ns_of(wanted.interval.sec, wanted.interval.usec * NS_PER_US, &times->interval))
        return -EINVAL;
    return 0;
}

/* The old value is read with the setting and written afterwards: a bad pointer for it does not undo
 * the setting. */
int64_t sys_setitimer(struct task *self, int which, struct uptr value, struct uptr old)
{
    struct signal_timer_times times = {0}, before;
    int err = value.va ? itimerval_read(value, &times) : 0; /* as Linux: no value turns it off */

    if (!err && (which < 0 || which >= LX_ITIMER_COUNT))
        err = -EINVAL;
    if (!err)
        err = itimer_set(self, which, &times, &before);
    return err || !old.va ? err : itimer_tell(old, &before);
}

/* Whole seconds that were left, rounded as Linux does: never 0 while some time was. */
int64_t sys_alarm(struct task *self, unsigned seconds)
{
    struct signal_timer_times times = {.value = (uint64_t)seconds * NS_PER_S}, before;
    int err = itimer_set(self, LX_ITIMER_REAL, &times, &before);
    uint64_t left;

    if (err)
        return 0; /* alarm(2) cannot fail */
    left = before.value / NS_PER_S;
    if (before.value % NS_PER_S >= NS_PER_S / 2 || (!left && before.value))
        left++;
    return (int64_t)left;
}

/* Whether timers may count that clock at all: known before anything else is looked at. */
static int clock_check(int clock)
{
    if (clock < 0) /* processor time, but for a clock that a descriptor stands for */
        return (clock & 7) == 3 ? -EOPNOTSUPP : 0;
    if (clock >= LX_CLOCK_MONOTONIC_RAW && clock <= LX_CLOCK_MONOTONIC_COARSE)
        return -EOPNOTSUPP; /* read only */
    return clock <= LX_CLOCK_BOOTTIME_ALARM || clock == LX_CLOCK_TAI ? 0 : -EINVAL;
}

/* What a timer counts: of processor time the caller's own only. An alarm needs a clock that wakes
 * the machine, and there is none. */
static int clock_find(struct task *self, int clock, enum signal_clock *out, int *tid)
{
    struct cpu_clock cpu;

    *tid = 0;
    *out = SIGNAL_CLOCK_MONOTONIC;
    if (clock == LX_CLOCK_MONOTONIC || clock == LX_CLOCK_BOOTTIME)
        return 0;
    *out = SIGNAL_CLOCK_REALTIME;
    if (clock == LX_CLOCK_REALTIME || clock == LX_CLOCK_TAI)
        return 0;
    if (clock == LX_CLOCK_REALTIME_ALARM || clock == LX_CLOCK_BOOTTIME_ALARM)
        return -EOPNOTSUPP;
    if (!clock_is_cpu(clock) || cpu_clock_read(self, clock, &cpu) || !cpu.own)
        return -EINVAL;
    *out = cpu.user_only ? SIGNAL_CLOCK_USER : SIGNAL_CLOCK_CPU;
    *tid = cpu.thread ? cpu.tid : 0;
    return 0;
}

/* A task of the caller's process by its number, referenced; NULL: none. */
static struct task *sibling_get(struct task *self, int tid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct task *task = task_find_locked(tid);

    if (task && task->process != self->process)
        task = NULL;
    if (task)
        task_get(task);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return task;
}

/* SIGEV_THREAD_ID only for a task of the caller's process. */
static bool is_sibling(struct task *self, int tid)
{
    struct task *task = sibling_get(self, tid);

    if (task)
        task_put(task);
    return task != NULL;
}

static int event_check(struct task *self, const struct lx_sigevent *event)
{
    switch (event->notify) {
    case LX_SIGEV_NONE:
        return 0;
    case LX_SIGEV_SIGNAL | LX_SIGEV_THREAD_ID:
        if (event->tid != self->tid && !is_sibling(self, event->tid))
            return -EINVAL;
        return signal_valid(event->signo) ? 0 : -EINVAL;
    case LX_SIGEV_SIGNAL:
    case LX_SIGEV_THREAD: /* the C library's matter: to the kernel it is a signal */
        return signal_valid(event->signo) ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* Each attempt uses up a number, as on Linux. */
static int timer_create_checked(struct task *self, int clock, const struct lx_sigevent *event,
                                bool value_given, int *id)
{
    struct signal_timer_clock counted = {SIGNAL_CLOCK_MONOTONIC, NULL};
    int signo, err, counted_tid = 0;
    int tid = event->notify & LX_SIGEV_THREAD_ID ? event->tid : 0;

    *id = signal_timer_take_id(self->process);
    err = event_check(self, event);
    if (!err)
        err = clock_find(self, clock, &counted.clock, &counted_tid);
    if (!err && counted_tid) {
        counted.counted = sibling_get(self, counted_tid);
        err = counted.counted ? 0 : -EINVAL; /* it has ended since */
    }
    if (err)
        return err;
    /* Signal 0: the timer runs and can be read, and sends nothing. */
    signo = event->notify == LX_SIGEV_NONE ? 0 : event->signo;
    err = signal_timer_create(self->process, *id, signo, tid, event->value, value_given, &counted);
    if (counted.counted)
        task_put(counted.counted);
    return err;
}

/* Honoured: SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_NONE, SIGEV_THREAD_ID. */
int64_t sys_timer_create(struct task *self, int clock, struct uptr user_event, struct uptr user_id)
{
    struct lx_sigevent event = {.signo = LX_SIGALRM, .notify = LX_SIGEV_SIGNAL};
    int id, err = 0;
    bool locked;

    if (user_event.va)
        err = vm_user_read(&event, user_event, sizeof(event));
    if (!err)
        err = clock_check(clock);
    if (err)
        return err;
    locked = signal_timers_lock(self->process);
    err = timer_create_checked(self, clock, &event, user_event.va != 0, &id);
    signal_timers_unlock(self->process, locked);
    if (err)
        return err;
    err = vm_user_write(user_id, &id, sizeof(id));
    /* The program has not learnt the number: the timer is taken back. */
    if (err && sys_timer_delete(self, id))
        return -EINVAL;
    return err;
}

static int timer_tell(struct uptr value, const struct signal_timer_times *times)
{
    struct lx_itimerspec result = {timespec_of(times->interval), timespec_of(times->value)};

    return vm_user_write(value, &result, sizeof(result));
}

/* Honoured: TIMER_ABSTIME; other flag bits are ignored, as Linux does. */
int64_t sys_timer_settime(struct task *self, int id, int flags, struct uptr value, struct uptr old)
{
    struct signal_timer_times times, before;
    struct lx_itimerspec wanted;
    bool locked;
    int err;

    if (!value.va)
        return -EINVAL;
    if (vm_user_read_words((uint64_t *)&wanted, value, sizeof(wanted) / 8))
        return -EFAULT;
    if (!ns_of(wanted.value.sec, wanted.value.nsec, &times.value) ||
        !ns_of(wanted.interval.sec, wanted.interval.nsec, &times.interval))
        return -EINVAL;
    locked = signal_timers_lock(self->process);
    err = id < 0 ? -EINVAL
                 : signal_timer_set(self->process, id, (flags & LX_TIMER_ABSTIME) != 0, &times,
                                    old.va ? &before : NULL);
    signal_timers_unlock(self->process, locked);
    return err || !old.va ? err : timer_tell(old, &before);
}

int64_t sys_timer_gettime(struct task *self, int id, struct uptr value)
{
    struct signal_timer_times times;
    bool locked = signal_timers_lock(self->process);
    int err = id < 0 ? -EINVAL : signal_timer_get(self->process, id, &times);

    signal_timers_unlock(self->process, locked);
    return err ? err : timer_tell(value, &times);
}

int64_t sys_timer_getoverrun(struct task *self, int id)
{
    bool locked = signal_timers_lock(self->process);
    int overrun = signal_timer_overrun(self->process, id);

    signal_timers_unlock(self->process, locked);
    return overrun;
}

int64_t sys_timer_delete(struct task *self, int id)
{
    bool locked = signal_timers_lock(self->process);
    int err = signal_timer_delete(self->process, id);

    signal_timers_unlock(self->process, locked);
    return err;
}
