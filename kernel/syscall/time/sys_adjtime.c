/* SPDX-License-Identifier: MIT */
/*
 * adjtimex and clock_adjtime: what is known of the clock's errors, and steps of it.
 *
 * The variables are checked, cut, kept and shown as Linux does it. The clock goes at the rate of
 * the TSC all the same: frequency and tick have no effect on it, and what is to be brought in by
 * and by (adjtime(3)) is added at once, so that nothing ever is left of it.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/task.h"
#include "kernel/sched/mutex.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/time/sys_time.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/time.h"
#include "shared/linux/timex.h"

#define NS_PER_S  1000000000LL
#define NS_PER_US 1000LL
#define US_PER_S  1000000LL

#define ADJTIME       (LX_ADJ_OFFSET_SINGLESHOT & ~LX_ADJ_OFFSET)
#define ADJTIME_READ  LX_ADJ_NANO /* the same bit, beside the one above */
#define ERROR_MAX     16000000    /* us: nothing is known */
#define FREQUENCY_MAX (500LL << 16)
#define CONSTANT_MAX  10
#define TAI_MAX       100000
#define TICK_US       10000 /* with USER_HZ of 100; a tenth more or less */

static struct mutex adjust_lock = MUTEX_INIT(MUTEX_PIPE);
static struct lx_timex known = {
    .maxerror = ERROR_MAX,
    .esterror = ERROR_MAX,
    .status = LX_STA_UNSYNC,
    .constant = 2,
    .precision = 1,
    .tolerance = FREQUENCY_MAX,
    .tick = TICK_US,
}; /* [adjust_lock] */

/* In Linux's order. */
static int check(const struct task *self, const struct lx_timex *given)
{
    int64_t units = given->modes & LX_ADJ_NANO ? NS_PER_S : US_PER_S;
    uint32_t modes = given->modes;
    bool reads = modes & ADJTIME ? (modes & ADJTIME_READ) != 0 : !modes;

    if (modes & ADJTIME && !(modes & LX_ADJ_OFFSET))
        return -EINVAL;
    if (!reads && !credentials_capable(&self->fs->cred, LX_CAP_SYS_TIME))
        return -EPERM;
    if (modes & ADJTIME)
        return 0;
    if (modes & LX_ADJ_TICK &&
        (given->tick < TICK_US - TICK_US / 10 || given->tick > TICK_US + TICK_US / 10))
        return -EINVAL;
    if (modes & LX_ADJ_SETOFFSET && (given->time_usec < 0 || given->time_usec >= units))
        return -EINVAL;
    return 0;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return MIN(MAX(value, least), most);
}

/* Without the loop nothing of the old state counts. What is read only stays the kernel's. */
static void status_apply_locked(const struct lx_timex *given)
{
    ASSERT(mutex_is_held(&adjust_lock));
    if ((known.status & LX_STA_PLL) && !(given->status & LX_STA_PLL))
        known.status = 0;
    known.status = (known.status & LX_STA_RONLY) | (given->status & ~LX_STA_RONLY);
}

/* Cut at the bounds, not refused: programs set what they like and read what has come of it. */
static void apply_locked(const struct lx_timex *given)
{
    uint32_t modes = given->modes;

    ASSERT(mutex_is_held(&adjust_lock));
    if (modes & LX_ADJ_STATUS)
        status_apply_locked(given);
    if (modes & LX_ADJ_NANO)
        known.status |= LX_STA_NANO;
    if (modes & LX_ADJ_MICRO)
        known.status &= ~LX_STA_NANO;
    if (modes & LX_ADJ_FREQUENCY)
        known.freq = clamp(given->freq, -FREQUENCY_MAX, FREQUENCY_MAX);
    if (modes & LX_ADJ_MAXERROR)
        known.maxerror = given->maxerror;
    if (modes & LX_ADJ_ESTERROR)
        known.esterror = given->esterror;
    if (modes & LX_ADJ_TIMECONST)
        known.constant =
            clamp(clamp(given->constant, 0, CONSTANT_MAX) + (known.status & LX_STA_NANO ? 0 : 4), 0,
                  CONSTANT_MAX);
    if (modes & LX_ADJ_TAI && given->constant >= 0 && given->constant <= TAI_MAX)
        known.tai = (int32_t)given->constant;
    if (modes & LX_ADJ_TICK)
        known.tick = given->tick;
}

/* Microseconds of adjtime(3), or seconds and a part. */
static int step(const struct lx_timex *given)
{
    int64_t ns, now = (int64_t)clock_realtime_ns();
    int64_t part = given->modes & LX_ADJ_NANO ? given->time_usec : given->time_usec * NS_PER_US;

    if (given->modes & ADJTIME ? __builtin_mul_overflow(given->offset, NS_PER_US, &ns)
                               : __builtin_mul_overflow(given->time_sec, NS_PER_S, &ns) ||
                                     __builtin_add_overflow(ns, part, &ns))
        return -EINVAL;
    if (!ns)
        return 0;
    return __builtin_add_overflow(now, ns, &now) || now < 0 ? -EINVAL
                                                            : time_set_realtime((uint64_t)now);
}

/* The state of the clock; *io is what is known now. */
static int64_t adjust(const struct task *self, struct lx_timex *io)
{
    bool steps = io->modes & ADJTIME ? !(io->modes & ADJTIME_READ) : io->modes & LX_ADJ_SETOFFSET;
    int64_t ns;
    int err = check(self, io);

    if (!err && steps)
        err = step(io);
    if (err)
        return err;
    mutex_lock(&adjust_lock);
    if (!(io->modes & ADJTIME))
        apply_locked(io);
    known.modes = io->modes;
    *io = known;
    mutex_unlock(&adjust_lock);
    ns = (int64_t)clock_realtime_ns();
    io->time_sec = ns / NS_PER_S;
    io->time_usec = ns % NS_PER_S / (io->status & LX_STA_NANO ? 1 : NS_PER_US);
    return io->status & (LX_STA_UNSYNC | LX_STA_CLOCKERR) ? LX_TIME_ERROR : LX_TIME_OK;
}

/* Only real time can be adjusted: others are EOPNOTSUPP, those that do not exist EINVAL. Numbers
 * below 0 are of processor time, or of a file. */
static int64_t refusal(int clock)
{
    bool exists = clock < 0 ? (clock & 7) != 3 : clock <= LX_CLOCK_TAI && clock != LX_CLOCK_TAI - 1;

    return clock == LX_CLOCK_REALTIME ? 0 : exists ? -EOPNOTSUPP : -EINVAL;
}

COLD NOINLINE int64_t sys_clock_adjtime(struct task *self, int clock, struct uptr user)
{
    struct lx_timex timex;
    int64_t state = vm_user_read(&timex, user, sizeof(timex));

    if (!state)
        state = refusal(clock);
    if (!state)
        state = adjust(self, &timex);
    if (state >= 0 && vm_user_write(user, &timex, sizeof(timex)))
        state = -EFAULT;
    return state;
}

int64_t sys_adjtimex(struct task *self, struct uptr user)
{
    return sys_clock_adjtime(self, LX_CLOCK_REALTIME, user);
}
