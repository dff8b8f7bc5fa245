/* SPDX-License-Identifier: MIT */
/*
 * Clocks and sleeping.
 *
 * Real time is monotonic time plus an offset that clock_settime changes; processor time comes from
 * the accounts of the processes (sys_usage.c). CLOCK_TAI has no offset here, and the coarse clocks
 * are as exact as the others but report the resolution of Linux's.
 *
 * A relative sleep that a signal interrupts goes on afterwards with the time that was left: its
 * deadline is kept in restart_deadline_ns, so that repeated signals do not lengthen it. An absolute
 * sleep needs nothing kept. A sleep until a real time must end early or late when the clock is set:
 * the timer compares anew whenever that happens (timer_clock_was_set).
 */
#include "kernel/syscall/time/sys_time.h"
#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/proc/sys_usage.h"
#include "kernel/syscall/time/sys_timerfd.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/time.h"

#define NS_PER_S  1000000000LL
#define NS_PER_US 1000LL
/* Processor time is compared at most this often. */
#define CPU_LOOK_NS 1000000ULL
#define SECONDS_MAX (INT64_MAX / NS_PER_S)
#define UPTIME_MAX  (30LL * 365 * 24 * 3600) /* seconds: as long must real time be able to go on */

/* Clock numbers below 0 encode a process and a kind of processor time (clock_getcpuclockid(3)). */
static int read_clock(struct task *self, int clock, uint64_t *ns)
{
    struct cpu_clock cpu;
    int err;

    switch (clock) {
    case LX_CLOCK_REALTIME:
    case LX_CLOCK_REALTIME_COARSE:
    case LX_CLOCK_TAI:
        *ns = clock_realtime_ns();
        return 0;
    case LX_CLOCK_MONOTONIC:
    case LX_CLOCK_MONOTONIC_RAW:
    case LX_CLOCK_MONOTONIC_COARSE:
    case LX_CLOCK_BOOTTIME:
        *ns = clock_monotonic_ns();
        return 0;
    default:
        err = clock_is_cpu(clock) ? cpu_clock_read(self, clock, &cpu) : -EINVAL;
        if (!err)
            *ns = cpu.ns;
        return err;
    }
}

static int write_timespec(struct uptr at, uint64_t ns)
{
    struct lx_timespec time = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};

    return vm_user_write(at, &time, sizeof(time));
}

int64_t sys_clock_gettime(struct task *self, int clock, struct uptr time)
{
    uint64_t ns;
    int err = read_clock(self, clock, &ns);

    return err ? err : write_timespec(time, ns);
}

/* Processor-time clocks of other kinds than the scheduler's count in ticks on Linux. */
int64_t sys_clock_getres(struct task *self, int clock, struct uptr resolution)
{
    uint64_t ns;
    int err = read_clock(self, clock, &ns);

    if (err || !resolution.va)
        return err;
    if (clock == LX_CLOCK_REALTIME_COARSE || clock == LX_CLOCK_MONOTONIC_COARSE)
        return write_timespec(resolution, NS_PER_S / LX_CLOCK_TICKS_COARSE);
    if (clock < 0 && (clock & LX_CPUCLOCK_WHAT_MASK) != LX_CPUCLOCK_SCHED)
        return write_timespec(resolution, NS_PER_S / LX_CLOCK_TICKS_COARSE);
    return write_timespec(resolution, 1);
}

/* There is no time zone in the kernel: always UTC. Most programs use the vDSO instead. */
int64_t sys_gettimeofday(struct task *self, struct uptr time, struct uptr zone)
{
    uint64_t ns = clock_realtime_ns();
    struct lx_timeval now = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / NS_PER_US)};
    struct lx_timezone utc = {0, 0};
    int err = 0;

    (void)self;
    if (time.va)
        err = vm_user_write(time, &now, sizeof(now));
    if (!err && zone.va)
        err = vm_user_write(zone, &utc, sizeof(utc));
    return err;
}

int64_t sys_time(struct task *self, struct uptr result)
{
    int64_t seconds = (int64_t)(clock_realtime_ns() / NS_PER_S);
    int err = 0;

    (void)self;
    if (result.va)
        err = vm_user_write(result, &seconds, sizeof(seconds));
    return err ? err : seconds;
}

static bool timespec_valid(const struct lx_timespec *time)
{
    return time->sec >= 0 && time->nsec >= 0 && time->nsec < NS_PER_S;
}

/* Cut at the largest time: later than any machine runs. */
static uint64_t timespec_ns(const struct lx_timespec *time)
{
    if (time->sec >= SECONDS_MAX)
        return INT64_MAX;
    return (uint64_t)(time->sec * NS_PER_S + time->nsec);
}

/* Sleepers on real time are woken to compare their deadline with the new clock. */
int time_set_realtime(uint64_t ns)
{
    if (ns < clock_monotonic_ns() || ns / NS_PER_S >= SECONDS_MAX - UPTIME_MAX)
        return -EINVAL;
    clock_set_realtime_ns(ns);
    timer_clock_was_set();
    timerfd_clock_was_set();
    return 0;
}

static int64_t set_realtime(const struct task *self, const struct lx_timespec *time)
{
    if (!timespec_valid(time) || time->sec >= SECONDS_MAX - UPTIME_MAX)
        return -EINVAL;
    if (!credentials_capable(&self->fs->cred, LX_CAP_SYS_TIME))
        return -EPERM;
    return time_set_realtime(timespec_ns(time));
}

