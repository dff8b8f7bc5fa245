/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/poll_scan.h - what poll and select have in common: scanning files, waiting, time-outs
 *
 * Owns:    struct poll_scan, the files of one call; struct poll_timeout; the mask of the p calls.
 * Used by: sys_poll.c, sys_select.c.
 * Locks:   none of its own.
 * Context: a system call of a task, no lock held.
 * Fails:   -EINTR, -EINVAL, -EFAULT, -ENOMEM.
 * Tests:   tests/host/fs_pipe_test.c, tests/user/fs/poll_*.c
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/util.h"
#include "shared/linux/poll.h"

struct task;

#define POLL_FEW     16 /* descriptors that need no memory but the stack */
#define POLL_FOREVER 0
#define NS_PER_MS    1000000LL
#define NS_PER_S     1000000000LL
#define NS_PER_US    1000LL
#define SECONDS_MAX  (INT64_MAX / NS_PER_S - 1)

/* When to give up. A deadline in the past is one scan without sleeping. */
struct poll_timeout {
    uint64_t deadline_ns; /* monotonic; POLL_FOREVER */
    bool no_wait;
};

struct poll_timeout poll_timeout_after(int64_t ns);
int64_t poll_timeout_left(const struct poll_timeout *timeout);
/* NULL: never. */
MUST_CHECK int poll_timeout_read(struct uptr user, struct poll_timeout *timeout);
/* As Linux reports the time that is left: it does not matter whether that can be written. */
void poll_timeout_write(struct uptr user, const struct poll_timeout *timeout);

/* The files of one call. */
struct poll_scan {
    struct fd_table *table;
    unsigned count; /* descriptors, or more */
    bool shared;    /* with other tasks, when the call began */
    /* Of a table that only this task can change: its slots stay as they are. Else capacity is 0. */
    unsigned capacity;
    struct file **slots;
    /* Of a shared table: the files that the numbers named when the call began, counted, in the
     * order of the scan; NULL: none. */
    struct file **held;
    /* Notes what is ready, and returns how much. */
    int (*scan)(struct poll_scan *scan, struct poll_waiter *waiter);
    /* Fills in `held`, at most count of them; returns how many. */
    unsigned (*hold)(struct poll_scan *scan);
};

void poll_scan_init(struct poll_scan *scan, struct task *self, unsigned count);
/* How much is ready when something is, or the time is up; -ERESTARTNOHAND, -ENOMEM. */
MUST_CHECK int poll_scan_wait(struct poll_scan *scan, struct poll_timeout timeout);

#define POLL_ALWAYS_READY  (LX_POLLIN | LX_POLLOUT | LX_POLLRDNORM | LX_POLLWRNORM)
#define POLL_ALWAYS_WANTED (LX_POLLERR | LX_POLLHUP)

/* What is ready about the i-th descriptor of the scan. */
static inline uint32_t poll_scan_events(const struct poll_scan *scan, int64_t i, int fd,
                                        struct poll_waiter *waiter)
{
    struct file *file;

    if (likely((unsigned)fd < scan->capacity))
        file = scan->slots[fd];
    else
        file = scan->held ? scan->held[i] : NULL;
    if (!file || unlikely(file->access & FILE_PATH))
        return LX_POLLNVAL;
    return file->ops->poll ? file->ops->poll(file, waiter) : POLL_ALWAYS_READY;
}

/* ppoll and pselect6 set the task's mask for the time of the call. When a signal ended it, the mask
 * stays as it is until that has been acted on. */
MUST_CHECK int poll_mask_begin(struct task *self, struct uptr user, size_t nbytes, uint64_t *saved);
void poll_mask_end(struct task *self, int64_t result, uint64_t saved);
