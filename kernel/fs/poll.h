/* SPDX-License-Identifier: MIT */
/*
 * fs/poll.h - waiting for one of many files
 *
 * Owns:    struct poll_head (in everything that can become ready), struct poll_waiter (on the stack
 *          of a thread in poll or select).
 * Used by: pipes, terminals; sys_poll.c.
 * Locks:   poll_head.lock, a spinlock, rank TTY, interrupts off; waking goes on to rank WAITQ.
 * Context: poll_notify any but NMI; the rest threads.
 * Fails:   -ENOMEM.
 * Tests:   tests/host/fs_pipe_test.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/sched/waitq.h"

struct poll_head {
    struct spinlock lock;
    struct list hooks; /* struct poll_hook */
};

/* One registration of a waiter with a head. */
struct poll_hook {
    struct list node; /* in the head's list */
    struct list mine; /* in the waiter's list */
    struct poll_head *head;
    struct poll_waiter *waiter;
};

#define POLL_INLINE_HOOKS 8

struct poll_waiter {
    struct waitq queue;
    struct list hooks;
    uint32_t nhooks;
    uint32_t woken; /* [a] */
    int error;      /* -ENOMEM while registering */
    struct poll_hook inline_hooks[POLL_INLINE_HOOKS];
};

void poll_head_init(struct poll_head *head);
void poll_wake(struct poll_head *head);

/* Whoever registers does so before looking at the state, and whoever notifies has changed the
 * state already: seeing no hook here means that the other will see the new state. */
static inline void poll_notify(struct poll_head *head)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!list_empty(&head->hooks)))
        poll_wake(head);
}

void poll_waiter_init(struct poll_waiter *waiter);
void poll_register_waiter(struct poll_head *head, struct poll_waiter *waiter);
/* Called by file_ops.poll before it looks at its state; waiter may be NULL: nothing to do. */
static inline void poll_register(struct poll_head *head, struct poll_waiter *waiter)
{
    if (waiter)
        poll_register_waiter(head, waiter);
}
/* 0 woken, -EINTR, -ETIMEDOUT. Forgets that it was woken, so look at the files afterwards. */
MUST_CHECK int poll_waiter_wait(struct poll_waiter *waiter, uint64_t deadline_ns);
void poll_waiter_finish(struct poll_waiter *waiter);