int64_t sys_clock_settime(struct task *self, int clock, struct uptr time)
{
    struct lx_timespec wanted;
    uint64_t ns;
    int err;

    if (clock != LX_CLOCK_REALTIME && clock >= 0)
        return -EINVAL;
    err = vm_user_read(&wanted, time, sizeof(wanted));
    if (!err && clock != LX_CLOCK_REALTIME) /* no clock but real time can be set; one that does not
                                               exist is EINVAL */
        err = read_clock(self, clock, &ns) ? -EINVAL : -EPERM;
    return err ? err : set_realtime(self, &wanted);
}

int64_t sys_settimeofday(struct task *self, struct uptr time, struct uptr zone)
{
    struct lx_timezone ignored;
    struct lx_timeval wanted;
    int err = 0;

    if (time.va)
        err = vm_user_read(&wanted, time, sizeof(wanted));
    if (!err && time.va && (wanted.usec < 0 || wanted.usec >= 1000000))
        err = -EINVAL;
    if (!err && zone.va)
        err = vm_user_read(&ignored, zone, sizeof(ignored));
    if (!err && !time.va && !credentials_capable(&self->fs->cred, LX_CAP_SYS_TIME))
        err = -EPERM;
    if (err || !time.va)
        return err;
    return set_realtime(self, &(struct lx_timespec){wanted.sec, wanted.usec * NS_PER_US});
}

/* What a sleep on that clock counts: processor time, else monotonic time. 0: the clock of no
 * process. */
static uint64_t counted_now(struct task *self, int clock)
{
    struct cpu_clock cpu;

    if (!clock_is_cpu(clock))
        return clock_monotonic_ns();
    return cpu_clock_read(self, clock, &cpu) ? 0 : cpu.ns;
}

/* Sleeps until a time as counted. -ERESTARTNOHAND when a signal came first. No timer counts
 * processor time, so it is read again at the first moment at which it can have come. */
static int sleep_until(struct task *self, int clock, uint64_t deadline_ns)
{
    bool is_cpu = clock_is_cpu(clock);
    uint64_t wake_ns = deadline_ns;
    int err;

    for (;;) {
        if (is_cpu) {
            uint64_t now = counted_now(self, clock);

            if (now >= deadline_ns)
                return 0;
            wake_ns = clock_monotonic_ns() + MAX(deadline_ns - now, CPU_LOOK_NS);
        }
        err = waitq_sleep(NULL, 0, MAX(wake_ns, 1));
        if (err && (!is_cpu || err != -ETIMEDOUT))
            return err == -ETIMEDOUT ? 0 : (int)restart_instead(err, ERESTARTNOHAND);
    }
}

/* Sleeps until it is that real time, also when the clock is set meanwhile. */
static int sleep_until_real(uint64_t realtime_ns)
{
    int err;

    do
        err = waitq_sleep_realtime(NULL, 0, MAX(realtime_ns, 1));
    while (!err);
    return err == -ETIMEDOUT ? 0 : (int)restart_instead(err, ERESTARTNOHAND);
}

/* The rest is written also for -EINTR that will restart: the program sees it only if the call does
 * not. `deadline`: of the call that is started anew, 0 for a new one. */
static int64_t sleep_for(struct task *self, int clock, const struct lx_timespec *time,
                         uint64_t deadline, struct uptr remaining)
{
    uint64_t now = counted_now(self, clock);
    uint64_t ns = timespec_ns(time);
    int err;

    if (!deadline)
        deadline = ns > INT64_MAX - now ? INT64_MAX : now + ns;
    err = sleep_until(self, clock, deadline);
    if (err && remaining.va) {
        now = counted_now(self, clock);
        if (write_timespec(remaining, deadline > now ? deadline - now : 0))
            return -EFAULT;
    }
    if (!restart_is_code(err))
        return err;
    return signal_restart_until(self, deadline);
}

int64_t sys_nanosleep(struct task *self, struct uptr request, struct uptr remaining)
{
    return sys_clock_nanosleep(self, LX_CLOCK_MONOTONIC, 0, request, remaining);
}

/* 0, or why that clock allows no sleep; *now_ns is its time. The caller's own thread would
 * have to run to get there. */
static int sleep_check(struct task *self, int clock, uint64_t *now_ns)
{
    struct cpu_clock cpu;

    if (clock == LX_CLOCK_REALTIME_ALARM || clock == LX_CLOCK_BOOTTIME_ALARM)
        return -EOPNOTSUPP; /* no RTC is there that would wake the machine */
    if (read_clock(self, clock, now_ns))
        return -EINVAL;
    if (clock == LX_CLOCK_MONOTONIC_RAW || clock == LX_CLOCK_REALTIME_COARSE ||
        clock == LX_CLOCK_MONOTONIC_COARSE || clock == LX_CLOCK_THREAD_CPUTIME_ID)
        return -EOPNOTSUPP;
    if (clock < 0 && (clock & LX_CPUCLOCK_PERTHREAD_MASK) && !cpu_clock_read(self, clock, &cpu) &&
        cpu.tid == self->tid)
        return -EINVAL;
    return 0;
}

/* Honoured: TIMER_ABSTIME; other flag bits are ignored, as Linux does. */
int64_t sys_clock_nanosleep(struct task *self, int clock, int flags, struct uptr request,
                            struct uptr remaining)
{
    uint64_t restarted = restart_deadline_take(self);
    struct lx_timespec time;
    uint64_t base, ns;
    int err = sleep_check(self, clock, &base);

    if (!err)
        err = vm_user_read(&time, request, sizeof(time));
    if (err)
        return err;
    if (!timespec_valid(&time))
        return -EINVAL;
    if (!(flags & LX_TIMER_ABSTIME))
        return sleep_for(self, clock, &time, restarted, remaining);
    ns = timespec_ns(&time);
    if (ns <= base)
        return 0;
    if (clock == LX_CLOCK_REALTIME || clock == LX_CLOCK_TAI)
        return sleep_until_real(ns);
    return sleep_until(self, clock, ns);
}
