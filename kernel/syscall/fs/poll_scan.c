/* SPDX-License-Identifier: MIT */
/*
 * What poll and select have in common.
 *
 * Mostly something is ready already, so the first scan registers nowhere: it costs a call a file
 * and writes to none of them. Only when it finds nothing, and the call may wait, do a second scan
 * and its hooks follow; the second scan is needed, since what became ready before a hook was there
 * has woken no task. Woken, the task scans without registering again: the hooks stay until the end.
 *
 * Which files: a number is looked up once. In a table that only this task uses, the slot stays as
 * it is for the length of the call, and is read directly. In a shared table another task may close
 * a number, or make it name another file, at any moment; then the files are held first, and every
 * scan uses these. A hook must never outlive the file it is in (fs/vfs/poll.c), and with files that
 * are looked up again it would.
 */
#include "kernel/syscall/fs/poll_scan.h"

#include "kernel/core/clock.h"
#include "kernel/lib/restart.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"
#include "shared/linux/time.h"

#define SIGSET_NBYTES 8

/* --- time --- */

/* A time-out that would overflow never ends. */
struct poll_timeout poll_timeout_after(int64_t ns)
{
    struct poll_timeout timeout = {.no_wait = ns <= 0};
    uint64_t now = clock_monotonic_ns();

    if (ns > 0 && (uint64_t)ns < UINT64_MAX - now)
        timeout.deadline_ns = now + (uint64_t)ns;
    return timeout;
}

int64_t poll_timeout_left(const struct poll_timeout *timeout)
{
    uint64_t now = clock_monotonic_ns();

    return timeout->no_wait || now >= timeout->deadline_ns ? 0
                                                           : (int64_t)(timeout->deadline_ns - now);
}

/* NULL waits for ever; a zero time is one scan without sleeping. */
int poll_timeout_read(struct uptr user, struct poll_timeout *timeout)
{
    struct lx_timespec time;
    int err;

    *timeout = (struct poll_timeout){.deadline_ns = POLL_FOREVER};
    if (!user.va)
        return 0;
    err = vm_user_read(&time, user, sizeof(time));
    if (err)
        return err;
    if (time.sec < 0 || time.nsec < 0 || time.nsec >= NS_PER_S)
        return -EINVAL;
    *timeout = poll_timeout_after(MIN(time.sec, SECONDS_MAX) * NS_PER_S + time.nsec);
    return 0;
}

void poll_timeout_write(struct uptr user, const struct poll_timeout *timeout)
{
    int64_t left = poll_timeout_left(timeout);
    struct lx_timespec time = {left / NS_PER_S, left % NS_PER_S};
    bool sticky = task_current()->inherited.personality & LX_STICKY_TIMEOUTS;
    int err = user.va && !sticky && (timeout->deadline_ns || timeout->no_wait)
                  ? vm_user_write(user, &time, sizeof(time))
                  : 0;
    (void)err;
}

/* --- the mask --- */

int poll_mask_begin(struct task *self, struct uptr user, size_t nbytes, uint64_t *saved)
{
    uint64_t mask;
    int err;

    *saved = self->sig_mask;
    if (!user.va)
        return 0;
    if (nbytes != SIGSET_NBYTES)
        return -EINVAL;
    err = vm_user_read(&mask, user, sizeof(mask));
    if (!err)
        signal_set_mask(self, mask);
    return err;
}

/* After an interrupted wait the mask comes back only when the handler's frame has been built with
 * it. */
void poll_mask_end(struct task *self, int64_t result, uint64_t saved)
{
    if (self->sig_mask == saved)
        return;
    if (restart_is_code(result))
        signal_restore_mask_later(self, saved);
    else
        signal_set_mask(self, saved);
}

/* --- scanning and waiting --- */

/* Capacity 0 for a shared table: every slot is then taken from `held`. Asked once: the other tasks
 * that share it may end during the call. */
void poll_scan_init(struct poll_scan *scan, struct task *self, unsigned count)
{
    scan->table = self->files;
    scan->count = count;
    scan->shared = fd_table_is_shared(scan->table);
    scan->capacity = scan->shared ? 0 : self->files->capacity;
    scan->slots = self->files->slots;
    scan->held = NULL;
}

/* Nothing is ready so far, and waiting is wanted. */
static NOINLINE int poll_scan_sleep(struct poll_scan *scan, uint64_t deadline_ns)
{
    struct task *self = task_current();
    struct poll_set set;
    int ready, err = 0;

    poll_set_init(&set);
    ready = scan->scan(scan, &set.waiter);
    while (ready == 0 && !err) {
        err = set.error;
        if (!err)
            err = poll_set_wait(&set, deadline_ns);
        /* A signal that signalfd waits for ends the sleep like any other. */
        if (!err || (err == -ERESTARTSYS && self->sig_wait))
            ready = scan->scan(scan, NULL);
    }
    poll_set_finish(&set);
    if (unlikely(self->sig_wait)) /* a file of signals was among them */
        signal_set_wait(self, 0);
    return ready > 0 || err == -ETIMEDOUT ? ready : (int)restart_instead(err, ERESTARTNOHAND);
}

static int poll_scan_ready(struct poll_scan *scan, struct poll_timeout timeout)
{
    int ready = scan->scan(scan, NULL);

    if (ready != 0)
        return ready;
    if (timeout.no_wait) /* a signal that the call's own mask lets in is let in all the same */
        return waitq_interrupted() ? -ERESTARTNOHAND : 0;
    return poll_scan_sleep(scan, timeout.deadline_ns);
}

static NOINLINE int poll_scan_wait_shared(struct poll_scan *scan, struct poll_timeout timeout)
{
    struct file *few[POLL_FEW];
    unsigned count;
    int result;

    scan->held = scan->count > POLL_FEW ? kmalloc(scan->count * sizeof(*few)) : few;
    if (!scan->held)
        return -ENOMEM;
    count = scan->hold(scan);
    result = poll_scan_ready(scan, timeout);
    while (count > 0) {
        if (scan->held[--count])
            file_put(scan->held[count]);
        sched_preempt_point();
    }
    if (scan->held != few)
        kfree(scan->held);
    scan->held = NULL;
    return result;
}

int poll_scan_wait(struct poll_scan *scan, struct poll_timeout timeout)
{
    return unlikely(scan->shared) ? poll_scan_wait_shared(scan, timeout)
                                  : poll_scan_ready(scan, timeout);
}
