/* SPDX-License-Identifier: MIT */
/*
 * poll and ppoll: the program's list, copied in and out.
 *
 * How files are scanned and how a call waits is in poll_scan.c; here is the shape of the list. It
 * is copied once, scanned in the copy, and written back at the end. The number of entries is
 * bounded by RLIMIT_NOFILE, as on Linux, so a long list has a bounded cost; it is scanned in pieces
 * with preemption points between them.
 *
 * poll restarts after a signal with the time that was left (restart_deadline_ns), as its time-out
 * is relative and nothing is written back. ppoll returns the rest of the time to the program
 * instead.
 */
#include "kernel/lib/restart.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/poll_scan.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define SCAN_PIECE 1024 /* entries between two preemption points */

struct poll_list {
    struct poll_scan scan;
    struct lx_pollfd *entries;
};

/* The scan is embedded: its callbacks find the list around it. */
static struct poll_list *list_of(struct poll_scan *scan)
{
    return container_of(scan, struct poll_list, scan);
}

/* Not inlined: with the loop around it there are too few registers. */
static NOINLINE int poll_list_scan_piece(const struct poll_list *list, unsigned first,
                                         unsigned count, struct poll_waiter *waiter)
{
    struct lx_pollfd *entry = list->entries + first;
    int ready = 0;

    for (struct lx_pollfd *end = entry + count; entry < end; entry++) {
        uint32_t mask = 0;

        if (entry->fd >= 0)
            mask = poll_scan_events(&list->scan, entry - list->entries, entry->fd, waiter) &
                   ((uint16_t)entry->events | POLL_ALWAYS_WANTED | LX_POLLNVAL);
        entry->revents = (int16_t)mask;
        if (mask) {
            ready++;
            waiter = NULL; /* there will be no waiting */
        }
    }
    return ready;
}

/* Once an entry is ready, the rest is scanned without registering hooks. */
static int poll_list_scan(struct poll_scan *scan, struct poll_waiter *waiter)
{
    const struct poll_list *list = list_of(scan);
    int ready = 0;

    for (unsigned i = 0; i < scan->count; i += SCAN_PIECE) {
        if (i > 0)
            sched_preempt_point();
        ready +=
            poll_list_scan_piece(list, i, MIN(scan->count - i, SCAN_PIECE), ready ? NULL : waiter);
    }
    return ready;
}

/* Negative numbers are ignored by poll, and so have no file. */
static unsigned poll_list_hold(struct poll_scan *scan)
{
    const struct lx_pollfd *entries = list_of(scan)->entries;

    for (unsigned i = 0; i < scan->count; i++) {
        scan->held[i] = entries[i].fd >= 0 ? fd_get(scan->table, entries[i].fd) : NULL;
        sched_preempt_point();
    }
    return scan->count;
}

/* Only the answers are written: another thread may be filling in the questions of its next call.
 * Alone, the program cannot see that the questions are written back as they were. */
static int poll_list_answer(const struct poll_list *list, struct uptr user)
{
    const struct lx_pollfd *entries = list->entries;

    if (!list->scan.shared)
        return vm_user_write(user, entries, list->scan.count * sizeof(*entries));
    for (unsigned i = 0; i < list->scan.count; i++) {
        struct uptr at = {user.va + i * sizeof(*entries) + offsetof(struct lx_pollfd, revents)};
        int err = vm_user_write(at, &entries[i].revents, sizeof(entries[i].revents));
        if (err)
            return err;
        sched_preempt_point();
    }
    return 0;
}

/* Short lists lie on the stack. The copy is written back also when nothing is ready: revents must
 * be cleared. */
static int64_t poll_user(struct task *self, struct uptr user, unsigned count,
                         struct poll_timeout timeout)
{
    struct poll_list list = {.scan = {.scan = poll_list_scan, .hold = poll_list_hold}};
    struct lx_pollfd few[POLL_FEW];
    int64_t result;

    if (count > __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED))
        return -EINVAL;
    poll_scan_init(&list.scan, self, count);
    list.entries = count > POLL_FEW ? kmalloc(count * sizeof(few[0])) : few;
    if (!list.entries)
        return -ENOMEM;
    result = vm_user_read(list.entries, user, count * sizeof(few[0]));
    if (!result)
        result = poll_scan_wait(&list.scan, timeout);
    if (result >= 0) {
        int err = poll_list_answer(&list, user);
        result = err ? err : result;
    }
    if (list.entries != few)
        kfree(list.entries);
    return result;
}

int64_t sys_poll(struct task *self, struct uptr list, unsigned count, int timeout_ms)
{
    struct poll_timeout timeout = {.deadline_ns = POLL_FOREVER};
    uint64_t restarted = restart_deadline_take(self);
    int64_t result;

    if (timeout_ms >= 0)
        timeout = poll_timeout_after(timeout_ms * NS_PER_MS);
    if (restarted)
        timeout.deadline_ns = restarted;
    result = poll_user(self, list, count, timeout);
    if (!restart_is_code(result))
        return result;
    return signal_restart_until(self, timeout.deadline_ns);
}

/* The mask is set after everything that can fail without waiting. */
int64_t sys_ppoll(struct task *self, struct uptr list, unsigned count, struct uptr time,
                  struct uptr mask, size_t mask_nbytes)
{
    struct poll_timeout timeout;
    uint64_t saved;
    int64_t result = poll_timeout_read(time, &timeout);

    if (!result)
        result = poll_mask_begin(self, mask, mask_nbytes, &saved);
    if (result)
        return result;
    result = poll_user(self, list, count, timeout);
    poll_mask_end(self, result, saved);
    poll_timeout_write(time, &timeout);
    return result;
}
